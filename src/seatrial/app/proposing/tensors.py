"""A model behind the Open Inference protocol (KServe, Triton, MLServer), asked for what a proposal needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from seatrial.adapters.http import Http
from seatrial.adapters.models.catalogue import FACTORIES
from seatrial.adapters.models.open_inference import metadata
from seatrial.app.proposing.model import Asking, Told
from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.spec.model import ModelSection

PROTOCOL: Final = "kserve-v2"
_TIMEOUT_S: Final = 10.0


def speaks_tensors(url: str) -> bool:
    """Whether the address is one of that protocol."""
    return "/v2/models/" in urlsplit(url).path


class TensorsOnTrial:
    """The server says by itself which tensors it takes; each output with one entry a row is a field of the answer."""

    def __init__(self, http: Http, url: str, headers: Mapping[str, str]) -> None:
        self._http = http
        self._url = url.rstrip("/").removesuffix("/infer")
        self._headers = dict(headers)

    def asked(self, rows: Sequence[Row], columns: Sequence[str], doubtful: Sequence[str]) -> Asking:
        """Its answers to the rows that lack no value. Raises Unreachable and Malformed."""
        described: dict[str, Any] = {"endpoint": self._url, "protocol": PROTOCOL, "task": "extraction"}
        section = ModelSection.model_validate({**described, "headers": self._headers})
        named = [str(tensor.get("name")) for tensor in metadata(self._http, self._url, section).get("inputs", [])]
        there = (*columns, *doubtful)
        taken = tuple(named) if named and set(named) <= set(there) else tuple(columns)
        whole = [i for i, row in enumerate(rows) if all(row[name] is not None for name in taken)]
        request = FACTORIES["endpoint"](section, Path(), self._http).request(
            [{name: rows[i][name] for name in taken} for i in whole]
        )
        if request is None or not whole:
            raise Malformed("every row of the data lacks a value, and a tensor cannot")
        answer = self._http.send(request, timeout_s=_TIMEOUT_S, repeatable=True)
        if answer.status != 200:
            raise Unreachable(f"the model's server answered with status {answer.status}: {answer.brief()}")
        content = answer.json()
        outputs = content.get("outputs") if isinstance(content, Mapping) else None
        fields = _fields(outputs if isinstance(outputs, Sequence) else (), len(whole))
        if not fields:
            raise Malformed(f"no output of the model has an entry for each of the {len(whole)} rows that were asked")
        answers: list[Json] = [None] * len(rows)
        for place, i in enumerate(whole):
            answers[i] = {name: values[place] for name, values in fields.items()}
        return Asking(way="endpoint", url=self._url, columns=taken, answers=tuple(answers))

    def version(self, _: Asking) -> Told | None:
        """None: the server's metadata name it."""
        return None

    def confirmed(self, asking: Asking, section: ModelSection, rows: Sequence[Row]) -> None:
        """Raises Malformed unless the model, declared like this, is understood the way a run will read it."""
        some = [{n: row[n] for n in asking.columns} for row in rows if all(row[n] is not None for n in asking.columns)]
        reply = FACTORIES["endpoint"](section, Path(), self._http).predict(some)
        if reply.error or not reply.predictions:
            raise Malformed(f"the model's answer cannot be read: {reply.error or reply.kind.value}")

    def close(self) -> None:
        """Nothing is held open."""


def _fields(outputs: Sequence[Any], rows: int) -> dict[str, list[Any]]:
    """The outputs by name with one entry a row: a value, or a list of several."""
    fields: dict[str, list[Any]] = {}
    for tensor in outputs:
        data = tensor.get("data") if isinstance(tensor, Mapping) else None
        if not isinstance(data, list) or not data or len(data) % rows:
            continue
        wide = len(data) // rows
        fields[str(tensor.get("name"))] = data if wide == 1 else [data[i : i + wide] for i in range(0, len(data), wide)]
    return fields

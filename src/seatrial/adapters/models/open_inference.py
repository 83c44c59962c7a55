"""The Open Inference protocol, version 2 of KServe's: named tensors with datatype and shape, as JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from seatrial.adapters.http import Answer, Http
from seatrial.adapters.identity import digest_of
from seatrial.adapters.models.answers import Told, checked, fast_json
from seatrial.adapters.models.columns import by_column, encoded, lists_of
from seatrial.adapters.models.http import HttpModel
from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.spec.model import ModelSection

_ADDRESS: Final = re.compile(r"/v2/models/[^/]+(/versions/[^/]+)?$")
_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    **dict.fromkeys(("FP16", "FP32", "FP64", "BF16"), (int, float)),
    **{f"{sign}INT{bits}": (int,) for sign in ("", "U") for bits in (8, 16, 32, 64)},
    "BOOL": (bool,),
    "BYTES": (str,),
}
"""Datatype to the Python types of its values in JSON."""


class OpenInferenceModel(HttpModel):
    """POST to `…/v2/models/NAME/infer`; the server's metadata say which tensors it takes and which version it is."""

    def __init__(self, section: ModelSection, *, url: str, http: Http) -> None:
        bare = url.rstrip("/").removesuffix("/infer")
        if not _ADDRESS.search(bare):
            raise Malformed(
                f"{http.redact(url)} is no address of a model in the Open Inference protocol",
                remedy="Declare model.endpoint as http://HOST/v2/models/NAME, with /versions/VERSION where it has one.",
            )
        self._bare = bare
        form = TensorForm(section, url=bare, http=http)
        super().__init__(section, url=f"{bare}/infer", http=http, form=form)

    def identity(self) -> str:
        """The digest of what `model.identity` answers, else of the server's metadata, once it says that it is ready.

        Raises Unreachable, Malformed.
        """
        timeout_s, headers = self._section.timeout, self._section.headers
        ready = self._http.get(f"{self._bare}/ready", headers=headers, timeout_s=timeout_s)
        if ready.status != 200:
            raise Unreachable(
                f"the model's server says with status {ready.status} that it is not ready",
                remedy="See its log.",
                permanent=False,
            )
        if self._section.identity:
            return super().identity()
        told = metadata(self._http, self._bare, self._section)
        if not told.get("versions") and "/versions/" not in self._bare:
            raise Malformed(
                "the server's metadata name no version, so a change of the model could not be noticed",
                remedy="Declare model.identity, or the version in model.endpoint.",
            )
        return digest_of(told)


def metadata(http: Http, url: str, section: ModelSection) -> Mapping[str, Any]:
    """What the server tells of the model. Raises Unreachable, Malformed."""
    answer = http.get(url, headers=section.headers, timeout_s=section.timeout)
    if answer.status != 200:
        raise Unreachable(
            f"the model's server answered with status {answer.status} instead of its metadata",
            remedy="See that model.endpoint names the model as the server does.",
            permanent=answer.status < 500,
        )
    told = answer.json()
    if not isinstance(told, Mapping) or not isinstance(told.get("inputs", []), list):
        raise Malformed("the model's server answers something else than metadata")
    return told


class TensorForm:
    """One tensor per field, or all fields in one tensor, as the server's metadata say; they are read once.

    A server that names no inputs is sent one tensor per field, with `content_type: pd`, which MLServer reads as a
    table. JSON has no NaN: a row that lacks a value for a tensor of numbers is refused, not guessed.
    """

    headers: Mapping[str, str] = {"Content-Type": "application/json"}

    def __init__(self, section: ModelSection, *, url: str, http: Http) -> None:
        self._section = section
        self._url = url
        self._http = http
        self._inputs: Sequence[Mapping[str, Any]] | None = None

    def of_rows(self, rows: Sequence[Row]) -> bytes:
        """The tensors of these rows."""
        return self._encoded(by_column(rows), len(rows))

    def of_batch(self, batch: Any) -> bytes:
        """The tensors of this batch."""
        return self._encoded(lists_of(batch), batch.num_rows)

    def _encoded(self, columns: Mapping[str, list[Any]], rows: int) -> bytes:
        if self._inputs is None:
            self._inputs = metadata(self._http, self._url, self._section).get("inputs", [])
        content: dict[str, Any] = {"inputs": _tensors(self._inputs, columns, rows, self._order(columns))}
        if not self._inputs:
            content["parameters"] = {"content_type": "pd"}
        return encoded(content)

    def _order(self, columns: Mapping[str, list[Any]]) -> list[str]:
        declared = self._section.inputs
        return list(declared) if isinstance(declared, Mapping) else list(columns)

    def read(self, answer: Answer, asked: int) -> Told:
        """The tensors that `output` names. Raises Malformed."""
        content = fast_json(answer.body)
        outputs = content.get("outputs") if isinstance(content, Mapping) else None
        if not isinstance(outputs, Sequence) or not all(isinstance(o, Mapping) for o in outputs):
            raise Malformed("the answer has no list of 'outputs'")
        named = {str(tensor.get("name")): tensor for tensor in outputs if isinstance(tensor, Mapping)}
        output = self._section.output
        predictions = _values(named, output.prediction, asked)
        scores = None if output.score is None else _values(named, output.score, asked)
        return checked(Told(predictions=predictions, scores=scores), asked, self._section)


def _tensors(
    inputs: Sequence[Mapping[str, Any]], columns: Mapping[str, list[Any]], rows: int, order: Sequence[str]
) -> list[dict[str, Any]]:
    if not inputs:
        return [_tensor(name, _datatype(values), [rows, 1], values) for name, values in columns.items()]
    names = [str(tensor.get("name")) for tensor in inputs]
    if len(inputs) == 1 and names[0] not in columns:
        return [_matrix(inputs[0], columns, rows, order)]
    if missing := [name for name in names if name not in columns]:
        raise Refused(f"the model takes tensors named {', '.join(missing)}, which the rows do not have")
    if unknown := [name for name in columns if name not in names]:
        raise Refused(f"the model takes no tensor named {', '.join(unknown)}")
    return [_declared(tensor, columns, rows) for tensor in inputs]


def _declared(tensor: Mapping[str, Any], columns: Mapping[str, list[Any]], rows: int) -> dict[str, Any]:
    name = str(tensor["name"])
    shape = [rows, 1] if len(tensor.get("shape", [])) > 1 else [rows]
    return _tensor(name, str(tensor.get("datatype")), shape, columns[name])


def _matrix(
    tensor: Mapping[str, Any], columns: Mapping[str, list[Any]], rows: int, order: Sequence[str]
) -> dict[str, Any]:
    name, shape = str(tensor.get("name")), tensor.get("shape", [])
    if lacking := [field for field in order if field not in columns]:
        raise Refused(f"the tensor {name} needs every field; the rows lack {', '.join(lacking)}")
    wide = shape[-1] if len(shape) > 1 else -1
    if wide not in (-1, len(order)):
        raise Refused(
            f"the tensor {name} takes {wide} values per row, the rows have {len(order)}",
            remedy="Declare model.inputs in the order in which the model takes them.",
        )
    data = [value for row in zip(*(columns[field] for field in order), strict=True) for value in row]
    return _tensor(name, str(tensor.get("datatype")), [rows, len(order)], data)


def _tensor(name: str, datatype: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    for value in data:
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            raise Refused(f"a tensor cannot lack a value, and one of {name} is missing")
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def _datatype(values: Sequence[Json]) -> str:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "BOOL"
    if kinds == {int}:
        return "INT64"
    return "FP64" if kinds and kinds <= {int, float} else "BYTES"


def _values(named: Mapping[str, Mapping[str, Any]], name: str, asked: int) -> list[Any]:
    """One entry per row of the tensor: a value, or a list where it has further dimensions."""
    if name not in named:
        raise Malformed(f"the answer has no tensor {name!r}; it has {', '.join(named) or 'none'}")
    tensor = named[name]
    shape, data, kind = tensor.get("shape"), tensor.get("data"), str(tensor.get("datatype"))
    if not isinstance(shape, list) or not shape or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise Malformed(f"the tensor {name!r} has no shape")
    if shape[0] != asked:
        raise Malformed(f"{asked} rows were asked for, the tensor {name!r} has the shape {shape}")
    if not isinstance(data, list):
        raise Malformed(f"the tensor {name!r} has no data")
    flat = _flat(data)
    if len(flat) != math.prod(shape):
        raise Malformed(f"the tensor {name!r} has {len(flat)} values for the shape {shape}")
    if kind not in _KINDS:
        raise Malformed(f"the tensor {name!r} has the datatype {kind[:20]!r}, which the protocol does not know")
    if not {type(value) for value in flat} <= set(_KINDS[kind]):
        raise Malformed(f"the tensor {name!r} holds values that are not of its datatype {kind}")
    wide = len(flat) // asked if asked else 1
    return flat if wide == 1 else [flat[at : at + wide] for at in range(0, len(flat), wide)]


def _flat(data: list[Any]) -> list[Any]:
    while data and isinstance(data[0], list):
        if not all(isinstance(inner, list) for inner in data):
            raise Malformed("a tensor of the answer is not rectangular")
        data = [value for inner in data for value in inner]
    return data

"""A model server for each protocol that models are called in, and the faults that its answers can have."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from plants import model_server
from plants.server import Answering, Asked, Said, said

NAME: Final = "delay"
Entries = list[dict[str, Any]]
Row = Mapping[str, Any]

PATHS: Final[Mapping[str, str]] = {
    "kserve-v2": f"/v2/models/{NAME}",
    "csv": "/invocations",
    "json-lines": "/invocations",
}
"""Where a model of each protocol is declared to be; `/predict` for the others."""
OUTPUTS: Final[Mapping[str, Mapping[str, str]]] = {"csv": {"prediction": "0", "score": "1"}}
"""What `output` must be for a protocol whose columns have no names."""

METADATA: Final[Mapping[str, Any]] = {
    "name": NAME,
    "versions": ["3"],
    "platform": "plant",
    "inputs": [{"name": "wind", "datatype": "FP64", "shape": [-1]}],
    "outputs": [],
}


def rows_in(protocol: str, asked: Asked) -> list[Row]:
    """The rows of a request, read as a server of this protocol would."""
    return _READ[protocol](asked)


def _columns(columns: Mapping[str, Sequence[Any]]) -> list[Row]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _split(content: Mapping[str, Any]) -> list[Row]:
    return [dict(zip(content["columns"], values, strict=True)) for values in content["data"]]


def _tensors(content: Mapping[str, Any]) -> list[Row]:
    return _columns({tensor["name"]: tensor["data"] for tensor in content["inputs"]})


def _arrow(asked: Asked) -> list[Row]:
    rows: list[Row] = pa.ipc.open_stream(asked.body).read_all().to_pylist()
    return rows


_READ: Final[Mapping[str, Callable[[Asked], list[Row]]]] = {
    "records": lambda asked: asked.json()["rows"],
    "columns": lambda asked: _columns(asked.json()),
    "split": lambda asked: _split(asked.json()),
    "mlflow-records": lambda asked: asked.json()["dataframe_records"],
    "mlflow-split": lambda asked: _split(asked.json()["dataframe_split"]),
    "mlflow-columns": lambda asked: _columns(asked.json()["inputs"]),
    "kserve-v2": lambda asked: _tensors(asked.json()),
    "json-lines": lambda asked: [json.loads(line) for line in asked.body.splitlines()],
    "csv": lambda asked: [{"wind": float(line[0])} for line in csv.reader(io.StringIO(asked.body.decode()))],
    "arrow": _arrow,
}
PROTOCOLS: Final = tuple(_READ)


def answered(protocol: str, entries: Entries) -> Said:
    """These entries as a server of this protocol would answer them."""
    if protocol == "arrow":
        table = pa.Table.from_pylist(entries)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        headers = {"Content-Type": "application/vnd.apache.arrow.stream"}
        return Said(body=bytes(sink.getvalue()), headers=headers)
    if protocol == "csv":
        lines = "".join(",".join("" if v is None else str(v) for v in entry.values()) + "\n" for entry in entries)
        return Said(body=lines.encode(), headers={"Content-Type": "text/csv"})
    if protocol == "json-lines":
        body = b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)
        return Said(body=body, headers={"Content-Type": "application/jsonlines"})
    if protocol == "kserve-v2":
        names = list(dict.fromkeys(name for entry in entries for name in entry))
        return said({"model_name": NAME, "model_version": "3", "outputs": [_tensor(name, entries) for name in names]})
    return said({"predictions": entries})


def _tensor(name: str, entries: Entries) -> dict[str, Any]:
    data = [entry.get(name) for entry in entries]
    return {"name": name, "datatype": "INT64" if name == "label" else "FP64", "shape": [len(data)], "data": data}


def serving(protocol: str, spoiled: Callable[[Entries], Entries] = lambda entries: entries) -> Answering:
    """A sound server of the protocol, whose answers `spoiled` may change."""

    def answer(asked: Asked) -> Said:
        if asked.method == "GET":
            return _told(asked)
        return answered(protocol, spoiled(model_server.predictions(rows_in(protocol, asked))))

    return answer


def _told(asked: Asked) -> Said:
    if asked.path == f"/v2/models/{NAME}":
        return said(METADATA)
    if asked.path in {"/ping", f"/v2/models/{NAME}/ready"}:
        return said({})
    return said(model_server.VERSION) if asked.path == "/version" else said({"error": "unknown"}, 404)


def beside(fault: Answering) -> Answering:
    """A server that tells of itself as a sound one does, and answers every request for predictions with the fault."""

    def answer(asked: Asked) -> Said:
        return _told(asked) if asked.method == "GET" and asked.path != "/predict" else fault(asked)

    return answer


def _with(**changed: Any) -> Callable[[Entries], Entries]:
    return lambda entries: [{**entry, **changed} for entry in entries]


def _slow(_: Asked) -> Said:
    return Said(delay_s=5.0)


SPOILED: Final[Mapping[str, Callable[[Entries], Entries]]] = {
    "fewer-rows": lambda entries: entries[1:],
    "more-rows": lambda entries: [*entries, *entries],
    "nan": _with(probability=float("nan")),
    "infinite": _with(probability=float("inf")),
    "out-of-range": _with(probability=1.5),
    "other-shape": lambda entries: [{"result": 0.5} for _ in entries],
    "without-score": lambda entries: [{"label": entry["label"]} for entry in entries],
    "null-prediction": _with(label=None),
    "textual-score": _with(probability="high"),
}
"""Faults of content, which every protocol can carry; each must be reported as malformed."""
ON_THE_WIRE: Final[Mapping[str, tuple[Answering, str]]] = {
    **{name: fault for name, fault in model_server.FAULTS.items() if name not in {*SPOILED, "empty", "deep"}},
    "slow": (_slow, "timed-out"),
}
"""Faults of the server, which are the same in every protocol, and how a reply must be classified."""

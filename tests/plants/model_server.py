"""A model server that works, and the ways in which one does not: one named fault each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from plants.server import Answering, Asked, Said, said

VERSION: Final = {"model": "delay", "version": "2026.11.1"}


def _score(row: Mapping[str, Any]) -> float:
    return 0.9 if float(row.get("wind", 0) or 0) > 30 else 0.2


def rows_of(asked: Asked) -> list[Mapping[str, Any]]:
    content = asked.json()
    rows: list[Mapping[str, Any]] = content.get("rows", content.get("dataframe_records"))
    return rows


def predictions(rows: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"label": int(_score(row) >= 0.5), "probability": _score(row)} for row in rows]


def sound(asked: Asked) -> Said:
    """Answers records, MLflow's `dataframe_records`, and its version."""
    if asked.path == "/version":
        return said(VERSION)
    if asked.method != "POST":
        return said({"error": "POST rows"}, 405)
    return said({"predictions": predictions(rows_of(asked))})


def _bare_list(asked: Asked) -> Said:
    return said(predictions(rows_of(asked)))


def _slow(asked: Asked) -> Said:
    answer = sound(asked)
    return Said(status=answer.status, body=answer.body, delay_s=5.0)


def _html(_: Asked) -> Said:
    return Said(body=b"<!doctype html><title>Sign in</title>", headers={"Content-Type": "text/html"})


def _fewer_rows(asked: Asked) -> Said:
    return said({"predictions": predictions(rows_of(asked))[1:]})


def _nan(asked: Asked) -> Said:
    return Said(body=json.dumps({"predictions": [{"label": 1, "probability": float("nan")}]}).encode())


def _infinite(asked: Asked) -> Said:
    return Said(body=b'{"predictions": [{"label": 1, "probability": 1e999}]}')


def _out_of_range(asked: Asked) -> Said:
    return said({"predictions": [{"label": 1, "probability": 1.5}]})


def _other_shape(asked: Asked) -> Said:
    return said({"result": {"score": 0.5}})


def _without_score(asked: Asked) -> Said:
    return said({"predictions": [{"label": 1}]})


def _null_prediction(asked: Asked) -> Said:
    return said({"predictions": [{"label": None, "probability": 0.4}]})


def _textual_score(asked: Asked) -> Said:
    return said({"predictions": [{"label": 1, "probability": "0.4"}]})


def _broken(_: Asked) -> Said:
    return said({"error": "KeyError: wind"}, 500)


def _guarded(_: Asked) -> Said:
    return said({"error": "wind is not plausible"}, 422)


def _gone(_: Asked) -> Said:
    return said({"error": "no such endpoint"}, 404)


def _elsewhere(_: Asked) -> Said:
    return Said(status=307, headers={"Location": "http://elsewhere.example/predict"})


def _circular(asked: Asked) -> Said:
    return Said(status=307, headers={"Location": asked.path})


def _cut(_: Asked) -> Said:
    return Said(raw=b'HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n{"predictions": [', close=True)


def _silent(_: Asked) -> Said:
    return Said(raw=b"", close=True)


def _empty(_: Asked) -> Said:
    return Said()


def _gibberish(_: Asked) -> Said:
    return Said(raw=b"SSH-2.0-OpenSSH_9.6\r\n", close=True)


def _dripping(_: Asked) -> Said:
    return Said(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n{")


def _deep(_: Asked) -> Said:
    return Said(body=b"[" * 200_000)


def _huge(_: Asked) -> Said:
    return Said(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", close=True)


SOUND: Final[Mapping[str, Answering]] = {"sound": sound, "bare-list": _bare_list}

FAULTS: Final[Mapping[str, tuple[Answering, str]]] = {
    "slow": (_slow, "timed-out"),
    "dripping": (_dripping, "timed-out"),
    "html": (_html, "malformed"),
    "fewer-rows": (_fewer_rows, "malformed"),
    "nan": (_nan, "malformed"),
    "infinite": (_infinite, "malformed"),
    "out-of-range": (_out_of_range, "malformed"),
    "other-shape": (_other_shape, "malformed"),
    "without-score": (_without_score, "malformed"),
    "null-prediction": (_null_prediction, "malformed"),
    "textual-score": (_textual_score, "malformed"),
    "empty": (_empty, "malformed"),
    "gibberish": (_gibberish, "malformed"),
    "deep": (_deep, "malformed"),
    "huge": (_huge, "malformed"),
    "elsewhere": (_elsewhere, "malformed"),
    "circular": (_circular, "malformed"),
    "broken": (_broken, "crashed"),
    "cut": (_cut, "crashed"),
    "silent": (_silent, "crashed"),
    "guarded": (_guarded, "refused"),
    "gone": (_gone, "unreachable"),
}
"""Fault to the server that has it, and how a reply must be classified."""

"""integration.versions: ends that differ in their version or their fields, and ends that only look different."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from plants.real_trial import RealTrial
from plants.server import Answering, Asked, Said, Server, said
from power.family import Family, judged
from seatrial.core.vocabulary import Outcome
from seatrial.domains.integration.versions import CHECK
from seatrial.spec.system import System

_WORLDS = 30
_RECORD: Mapping[str, Any] = {"id": "r1", "temp": 12.5, "dock": "D4"}


def _end(version: Callable[[], str], record: Mapping[str, Any]) -> Answering:
    def answer(asked: Asked) -> Said:
        return said({"version": version()} if asked.path == "/version" else [record] * 5)

    return answer


def _caught(tested: Answering, live: Answering) -> bool:
    with Server(tested) as test, Server(live) as production:
        ends = {
            which: {"url": server.url, "version": "/version", "read": "/newest"}
            for which, server in (("test", test), ("production", production))
        }
        declared = System.model_validate(
            {
                "system": "s",
                "version": "1",
                "model": {"endpoint": "http://127.0.0.1:1/predict", "task": "binary"},
                "integrations": {"weather": {"kind": "http", **ends}},
            }
        )
        with RealTrial(declared) as trial:
            return judged(CHECK, declared, CHECK.run(declared, trial)) is not Outcome.MET


def _version(seed: int) -> str:
    return f"{seed % 7}.{seed % 5}.{seed}"


def _records(record: Mapping[str, Any]) -> Callable[[int], bool]:
    def caught(seed: int) -> bool:
        return _caught(_end(lambda: _version(seed), _RECORD), _end(lambda: _version(seed), record))

    return caught


def _patched(seed: int) -> bool:
    return _caught(_end(lambda: _version(seed), _RECORD), _end(lambda: _version(seed + 1), _RECORD))


def _moving(seed: int) -> bool:
    at = itertools.count(seed)
    return _caught(_end(lambda: f"build {next(at)}", _RECORD), _end(lambda: "build 0", _RECORD))


def _family(name: str, caught: Callable[[int], bool], *, harmful: bool = True) -> Family:
    return Family(requirement="integration.versions", name=name, harmful=harmful, caught=caught, worlds=_WORLDS)


FAMILIES = (
    _family("production runs the next patch", _patched),
    _family("a version that is a counter", _moving),
    _family("a field of the test end is not in production", _records({"id": "r1", "temp": 12.5})),
    _family("a number of the test end is text in production", _records({**_RECORD, "temp": "12.5"})),
    _family("a field more in production", _records({**_RECORD, "gate": 3}), harmful=False),
    _family(
        "fields in another order", _records({name: _RECORD[name] for name in reversed(list(_RECORD))}), harmful=False
    ),
    _family("whole numbers only in the newest records", _records({**_RECORD, "temp": 12}), harmful=False),
)

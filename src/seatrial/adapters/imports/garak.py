"""garak: `report.jsonl`, attempt by attempt; a prompt passed when no detector hit any of its outputs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from seatrial.adapters.imports.result import Attempt, Ending, Result, moment, section, text
from seatrial.core.errors import Malformed

_TOOL: Final = "garak"
_DONE: Final = 2
_HIT: Final = 0.5
"""garak's own threshold; a run that was told a higher one is judged by this one all the same."""
_NOT_CHECKS: Final = frozenset({"always.Pass", "always.Fail", "always.Random"})


def read(content: bytes, *, score: str | None = None) -> Result:
    """Every finished attempt, by all its detectors or by the one named `score`. Raises Malformed.

    The rows of the run's configuration, which may hold credentials, give the target's name and are left behind.
    """
    rows = list(_rows(content))
    setup = _one(rows, "start_run setup")
    started = _one(rows, "init")
    ended = next((row for row in rows if row.get("entry_type") == "completion"), None)
    attempts = [row for row in rows if row.get("entry_type") == "attempt"]
    finished = [row for row in attempts if row.get("status") == _DONE]
    began = moment(started.get("start_time"), "init.start_time")
    hit = _hit(setup)
    return Result(
        tool=_TOOL,
        version=text(started, "garak_version", "init"),
        target=_target(setup),
        started_at=began,
        ended_at=began if ended is None else moment(ended.get("end_time"), "completion.end_time"),
        attempts=[attempt for row in finished for attempt in _attempt(row, score, hit)],
        problems=tuple(_problems(attempts, finished, finished_run=ended is not None)),
    )


def _rows(content: bytes) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield section(json.loads(line), f"line {number}")
        except (ValueError, RecursionError):
            raise Malformed(
                f"line {number} of the garak report is not JSON, or cut off", remedy="Give the whole report."
            ) from None


def _one(rows: Iterable[Mapping[str, Any]], kind: str) -> Mapping[str, Any]:
    found = next((row for row in rows if row.get("entry_type") == kind), None)
    if found is None:
        raise Malformed(f"the garak report has no row {kind!r}", remedy="Give the file that ends in report.jsonl.")
    return found


def _target(setup: Mapping[str, Any]) -> str:
    kind = setup.get("plugins.target_type") or setup.get("plugins.model_type")
    name = setup.get("plugins.target_name") or setup.get("plugins.model_name")
    if not kind:
        raise Malformed("the garak report does not name its target", remedy="Give the file that the tool wrote.")
    return f"{kind}:{name}" if name else str(kind)


def _hit(setup: Mapping[str, Any]) -> float:
    told = setup.get("run.eval_threshold")
    return min(_HIT, told) if isinstance(told, int | float) and not isinstance(told, bool) and told > 0 else _HIT


def _attempt(row: Mapping[str, Any], score: str | None, hit: float) -> Iterator[Attempt]:
    probe = text(row, "probe_classname", "an attempt")
    results = section(row.get("detector_results"), "detector_results of an attempt")
    wanted = {name: values for name, values in results.items() if score is None or name == score}
    judged = {name: values for name, values in wanted.items() if name not in _NOT_CHECKS}
    unit = json.dumps([row.get("seq"), row.get("prompt")], sort_keys=True)
    outputs = row.get("outputs")
    if not judged or not isinstance(outputs, list) or not outputs:
        yield Attempt(unit=unit, group=probe, ending=Ending.INCONCLUSIVE)
    for values in judged.values():
        given = values if isinstance(values, list) else []
        for value in given or [None]:
            yield Attempt(unit=unit, group=probe, ending=_ending(value, hit))


def _ending(value: Any, hit: float) -> Ending:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return Ending.INCONCLUSIVE
    return Ending.FAILED if value >= hit else Ending.PASSED


def _problems(
    attempts: list[Mapping[str, Any]], finished: list[Mapping[str, Any]], *, finished_run: bool
) -> Iterator[str]:
    if not finished_run:
        yield "the run did not end: the report has no completion row"
    begun = {row.get("uuid") for row in attempts}
    open_ones = begun - {row.get("uuid") for row in finished}
    if open_ones:
        yield f"{len(open_ones)} attempts were begun and never judged"

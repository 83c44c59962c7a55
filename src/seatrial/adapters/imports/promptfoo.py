"""promptfoo: `results.json`, row by row; its `.jsonl` lacks the version and the settings that were in force."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from seatrial.adapters.imports.result import Attempt, Ending, Result, document, entries, moment, section, text
from seatrial.core.errors import Malformed

_TOOL: Final = "promptfoo"
_ERROR: Final = 2
_LONGEST_MS: Final = 30 * 86_400_000


def read(content: bytes, *, score: str | None = None) -> Result:
    """Every row of the result; `score` names one of the provider's labels where several were compared.

    The exported configuration, which may hold credentials, is left behind. Raises Malformed.
    """
    if _is_lines(content):
        raise Malformed(
            "a .jsonl of promptfoo tells neither when its rows were made nor by which version",
            remedy="Import the whole result: `promptfoo export eval ID -o results.json`, or -o results.json at once.",
        )
    whole = document(content, _TOOL)
    results = section(whole.get("results"), "results")
    rows = [section(row, "a row of results") for row in entries(results.get("results"), "results.results")]
    held, targets = len(rows), sorted({_provider(row) for row in rows})
    if score is not None:
        rows = [row for row in rows if _provider(row) == score]
        targets = [target for target in targets if target == score]
    if len(targets) != 1:
        raise Malformed(
            f"the promptfoo result is about {', '.join(targets) or 'no provider'}",
            remedy="Declare the one that counts: score.",
        )
    told = section(whole.get("metadata"), "metadata")
    started = moment(told.get("evaluationCreatedAt") or results.get("timestamp"), "results.timestamp")
    return Result(
        tool=_TOOL,
        version=text(told, "promptfooVersion", "metadata"),
        target=targets[0],
        started_at=started,
        ended_at=_ended(results, started, moment(told.get("exportedAt"), "metadata.exportedAt")),
        attempts=[_attempt(row) for row in rows],
        problems=tuple(_problems(results, rows, held)),
    )


def _is_lines(content: bytes) -> bool:
    """Whether these are rows of a result, one a line, as promptfoo writes them while it runs."""
    first, _, rest = content.strip().partition(b"\n")
    try:
        row = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and "success" in row and ("results" not in row or bool(rest))


def _provider(row: Mapping[str, Any]) -> str:
    provider = section(row.get("provider"), "provider of a row")
    return str(provider.get("label") or text(provider, "id", "provider of a row"))


def _attempt(row: Mapping[str, Any]) -> Attempt:
    case = row.get("testCase") or {}
    about = case.get("metadata") or {}
    # Repeats of a test have the same variables; a test without any is known by its number.
    unit = json.dumps([row.get("promptIdx"), row.get("vars") or row.get("testIdx")], sort_keys=True)
    return Attempt(unit=unit, group=str(about.get("pluginId") or "tests"), ending=_ending(row))


def _ending(row: Mapping[str, Any]) -> Ending:
    if not isinstance(row.get("success"), bool):
        raise Malformed("a row of results does not say whether it succeeded", remedy="Give the file unchanged.")
    response = row.get("response") or {}
    if row.get("failureReason") == _ERROR or response.get("error"):
        return Ending.ERRORED
    judged = (row.get("gradingResult") or {}).get("componentResults")
    if not row["success"]:
        return Ending.FAILED
    # What nothing was asserted of has not passed, and a cached answer is not one of today's.
    return Ending.INCONCLUSIVE if not judged or response.get("cached") else Ending.PASSED


def _ended(results: Mapping[str, Any], started: datetime, exported: datetime) -> datetime:
    """When the last row was made: an old evaluation that is exported today is none of today's."""
    took_ms = section(results.get("stats"), "results.stats").get("durationMs")
    if not isinstance(took_ms, int | float) or not 0 <= took_ms < _LONGEST_MS:
        return min(exported, started)
    return min(exported, started + timedelta(milliseconds=took_ms))


def _problems(results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], held: int) -> Iterator[str]:
    """`rows` are those that count, `held` is how many there are of all providers."""
    stats = section(results.get("stats"), "results.stats")
    told = sum(value for key in ("successes", "failures", "errors") if isinstance(value := stats.get(key), int))
    if told != held:
        yield f"the result tells of {told} rows and holds {held}"
    cached = sum(bool((row.get("response") or {}).get("cached")) for row in rows)
    if cached:
        yield f"{cached} answers came from promptfoo's cache: run it with --no-cache"

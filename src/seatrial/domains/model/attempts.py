"""How often these evaluation data were already used, and with what limits, as the ledger tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from seatrial.core.bodies import ObservationBody
from seatrial.core.check import Trial
from seatrial.core.codec import CodecError, from_data
from seatrial.core.observation import Finding, Measure
from seatrial.core.vocabulary import RecordType, Sense, Weight
from seatrial.domains.scored.metrics import Governed

CODES: Mapping[str, str] = {
    "repeated-attempt": "Other models were tried on these evaluation data before; the bound is taken more strictly.",
    "limit-set-after-results": "The limit was set or loosened after results on these data had been seen.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """`attempt` counts the models tried on these evaluation data in order of first use, this one included.

    `grown` is true when this model was already measured on other evaluation data: then the sample may have grown
    because of what was seen. `results` are the earlier results on these data: when, and their measures.
    """

    attempt: int
    grown: bool
    results: tuple[tuple[datetime, tuple[Measure, ...]], ...] = ()


def history(trial: Trial, requirement: str) -> History:
    """What the ledger tells about earlier observations of this requirement."""
    data, model = trial.part("data.evaluation"), trial.part("model")
    tried: list[str | None] = []
    grown = False
    results = []
    for at, depends, body in _observations(trial, requirement):
        if body.observation is None:
            continue
        same_data = data is not None and depends.get("data.evaluation") == data
        same_model = model is not None and depends.get("model") == model
        if same_data and depends.get("model") not in tried:
            tried.append(depends.get("model"))
        if same_data:
            results.append((at, body.observation.measures))
        grown |= same_model and not same_data
    attempt = tried.index(model) + 1 if model in tried else len(tried) + 1
    return History(attempt=attempt, grown=grown, results=tuple(results))


def _observations(trial: Trial, requirement: str) -> Iterator[tuple[datetime, Mapping[str, str], ObservationBody]]:
    for record in trial.records(RecordType.OBSERVATION):
        if record.body.get("requirement") != requirement:
            continue
        try:
            yield record.at, record.depends, from_data(ObservationBody, record.body)
        except CodecError:
            continue


def limit_findings(past: History, metrics: Sequence[Governed], approved_on: date | None) -> list[Finding]:
    """Limits that were set or loosened after results on these data were on record."""
    found = []
    for metric in metrics:
        if metric.limit is None:
            continue
        seen = [(at, m) for at, measures in past.results for m in measures if m.name == metric.name]
        earlier = [(at, m.limit) for at, m in seen if m.limit is None or _looser(metric, m.limit)]
        if not earlier:
            continue
        at, before = earlier[0]
        approved = approved_on is not None and approved_on >= at.date()
        was = "without a limit" if before is None else f"against {before:g}"
        found.append(
            Finding(
                code="limit-set-after-results",
                weight=Weight.NOTE if approved else Weight.GAP,
                summary=f"{metric.name} was measured on these data on {at.date()} {was}; today's limit is "
                f"{metric.limit:g}" + (", approved since" if approved else ""),
                fields=(metric.name,),
                remedy="Return to the earlier limit, or let legal and compliance approve the plan anew.",
                why="A limit chosen after the result is no limit.",
            )
        )
    return found


def _looser(metric: Governed, before: float) -> bool:
    if metric.limit is None:
        return False
    return metric.limit < before if metric.sense is Sense.AT_LEAST else metric.limit > before


def attempt_finding(past: History) -> list[Finding]:
    """A note when other models were tried on these data first."""
    if past.attempt < 2:
        return []
    return [
        Finding(
            code="repeated-attempt",
            weight=Weight.NOTE,
            summary=f"this is model number {past.attempt} on the same evaluation data; its bound is taken at "
            f"1/{past.attempt * (past.attempt + 1)} of the error rate",
            remedy="Evaluate a changed model on fresh rows: they have the full error rate.",
            why="Of many models tried on the same rows, one looks good by luck.",
        )
    ]

"""What staleness costs: evaluation rows are scored again with the values that a late source would have delivered.

For a lag, every fed column of a row is replaced by what the table itself knew that much earlier of the same part of
the source, such as the station or the machine. The label stays, so what is lost is due to the age alone. Where the
table has only older values than that, a metric that is kept with them is kept; one that is lost tells nothing. Each
source is late alone, by its own limit and beyond it, and then all of them together, by the strictest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Figure, Finding, Json, Measure
from seatrial.core.vocabulary import MeasureKind, Weight
from seatrial.domains.data.earlier_values import OLDER
from seatrial.domains.data.staleness_loss import loss_of
from seatrial.domains.data.staleness_rows import (
    NotPossible,
    Replay,
    evaluation_rows,
    fed_inputs,
    longest_h,
    replay_of,
)
from seatrial.domains.data.staleness_scored import Scored, scored_at
from seatrial.domains.scored.metrics import governed, unit_of
from seatrial.spec.model import InputField
from seatrial.spec.system import System

CODES = {
    "staleness-cost-unknown": "What staleness costs could not be measured by replaying lagged data.",
    "limit-too-loose": "Data may be older than the age at which a governed metric loses its limit.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Measures by lag, to show and never to judge. `done` is the end of a sentence."""

    done: str
    measures: tuple[Measure, ...] = ()
    findings: tuple[Finding, ...] = ()
    figures: tuple[Figure, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)


def cost_of_staleness(system: System, trial: Trial, inputs: Mapping[str, InputField]) -> Cost:
    """Score the same rows with data of several ages. Never raises: what cannot be done stays open, and says why."""
    if not fed_inputs(system, inputs):
        return Cost(done="found no input that a source of states feeds, so that none can be replayed staler.")
    try:
        return _cost(system, trial, inputs)
    except (NotPossible, SeatrialError) as error:
        return Cost(
            done="found that what staleness costs cannot be replayed.", findings=(_unknown(system, inputs, error),)
        )


def _unknown(system: System, inputs: Mapping[str, InputField], error: Exception) -> Finding:
    """That what staleness costs stays open, and what it takes."""
    said = error.what if isinstance(error, SeatrialError) else str(error)
    return Finding(
        code="staleness-cost-unknown",
        summary=f"What staleness costs was not measured: {said}.",
        weight=Weight.OPEN,
        fields=("data.evaluation",),
        why="A limit on age that nobody held against the answers may allow data on which they are wrong.",
        remedy=(error.remedy if isinstance(error, SeatrialError) else "")
        or f"Give labelled evaluation rows with their time over more than {longest_h(system):g} h, with "
        f"{', '.join(fed_inputs(system, inputs))}, which the model answers as they are.",
    )


def _cost(system: System, trial: Trial, inputs: Mapping[str, InputField]) -> Cost:
    source = system.data.evaluation
    fed = fed_inputs(system, inputs)
    if source is None or source.time is None or source.label is None:
        raise NotPossible("the evaluation data has no declared label or time column")
    table = evaluation_rows(system, trial, inputs, source, fed)
    costs: list[Cost] = []
    found: set[str] = set()
    for late in table.lates:
        try:
            replay = replay_of(system, table, late, trial.seed)
        except NotPossible as error:
            if len(table.lates) == 1:
                raise
            costs.append(Cost(done=f"could not replay {error}.", findings=(_unknown(system, inputs, error),)))
            continue
        # What one source loses by itself is not told again of all of them.
        cost, metrics = _cost_of(system, trial, inputs, replay, but=found if len(late) > 1 else ())
        costs.append(cost)
        found |= metrics
    return Cost(
        done=" It ".join(each.done for each in costs),
        measures=tuple(m for each in costs for m in each.measures),
        findings=tuple(f for each in costs for f in each.findings),
        figures=tuple(f for each in costs for f in each.figures),
        facts={
            "fields": list(fed),
            "sources": {each.source: {"parts_by": each.by, **each.ratios} for each in table.lates[-1]},
        },
    )


def _cost_of(
    system: System, trial: Trial, inputs: Mapping[str, InputField], replay: Replay, *, but: Collection[str]
) -> tuple[Cost, set[str]]:
    """What it costs that the sources of one replay are late, and of which metrics there is a finding; none of `but`."""
    scored: dict[float, Scored] = {}

    def at(lag: float) -> Scored:
        if lag not in scored:
            trial.say(f"replaying {replay.late} {lag:g} h old", min(0.95, 0.5 + len(scored) / 40))
            scored[lag] = scored_at(system, trial, inputs, replay, lag)
        return scored[lag]

    for lag in replay.lags:
        at(lag)
    losses = {m.name: loss for m in governed(system) if (loss := loss_of(m, at, replay)) is not None}
    lost = [loss for name, loss in losses.items() if not loss.findings or name not in but]
    rows = [scored[lag] for lag in sorted(scored)]
    columns = ", ".join(name for each in replay.sources for name in each.columns)
    cost = Cost(
        done=f"scored {replay.chosen.size} evaluation rows again with {columns} up to {rows[-1].lag_h:g} h old"
        + (f"; {'; '.join(each.told for each in lost)}." if lost else "."),
        measures=(
            *(m for each in rows for m in _measures(each, replay.late)),
            *(m for each in lost for m in each.measures),
        ),
        findings=tuple(f for each in lost for f in each.findings),
        figures=(_figure(system, rows, replay.late),),
    )
    return cost, {name for name, loss in losses.items() if loss.findings}


def _figure(system: System, rows: Sequence[Scored], late: str) -> Figure:
    limited = [m for m in governed(system) if m.limit is not None and m.name in rows[0].values]
    shown = next((n for n in ("AUC", *(m.name for m in limited)) if all(n in each.values for each in rows)), "")
    metric = next((m for m in limited if m.name == shown), None)
    return Figure(
        kind="staleness",
        title=f"What stale {late} would cost",
        rows=tuple({"lag_h": each.lag_h, "metric": each.values[shown]} for each in rows if shown),
        options={"metric": shown} | ({} if metric is None else {"minimum": metric.limit}),
    )


def _measures(scored: Scored, late: str) -> Iterator[Measure]:
    older = max(scored.stand_in_h.values(), default=0.0)
    real = f", at the median {older:.3g} h old" if older > OLDER * scored.lag_h else ""
    for name, value in scored.values.items():
        yield Measure(
            name=f"{name} on {late} {scored.lag_h:g} h old",
            value=value,
            unit="" if name == "AUC" else unit_of("recall" if name == "recall" else name),
            n=scored.outcomes.n,
            method=f"lagged values replayed from the evaluation data{real}",
            kind=MeasureKind.INFORMATIVE,
        )

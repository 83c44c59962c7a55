"""What can be watched before any outcome is known: decisions, inputs, do-not-trust cases, latency, the model served."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seatrial.app.watched.budget import Budget
from seatrial.app.watched.confidence import expected_wrong
from seatrial.app.watched.frames import Decoding
from seatrial.app.watched.moved import moved
from seatrial.app.watched.performance import NOTHING
from seatrial.app.watched.reference import Reference
from seatrial.core.check import PREDICTION, SCORE
from seatrial.domains.model.condition_rows import RowConditions
from seatrial.domains.model.trust_rules import declared_rules, executed, names_of
from seatrial.measure.columns import Columns, plain_text
from seatrial.measure.contract import Contract
from seatrial.spec.system import System
from seatrial.watch.batch import Batch, Values
from seatrial.watch.detectors import DAY_S, Detector, Level
from seatrial.watch.store import Stored
from seatrial.watch.stream import Stream

Mask = npt.NDArray[np.bool_]
Test = Callable[[Columns], Mask]
_MOST_CLASSES = 8
_PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
_LEAST = 1e-4
_FEWEST_DIGITS = 12


def traffic(system: System, reference: Reference, identity: str, budget: Budget) -> Iterator[Stream]:
    """The streams over predictions alone. None of them ever says that all is well, and none takes anything offline."""
    known = reference.compared
    if known is not None and known.num_rows:
        columns, decoding = Columns(known), Decoding(tuple(reference.inputs))
        yield from _decisions(system, reference, columns, decoding, budget)
        if reference.inputs:
            yield from _contract(reference, columns, decoding, budget)
            yield from moved(reference, columns, decoding, budget)
        yield from _distrust(system, reference, columns, decoding, budget)
        yield from expected_wrong(system, reference, decoding, budget)
    yield from _volume(system)
    yield from _latency(system, budget)
    if identity:
        yield _served(system.version, identity, budget)


def _over(test: Test, decoding: Decoding, *, needs_inputs: bool) -> Callable[[Batch], Values]:
    def take(seen: Batch) -> Values:
        decoded = decoding(seen, needs_inputs=needs_inputs)
        return NOTHING if decoded is None else decoded.values(test(decoded.columns).astype(np.float64))

    return take


def _values(chosen: Sequence[Stored], values: npt.NDArray[np.float64]) -> Values:
    return Values(
        values=values,
        at=np.array([each.arrived for each in chosen]),
        sequence=np.array([each.sequence for each in chosen], dtype=np.int64),
        made=np.array([each.at for each in chosen]),
    )


def _decisions(
    system: System, reference: Reference, known: Columns, decoding: Decoding, budget: Budget
) -> Iterator[Stream]:
    for name, words, test in _outputs(system, known.batch):
        base = reference.share(test(known))
        units = budget.units(labelled=False, by_day=base.by_day)
        yield Stream(
            name=f"decision.{name}",
            words=words,
            take=_over(test, decoding, needs_inputs=False),
            detectors=(
                *budget.changes("rises", base.high, "it is higher than on the reference rows", units=units),
                *budget.changes("falls", base.low, "it is lower than on the reference rows", units=units),
            ),
            base=base.share,
            by_day=base.by_day,
        )


def _outputs(system: System, known: pa.RecordBatch) -> Iterator[tuple[str, str, Test]]:
    output = system.model.output
    if system.model.task == "binary":
        if output.act_at is not None and output.score is not None:
            at = output.act_at
            yield "acted-on", f"share of outputs with a score of {at:g} or more", lambda c: _reaches(c, at)
        else:
            positive = plain_text(output.positive)
            yield "acted-on", f"share of outputs that are {positive}", lambda c: _is(c, positive)
    elif system.model.task in ("multiclass", "text"):
        texts = [plain_text(value) for value in known.column(PREDICTION).to_pylist() if value is not None]
        frequent = sorted(set(texts), key=lambda text: (-texts.count(text), text))[:_MOST_CLASSES]
        for text in frequent:
            yield text, f"share of outputs that are {text}", _that_is(text)
    elif system.model.task == "regression":
        numbers = np.array([v for v in known.column(PREDICTION).to_pylist() if isinstance(v, int | float)], dtype=float)
        numbers = numbers[np.isfinite(numbers)]
        if numbers.size:
            top, low = (float(q) for q in np.quantile(numbers, (0.9, 0.1)))
            yield "high", f"share of outputs above {top:.4g}", lambda c: _numbers(c, PREDICTION) > top
            yield "low", f"share of outputs below {low:.4g}", lambda c: _numbers(c, PREDICTION) < low


def _numbers(columns: Columns, name: str) -> npt.NDArray[np.float64]:
    from seatrial.domains.scored.rows import numbers_of

    return numbers_of(columns[name])


def _reaches(columns: Columns, at: float) -> Mask:
    with np.errstate(invalid="ignore"):
        return np.asarray(_numbers(columns, SCORE) >= at, dtype=np.bool_)


def _is(columns: Columns, text: str) -> Mask:
    texts, codes = columns[PREDICTION].names
    same = {"True": "1", "False": "0", "true": "1", "false": "0"}
    wanted = same.get(text, text)
    hits = np.array([same.get(each, each) == wanted for each in texts] + [False], dtype=np.bool_)
    return np.asarray(hits[codes], dtype=np.bool_)


def _that_is(text: str) -> Test:
    return lambda columns: _is(columns, text)


def _contract(reference: Reference, known: Columns, decoding: Decoding, budget: Budget) -> Iterator[Stream]:
    fields = {
        name: {
            key: value
            for key, value in (
                ("type", field.type),
                ("minimum", field.minimum),
                ("maximum", field.maximum),
                ("values", list(field.values) if field.values else None),
                ("nullable", field.nullable),
            )
            if value is not None
        }
        for name, field in reference.inputs.items()
    }

    def violates(columns: Columns) -> Mask:
        return Contract({"fields": fields}).violating(columns)

    base = reference.share(violates(known))
    units = budget.units(labelled=False, by_day=base.by_day)
    yield Stream(
        name="inputs.contract",
        words="share of inputs that break the declared fields",
        take=_over(violates, decoding, needs_inputs=True),
        detectors=budget.changes("rises", base.high, "it is higher than on the reference rows", units=units),
        base=base.share,
        by_day=base.by_day,
    )


def _distrust(
    system: System, reference: Reference, known: Columns, decoding: Decoding, budget: Budget
) -> Iterator[Stream]:
    rules, _ = declared_rules(system, reference.inputs)
    if not rules:
        return
    outputs = names_of(system)

    def held(columns: Columns) -> Mask:
        conditions = RowConditions(columns)
        parts = [executed(rule, conditions, outputs, columns.names) for rule in rules]
        return np.asarray(np.any(parts, axis=0), dtype=np.bool_)

    base = reference.share(held(known))
    units = budget.units(labelled=False, by_day=base.by_day)
    yield Stream(
        name="do-not-trust",
        words="share of outputs that are not to be trusted",
        take=_over(held, decoding, needs_inputs=True),
        detectors=budget.changes(
            "rises", base.high, "it is higher than on the reference rows", units=units, pages=False
        ),
        base=base.share,
        by_day=base.by_day,
    )


def _volume(system: System) -> Iterator[Stream]:
    """Too many in a day: counted, so that no chance is in it."""
    if system.watch.at_most is None:
        return
    most = math.floor(system.watch.at_most * DAY_S)
    says = f"more than {most:,} in a day"

    def take(seen: Batch) -> Values:
        return _values(seen.predictions, np.ones(len(seen.predictions)))

    yield Stream(
        name="volume",
        words="predictions",
        take=take,
        detectors=(Detector(name="most", asks="counts", mark=most, line=most + 1.0, level=Level.PAGE, says=says),),
    )


def _latency(system: System, budget: Budget) -> Iterator[Stream]:
    for percentile, limit in system.load.latency.items() if system.load is not None else ():
        above = 1.0 - _PERCENTILES[percentile]

        def take(seen: Batch, limit: float = limit) -> Values:
            timed = [p for p in seen.predictions if p.content.get("latency_s") is not None]
            late = np.array([float(p.content["latency_s"] > limit) for p in timed])
            return _values(timed, late)

        yield Stream(
            name=f"latency.{percentile}",
            words=f"share of answers that took longer than {limit:g} s",
            take=take,
            detectors=budget.changes("rises", above, f"more than the {percentile} allows", units=budget.predictions),
            base=above,
        )


def _served(version: str, identity: str, budget: Budget) -> Stream:
    def take(seen: Batch) -> Values:
        told = [p for p in seen.predictions if p.content.get("model") is not None]
        return _values(told, np.array([float(not _same(p.content["model"], version, identity)) for p in told]))

    return Stream(
        name="model",
        words="share of predictions by a model that GO was not given for",
        take=take,
        detectors=budget.changes(
            "rises", _LEAST, f"GO was given for {identity}", units=budget.predictions, pages=False
        ),
        base=0.0,
    )


def _same(said: object, version: str, identity: str) -> bool:
    """A sender names the declared version, what the model tells of itself, or enough of the digest in it."""
    text = str(said)
    return text in (version, identity) or (len(text) >= _FEWEST_DIGITS and text in identity)

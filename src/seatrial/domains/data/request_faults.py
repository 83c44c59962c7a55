"""Faults of a request as a whole: rows twice, rows in another order, no rows at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.core.check import Trial
from seatrial.core.ports import Prediction, Reply, ReplyKind, Row
from seatrial.domains.data.campaign import Case, Ending, Moved, Probe, Told
from seatrial.domains.data.fault_kinds import Fault, Stance

FIELD = "(request)"
_ROWS = 32


def probed(trial: Trial, clean: Sequence[tuple[Row, Prediction]], moved: Moved, *, batches: bool) -> list[Probe]:
    """What became of each; duplicates and order are left out for a model that does not take batches."""
    some = list(clean[:_ROWS])
    found = [_empty(trial, some[0])]
    if batches and len(some) > 1:
        found += [
            _batch(trial, "duplicates", [pair for pair in some for _ in range(2)], moved),
            _batch(trial, "reordering", some[::-1], moved),
        ]
    return found


def _empty(trial: Trial, pair: tuple[Row, Prediction]) -> Probe:
    first, again = (_ending(trial.model.predict([])) for _ in range(2))
    told = Told(case=_case(*pair), ending=first[0], said=first[1], steady=first[0] is again[0])
    return _probe("empty-batch", [told])


def _ending(reply: Reply) -> tuple[Ending, str]:
    if reply.kind is ReplyKind.OK:
        return Ending.HANDLED, ""
    spoke = reply.status is not None and 400 <= reply.status < 500
    return (Ending.REFUSED if spoke else Ending.CRASH), f"{reply.kind.value}: {reply.error}"


def _batch(trial: Trial, kind: str, pairs: Sequence[tuple[Row, Prediction]], another: Moved) -> Probe:
    # Each time against answers from just before: an answer that is worked out from the hour is another one by now.
    first, again = (list(_rows(trial, _newest(trial, pairs), another)) for _ in range(2))
    told = [
        Told(case=t.case, ending=t.ending, said=t.said, after=t.after, moved=t.moved, steady=t.ending is u.ending)
        for t, u in zip(first, again, strict=True)
    ]
    return _probe(kind, told)


def _newest(trial: Trial, pairs: Sequence[tuple[Row, Prediction]]) -> list[tuple[Row, Prediction]]:
    """The rows with what each is answered alone now, as far as it is."""
    found: list[tuple[Row, Prediction]] = []
    known: dict[int, Prediction] = {}
    for row, old in pairs:
        if id(row) not in known:
            reply = trial.model.predict([row])
            told = reply.kind is ReplyKind.OK and len(reply.predictions) == 1
            known[id(row)] = reply.predictions[0] if told else old
        found.append((row, known[id(row)]))
    return found


def _rows(trial: Trial, pairs: Sequence[tuple[Row, Prediction]], another: Moved) -> Iterator[Told]:
    reply = trial.model.predict([row for row, _ in pairs])
    ending, said = _ending(reply)
    for at, (row, answer) in enumerate(pairs):
        if reply.kind is not ReplyKind.OK or len(reply.predictions) != len(pairs):
            yield Told(case=_case(row, answer), ending=ending, said=said)
            continue
        after = reply.predictions[at]
        moved = another(row, answer, after)
        harm = Ending.HARM if moved else Ending.HANDLED
        yield Told(case=_case(row, answer), ending=harm, moved=moved, after=after)


def _case(row: Row, answer: Prediction) -> Case:
    return Case(clean=row, answer=answer, faulty=row, guarded=True, unusual=True)


def _probe(kind: str, told: Sequence[Told]) -> Probe:
    fault = Fault(field=FIELD, kind=kind, stance=Stance.SAME, make=lambda _, __: None)
    return Probe(fault=fault, told=tuple(told), applies=1.0, planned=len(told))

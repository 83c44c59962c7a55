"""Records that differ in one input from others that were put in before: each must get the answer that is its own.

A cache that goes by too few of a record's fields answers all records of a sample well as long as no two of them differ
in nothing but a field that it leaves out, and a pipeline that knows records again by too few drops none of them. So
single inputs are exchanged for another record's, and the flow is asked again at rest. What the entry refuses is no
record that could be, and says nothing; nor does what is sorted out behind it, while the same records come out as they
were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from seatrial.core.check import Trial
from seatrial.core.observation import Finding, Json
from seatrial.core.ports import Row
from seatrial.core.vocabulary import Weight
from seatrial.domains.flows.driving import Lane, Passage, drive, patience_s
from seatrial.domains.flows.fallbacks import fell_back
from seatrial.domains.flows.lanes import lane_of
from seatrial.domains.integration import passed_answers
from seatrial.domains.integration.inventory_declared import sources_of
from seatrial.domains.integration.passed_answers import Compared, holds
from seatrial.domains.sending import inputs_of
from seatrial.spec.integration import Flow
from seatrial.spec.model import InputField
from seatrial.spec.system import System

CODES = {
    "answer-before": "A record that differs from an earlier one in one input came out with another answer than its "
    "own.",
    "taken-for-earlier": "Records that differ from earlier ones in one input were taken, and never came out.",
    "input-replaced": "At the exit stands another value of an input than was put in, and nobody declares where from.",
    "exchanged-sorted-out": "Records that differ from earlier ones in one input never came out; as they were they do.",
    "exchanged-not-compared": "The answers to records that differ from earlier ones in one input were not compared.",
}
_EACH = 8
_MOST = 64
_REST_SHARE = 1 / 3
_SPARE = 1.3
_LONGEST_S = 20.0
_UNCHANGED = 3
"""So many records are put in once more as they were, both before those with an input exchanged and after them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """A record whose input `name` is another one's; `base` is the record that it was. All the same where it is none."""

    base: Row
    name: str | None
    row: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of a flow's records with one input exchanged.

    The entry took so many (`taken`), and `lost` of them never came out. `sorted_out`: what was put in again as it was
    did come out, and not by a fallback. `replaced` are inputs that came out otherwise than they were put in, though the
    entry is where they come from as far as anybody declares.
    """

    compared: Compared
    taken: int
    lost: int
    sorted_out: bool
    replaced: tuple[str, ...] = ()


def longest_s(system: System) -> float:
    """How long putting in takes at most."""
    return sum(_LONGEST_S + 2.0 * patience_s(flow) for flow in system.flows if _asks(system, flow))


def put_in(
    system: System, trial: Trial, added: Callable[[Lane], Lane], lane: Lane, passage: Passage, mark: str
) -> Tried | None:
    """Records of this passage with one input exchanged, driven at rest; None where that is not done for its flow.

    They come behind `lane`, the last one that was driven of this flow, as its keys do. `added` is told of their lane
    before any is put in. Raises SeatrialError like `drive`.
    """
    flow = passage.flow
    if not _asks(system, flow):
        return None
    inputs = inputs_of(system, trial)
    rows = [row for row in passage.sent if _came_out(passage, row)]
    most = max(1, int(flow.peak * _LONGEST_S / _SPARE) - 2 * _UNCHANGED - 3)
    changed = list(exchanged(rows, [n for n in inputs if n != flow.key], unlike=_values_of(inputs)))[:most]
    if not changed:
        return Tried(compared=Compared(flow=flow.name), taken=0, lost=0, sorted_out=False)
    again = [Exchanged(base=row, name=None, row=row) for row in _different(each.base for each in changed)][:_UNCHANGED]
    made = [*again, *changed, *again]
    rate = min(flow.peak, max(_REST_SHARE * flow.peak, (len(made) + 3.0) / _LONGEST_S * _SPARE))
    duration_s = min(_SPARE * (len(made) + 3.0) / rate, _LONGEST_S)
    trial.say(f"{flow.name}: records of which a single input is another one's, at rest")
    calm = flow.model_copy(update={"peak": rate})
    templates = [each.row for each in made]
    driven = added(lane_of(trial, calm, mark, duration_s, behind=lane, templates=templates))
    passages, _ = drive(trial, [driven], duration_s=duration_s)
    return _tried(system, trial, passage, passages[flow.name], made, inputs)


def exchanged(
    rows: Sequence[Row], names: Sequence[str], *, unlike: Mapping[str, Sequence[Json]]
) -> Iterator[Exchanged]:
    """Rows with one of these fields as another row has it, or as `unlike` names it; a few for each, field by field."""
    each = min(_EACH, max(1, _MOST // max(1, len(names))))
    there = {name: [row for row in rows if row.get(name) is not None] for name in names}
    for at in range(each):
        for name, having in there.items():
            if at >= len(having):
                continue
            row = having[at]
            others = (*(o[name] for o in (*having[at + 1 :], *having[:at])), *unlike.get(name, ()))
            other = next((value for value in others if value != row[name]), None)
            if other is not None:
                yield Exchanged(base=row, name=name, row={**row, name: other})


def findings(found: Sequence[Tried | None]) -> Iterator[Finding]:
    """A gap where some came out with another answer or not at all; open where it could not be told."""
    for each in found:
        if each is not None:
            yield from chain(_answered(each.compared), _missing(each), _not_told(each))


def _tried(
    system: System,
    trial: Trial,
    before: Passage,
    passage: Passage,
    made: Sequence[Exchanged],
    inputs: Mapping[str, InputField],
) -> Tried:
    flow = passage.flow
    rows: list[Row] = []
    taken = lost = 0
    unchanged: list[bool] = []
    replaced: list[str] = []
    for at, (sent, accepted) in enumerate(zip(passage.sent, passage.accepted, strict=True)):
        one = made[at % len(made)]
        copies = passage.copies.get(str(sent[flow.key]), ())
        if one.name is None:
            if accepted:
                unchanged.append(_came_out(passage, sent))
            continue
        # Beyond the first turn they are the same contents once more.
        if at < len(made) and accepted:
            taken += 1
            lost += not copies
        replaces = _other_told(before, one, copies)
        # Where another value was used, the model is asked with what the exit tells of it.
        rows.append({name: value for name, value in sent.items() if not (replaces and name == one.name)})
        if replaces:
            sources = sources_of(system, one.name, inputs[one.name])
            if not sources or flow.from_ in sources:
                replaced.append(one.name)
    return Tried(
        compared=passed_answers.of_records(system, trial, flow, rows, passage.copies, inputs),
        taken=taken,
        lost=lost,
        sorted_out=bool(unchanged) and all(unchanged),
        replaced=tuple(dict.fromkeys(replaced)),
    )


def _other_told(before: Passage, one: Exchanged, copies: Sequence[Row]) -> bool:
    """Whether the exit, where the input stood as it was put in before, now tells another value of it."""
    first = before.copies[str(one.base[before.flow.key])][0]
    return (
        one.name is not None
        and len(copies) == 1
        and one.name in copies[0]
        and not fell_back(before.flow, copies)
        and holds(first, one.name, one.base[one.name])
        and not holds(copies[0], one.name, one.row[one.name])
    )


def _answered(found: Compared) -> Iterator[Finding]:
    if found.other:
        yield Finding(
            code="answer-before",
            summary=f"{found.flow}: of {found.compared} records that differ from earlier ones in one input, "
            f"{found.other} came out with another {', '.join(found.fields)} than the model answers for them.",
            fields=found.fields,
            why="A cache that goes by too little gives a record the answer to another one.",
            remedy="See what the pipeline's caches go by: every input of the model belongs to it.",
            detail={"compared": found.compared, "other": found.other},
        )
    if found.problem or found.varied:
        yield Finding(
            code="exchanged-not-compared",
            summary=f"{found.flow}: the answers to records that differ from earlier ones in one input could not be "
            f"held against the model: {found.problem or f'for {found.varied} of them it gives another one each time'}.",
            weight=Weight.OPEN,
            fields=(f"flows.{found.flow}.answers",),
            remedy=f"Let the model answer, and answer the same again, whatever {found.flow} answers; let its entry "
            "refuse what the model refuses.",
        )
    if found.alike:
        yield Finding(
            code="exchanged-not-compared",
            summary=f"{found.flow}: all {found.alike} records that differ from earlier ones in one input came out with "
            "the same answer, so that an earlier record's would not have been seen.",
            weight=Weight.NOTE,
            fields=(f"flows.{found.flow}.records",),
            remedy=f"Put records first in flows.{found.flow}.records whose answers differ with each of their inputs.",
        )


def _missing(found: Tried) -> Iterator[Finding]:
    flow = found.compared.flow
    if found.lost and not found.sorted_out:
        yield Finding(
            code="taken-for-earlier",
            summary=f"{flow}: of {found.taken} records that differ from earlier ones in one input, {found.lost} were "
            "taken by the entry and never came out, as if they had come before.",
            fields=(f"flows.{flow}",),
            why="What is dropped as a duplicate though it is another record is missed by nobody.",
            remedy="See by what the pipeline knows a record again: by its key, not by fields that two may have alike. "
            "What may not be at all its entry must refuse.",
            detail={"taken": found.taken, "lost": found.lost},
        )
    elif not found.taken:
        yield Finding(
            code="exchanged-not-compared",
            summary=f"{flow}: no record that differs from an earlier one in one input went in, so that the answer to "
            "an earlier one would not have been seen.",
            weight=Weight.NOTE,
            fields=(f"flows.{flow}.records",),
            remedy=f"Put records into flows.{flow}.records that hold inputs of the model and differ in them, and that "
            "its entry takes.",
        )
    elif not _said_something(found.compared):
        yield Finding(
            code="exchanged-not-compared",
            summary=f"{flow}: none of {found.taken} records that differ from earlier ones in one input was answered by "
            f"the model{', while the same records as they were still are' if found.sorted_out else ''}.",
            weight=Weight.NOTE if found.sorted_out else Weight.OPEN,
            fields=(f"flows.{flow}",),
            remedy=f"Find out what became of them: {flow} must hand over each once, or refuse it at its entry.",
        )
    elif found.lost:
        yield Finding(
            code="exchanged-sorted-out",
            summary=f"{flow}: of {found.taken} records that differ from earlier ones in one input, {found.lost} were "
            "taken by the entry and never came out, while the same records as they were still do.",
            weight=Weight.NOTE,
            fields=(f"flows.{flow}",),
            why="Whoever put such a record in is not told that it was sorted out.",
            remedy="Look whether what was sorted out are records that cannot be: these its entry should refuse, or its "
            "operator be told of. If they can be, see what sorts them out.",
            detail={"taken": found.taken, "lost": found.lost},
        )


def _said_something(found: Compared) -> bool:
    return bool(found.compared or found.problem or found.varied or found.alike)


def _not_told(found: Tried) -> Iterator[Finding]:
    if found.replaced:
        flow, names = found.compared.flow, ", ".join(found.replaced)
        yield Finding(
            code="input-replaced",
            summary=f"{flow}: where another {names} was put in than a record had before, the exit still tells a value "
            "that was not put in.",
            weight=Weight.OPEN,
            fields=found.replaced,
            why="A cache that hands out an earlier record with its inputs looks like a pipeline that knows better.",
            remedy="Where the pipeline rightly takes it from elsewhere, declare that source: "
            f"{'; '.join(f'model.inputs.{name}.fed_by' for name in found.replaced)}. Else see what its caches go by.",
        )


def _different(rows: Iterable[Row]) -> Iterator[Row]:
    """Each row once, in order."""
    seen: set[int] = set()
    for row in rows:
        if id(row) not in seen:
            seen.add(id(row))
            yield row


def _asks(system: System, flow: Flow) -> bool:
    """Whether it is done for this flow: not in production, where records that nobody sent have no place."""
    return bool(flow.answers) and system.integrations[flow.from_].test is not None


def _came_out(passage: Passage, row: Row) -> bool:
    copies = passage.copies.get(str(row[passage.flow.key]), ())
    return len(copies) == 1 and not fell_back(passage.flow, copies)


def _values_of(inputs: Mapping[str, InputField]) -> dict[str, Sequence[Json]]:
    return {name: field.values for name, field in inputs.items() if field.values is not None}

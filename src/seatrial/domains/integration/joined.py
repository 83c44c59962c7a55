"""Whether what a flow joined to its records is what the source holds for them, and no other row's or unit's.

The answer to a record is right for what was joined to it, so that a wrong value joined makes a wrong answer that the
model agrees with. Nobody declares how master data are joined: which field looks a row up, and which column comes out,
is told by the records themselves. Where most of them agree with a column, those that do not are wrong; where fewer do,
and yet more than chance has it, somebody has to say which. Where none does, the pipeline converts or derives.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from seatrial.core.check import Trial
from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.core.vocabulary import Weight
from seatrial.domains.flows.driving import Passage
from seatrial.domains.flows.fallbacks import fell_back
from seatrial.domains.flows.master_data import Lookup, Masters, keeps_all, lookups, masters
from seatrial.domains.integration.inventory_declared import sources_of
from seatrial.domains.integration.passed_answers import holds
from seatrial.domains.sending import inputs_of
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.stats import proportions

_AGREE = 0.8
"""Where so many records agree with a column, that column is what comes out."""
_FEWEST = 5
"""So many different values that agree are no chance; of fewer, or of fewer records, chance is counted."""
_ALPHA = 1e-4
_PAIRS = 1000
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Records of a flow whose `field` came out otherwise than the source's `column` says. `shown` are our own keys.

    `mostly`: so many agree that the others are wrong. `told`: the one value that all others came out with, unless it is
    another row's for a single key; None where there are several.
    """

    flow: str
    field: str
    source: str
    column: str
    by: str
    compared: int
    other: int
    shown: tuple[str, ...]
    mostly: bool = True
    told: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Fields of a flow that could not be held against a source, and why not. Open where somebody can mend that."""

    flow: str
    source: str
    why: str
    fields: tuple[str, ...]
    weight: Weight = Weight.NOTE
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joins:
    """What was held against its source, and what was not."""

    found: Sequence[Joined] = ()
    left: Sequence[Left] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a flow's records came out with in one field, and did not have: each record with its copy."""

    passage: Passage
    name: str
    declared: InputField
    pairs: Sequence[tuple[Row, Row]]


@dataclass(slots=True, kw_only=True)
class _Held:
    """What one column holds for these records. `keys`: of each value looked up how many agree, and of how many."""

    values: set[str] = field(default_factory=set)
    other: list[tuple[str, str, Json]] = field(default_factory=list)
    """The key that was looked up, our own key, and what came out."""
    sure: list[tuple[str, Json, Row]] = field(default_factory=list)
    keys: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))


def compared(system: System, trial: Trial, passages: Mapping[str, Passage], before: Masters) -> Joins:
    """Each field that a flow joined, and how it was compared. `before` are the sources as they were then.

    Only values that are still the same count, and no source whose values may rightly arrive late.
    """
    inputs = inputs_of(system, trial) if any(passage.sent for passage in passages.values()) else {}
    told = [each for passage in passages.values() for each in _of_passage(system, passage, inputs)]
    after = masters(system, trial) if told and before.rows else Masters(rows={}, unread={})
    found: list[Joined] = []
    left: dict[tuple[str, str, str], Left] = {}
    for each in told:
        best, missing = _of_field(system, each, before, after)
        if best is not None:
            found.append(best)
            continue
        for one in missing:
            at = (one.flow, one.source, one.why)
            left[at] = replace(one, fields=(*left[at].fields, *one.fields)) if at in left else one
    return Joins(found=tuple(found), left=tuple(left.values()))


def _of_passage(system: System, passage: Passage, inputs: Mapping[str, InputField]) -> Iterator[_Told]:
    pairs = list(_pairs(passage))
    for name, declared in inputs.items():
        sources = sources_of(system, name, declared)
        elsewhere = bool(sources) and passage.flow.from_ not in sources
        # What the records hold themselves may be replaced by what its declared source has.
        told = [
            (sent, copy)
            for sent, copy in pairs
            if name in copy and (name not in sent or (elsewhere and not holds(copy, name, sent[name])))
        ]
        if told:
            yield _Told(passage=passage, name=name, declared=declared, pairs=told)


def _pairs(passage: Passage) -> Iterator[tuple[Row, Row]]:
    """Each record that arrived once and was not answered by a fallback, with what arrived."""
    for row in passage.sent:
        copies = passage.copies.get(str(row[passage.flow.key]), ())
        if len(copies) == 1 and not fell_back(passage.flow, copies):
            yield row, copies[0]


def _of_field(system: System, told: _Told, before: Masters, after: Masters) -> tuple[Joined | None, Sequence[Left]]:
    """The column that agrees best, or why there is none."""
    found: list[Joined] = []
    left: list[Left] = []
    for source in sources_of(system, told.name, told.declared):
        if source not in system.integrations or source in (told.passage.flow.from_, told.passage.flow.to):
            continue
        reason = _unheld(system, source, before, after)
        if reason is None:
            looked_up = list(
                lookups(source, before.rows[source], [sent for sent, _ in told.pairs], key=told.passage.flow.key)
            )
            joins = [j for lookup in looked_up for j in _columns(told, lookup, after.rows[source])]
            found += joins
            reason = None if joins else _unfound(told, source, looked_up=bool(looked_up))
        if reason is not None:
            why, weight, remedy = reason
            left.append(
                Left(
                    flow=told.passage.flow.name,
                    source=source,
                    why=why,
                    fields=(told.name,),
                    weight=weight,
                    remedy=remedy,
                )
            )
    return min(found, key=lambda each: (not each.mostly, each.other / each.compared), default=None), left


def _unheld(system: System, source: str, before: Masters, after: Masters) -> tuple[str, Weight, str] | None:
    """Why nothing can be held against this source at all, and what helps."""
    section = system.integrations[source]
    if any(each.source == source and not each.may_rest for each in system.data.freshness):
        return "its values may rightly be behind, as data.freshness has it", Weight.NOTE, ""
    if any(source in (flow.from_, flow.to) for flow in system.flows):
        return "a flow passes through it", Weight.NOTE, ""
    if section.test is None or not keeps_all(section, section.test):
        return (
            "its test end is no whole table or folder",
            Weight.NOTE,
            f"Name in integrations.{source}.test a table or folder that holds all of it, where there is one.",
        )
    if why := before.unread.get(source) or after.unread.get(source):
        return (
            f"it could not be read to its end: {why}",
            Weight.OPEN,
            f"Name in integrations.{source}.test.read what can be read whole, such as a view of the flow's rows.",
        )
    return None


def _unfound(told: _Told, source: str, *, looked_up: bool) -> tuple[str, Weight, str]:
    if looked_up:
        return "what came out agrees with none of its columns, and may be converted or derived", Weight.NOTE, ""
    return (
        f"no field of the records names {_FEWEST} of its rows, each of which is there once",
        Weight.NOTE,
        f"Put records that name different rows of {source} into flows.{told.passage.flow.name}.records.",
    )


def _columns(told: _Told, lookup: Lookup, after: Sequence[Row]) -> Iterator[Joined]:
    still = {str(row.get(lookup.column)): row for row in after}
    looked_up = [
        (key, str(sent[told.passage.flow.key]), copy)
        for sent, copy in told.pairs
        if (key := str(sent[lookup.field])) in lookup.rows and key in still
    ]
    for column in dict.fromkeys(name for row in lookup.rows.values() for name in row):
        if column == lookup.column:
            continue
        same = [each for each in looked_up if still[each[0]].get(column) == lookup.rows[each[0]].get(column)]
        held = _held(told, lookup, column, same)
        share = 1.0 - len(held.other) / len(held.sure) if held.sure else 0.0
        if len(held.values) < 2 or not (
            (share >= _AGREE and len(held.values) >= _FEWEST)
            or (share == 1.0 and len(held.keys) >= _FEWEST)
            or _beyond_chance(told, held)
        ):
            continue
        yield Joined(
            flow=told.passage.flow.name,
            field=told.name,
            source=lookup.source,
            column=column,
            by=lookup.field,
            compared=len(held.sure),
            other=len(held.other),
            shown=tuple(marked for _, marked, _ in held.other[:_SHOWN]),
            mostly=share >= _AGREE,
            told=_one_value(told, lookup, column, held),
        )


def _held(told: _Told, lookup: Lookup, column: str, looked_up: Sequence[tuple[str, str, Row]]) -> _Held:
    """What is null at the source, or none of the input's declared values, may rightly come out as something else."""
    found = _Held()
    for key, marked, copy in looked_up:
        value = _number(lookup.rows[key].get(column))
        agrees = value is not None and holds(copy, told.name, value)
        if not agrees and (value is None or not _legal(told.declared, value)):
            continue
        found.sure.append((key, value, copy))
        found.keys[key].append(agrees)
        if agrees:
            found.values.add(str(value))
        else:
            found.other.append((key, marked, copy[told.name]))
    return found


def _number(value: Json) -> Json:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _legal(declared: InputField, value: Json) -> bool:
    """Whether the model may get this value."""
    if declared.values is not None and not any(holds({"": one}, "", value) for one in declared.values):
        return False
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    low, high = declared.minimum, declared.maximum
    return (low is None or value >= low) and (high is None or value <= high)


def _beyond_chance(told: _Told, held: _Held) -> bool:
    """Whether more of the values looked up agree than would with each other's rows."""
    random = np.random.default_rng(0)
    at, other = random.integers(len(held.sure), size=_PAIRS), random.integers(len(held.sure), size=_PAIRS)
    pairs = [(held.sure[a], held.sure[b]) for a, b in zip(at, other, strict=True)]
    apart = [(copy, value) for (one, _, copy), (another, value, _) in pairs if one != another]
    chance = (sum(holds(copy, told.name, value) for copy, value in apart) + 1) / (len(apart) + 1)
    agreeing = int(sum(sum(each) / len(each) for each in held.keys.values()))
    return proportions.lower(agreeing, len(held.keys), _ALPHA) > chance


def _one_value(told: _Told, lookup: Lookup, column: str, held: _Held) -> str | None:
    """The one value that all came out with that do not agree; a single row's may be another row's, and null is lost."""
    values = {str(value) for _, _, value in held.other}
    if len(values) != 1 or held.other[0][2] is None:
        return None
    copy = {told.name: held.other[0][2]}
    another = any(holds(copy, told.name, _number(row.get(column))) for row in lookup.rows.values())
    return None if another and len({key for key, _, _ in held.other}) == 1 else values.pop()

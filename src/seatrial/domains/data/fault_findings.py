"""What a fault campaign found, as people can act on it: one finding for each kind of fault, with its fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from seatrial.core.observation import Finding, Json
from seatrial.core.ports import Prediction
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.data.campaign import Ending, Probe, Told
from seatrial.domains.data.fault_kinds import Stance
from seatrial.domains.data.fault_remedies import remedy
from seatrial.domains.legality import undeclared
from seatrial.spec.model import InputField

CODES = {
    "silent-harm": "A fault that a guard could have known is answered as if nothing were wrong, and the answer moved.",
    "crash": "A fault ends in a server error, a cut connection, a time-out or an answer of another shape.",
    "unsteady": "A harm or crash that did not come again when the same request was sent again.",
    "unclear-refusal": "A fault is refused without a word about what is wrong.",
    "unguarded-fields": "Fields of which no fault was refused, although a guard could have known it.",
    "refuses-legal": "An input that the declaration allows, or that means the same, is refused.",
}
_WORDS = {
    "missing": "a missing field",
    "null": "a null",
    "wrong-type": "a value of another type",
    "out-of-range": "a value outside its range",
    "wrong-unit": "another unit",
    "wrong-scale": "another scale",
    "decimal-comma": "a decimal comma",
    "number-as-text": "a number sent as text",
    "nan": "a NaN written as text",
    "empty-text": "an empty text",
    "sentinel": "a placeholder value",
    "whole-number": "a whole number for a float",
    "date-format": "another date format",
    "time-zone": "another time zone",
    "encoding": "a broken encoding",
    "truncation": "a cut-off text",
    "case-or-space": "another case or a space more",
    "unseen-category": "an unknown category",
    "unknown-key": "a key that the master data do not have",
    "stale": "the last known value",
    "swapped": "two fields swapped",
    "extra-field": "a field more",
    "oversize": "a text far too long",
    "duplicates": "rows sent twice",
    "reordering": "rows in another order",
    "empty-batch": "a request without rows",
}
_SHOWN = 24
_SAID = 160
_KINDS = 3
_TOLD = 60
_FIELDS = 6
_GONE = object()


def findings(probes: Sequence[Probe], inputs: Mapping[str, InputField]) -> Iterator[Finding]:
    """All findings, the gaps first."""
    by_kind = sorted(probes, key=lambda p: p.fault.kind)
    groups = [(kind, list(group)) for kind, group in groupby(by_kind, key=lambda p: p.fault.kind)]
    for kind, group in groups:
        if harmed := [p for p in group if p.feed_harm or p.of(Ending.HARM)]:
            yield _harm(kind, harmed, inputs)
    crashes: dict[str, list[Probe]] = {}
    for probe in by_kind:
        if crashed := probe.of(Ending.CRASH):
            crashes.setdefault(crashed[0].said[:_SAID], []).append(probe)
    for said, crashed_so in crashes.items():
        yield _crash(said, crashed_so)
    for kind, group in groups:
        yield from _lesser(kind, group)


def _harm(kind: str, harmed: Sequence[Probe], inputs: Mapping[str, InputField]) -> Finding:
    fields = _fields(harmed)
    # What one field alone does is the smaller harm, and the one that is mended first.
    worst = max([p for p in harmed if not p.fault.beside] or harmed, key=lambda p: _shift(_clearest(p)))
    example = _example(worst, _clearest(worst), inputs)
    smallest = _smallest(harmed, inputs)
    feed = f" {_feed(worst)}" if worst.feed_harm else ""
    return Finding(
        code="silent-harm",
        summary=f"{_capital(kind)} in {_listed(fields)} is answered as if nothing were wrong: {example}.{feed}"
        + (f" Already {smallest}." if smallest not in ("", example) else ""),
        fields=fields,
        remedy=remedy(kind, _WORDS.get(kind, kind), harmed, inputs),
        why="Nobody is told, and people act on the answer.",
        detail={
            "kind": kind,
            "fields": {p.fault.name: {"harmed": _harmed(p), "rows": len(p.told)} for p in harmed},
            "example": example,
            "smallest": smallest or example,
        },
    )


def _harmed(probe: Probe) -> int:
    return sum(t.moved for t in probe.told) if probe.feed_harm else len(probe.of(Ending.HARM))


def _feed(probe: Probe) -> str:
    n = len(probe.told)
    return (
        f"A whole feed of it moves {percent(sum(t.moved for t in probe.told) / n)} of the answers, "
        f"{percent(sum(t.ending is Ending.REFUSED for t in probe.told) / n)} are refused, and "
        f"{percent(sum(t.case.unusual for t in probe.told) / n)} of its values lie outside what the data ever show."
    )


def _clearest(probe: Probe) -> Told:
    """The case that moved the answer most: the whole change is in one field of one row, so no example is smaller."""
    moved = [t for t in probe.told if t.moved and (probe.feed_harm or t.ending is Ending.HARM)]
    return max(moved, key=_shift)


def _shift(told: Told) -> float:
    before, after = told.case.answer.score, told.after.score if told.after else None
    return abs(after - before) if before is not None and after is not None else 1.0


def _smallest(harmed: Sequence[Probe], inputs: Mapping[str, InputField]) -> str:
    """The harm with the least change of a number by which the decision itself changed; empty for none."""
    found: list[tuple[float, Probe, Told]] = []
    for probe in harmed:
        for told in probe.told:
            if not told.moved or told.after is None or told.after.prediction == told.case.answer.prediction:
                continue
            size = _size(probe, told)
            if size is not None and (probe.feed_harm or told.ending is Ending.HARM):
                found.append((size, probe, told))
    if not found:
        return ""
    _, probe, told = min(found, key=lambda each: each[0])
    return _example(probe, told, inputs)


def _size(probe: Probe, told: Told) -> float | None:
    """How far a single number was moved, as a share of itself; None where it is not one."""
    was, now = told.case.clean.get(probe.fault.field), told.case.faulty.get(probe.fault.field)
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (was, now))
    if probe.fault.beside or not numbers:
        return None
    return abs(float(now) - float(was)) / max(abs(float(was)), 1e-9)  # type: ignore[arg-type]


def _example(probe: Probe, told: Told, inputs: Mapping[str, InputField]) -> str:
    before, after = _answer(told.case.answer), _answer(told.after)
    fields = [probe.fault.field, *probe.fault.beside]
    changed = [n for n in fields if n in told.case.clean and told.case.faulty.get(n, _GONE) != told.case.clean[n]]
    if not changed:
        return f"the answer goes from {before} to {after}"
    shown = " and ".join(_changed(told, n, inputs.get(n)) for n in changed[:_KINDS])
    return f"{shown} moves the answer from {before} to {after}"


def _changed(told: Told, name: str, declared: InputField | None) -> str:
    now = _value(told.case.faulty[name], declared) if name in told.case.faulty else "nothing"
    return f"{name} {_value(told.case.clean[name], declared)} sent as {now}"


def _answer(answer: Prediction | None) -> str:
    if answer is None:
        return "nothing"
    score = "" if answer.score is None else f" ({answer.score:.3g})"
    return f"{_short(answer.prediction)}{score}"


def _value(value: Json, declared: InputField | None) -> str:
    """Texts that could name a person stay out of the record."""
    told = declared is not None and declared.values is not None and value in declared.values
    if isinstance(value, str) and value and not told and (declared is None or declared.type == "string"):
        return f"a text of {len(value)} characters"
    return _short(value)


def _short(value: Json) -> str:
    text = "null" if value is None else f"{value:.6g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _crash(said: str, crashed: Sequence[Probe]) -> Finding:
    """All faults that end in the same crash: they mostly have one cause, and one guard ends them."""
    fields = _fields(crashed)
    kinds = tuple(dict.fromkeys(p.fault.kind for p in crashed))
    shown = [_WORDS.get(kind, kind) for kind in kinds[:_KINDS]]
    words = ", ".join(shown) + (f" and {len(kinds) - _KINDS} more kinds of fault" if len(kinds) > _KINDS else "")
    told = said[:_TOLD].rstrip(". ")
    return Finding(
        code="crash",
        summary=f"{words[:1].upper()}{words[1:]} in {_listed(fields)}: the answer is a crash ({told}).",
        fields=fields,
        remedy=f"Answer each of these in {_listed(fields)} with a 4xx that names the field.",
        why="A crash stops every row behind it, and its cause has to be searched for in the night.",
        detail={"kinds": list(kinds), "faults": [p.fault.name for p in crashed]},
    )


def _lesser(kind: str, group: Sequence[Probe]) -> Iterator[Finding]:
    unsteady = [p for p in group if any(not t.steady for t in p.told)]
    if unsteady:
        yield Finding(
            code="unsteady",
            summary=f"{_capital(kind)} in {_listed(_fields(unsteady))} did harm or crashed once, not again.",
            weight=Weight.OPEN,
            fields=_fields(unsteady),
            remedy="Find out in the server's log what was different the first time.",
        )
    wordless = [p for p in group if any(t.wordless for t in p.told)]
    if wordless:
        yield Finding(
            code="unclear-refusal",
            summary=f"{_capital(kind)} in {_listed(_fields(wordless))} is refused without a word.",
            weight=Weight.NOTE,
            fields=_fields(wordless),
            remedy="Say in the answer which field is wrong and why.",
        )
    legal = [p for p in group if p.fault.stance in (Stance.SAME, Stance.LEGAL) and p.of(Ending.REFUSED)]
    legal = [p for p in legal if kind in ("whole-number", "extra-field", "null", "missing", "duplicates", "reordering")]
    if legal:
        yield Finding(
            code="refuses-legal",
            summary=f"{_capital(kind)} in {_listed(_fields(legal))} is refused, although the declaration allows it.",
            weight=Weight.NOTE,
            fields=_fields(legal),
            remedy="Take it, or declare that it is not allowed.",
        )


def undeclared_findings(inputs: Mapping[str, InputField]) -> Iterator[Finding]:
    """Fields whose declaration leaves open what is legal."""
    for what, fields in undeclared(inputs).items():
        if fields:
            yield Finding(
                code="undeclared-range",
                summary=f"No {what} declared for {_listed(fields)}: the data's own profile stood in for it.",
                weight=Weight.NOTE,
                fields=tuple(fields),
                remedy=f"Declare the plausible {what}, so that guard and check mean the same.",
            )


def unguarded_findings(probes: Sequence[Probe]) -> Iterator[Finding]:
    """Fields of which nothing was ever refused, although a guard could have known."""
    single = [p for p in probes if not p.fault.beside and not p.fault.field.startswith("(")]
    fields = dict.fromkeys(p.fault.place for p in single if any(t.case.guarded for t in p.told))
    refused = {p.fault.place for p in single if any(t.ending in (Ending.REFUSED, Ending.CRASH) for t in p.told)}
    if bare := [name for name in fields if name not in refused]:
        yield Finding(
            code="unguarded-fields",
            summary=f"Nothing wrong in {_listed(bare)} was ever refused: no guard looks at it.",
            weight=Weight.NOTE,
            fields=tuple(bare),
            why="What is harmless today is so by chance, and the next model may see it otherwise.",
            remedy="Check each of these fields against its declaration before the model.",
        )


def examples(probes: Sequence[Probe], most: int) -> list[Mapping[str, Json]]:
    """Whole rows before and after, for the erasable artifact: the worst of each fault, crashes first."""
    chosen = [(p, t) for p in probes for t in p.told if t.ending in (Ending.CRASH, Ending.HARM)]
    chosen.sort(key=lambda pair: pair[1].ending is not Ending.CRASH)
    return [
        {
            "fault": p.fault.name,
            "ending": str(t.ending),
            "clean": dict(t.case.clean),
            "faulty": {k: v if len(str(v)) < 500 else f"{str(v)[:100]}…" for k, v in t.case.faulty.items()},
            "before": _answer(t.case.answer),
            "after": _answer(t.after) if t.after else t.said,
        }
        for p, t in chosen[:most]
    ]


def _fields(probes: Sequence[Probe]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for p in probes for name in p.fault.places))


def _listed(fields: Sequence[str]) -> str:
    shown = ", ".join(fields[:_FIELDS])
    return shown if len(fields) <= _FIELDS else f"{shown} and {len(fields) - _FIELDS} more"


def _capital(kind: str) -> str:
    words = _WORDS.get(kind, kind)
    return words[:1].upper() + words[1:]

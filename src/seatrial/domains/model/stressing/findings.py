"""What stress found, as people can act on it: what was changed, what it did to the answer, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from seatrial.core.observation import Finding, Json, Measure
from seatrial.core.ports import Row
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import count, percent
from seatrial.domains.model.stressing import words
from seatrial.domains.model.stressing.asking import answer_of
from seatrial.domains.model.stressing.baseline import Baseline, decimals_of
from seatrial.domains.model.stressing.consistency import Way
from seatrial.domains.model.stressing.expected import Expected, Missed
from seatrial.domains.model.stressing.noise import Flipped, Noise
from seatrial.domains.model.stressing.probing import Probed
from seatrial.domains.model.stressing.rates import Tried
from seatrial.domains.model.stressing.relations import Broken, Held
from seatrial.domains.model.stressing.shrinking import shrunk
from seatrial.spec.stress import Relation

CODES = {
    "depends-on-asking": "The same row gets another answer when it is asked again, in another order, batch or form.",
    "relation-broken": "A relation that must hold between inputs and answers is broken.",
    "relation-unanswered": "Rows that a relation makes are not answered, so that nobody knows whether it holds.",
    "relation-not-tried": "A relation could be tried on no row.",
    "must-answer-missed": "A case is not answered as it must be.",
    "flips-within-noise": "Decisions flip when numbers are off by no more than their source may be off.",
    "noise-inferred": "No noise is declared, so that the decimals of the data tell how far a source may be off.",
    "noise-below-data": "The declared noise of a source is smaller than the last decimal of its data can show.",
    "no-noise": "No input is a measured number, so that no noise can reach a decision.",
    "edge-crash": "Legal input at an edge ends in a crash, a time-out or an answer of another shape, time after time.",
    "edge-unsteady": "An edge failed once and not again when the same input was sent again.",
    "edge-unanswered": "An edge was neither answered nor refused: the endpoint did not take the request.",
    "unclear-refusal": "An edge is refused without a word about what is wrong.",
    "unknown-class": "An edge is answered with a class that no ordinary row gets.",
}
_ADVICE = {
    "asked again": "Remove what is random or remembered from the way to the answer, or fix its seed.",
    "row order": "Answer each row for itself, in the order in which they were asked.",
    "duplicate rows": "Answer each row for itself, whatever else is in the request.",
    "asked alone": "Compute nothing over the batch (scaling, padding, normalising): take it from training.",
    "field order": "Read fields by their names, not by their place.",
    "whole numbers": "Convert numbers to one type before the model.",
    "irrelevant fields": "Drop every field that is no input before the model.",
}
_SAME = "Two colleagues who ask about the same case get two answers, and neither knows."
_SHOWN = 6
_EXAMPLES = 2


def consistency(base: Baseline, found: Sequence[Way], measure: Measure) -> Iterator[Finding]:
    """One finding for each way of asking that changes answers beyond what asking again does."""
    again = found[0].broken / max(1, len(found[0].broke))
    for way in sorted(found, key=lambda w: -w.broken):
        share = way.broken / max(1, len(way.broke))
        if not way.broken or (way is not found[0] and share <= 2 * again):
            continue
        shown = ""
        if way.example is not None:
            i, now = way.example
            shown = f": the same row {words.outcome(base.system, base.exactly(), base.known[i], now)}"
        yield Finding(
            code="depends-on-asking",
            summary=f"{percent(share)} of {count(len(way.broke), 'row')} get another answer when the row {way.told}"
            f"{shown}.",
            weight=_weight(measure),
            remedy=_ADVICE[way.name],
            why=_SAME,
            explains=(measure.name,),
            detail={"way": way.name, "rows": len(way.broke), "changed": way.broken},
        )


def _weight(measure: Measure) -> Weight:
    """A gap where the measure misses its limit for certain; else the measure itself says how it stands."""
    missed = measure.lower is not None and measure.limit is not None and measure.lower > measure.limit
    return Weight.GAP if missed else Weight.NOTE


def relation(base: Baseline, held: Held, measure: Measure) -> Iterator[Finding]:
    """What became of one relation on rows."""
    name = held.relation.name
    if held.unfit:
        yield Finding(
            code="relation-not-tried",
            summary=f"'{name}' could not be tried: {held.unfit}.",
            weight=Weight.OPEN,
            remedy="Give evaluation rows that it can be tried on, or correct its condition, change or tolerance.",
            explains=(measure.name,),
        )
        return
    if held.broken:
        yield _broken(base, held, measure)
    if held.tried.unanswered:
        first = f", the first with {held.refused}" if held.refused else ""
        yield Finding(
            code="relation-unanswered",
            summary=f"{held.tried.unanswered} of {held.tried.n} rows of '{name}' are not answered{first}.",
            weight=_open_weight(measure),
            remedy="Let the change keep the row plausible for what guards the model, or mend what does not answer.",
            why="Nobody knows whether the relation holds there; it counts as if it did not.",
            explains=(measure.name,),
        )


def _open_weight(measure: Measure) -> Weight:
    clear = measure.upper is not None and measure.limit is not None and measure.upper <= measure.limit
    return Weight.NOTE if clear else Weight.OPEN


def _broken(base: Baseline, held: Held, measure: Measure) -> Finding:
    asked = held.relation
    shown = [_example(base, broken, held.breaks) for broken in held.broken[:_EXAMPLES]]
    return Finding(
        code="relation-broken",
        summary=f"'{asked.name}' {_demands(asked)}, and {held.tried.broken} of {held.tried.n} rows break it"
        f"{_by_itself(held.tried)}: {shown[0]}.",
        weight=_weight(measure),
        fields=_fields(base, held.broken[0]),
        remedy="Train or guard the model so that it holds, or have the owner correct the relation in the system file.",
        why="People who know the operation rely on it, and act wrongly where it does not hold.",
        explains=(measure.name,),
        detail={"relation": asked.name, "rows": held.tried.n, "broken": held.tried.broken, "examples": list(shown)},
    )


def _demands(asked: Relation) -> str:
    if asked.kind == "invariance":
        return "must not change the answer"
    if asked.kind == "direction":
        return f"must not {'lower' if asked.score == 'not-lower' else 'raise'} the score"
    return f"must be answered with {_wanted(Expected.of(asked))}"


def _by_itself(tried: Tried) -> str:
    noisy = sum(tried.by_itself)
    return f" ({noisy} when only asked again)" if noisy else ""


def _example(base: Baseline, broken: Broken, breaks: Callable[[int, Row], bool] | None) -> str:
    i, variant, now = broken
    clean = base.rows[i]
    if breaks is None or clean == variant:
        return f"the answer is {words.answer(base.system, now)}"
    smallest = shrunk(clean, variant, lambda row: breaks(i, row), decimals=lambda name: decimals_of(base.rows, name))
    if smallest != variant:
        now = answer_of(base.asker.alone(smallest)) or now
    told = words.change(clean, smallest, base.inputs, base.profiles)
    return f"{told} {words.outcome(base.system, base.decided(), base.known[i], now)}"


def _fields(base: Baseline, broken: Broken) -> tuple[str, ...]:
    i, variant, _ = broken
    return tuple(n for n in variant if variant[n] != base.rows[i].get(n))[:_SHOWN]


def noise(base: Baseline, reach: Noise, found: Flipped, measure: Measure) -> Iterator[Finding]:
    """What noise did, and where its size was taken from."""
    shown = [f"{name} ±{size:g}" for name, size in reach.reach.items()]
    listed = ", ".join(shown[:_SHOWN]) + (f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else "")
    if not reach.reach:
        yield Finding(
            code="no-noise",
            summary="No input is a measured number, so no noise of a source can flip a decision.",
            weight=Weight.NOTE,
            remedy="Declare stress.noise where a source may be off after all.",
        )
    elif reach.inferred:
        yield Finding(
            code="noise-inferred",
            summary=f"No noise is declared: half a unit of the last decimal stands for it ({listed}).",
            weight=Weight.NOTE,
            fields=tuple(reach.reach)[:_SHOWN],
            remedy="Declare stress.noise: how far each source may be off, from its data sheet.",
        )
    if reach.raised:
        told = ", ".join(f"{name} ±{size:g} (now ±{reach.reach[name]:g})" for name, size in reach.raised.items())
        yield Finding(
            code="noise-below-data",
            summary=f"The declared noise is smaller than what the decimals of the data leave open: {told}.",
            weight=Weight.NOTE,
            fields=tuple(reach.raised)[:_SHOWN],
            remedy="Declare in stress.noise how far each source may be off, from its data sheet: half a unit of its "
            "last decimal at least, and 1 for a whole number.",
            why="Numbers that are off by next to nothing flip no decision, and nothing would have been tried.",
        )
    if found.flips:
        stick = base.decided()

        def breaks(i: int, row: Row) -> bool:
            now = answer_of(base.asker.alone(row))
            return now is not None and stick.moved(base.known[i], now)

        example = _example(base, found.flips[0], breaks)
        yield Finding(
            code="flips-within-noise",
            summary=f"{found.tried.broken} of {found.tried.n} decisions flip within the noise of the sources "
            f"({listed}){_by_itself(found.tried)}: {example}.",
            weight=_weight(measure),
            fields=_fields(base, found.flips[0]),
            remedy="Smooth the model or leave a band around the limit in which people decide; or measure more exactly.",
            why="Which side such a decision falls on is chance, and nobody who acts on it is told.",
            explains=(measure.name,),
        )
    if found.tried.unanswered:
        yield Finding(
            code="relation-unanswered",
            summary=f"{found.tried.unanswered} of {found.tried.n} rows are not answered once their numbers are off by "
            f"the noise of their sources, the first with {found.refused}.",
            weight=_open_weight(measure),
            fields=tuple(reach.reach)[:_SHOWN],
            remedy="Let what guards the model take what its sources really send, or declare the noise smaller.",
            explains=(measure.name,),
        )


def cases(base: Baseline, name: str, missed: Sequence[Missed], measure: Measure) -> Iterator[Finding]:
    """Cases that people wrote down and that were not answered so."""
    for miss in missed[:_SHOWN]:
        wanted = _wanted(Expected.of(miss.case))
        said = miss.problem if miss.said is None else words.answer(base.system, miss.said)
        yield Finding(
            code="must-answer-missed",
            summary=f"Case {miss.number} of '{name}' must be answered with {wanted}; it got {said}.",
            weight=_weight(measure) if miss.said is not None else _open_weight(measure),
            remedy="Mend the model until it answers this case, or correct the case.",
            why="The case was written down because a wrong answer to it is not acceptable.",
            explains=(measure.name,),
            detail={"case": miss.number},
        )


def _wanted(wanted: Expected) -> str:
    parts = [words.short(wanted.answer)] if wanted.answer is not None else []
    parts += [f"a text with {words.short(part)}" for part in wanted.contains[:2]]
    parts += [f"a text without {words.short(part)}" for part in wanted.lacks[:2]]
    return " and ".join(parts)


def edges(found: Sequence[Probed], measure: Measure, classes: frozenset[str]) -> Iterator[Finding]:
    """Failures first, one for each way to fail."""
    failures: dict[str, list[Probed]] = {}
    for probed in found:
        if probed.failed:
            failures.setdefault(probed.failed[0][2][:160], []).append(probed)
    for said, failing in failures.items():
        yield Finding(
            code="edge-crash",
            summary=f"{_edges(failing)}: the reply is {said}.",
            weight=Weight.GAP,
            fields=_edge_fields(failing),
            remedy="Answer such input, or refuse it with a 4xx that names the field and what is wrong.",
            why="Legal input will come one day, and then whatever stands behind it waits or breaks.",
            explains=(measure.name,),
            detail={"edges": [p.edge.name for p in failing][:50]},
        )
    yield from _lesser(found, classes)


def _lesser(found: Sequence[Probed], classes: frozenset[str]) -> Iterator[Finding]:
    groups: Sequence[tuple[str, list[Probed], Weight, str, str]] = (
        (
            "edge-unsteady",
            [p for p in found if p.unsteady and not p.failed],
            Weight.OPEN,
            "failed once, and not when the same input was sent again",
            "Find out in the server's log what was different the first time.",
        ),
        (
            "edge-unanswered",
            [p for p in found if p.silent and not p.failed],
            Weight.OPEN,
            "was neither answered nor refused: the endpoint did not take the request",
            "Let the endpoint take the request, or refuse it with 413 or 422.",
        ),
        (
            "unclear-refusal",
            [p for p in found if p.wordless],
            Weight.NOTE,
            "is refused without a word",
            "Say in the answer which field is wrong and why.",
        ),
        (
            "unknown-class",
            [p for p in found if classes and any(str(a.prediction) not in classes for a in p.answers)],
            Weight.NOTE,
            "is answered with a class that no ordinary row gets",
            "See whether what receives the answers knows that class.",
        ),
    )
    for code, probed, weight, told, remedy in groups:
        if probed:
            yield Finding(
                code=code,
                summary=f"{_edges(probed)} {told}.",
                weight=weight,
                fields=_edge_fields(probed),
                remedy=remedy,
            )


def _edges(found: Sequence[Probed]) -> str:
    names = [p.edge.name for p in found[:3]]
    return "; ".join(names) + (f" and {count(len(found) - 3, 'more edge')}" if len(found) > 3 else "")


def _edge_fields(found: Sequence[Probed]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for p in found for name in p.edge.fields))[:_SHOWN]


def kept(base: Baseline, helds: Sequence[Held], flips: Sequence[Broken], found: Sequence[Probed]) -> list[Json]:
    """Whole rows before and after, for the erasable artifact."""
    rows: list[Json] = [
        _pair(held.relation.name, base.rows[i], variant, str(now.prediction))
        for held in helds
        for i, variant, now in held.broken[:5]
    ]
    rows += [_pair("noise", base.rows[i], variant, str(now.prediction)) for i, variant, now in flips[:5]]
    return rows + [_pair(p.edge.name, *p.failed[0]) for p in found if p.failed]


def _pair(name: str, before: Row, after: Row, said: str) -> Json:
    short = {k: v if len(str(v)) < 500 else f"{str(v)[:100]}…" for k, v in after.items()}
    return {"of": name, "before": dict(before), "after": short, "said": said[:500]}

"""What looking for training rows among the evaluation rows says: findings, and how much the search would have found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seatrial.core.check import Trial
from seatrial.core.observation import Finding, Json, Measure
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.core.wording import count, percent
from seatrial.domains.model import near_copies, text_copies
from seatrial.domains.model.near_copies import NearSearch, Way
from seatrial.domains.scored.rows import Rows, features_of, read_rows
from seatrial.domains.scored.text_features import free_texts
from seatrial.spec.model import InputField
from seatrial.spec.system import System

if TYPE_CHECKING:
    from seatrial.domains.model.leaks import Overlap

CODES: Mapping[str, str] = {
    "duplicate-rows": "Evaluation rows are copies of training rows.",
    "near-duplicate-rows": "Evaluation rows equal training rows in every input, but for rounding or noise.",
    "changed-copies": "Evaluation rows equal training rows in all but a few inputs.",
    "near-duplicate-texts": "Texts of evaluation rows are those of training rows, word for word or nearly.",
    "rows-repeat": "Rows repeat each other so much by nature that near copies cannot be told.",
}
MOST_COPIES = 0.01
"""So many copies beyond natural repetition are no accident."""
NEAR_POWER = "power to find near copies of training rows"
TEXT_POWER = "power to find near copies of training texts"
_ALPHA = 0.05
_WHY = "Rows that the model was trained on say nothing about rows that it will meet."
_REMEDY = "Remove from the evaluation data every row that stands in the training data, and evaluate anew."


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """`clean` tells that copies were looked for with enough power and none were found beyond natural repetition."""

    findings: tuple[Finding, ...]
    measures: tuple[Measure, ...]
    facts: Mapping[str, Json]


def copies(
    system: System,
    trial: Trial,
    inputs: Mapping[str, InputField],
    rows: Rows,
    exact: Overlap,
    *,
    telling: Sequence[str],
) -> Copies:
    """Near copies by the inputs that are `telling` (they name neither a row nor an entity), and by free texts."""
    findings = [*_exact(exact)]
    measures: list[Measure] = []
    facts: dict[str, Json] = {}
    compared = {name: inputs[name] for name in telling if name in inputs}
    training = read_rows(trial.table("training"), list(compared), most=near_copies.MOST_KNOWN, seed=trial.seed)
    known = exact.excess(_ALPHA) > MOST_COPIES
    features = features_of(training, compared), features_of(rows, compared)
    by_fields = near_copies.near_copies(
        *features, training_rows=training.total, noise=system.stress.noise, seed=trial.seed
    )
    by_text = text_copies.text_copies(
        free_texts(training, compared), free_texts(rows, compared), training_rows=training.total, seed=trial.seed
    )
    searches = [s for s in (by_fields, by_text) if s is not None]
    if searches and not any(s.telling for s in searches):
        findings.append(_repeating(searches[-1], texts=by_text is not None))
    for name, search, tell in ((NEAR_POWER, by_fields, _near), (TEXT_POWER, by_text, _near_texts)):
        if search is None:
            continue
        facts[name] = _facts(search)
        if not search.telling:
            continue
        found = [] if known else list(tell(*search.strongest(_ALPHA), search))
        findings += found
        if not any(f.weight is Weight.GAP for f in found) and not known:
            measures.append(_power(name, search, system))
    return Copies(findings=tuple(findings), measures=tuple(measures), facts=facts)


def _exact(found: Overlap) -> Iterator[Finding]:
    if not found.copies:
        return
    excess = found.excess(_ALPHA)
    yield Finding(
        code="duplicate-rows",
        weight=Weight.GAP if excess > MOST_COPIES else Weight.NOTE,
        summary=f"{found.copies} of {found.rows} evaluation rows ({percent(found.copies / found.rows)}) are copies of "
        f"training rows; training rows repeat each other in {percent(found.natural)}",
        remedy=_REMEDY,
        why=_WHY,
        detail={"copies": found.copies, "rows": found.rows, "natural": found.natural, "excess": excess},
    )


def _near(way: Way, excess: float, search: NearSearch) -> Iterator[Finding]:
    if excess <= MOST_COPIES:
        return
    how = "for noise" if way.noisy else "for rounding"
    but = f"in all but {count(way.changed, 'input')} of {search.fields}" if way.changed else "in every input"
    yield Finding(
        code="changed-copies" if way.changed else "near-duplicate-rows",
        summary=f"{way.copies} of {way.rows} evaluation rows equal training rows {but}, {how}; among training "
        f"rows this holds for {percent(way.natural_share)}",
        remedy=_REMEDY,
        why=_WHY,
        detail=_detail(way, excess, search),
    )


def _near_texts(way: Way, excess: float, search: NearSearch) -> Iterator[Finding]:
    if excess <= MOST_COPIES:
        return
    how = "nearly word for word" if way.changed else "word for word"
    yield Finding(
        code="near-duplicate-texts",
        summary=f"the texts of {way.copies} of {way.rows} evaluation rows stand in the training data {how}; among "
        f"training rows {percent(way.natural_share)} have such a twin",
        remedy=_REMEDY,
        why=_WHY,
        detail=_detail(way, excess, search),
    )


def _detail(way: Way, excess: float, search: NearSearch) -> Mapping[str, Json]:
    return {
        "copies": way.copies,
        "rows": way.rows,
        "natural": way.natural_share,
        "changed": way.changed,
        "excess": excess,
        "searched": search.searched,
    }


def _repeating(search: NearSearch, *, texts: bool) -> Finding:
    least = min(way.natural_share for way in search.ways)
    what = "texts" if texts else "rows"
    return Finding(
        code="rows-repeat",
        weight=Weight.NOTE,
        summary=f"{percent(least)} of the training {what} have a twin among themselves, so that near copies of "
        f"{what} cannot be told from repetitions; only exact copies were looked for",
        remedy="Declare more of what tells rows apart, or split by time and entity.",
        why=_WHY,
    )


def _power(name: str, search: NearSearch, system: System) -> Measure:
    share = system.policy.smallest_slice
    power = search.power(share, most=MOST_COPIES, alpha=_ALPHA)
    return Measure(
        name=name,
        value=power,
        lower=power,
        upper=power,
        limit=system.policy.search_power,
        sense=Sense.AT_LEAST,
        unit="share",
        n=max(way.rows for way in search.ways),
        kind=MeasureKind.VALIDITY,
        method=f"exact binomial, for near copies in {percent(share)} of the rows, of which the search finds "
        f"{search.found} of {search.planted} planted ones; {percent(search.searched)} of the training rows searched",
        confidence=system.policy.confidence,
        needed=None,
    )


def _facts(search: NearSearch) -> Mapping[str, Json]:
    return {
        "fields": search.fields,
        "searched": search.searched,
        "planted": search.planted,
        "found": search.found,
        "ways": [
            {
                "changed": w.changed,
                "noisy": w.noisy,
                "copies": w.copies,
                "rows": w.rows,
                "natural": w.natural,
                "natural_rows": w.natural_rows,
            }
            for w in search.ways
        ],
    }

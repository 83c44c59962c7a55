"""What every attack on rows starts from: correctly answered rows, who would turn them, and a steady endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from seatrial.core.check import PREDICTION, SCORE, Trial
from seatrial.core.observation import Finding, Measure, Observation, Reason, Threshold
from seatrial.core.ports import Prediction, Row
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.domains.model.acted import acted_on
from seatrial.domains.model.turning.aim import Aim, aim_of
from seatrial.domains.model.turning.asking import Asking
from seatrial.domains.scored import outcomes
from seatrial.domains.scored.outcomes import columns_of, labelled_by, outcomes_of
from seatrial.domains.scored.rows import Ints, Rows, read_rows
from seatrial.domains.sending import as_sent, inputs_of
from seatrial.spec.adversarial import NOBODY
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.stats import proportions
from seatrial.stats.interval import Interval

REQUIREMENT = "model.adversarial"
SHAKEN = "share of answers that turn within the noise of their source"
SEED = 20_261_127
"""The same rows in every run: who could draw again would find a sample that stands."""
_READ, _READ_FOR_FROM = 4000, 20_000
"""Rows that are read; more where only those with certain answers are attacked, which may be rare."""
_FEWEST = 100
_SHOWN_ROWS = 50

CODES: Mapping[str, str] = {
    **outcomes.CODES,
    "inputs-undeclared": "The model's inputs are not declared, so nobody knows what could be changed.",
    "too-few-rows": "Too few rows are answered correctly to attack.",
    "threat-undeclared": "Nobody has said who could gain from turning an answer.",
    "no-adversary": "By declaration nobody gains from turning an answer; what a search finds is shown, not judged.",
    "not-repeatable": "The model answers the same row differently when it is asked again.",
    "constant-answers": "The model says the same to every row, so that nothing could have turned its answer.",
    "not-finished": "The time was up before every changed row was tried.",
    "power-unknown": "No weakness of the smallest size can be planted, so the search's power is unknown.",
    "nothing-to-change": "By declaration no input can be changed.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What an attack starts from: rows that are answered correctly, and all rows as reference with their answers.

    `recorded` is what was answered when the rows were scored.
    """

    inputs: Mapping[str, InputField]
    rows: tuple[Row, ...]
    recorded: tuple[Prediction, ...]
    right: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """The answers to the first rows, by the rows' places, which come again when asked again; and when one is turned.

    `targets` are the places of rows whose answers somebody would turn, of which more are asked where they are rare.
    """

    answers: Mapping[int, Prediction]
    aim: Aim
    targets: tuple[int, ...]


def has_adversary(system: System) -> bool:
    """Whether the declaration names somebody who gains from turning an answer."""
    threat = system.adversarial.threat
    return threat is not None and threat.who.strip().lower() != NOBODY


def attacked_rows(system: System) -> int:
    """How many rows are attacked: where nobody is declared who gains, a few to show what it takes."""
    return system.policy.adversarial_rows if has_adversary(system) else _SHOWN_ROWS


def ready_rows(system: System, trial: Trial) -> Ready | Reason:
    """Labelled evaluation rows as they are sent, and the places of the correctly answered ones in random order."""
    label = labelled_by(system)
    if isinstance(label, Reason):
        return label
    inputs = inputs_of(system, trial)
    if not inputs:
        return Reason(
            code="inputs-undeclared",
            summary="the model's inputs are not declared, so nobody knows what could be changed",
            remedy="Declare model.inputs; `seatrial init` proposes them from the data.",
            fields=("model.inputs",),
        )
    threat = system.adversarial.threat
    most = _READ_FOR_FROM if threat is not None and threat.from_ else _READ
    read = read_rows(trial.table("scored.evaluation"), [*columns_of(system), *inputs], most=most, seed=SEED)
    found = outcomes_of(system, read)
    if isinstance(found, Reason):
        return found
    right = np.flatnonzero(~acted_on(system, found).wrong)
    if right.size < _FEWEST:
        return Reason(
            code="too-few-rows",
            summary=f"{right.size} rows that are answered correctly are too few to attack",
            remedy=f"Label rows until at least {_FEWEST} are answered correctly.",
        )
    order = np.random.default_rng(SEED).permutation(right.size)
    rows, recorded = _as_sent(read, found.rows, inputs)
    return Ready(inputs=inputs, rows=rows, recorded=recorded, right=tuple(int(i) for i in right[order]))


def _as_sent(
    read: Rows, places: Ints, inputs: Mapping[str, InputField]
) -> tuple[tuple[Row, ...], tuple[Prediction, ...]]:
    names = [name for name in inputs if name in read.columns]
    taken = read.columns.take(places)
    rows = tuple({name: as_sent(row[name], inputs[name]) for name in names} for row in taken)
    return rows, tuple(Prediction(prediction=row.get(PREDICTION), score=_number(row.get(SCORE))) for row in taken)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def threshold_of(system: System, measure: str, sense: Sense, limit: float) -> Threshold:
    """A limit of this requirement on a share."""
    return Threshold(
        requirement=REQUIREMENT,
        measure=measure,
        sense=sense,
        limit=limit,
        unit="share",
        confidence=system.policy.confidence,
    )


def limits_of(system: System, *, turned: str, power: str) -> Sequence[Threshold]:
    """Noise always; the search and its power, by their measures' names, where somebody gains from turning an answer."""
    policy = system.policy
    found = [threshold_of(system, SHAKEN, Sense.AT_MOST, policy.noise_flips)]
    if has_adversary(system):
        found.append(threshold_of(system, turned, Sense.AT_MOST, policy.adversarial_flips))
        found.append(threshold_of(system, power, Sense.AT_LEAST, policy.search_power))
    return found


def steady(system: System, ready: Ready, ask: Asking, *, shaken: int, of: str) -> Steady | Observation:
    """The answers to rows that were answered correctly, which are `of` this kind: as many as are attacked or `shaken`.

    An observation, which leaves the requirement open, where they are all alike or others when asked again.
    """
    attacked = attacked_rows(system)
    answers = _answers(ready, ready.right[: max(attacked, shaken)], ask)
    aim = aim_of(system, list(answers.values()))
    moving = _unmoved(answers) or _unsteady(ready, answers, aim, ask)
    if moving is None:
        targets = _targets(ready, answers, aim, ask, most=attacked)
        return Steady(answers={**answers, **targets}, aim=aim, targets=tuple(targets))
    return Observation(done=f"Asked the model for the same {of} twice.", findings=(moving, *threat_findings(system)))


def _answers(ready: Ready, places: Sequence[int], ask: Asking) -> dict[int, Prediction]:
    told = ask([ready.rows[i] for i in places])
    return {place: answer for place, answer in zip(places, told, strict=True) if answer is not None}


def _targets(
    ready: Ready, answers: Mapping[int, Prediction], aim: Aim, ask: Asking, *, most: int
) -> dict[int, Prediction]:
    """Up to `most` rows whose answers somebody would turn: of those asked, then of those that were scored so before."""
    first = [(i, answer) for i, answer in answers.items() if aim.wanted(answer)][:most]
    rest = (i for i in ready.right if i not in answers and aim.wanted(ready.recorded[i]))
    more = list(islice(rest, most - len(first))) if aim.sources else []
    asked = _answers(ready, more, ask) if more else {}
    return dict(first) | {i: answer for i, answer in asked.items() if aim.wanted(answer)}


def _unmoved(answers: Mapping[int, Prediction]) -> Finding | None:
    """A finding where the model says the same to all rows, so that nothing could turn its answer."""
    if len({repr((answer.prediction, answer.score)) for answer in answers.values()}) > 1:
        return None
    return Finding(
        code="constant-answers",
        weight=Weight.OPEN,
        summary=f"the model says the same to all of {len(answers)} rows that it answers correctly",
        why="What never changes its answer withstands every attack, and shows nothing by it.",
        remedy="Find out why; or give evaluation rows that rightly get different answers.",
    )


def _unsteady(ready: Ready, answers: Mapping[int, Prediction], aim: Aim, ask: Asking) -> Finding | None:
    """A finding where the model answers the same rows differently when it is asked again."""
    places = list(answers)[:_FEWEST]
    again = ask([ready.rows[i] for i in places])
    other = aim.anyhow()
    changed = sum(now is None or other.turned(answers[i], now) for i, now in zip(places, again, strict=True))
    if not changed:
        return None
    return Finding(
        code="not-repeatable",
        weight=Weight.OPEN,
        summary=f"{changed} of {len(places)} rows were answered differently, or not at all, when asked again",
        why="Where the same row has two answers, a turned one cannot be told from chance.",
        remedy="Make the test endpoint answer the same row the same way, then run the check.",
    )


def bounded_share(system: System, name: str, hits: int, n: int, limit: float, method: str) -> Measure:
    """A share that must certainly lie at most at the limit, with what would settle an open bound."""
    found = proportions.interval(hits, n, 1.0 - system.policy.confidence) if n else None
    needed = None
    if found is not None and found.upper > limit > found.value:
        needed = proportions.more_to_clear_ceiling(hits, n, limit, 1.0 - system.policy.confidence)
    return Measure(
        name=name,
        value=None if found is None else found.value,
        lower=None if found is None else found.lower,
        upper=None if found is None else found.upper,
        limit=limit,
        sense=Sense.AT_MOST,
        unit="share",
        n=n,
        method=f"{method}; Clopper-Pearson",
        confidence=system.policy.confidence,
        needed=needed,
        needed_unit="labelled rows" if needed else "",
    )


def shown_power(system: System, name: str, power: Interval, method: str, *, judged: bool) -> Measure:
    """The share of planted weaknesses that the search found; it only informs where nothing hangs on it."""
    return Measure(
        name=name,
        value=power.value,
        lower=power.lower,
        upper=power.upper,
        limit=system.policy.search_power,
        sense=Sense.AT_LEAST,
        unit="share",
        n=power.n,
        method=method,
        confidence=system.policy.confidence,
        kind=MeasureKind.VALIDITY if judged else MeasureKind.INFORMATIVE,
    )


def threat_findings(system: System) -> Iterator[Finding]:
    """What the declaration leaves open about who gains, or says of nobody."""
    threat = system.adversarial.threat
    if threat is None:
        yield Finding(
            code="threat-undeclared",
            weight=Weight.OPEN,
            summary="nobody has said who could gain from turning an answer, so nobody knows what it must withstand",
            fields=("adversarial.threat",),
            remedy="Declare adversarial.threat: who gains and what, or `who: nobody` with the reason.",
            why="Whoever gains from another answer will look for the cheap way to get it.",
        )
    elif not has_adversary(system):
        yield Finding(
            code="no-adversary",
            weight=Weight.OPEN,
            summary=f"by declaration nobody gains from turning an answer ({threat.why}), which one person alone cannot "
            "decide: only noise is judged",
            fields=("adversarial.threat",),
            remedy=f"Let one declared person ask that {REQUIREMENT} does not apply, and another one approve it: "
            f"`seatrial exempt {REQUIREMENT}`; or name in adversarial.threat who gains.",
            why="Whoever overlooks one person who gains has tested nothing, and a sentence in a file stops nobody.",
        )

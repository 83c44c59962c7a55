"""Can the answers of a text classifier be turned by changes that a person reads over."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from seatrial.core.check import Trial
from seatrial.core.codec import to_data
from seatrial.core.observation import Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.ports import Prediction, Row
from seatrial.core.vocabulary import MeasureKind, Weight
from seatrial.core.wording import count, percent
from seatrial.domains.model.turning import start
from seatrial.domains.model.turning.aim import Aim
from seatrial.domains.model.turning.asking import Asking
from seatrial.domains.model.turning.start import (
    SEED,
    SHAKEN,
    Ready,
    attacked_rows,
    bounded_share,
    has_adversary,
    limits_of,
    ready_rows,
    shown_power,
    steady,
    threat_findings,
)
from seatrial.domains.model.turning.texts import Bounds, Reworded, reword
from seatrial.domains.model.turning.wording import groups_of, places_of, typed_wrong
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.stats.detection import measured_power
from seatrial.stats.interval import Interval

TURNED = "share of texts that a few changed words turn"
POWER = "power of the search for words that turn a text"
_QUERIES = 300
_TYPED_ROWS = 400
_FEWEST_WORDS = 2.0
_PLANTS = 60
_EXAMPLES = 50

CODES: Mapping[str, str] = {
    **start.CODES,
    "no-text-input": "No input is a free text that could be changed.",
    "turned-texts": "How many texts turn, and by how few words.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attack:
    """The texts that were attacked, in which fields, and whether the time was up."""

    reworded: Sequence[Reworded]
    fields: tuple[str, ...]
    over: bool
    power: Interval | None


def limits(system: System) -> Sequence[Threshold]:
    """Of an attack on texts, where the noise is typing mistakes."""
    return limits_of(system, turned=TURNED, power=POWER)


def run_text(system: System, trial: Trial) -> Observation | Reason:
    """Attack correctly answered texts word by word, and type each of them wrong once."""
    ready = ready_rows(system, trial)
    if isinstance(ready, Reason):
        return ready
    fields = text_fields(system, ready)
    if not fields:
        return Reason(
            code="no-text-input",
            summary="no input is a free text that could be changed",
            fields=("model.inputs",),
            remedy="Declare the text input, or name it in adversarial.mutable.",
        )
    section, most = system.adversarial, attacked_rows(system)
    ask = Asking(trial, batch=system.model.batch, rate=section.rate, time_s=section.time)
    queries = min(section.queries, _QUERIES)
    requests = math.ceil((most * (queries + 1) + 2 * _TYPED_ROWS) / system.model.batch)
    trial.say(f"At most {most * queries:,} changed texts will be tried, in about {requests:,} requests", 0.02)
    first = steady(system, ready, ask, shaken=_TYPED_ROWS, of="texts")
    if isinstance(first, Observation):
        return first
    answers, aim, targets = first.answers, first.aim, first.targets
    typed = _typed(system, ready, fields, answers, aim, ask)
    synonyms = groups_of(None if section.synonyms is None else _read(trial, section.synonyms))
    bounds = Bounds(words=system.policy.adversarial_words, queries=queries)
    trial.say("Changing the words that count most", 0.3)
    rows = [(ready.rows[i], answers[i]) for i in targets]
    reworded = reword(rows, fields, aim, ask, bounds=bounds, synonyms=synonyms, seed=SEED)
    trial.say("Planting words that count to see whether the search finds them", 0.8)
    scores = any(a.score is not None for a in answers.values())
    power = _power([row for row, _ in rows], fields, bounds, synonyms, scores=scores)
    attack = _Attack(reworded=reworded, fields=fields, over=ask.over, power=power)
    return _observation(system, trial, attack, typed)


def _read(trial: Trial, path: str) -> str:
    return trial.files.read(path).decode("utf-8", "replace")


def text_fields(system: System, ready: Ready) -> tuple[str, ...]:
    """The declared mutable inputs of free text; without any, those that hold several words in most rows."""
    section = system.adversarial
    fixed = {*section.immutable, *system.stress.immutable}
    texts = [n for n, f in ready.inputs.items() if _is_free(f) and n not in fixed and n in ready.rows[0]]
    if section.mutable:
        return tuple(name for name in texts if name in section.mutable)
    words = {name: np.mean([len(places_of(str(row.get(name) or ""))) for row in ready.rows]) for name in texts}
    return tuple(name for name in texts if words[name] >= _FEWEST_WORDS)


def _is_free(declared: InputField) -> bool:
    return declared.type == "string" and declared.values is None


def _typed(
    system: System, ready: Ready, fields: Sequence[str], answers: Mapping[int, Prediction], aim: Aim, ask: Asking
) -> Measure:
    drawn = random.Random(SEED)  # noqa: S311 - which letter, not a secret
    places = [i for i in ready.right[:_TYPED_ROWS] if i in answers]
    made: list[Row] = []
    for i in places:
        row = ready.rows[i]
        name = max(fields, key=lambda field: len(str(row.get(field) or "")))
        made.append({**row, name: typed_wrong(str(row.get(name) or ""), drawn)})
    told = [(i, now) for i, now in zip(places, ask(made), strict=True) if now is not None]
    other = aim.anyhow()
    flips = sum(other.turned(answers[i], now) for i, now in told)
    return bounded_share(system, SHAKEN, flips, len(told), system.policy.noise_flips, "one typing mistake in each text")


def _power(
    rows: Sequence[Row], fields: Sequence[str], bounds: Bounds, synonyms: Mapping[str, Sequence[str]], *, scores: bool
) -> Interval | None:
    """How often the search turns a stand-in whose answer hangs on a few words of the text, each within the bounds."""
    rng = np.random.default_rng(SEED)
    aim = Aim(task="binary", act_at=0.5 if scores else None)
    found = planted = 0
    for _ in range(_PLANTS if rows else 0):
        row = rows[int(rng.integers(len(rows)))]
        words = [str(row[name])[a:b] for name in fields for a, b in places_of(str(row.get(name) or ""))]
        single = [word for word, times in Counter(words).items() if times == 1]
        most = max(1, int(bounds.words * len(words)) // 2) if scores else 1
        if not single:
            continue
        carrying = frozenset(str(word) for word in rng.choice(single, size=min(len(single), most), replace=False))

        def answer(asked: Row, carrying: frozenset[str] = carrying) -> Prediction:
            there = {str(asked[n])[a:b] for n in fields for a, b in places_of(str(asked.get(n) or ""))}
            left = len(carrying & there) / len(carrying)
            score = 1.0 / (1.0 + math.exp(-4.0 * (left - 0.25))) if scores else None
            return Prediction(prediction=int(left > 0.0) if not scores else int(left >= 0.25), score=score)

        (each,) = reword(
            [(row, answer(row))],
            fields,
            aim,
            partial(_each, answer),
            bounds=bounds,
            synonyms=synonyms,
            seed=SEED,
        )
        planted += 1
        found += each.turned is not None
    return measured_power(found, planted) if planted >= _PLANTS // 2 else None


def _each(answer: Callable[[Row], Prediction], rows: Sequence[Row]) -> list[Prediction]:
    return [answer(row) for row in rows]


def _observation(system: System, trial: Trial, attack: _Attack, typed: Measure) -> Observation:
    turned = sorted((e for e in attack.reworded if e.turned is not None), key=lambda e: (e.share, len(e.changes)))
    asked = sum(e.asked for e in attack.reworded)
    share = bounded_share(
        system,
        TURNED,
        len(turned),
        len(attack.reworded),
        system.policy.adversarial_flips,
        f"at most {percent(system.policy.adversarial_words)} of the words changed",
    )
    judged = has_adversary(system)
    caught = judged and (share.lower or 0.0) > system.policy.adversarial_flips
    kept = [_example(each) for each in turned[:_EXAMPLES]]
    return Observation(
        done=f"{count(len(attack.reworded), 'correctly answered text')} of the declared test endpoint were attacked in "
        f"{', '.join(attack.fields)} with {asked:,} changed texts, at most "
        f"{percent(system.policy.adversarial_words)} of the words in each; {typed.n} were typed wrong once.",
        measures=(
            typed,
            share if judged else replace(share, kind=MeasureKind.INFORMATIVE, needed=None),
            *_power_measure(system, attack.power, judged=judged and not caught),
            *_median(turned),
        ),
        findings=(*_findings(system, attack, turned, caught=caught), *threat_findings(system)),
        artifacts={"examples": trial.artifacts.put(json.dumps(to_data(kept)).encode(), media_type="application/json")},
        facts={"texts": len(attack.reworded), "turned": len(turned), "changed_texts": asked},
    )


def _example(each: Reworded) -> Json:
    changes = [[name, str(each.row[name])[a:b], new] for (name, (a, b)), new in each.changes.items()]
    return {"row": dict(each.row), "changes": changes}


def _power_measure(system: System, power: Interval | None, *, judged: bool) -> Iterator[Measure]:
    if power is not None:
        yield shown_power(
            system, POWER, power, "a stand-in whose answer hangs on a few words of the text", judged=judged
        )


def _median(turned: Sequence[Reworded]) -> Iterator[Measure]:
    if turned:
        yield Measure(
            name="median share of words changed in a text that turned",
            value=float(np.median([e.share for e in turned])),
            unit="share",
            n=len(turned),
            method="greedy, by what leaving the word out does",
            kind=MeasureKind.INFORMATIVE,
        )


def _findings(system: System, attack: _Attack, turned: Sequence[Reworded], *, caught: bool) -> Iterator[Finding]:
    if attack.power is None and has_adversary(system) and not caught:
        yield Finding(
            code="power-unknown",
            weight=Weight.OPEN,
            summary="the texts are too short to plant a word that counts, so nobody knows what the search would miss",
            fields=attack.fields,
            remedy="Give evaluation rows whose texts are as long as those of production, a sentence at least.",
        )
    if attack.over:
        yield Finding(
            code="not-finished",
            weight=Weight.OPEN,
            summary="the time was up before every changed text was tried",
            fields=("adversarial.time", "adversarial.rate"),
            remedy="Raise adversarial.time or adversarial.rate to what the test endpoint bears; lowering "
            "adversarial.queries takes less time and weakens the search.",
        )
    if turned:
        one = sum(len(e.changes) == 1 for e in turned)
        yield Finding(
            code="turned-texts",
            weight=Weight.GAP if caught else Weight.NOTE,
            summary=f"{percent(len(turned) / len(attack.reworded))} of the texts turn when a few words are spelled "
            f"otherwise, {one} of {len(turned)} by a single word",
            fields=attack.fields,
            explains=(TURNED,) if caught else (),
            why="Whoever gains from another answer spells it so." if caught else "",
            remedy="Normalise spelling, look-alike letters and invisible characters before the model sees the text, "
            "and train with texts that are spelled wrong.",
        )

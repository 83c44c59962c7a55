"""model.trust: confidence that does not come true, rules that do nothing, and what is none of that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from plants.scored_trial import World, world
from power.family import Family, judged
from seatrial.core.check import PREDICTION, SCORE
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Outcome
from seatrial.domains.model.trust import CHECK

BAND = {"when": "0.3 <= risk < 0.7", "handling": "by-hand.md"}
USEFUL = {"when": "220 <= distance < 280", "handling": "by-hand.md"}
_ROWS = 3000


def _sound(seed: int, *rules: Any, rows: int = _ROWS) -> World:
    made = world(n=rows, seed=1 + 7 * seed)
    made.declared["do_not_trust"] = list(rules or (BAND,))
    made.declared["model"]["output"]["act_at"] = 0.5
    return made


def _bare(seed: int) -> World:
    made = _sound(seed)
    made.declared["do_not_trust"] = []
    return made


def _caught(make: Callable[[int], World]) -> Callable[[int], bool]:
    def caught(seed: int) -> bool:
        made = make(seed)
        system = made.system()
        return judged(CHECK, system, CHECK.run(system, made.trial())) is not Outcome.MET

    return caught


def _rescored(change: Callable[[Any], Any]) -> Callable[[int], World]:
    def make(seed: int) -> World:
        made = _sound(seed)
        rows = made.columns["scored.evaluation"]
        rows[SCORE] = change(np.asarray(rows[SCORE]))
        return made

    return make


def _stretched(score: Any) -> Any:
    """Above 0.5 the score is drawn towards one; what is acted on stays the same."""
    return np.where(score >= 0.5, 1.0 - (1.0 - score) * 0.1, score)


def _fewer_come_true(share: float) -> Callable[[int], World]:
    """Of the rows that are acted on so many more do not come true."""

    def make(seed: int) -> World:
        made = _sound(seed, USEFUL)
        made.declared["governance"] |= {"minimum": 0.5, "metrics": [{"metric": "accuracy", "minimum": 0.6}]}
        rows = made.columns["scored.evaluation"]
        rng = np.random.default_rng(seed)
        spoiled = (np.asarray(rows[SCORE]) >= 0.5) & (rng.random(_ROWS) < share)
        rows["late"] = np.where(spoiled, 0, rows["late"])
        return made

    return make


def _with(*rules: dict[str, str]) -> Callable[[int], World]:
    return lambda seed: _sound(seed, *({"handling": "by-hand.md", **rule} for rule in rules))


def _family(name: str, make: Callable[[int], World], *, harmful: bool = True, claimed: float | None = -1.0) -> Family:
    return Family(requirement="model.trust", name=name, harmful=harmful, caught=_caught(make), claimed=claimed)


def oversampled(made: World, seed: int, *, declared: bool = True) -> World:
    """Late rows are labelled five times as often as the others, which the column `stands_for` tells."""
    rows = made.columns["scored.evaluation"]
    late = np.asarray(rows["late"]) == 1
    chance = np.where(late, 0.9, 0.18)
    kept = np.flatnonzero(np.random.default_rng(seed).random(late.size) < chance)
    for table in ("evaluation", "scored.evaluation"):
        made.columns[table] = {
            name: column.take(kept) if hasattr(column, "take") else np.asarray(column)[kept]
            for name, column in made.columns[table].items()
        } | {"stands_for": 1.0 / chance[kept]}
    if declared:
        made.declared["data"]["evaluation"]["weight"] = "stands_for"
    # At a limit that the rules leave room for, so that the confidence alone decides.
    made.declared["governance"] |= {"metric": "accuracy", "minimum": 0.6, "metrics": []}
    return made


def _sampled(rows: int) -> Callable[[int], World]:
    return lambda seed: oversampled(_sound(seed, rows=rows), seed)


def _fitted_to_the_sample(seed: int) -> World:
    """Scores that come true among the rows that were labelled, and not in the traffic that these stand for."""
    made = _sound(seed, {"when": "0.6 <= risk < 0.8", "handling": "by-hand.md"})
    rows = made.columns["scored.evaluation"]
    odds = 5.0 * np.asarray(rows[SCORE]) / (1.0 - np.asarray(rows[SCORE]))
    rows[SCORE] = odds / (1.0 + odds)
    return oversampled(made, seed)


def _at_random(seed: int) -> World:
    """A rule that holds for 15 % of the rows, whatever is in them."""
    made = _sound(seed, {"when": "lot < 15", "handling": "by-hand.md"})
    lots = np.random.default_rng(seed).permutation(np.arange(_ROWS)) % 100
    made.columns["scored.evaluation"]["lot"] = lots
    return made


_LARGE = 4000
_INJURY = 'desk == "injury"'


def desks(*, lies: bool, rule: str = "score < 0.6", seed: int = 0) -> World:
    """Three answers with honest scores; with `lies` those of the rarest one promise 95 % and 70 % come true."""
    made = world(n=_LARGE)
    made.declared["do_not_trust"] = [{"when": rule, "handling": "docs/by-hand.md"}]
    made.declared["model"].update(task="multiclass", output={"prediction": "desk", "score": "score"})
    made.declared["governance"].update(metric="accuracy", minimum=0.6, metrics=[])
    rng = np.random.default_rng(8 + seed)
    answers = rng.choice(["small", "large", "injury"], _LARGE, p=[0.5, 0.44, 0.06])
    score = rng.uniform(0.4, 1.0, _LARGE)
    if lies:
        score = np.where(answers == "injury", 0.95, score)
    right = rng.random(_LARGE) < np.where((answers == "injury") & lies, 0.7, score)
    other = np.array([{"small": "large", "large": "small", "injury": "large"}[a] for a in answers])
    for table in ("evaluation", "scored.evaluation"):
        made.columns[table]["late"] = np.where(right, answers, other)
    made.columns["scored.evaluation"] |= {PREDICTION: answers, SCORE: score}
    return made


def _desks(*, lies: bool, rule: str = "score < 0.6") -> Callable[[int], World]:
    return lambda seed: desks(lies=lies, rule=rule, seed=seed)


def answers(*, lies: float = 0.0, seed: int = 0) -> World:
    """A chat whose scores come true, less often by `lies`; it abstains from one question in five, unsure of that.

    Of its abstentions more are right than their scores say, as where a score is the nearness of what was found.
    """
    made = world(n=_ROWS)
    made.declared["do_not_trust"] = [{"when": 'sure < 0.7 and reply != "I don\'t know."', "handling": "by-hand.md"}]
    made.declared["model"].update(task="chat", output={"prediction": "reply", "score": "sure"})
    made.declared["governance"].update(metric="accuracy", minimum=0.5, metrics=[])
    made.declared["data"]["evaluation"]["answerable"] = "known"
    rng = np.random.default_rng(9 + seed)
    abstains = rng.random(_ROWS) < 0.2
    sure = np.where(abstains, rng.uniform(0.0, 0.4, _ROWS), rng.uniform(0.5, 1.0, _ROWS))
    right = rng.random(_ROWS) < np.where(abstains, 0.9, sure - lies)
    known = np.where(abstains, ~right, right | (rng.random(_ROWS) < 0.7))
    wanted = np.array([f"{hours} hours" for hours in rng.integers(1, 50, _ROWS)])
    reply = np.where(abstains, "I don't know.", np.where(right, wanted, "100 hours"))
    for table in ("evaluation", "scored.evaluation"):
        made.columns[table] |= {"late": wanted, "known": known}
    made.columns["scored.evaluation"] |= {PREDICTION: reply, SCORE: sure}
    return made


def _answers(lies: float) -> Callable[[int], World]:
    return lambda seed: answers(lies=lies, seed=seed)


def _strict(seed: int, *rules: dict[str, str]) -> World:
    """What is trusted must be right more often than all answers are."""
    made = _sound(seed, *(rules or ({"when": 'carrier == "grey"', "handling": "by-hand.md"},)))
    made.declared["governance"] |= {"metrics": [{"metric": "accuracy", "minimum": 0.9}]}
    return made


def _proposed(make: Callable[[int], World]) -> Callable[[int], World]:
    """The world with the rules in it that the check proposes for it; as it is where it proposes none."""

    def repaired(seed: int) -> World:
        made = make(seed)
        found = CHECK.run(made.system(), made.trial())
        told = found.findings if isinstance(found, Observation) else ()
        rules = [rule for each in told if each.code == "proposed-rules" for rule in _texts(each.detail["when"])]
        if rules:
            made.declared["do_not_trust"] = [{"when": rule, "handling": "by-hand.md"} for rule in rules]
        return made

    return repaired


def _texts(when: object) -> list[str]:
    return [str(text) for text in when] if isinstance(when, list) else []


FAMILIES = (
    _family("scores drawn towards one where they are acted on", _rescored(_stretched)),
    _family("a fifth of what is acted on no longer comes true", _fewer_come_true(0.2)),
    _family("scores that come true only among rows that were likelier to be labelled", _fitted_to_the_sample),
    _family("no rule", _bare),
    _family("a rule that holds for a third of the rows, whatever the answer is worth", _with({"when": "temp > 15.5"})),
    _family("a rule that picks 15 % of the rows at random", _at_random),
    _family("a rule in the wrong direction", _with({"when": "risk < 0.05 or risk > 0.95"})),
    _family("a rule in another unit, which never holds", _with(BAND, {"when": "distance > 90000"})),
    _family("one rule that holds for a handful of rows", _with({"when": "temp > 32"})),
    _family("a rule over a field that no row has", _with(BAND, {"when": "visibility < 1"})),
    _family("a rule that holds back everything", _with({"when": "distance >= 0"})),
    _family("scores that promise too much for the rarest of three answers", _desks(lies=True)),
    _family(
        "the same, and a rule that holds back another answer",
        _desks(lies=True, rule='desk == "large" and score < 0.8'),
    ),
    _family("chat: answers of which 15 % fewer come true than their scores say", _answers(0.15)),
    _family("a rule that does not bring what is trusted to its minimum", _strict),
    _family("a sound model with a rule on the band of doubt", _sound, harmful=False),
    _family("honest scores of three answers", _desks(lies=False), harmful=False),
    _family("chat: honest scores of answers, and low ones of right abstentions", _answers(0.0), harmful=False),
    _family(
        "scores of one answer that promise too much, which a rule holds back",
        _desks(lies=True, rule=f"{_INJURY} or score < 0.6"),
        harmful=False,
    ),
    _family("no rule, until the proposed ones are taken over", _proposed(_bare), harmful=False),
    _family(
        "what is trusted misses its minimum, until the proposed rules are taken over", _proposed(_strict), harmful=False
    ),
    _family(
        "scores rescaled without changing their order, by up to two points",
        _rescored(lambda score: score + 0.08 * score * (1.0 - score)),
        harmful=False,
    ),
    _family("a rule more that holds rarely", _with(BAND, {"when": 'carrier == "grey" and temp > 25'}), harmful=False),
    _family("late rows labelled five times as often, of 6,000", _sampled(2 * _ROWS), harmful=False),
    # Of half as many rows the confidence is sometimes too uncertain to tell, and more are asked for.
    _family("late rows labelled five times as often, of 3,000", _sampled(_ROWS), harmful=False, claimed=None),
    _family("two rules that overlap", _with(BAND, {"when": "0.4 <= risk < 0.6"}), harmful=False),
)

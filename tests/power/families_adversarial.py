"""model.adversarial: answers that can be turned cheaply, and models that lean on what nobody can change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plants.turned_models import (
    Answering,
    Classifying,
    Scores,
    leaning,
    normalised,
    one_word,
    steady,
    text_world,
    turned_world,
    with_backdoor,
)
from power.family import Family, judged
from seatrial.core.ports import Row
from seatrial.core.vocabulary import Outcome
from seatrial.domains.model.adversarial import CHECK

_WORLDS = 20
_FIXED: dict[str, Any] = {"immutable": ["distance"], "queries": 160}


def _caught(make: Callable[[int], Any]) -> Callable[[int], bool]:
    def caught(seed: int) -> bool:
        system, trial = make(seed)
        return judged(CHECK, system, CHECK.run(system, trial)) is not Outcome.MET

    return caught


def _wanting(make: Callable[[int], Any]) -> Callable[[int], bool]:
    """Whether something is found that two people who agree that nobody gains cannot set aside."""

    def caught(seed: int) -> bool:
        system, trial = make(seed)
        return judged(CHECK, system, CHECK.run(system, trial)) is Outcome.NOT_MET

    return caught


def _tabular(scores: Scores, *, label_only: bool = False, **changes: Any) -> Callable[[int], Any]:
    return lambda seed: turned_world(Answering(scores, label_only=label_only), seed=3 + seed, **{**_FIXED, **changes})


def _shaken(scores: Scores) -> Callable[[int], Any]:
    """Nobody gains, but the source's noise turns answers."""

    def make(seed: int) -> Any:
        system, trial = turned_world(Answering(scores), seed=3 + seed, threat=_NOBODY, **_FIXED)
        stress = system.stress.model_copy(update={"noise": {"yard": 0.01}})
        return system.model_copy(update={"stress": stress}), trial

    return make


def _last_digit(row: Row) -> float:
    """Every other thousandth of the yard's filling counts as late."""
    return 0.9 if round(float(str(row["yard"])) * 1000) % 2 else steady(row)


def _narrow(row: Row) -> bool:
    return 0.4 < float(str(row["yard"])) < 0.46


def _grey(row: Row) -> bool:
    return row["carrier"] == "grey"


def _pair(row: Row) -> bool:
    return row["carrier"] == "grey" and bool(row["priority"])


def _texts(scores: Scores, *, label_only: bool = False) -> Callable[[int], Any]:
    return lambda seed: text_world(Classifying(scores, label_only=label_only), seed=3 + seed, n=300, queries=120)


_LEANED_ON = ["distance", "yard", "stops", "carrier"]
_NOBODY = {"who": "nobody", "why": "nobody outside sees an answer"}


def _family(name: str, make: Callable[[int], Any], *, harmful: bool = True) -> Family:
    return Family(requirement="model.adversarial", name=name, harmful=harmful, caught=_caught(make), worlds=_WORLDS)


def _nobody(name: str, make: Callable[[int], Any], *, harmful: bool = True) -> Family:
    caught = _wanting(make)
    return Family(requirement="model.adversarial", name=name, harmful=harmful, caught=caught, worlds=_WORLDS)


FAMILIES = (
    _family("a text of one input turns the answer", _tabular(with_backdoor(steady, _grey))),
    _family("a narrow range of one number turns it", _tabular(with_backdoor(steady, _narrow))),
    _family("two inputs together turn it", _tabular(with_backdoor(steady, _pair))),
    _family("every input counts a little", _tabular(leaning, immutable=[])),
    _family("a back door of a model that gives labels alone", _tabular(with_backdoor(steady, _grey), label_only=True)),
    _nobody("the last digit of a measured number turns it, and nobody gains", _shaken(_last_digit)),
    _family("nobody has said who gains", _tabular(steady, threat=None)),
    _family("a text classifier that spells exactly", _texts(one_word)),
    _family("a model that leans on what nobody can change", _tabular(steady), harmful=False),
    _family("the same, labels alone", _tabular(steady, label_only=True), harmful=False),
    _family(
        "only what is immutable turns it",
        _tabular(leaning, immutable=["distance", "yard", "stops", "carrier"]),
        harmful=False,
    ),
    _family("cheap to turn, and one person says that nobody gains", _tabular(leaning, threat=_NOBODY)),
    _nobody("cheap to turn, and two agree that nobody gains", _tabular(leaning, threat=_NOBODY), harmful=False),
    _family("a text classifier that looks through spelling", _texts(normalised), harmful=False),
)

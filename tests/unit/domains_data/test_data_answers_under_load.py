"""What known rows are answered beside a load, held against what the same model does at rest."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from seatrial.core.ports import Prediction, Reply, ReplyKind, Request, Row
from seatrial.core.vocabulary import Weight
from seatrial.domains.data import answers_under_load
from seatrial.domains.data.answers_under_load import Watcher
from seatrial.domains.data.known_answers import KnownAnswers

ROWS: Sequence[Row] = [{"x": n} for n in range(20)]
TEXTS = [f"To {verb} it, open page {at}." for at, verb in enumerate(["make", "mend", "move", "melt", "mark"] * 4)]
WORDS = ["please", "kindly", "simply", "then", "now", "just", "first"]


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_under_load, "_EVERY_S", 0.001)


class Under:
    """A model that answers as `says` does of the row's number, whether a load is on, and chance."""

    def __init__(self, says: Callable[[int, bool, random.Random], object], seed: int = 7) -> None:
        self.says = says
        self.loaded = False
        self.asked = 0
        self._drawn = random.Random(seed)

    def identity(self) -> str:
        return "m"

    def request(self, rows: Sequence[Row]) -> Request | None:
        return None

    def predict(self, rows: Sequence[Row]) -> Reply:
        self.asked += 1
        number = rows[0]["x"]
        assert isinstance(number, int)
        said = self.says(number, self.loaded, self._drawn)
        if isinstance(said, ReplyKind):
            return Reply(kind=said, latency_s=0.0)
        label, score = said if isinstance(said, tuple) else (said, None)
        return Reply(kind=ReplyKind.OK, latency_s=0.0, predictions=(Prediction(prediction=label, score=score),))


def watched(model: Under, compared: int = 60) -> Watcher:
    """What is seen of so many known rows at least, while the model is loaded."""
    watcher = Watcher.of(model, ROWS)
    model.loaded = True
    with watcher:
        until = time.monotonic() + 20.0
        while watcher.asked < compared and time.monotonic() < until:
            time.sleep(0.001)
        # Who is not waited for answers as at rest by then.
        model.loaded = False
    return watcher


def own_label(number: int) -> int:
    return number % 3


def drawn(share: float) -> Callable[[int, bool, random.Random], object]:
    """Gives another label in that share of answers, loaded or not."""
    return lambda number, _, chance: own_label(number) + (chance.random() < share)


def mixed(share: float, noise: float = 0.0) -> Callable[[int, bool, random.Random], object]:
    """Gives another row's label in that share of answers under load, and varies by itself besides."""
    return lambda n, loaded, chance: (
        own_label(n + (loaded and chance.random() < share)) + (1 if noise and chance.random() < noise else 0)
    )


def sampled(mixes: float) -> Callable[[int, bool, random.Random], object]:
    """Words the same answer differently each time, and gives another row's under load."""

    def says(number: int, loaded: bool, chance: random.Random) -> object:
        at = number if not loaded or chance.random() >= mixes else (number + 7) % len(TEXTS)
        return f"{chance.choice(WORDS)} {TEXTS[at]} {chance.choice(WORDS)} {chance.choice(WORDS)}"

    return says


def rounded(number: int, loaded: bool, _: random.Random) -> object:
    """The score moves in its sixth digit when it is worked out beside others."""
    return own_label(number), 0.912345 + 1e-6 * loaded


def scored_anew(number: int, loaded: bool, _: random.Random) -> object:
    return own_label(number), 0.91 - 0.01 * loaded


def noisy_score(number: int, _: bool, chance: random.Random) -> object:
    return own_label(number), chance.random()


def noisy_and_mixed(number: int, loaded: bool, chance: random.Random) -> object:
    return own_label(number + (loaded and chance.random() < 0.1)), chance.random()


@pytest.mark.parametrize(
    ("says", "codes"),
    [
        (drawn(0.0), set()),
        (noisy_score, set()),
        (rounded, set()),
        (lambda n, loaded, _: n + loaded, {"wrong-under-load"}),
        (lambda n, loaded, _: ReplyKind.MALFORMED if loaded else n, {"wrong-under-load"}),
        (lambda n, loaded, _: ReplyKind.TIMED_OUT if loaded else n, {"answers-not-seen"}),
        (scored_anew, {"wrong-under-load"}),
        (noisy_and_mixed, {"wrong-under-load"}),
        (mixed(0.1), {"wrong-under-load"}),
    ],
)
def test_answers_beside_a_load_are_seen_for_what_they_are(
    says: Callable[[int, bool, random.Random], object], codes: set[str]
) -> None:
    found = list(watched(Under(says), compared=200).findings())
    assert {finding.code for finding in found} == codes
    assert all(f.weight is (Weight.OPEN if f.code == "answers-not-seen" else Weight.GAP) for f in found)


@pytest.mark.parametrize("share", [0.01, 0.02])
def test_a_model_that_varies_as_much_at_rest_is_not_held_to_what_it_does_not_have(share: float) -> None:
    watchers = [watched(Under(drawn(share), seed)) for seed in range(40)]
    varied = [w for w in watchers if w.varied]
    assert sum(w.wrong > 0 for w in watchers) <= 4
    assert len(varied) >= 8
    (note,) = varied[0].findings()
    assert (note.code, note.weight) == ("answers-vary", Weight.NOTE)
    assert "the model's own" in note.summary
    assert all(w.sound == (w.wrong == 0) for w in watchers)


def test_answers_mixed_up_under_load_are_found_beside_a_variation_of_its_own() -> None:
    found = [watched(Under(mixed(0.1, noise=0.02), seed), compared=200).wrong > 0 for seed in range(20)]
    assert sum(found) >= 18


def test_answers_that_are_worded_anew_each_time_are_still_told_from_those_to_other_rows() -> None:
    mixes = [watched(Under(sampled(0.1), seed), compared=200).wrong > 0 for seed in range(10)]
    alone = [watched(Under(sampled(0.0), seed), compared=200).wrong > 0 for seed in range(10)]
    assert sum(mixes) >= 9
    assert sum(alone) <= 1


def test_a_single_answer_of_a_model_that_never_varies_is_enough() -> None:
    found = [watched(Under(mixed(1 / 30), seed), compared=200).wrong > 0 for seed in range(20)]
    assert sum(found) >= 19


def test_what_a_load_leaves_behind_is_not_taken_for_the_model_s_own_variation() -> None:
    kept: set[int] = set()

    def poisoned(number: int, loaded: bool, chance: random.Random) -> object:
        if loaded and chance.random() < 0.02:
            kept.add(number)
        return own_label(number) + (number in kept)

    watcher = watched(Under(poisoned), compared=300)
    assert kept
    assert watcher.wrong
    assert "wrong-under-load" in {finding.code for finding in watcher.findings()}


def test_nothing_is_asked_at_rest_where_nothing_differed() -> None:
    model = Under(drawn(0.0))
    watcher = watched(model)
    assert model.asked == watcher.asked + 2 * len(ROWS)


def test_a_number_is_the_same_within_what_single_precision_makes_of_it() -> None:
    known = KnownAnswers(Under(drawn(0.0)), ROWS[:2], [(Prediction(prediction=v),) * 2 for v in (100.0, 300.0)])
    assert [known.off(0, Prediction(prediction=v)) for v in (100.0, 100.00001, 100.1, 300.0)] == [
        False,
        False,
        True,
        True,
    ]


class Timed:
    """A model whose n-th answer takes n ms."""

    def __init__(self) -> None:
        self.asked = 0

    def predict(self, rows: Sequence[Row]) -> Reply:
        del rows
        self.asked += 1
        return Reply(kind=ReplyKind.OK, latency_s=self.asked / 1000.0, predictions=(Prediction(prediction=0),))


@pytest.mark.parametrize(("rows", "p95_s"), [(20, 0.038), (5, 0.010), (4, math.nan)])
def test_what_one_request_takes_by_itself_is_told_by_those_before_the_load(rows: int, p95_s: float) -> None:
    model: Any = Timed()
    watcher = Watcher.of(model, [{"x": n} for n in range(rows)])
    assert watcher.alone_s == pytest.approx(p95_s, nan_ok=True)
    assert watcher.anew().alone_s == pytest.approx(p95_s, nan_ok=True)

"""Models that do not answer as declared, end to end: each is named with its remedy, and one bad row costs one row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_run import declare, see

from plants.model_server import FAULTS
from plants.server import Answering, Asked, Said, Server, said
from plants.tiny_system import SECRET, plant, steady
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Outcome, Weight


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(steady) as served:
        yield served


@pytest.fixture
def place(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODEL_KEY", SECRET)
    return plant(tmp_path / "system", server.url, count=200)


def _predicting(answer: Answering) -> Answering:
    """The sound server, but for what it predicts."""
    return lambda asked: steady(asked) if asked.path == "/version" else answer(asked)


_BY_HAND = "one of your rows by hand"
_FAULTS = {
    "html": ("malformed", "it looks like HTML", _BY_HAND),
    "fewer-rows": ("malformed", "were answered", _BY_HAND),
    "nan": ("malformed", "NaN is no JSON number", _BY_HAND),
    "infinite": ("malformed", "inf", _BY_HAND),
    "out-of-range": ("malformed", "1.5 as its 'probability', outside 0 to 1", _BY_HAND),
    "other-shape": ("malformed", "no 'predictions'", "model.output"),
    "without-score": ("malformed", "no field 'probability'", "model.output"),
    "broken": ("unreachable", "status 500", "log"),
    "slow": ("unreachable", "did not answer within 0.2 s", "model.timeout"),
}


_LIKE_OTHERS = {"infinite", "without-score", "broken", "out-of-range"}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in _LIKE_OTHERS else ()) for n in _FAULTS]
)
def test_a_model_that_never_answers_as_declared_is_named_with_the_remedy(
    name: str, place: Path, server: Server
) -> None:
    code, what, remedy = _FAULTS[name]
    declare(place, ("timeout: 2s", "timeout: 200ms"))
    server.answer = _predicting(FAULTS[name][0])
    seen = see(place, "model.threshold")
    reason = seen.reason("model.threshold")
    assert reason.code == code
    assert what in reason.summary
    assert remedy in reason.remedy
    assert seen.assessment("model.threshold").outcome is Outcome.NOT_DETERMINED


def test_a_model_that_cannot_be_reached_is_named_with_its_address(place: Path, server: Server) -> None:
    url = server.url
    server.close()
    seen = see(place, "model.threshold")
    reason = seen.reason("model.threshold")
    assert reason.code == "unreachable"
    assert f"{url} cannot be reached" in reason.summary
    assert "Start it" in reason.remedy
    assert f"{url} cannot be reached" in seen.gap("model.threshold").summary, "not only that nobody knows its version"
    assert "Start it" in seen.gap("model.threshold").remedy
    assert seen.assessment("model.threshold").outcome is Outcome.NOT_DETERMINED


def test_a_model_that_sends_elsewhere_is_not_followed_and_gives_no_secret_away(place: Path, server: Server) -> None:
    with Server(steady) as elsewhere:
        away = Said(status=307, headers={"Location": f"{elsewhere.url}/predict"})
        server.answer = _predicting(lambda _: away)
        reason = see(place, "model.threshold").reason("model.threshold")
        assert elsewhere.asked == []
        assert f"redirects to {elsewhere.url}, which is not declared" in reason.summary
    assert reason.code == "malformed"
    assert "model.endpoint" in reason.remedy


def test_a_500_for_one_row_in_a_thousand_costs_that_row_and_is_counted_and_said(tmp_path: Path, place: Path) -> None:
    def falls_over(asked: Asked) -> Said:
        # One row of a thousand, and one where the right answer is to warn.
        if any((row["wind"], row["distance"]) == (40, 580) for row in asked.json()["rows"]):
            return said({"error": "KeyError: 580"}, 500)
        return steady(asked)

    with Server(_predicting(falls_over)) as served:
        thousand = plant(tmp_path / "thousand", served.url, count=1000)
        seen = see(thousand, "model.threshold")
    result = seen.result("model.threshold")
    assert isinstance(result, Observation)
    recall = next(m for m in result.measures if m.name == "recall")
    assert recall.value is not None
    assert recall.n is not None
    assert recall.value == pytest.approx(1 - 1 / recall.n)
    told = seen.findings("model.threshold")["unanswered-rows"]
    assert told.weight is Weight.NOTE
    assert "did not answer 1 of 1000 rows" in told.summary.replace(",", "")
    assert "500" in told.summary


def test_one_score_outside_0_to_1_costs_that_row_and_is_said(place: Path, server: Server) -> None:
    def overshoots(asked: Asked) -> Said:
        rows = asked.json()["rows"]
        answers = steady(asked)
        if not any(row["distance"] == 130 for row in rows):
            return answers
        return FAULTS["out-of-range"][0](asked) if len(rows) == 1 else Said(body=answers.body.replace(b"0.9", b"1.9"))

    server.answer = _predicting(overshoots)
    told = see(place, "model.threshold").findings("model.threshold")["unanswered-rows"]
    assert "did not answer 1 of 200 rows" in told.summary
    assert "outside 0 to 1" in told.summary

"""The text and chat examples from the empty folder to the verdict, with real services, real checks and a real model."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from seatrial.app.demo import Demo
from seatrial.core.errors import Unreachable
from seatrial.core.events import CheckFinished, StageFinished
from seatrial.core.vocabulary import Answer, Outcome
from seatrial.examples.catalogue import EXAMPLES
from seatrial.examples.example import Variant
from seatrial.examples.parts import fetching

pytestmark = pytest.mark.timed

JUDGED = ("model.threshold", "data.freshness", "ownership.monitor")


def run(demo: Demo) -> dict[str, Outcome]:
    """The outcomes of the checks that were executed; no stage may have a problem."""
    events = list(demo.events(JUDGED))
    assert [e.problem for e in events if isinstance(e, StageFinished) and e.problem] == []
    checked = {e.requirement for e in events if isinstance(e, CheckFinished)}
    verdict = demo.verdict()
    assert verdict.verdict is Answer.NO_GO
    return {a.id: a.outcome for a in verdict.requirements if a.id in checked}


def fetched(variant: Variant) -> None:
    """Skips where the extra is not installed, or its parts can neither be found nor fetched."""
    example = EXAMPLES["answer-bot"]
    lacking = [name for name in example.modules[variant] if find_spec(name) is None]
    if lacking:
        pytest.skip(f"not installed: {', '.join(lacking)}")
    try:
        for _ in fetching(example.parts[variant]):
            pass
    except Unreachable as error:
        pytest.skip(f"the parts cannot be fetched: {error.what}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "demo"


@pytest.mark.slow
def test_the_ready_mail_triage_clears_its_plans_minimum(folder: Path) -> None:
    assert set(run(Demo(folder, example="mail-triage", ready=True)).values()) == {Outcome.MET}


@pytest.mark.slow
def test_the_mail_pilot_has_its_honest_defects(folder: Path) -> None:
    assert set(run(Demo(folder, example="mail-triage")).values()) == {Outcome.NOT_MET}


@pytest.mark.slow
def test_the_ready_answer_bot_clears_its_plans_minimum(folder: Path) -> None:
    fetched("ready")
    assert set(run(Demo(folder, example="answer-bot", ready=True)).values()) == {Outcome.MET}


@pytest.mark.slow
def test_the_language_model_of_the_answer_pilot_does_not(folder: Path) -> None:
    fetched("pilot")
    assert run(Demo(folder, example="answer-bot"))["model.threshold"] is Outcome.NOT_MET

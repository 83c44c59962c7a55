"""What goes wrong with mails and their labels, planted alone into a sound world, and which check sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from plants.real_trial import judged
from plants.scored_trial import World
from plants.text_world import mails, rewrite, text_world
from seatrial.core.check import PREDICTION, Check
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Outcome, Weight
from seatrial.domains.model import out_of_sample, trust
from seatrial.domains.model.threshold import CHECK as THRESHOLD
from seatrial.gate.judging import Judgement
from seatrial.spec.system import System

_SCORED = ("evaluation", "scored.evaluation")


def seen(check: Check[System], made: World) -> tuple[Observation, Judgement]:
    system = made.system()
    found = check.run(system, made.trial())
    assert isinstance(found, Observation), found
    return found, judged(check, system, found)


def long_mails() -> World:
    """The sound world with mails of two parts, most of them longer than 200 characters."""
    made = text_world()
    for number, name in enumerate(("training", "evaluation", "live")):
        queues: Sequence[str] = made.columns[name]["queue"]
        drawn, theirs = mails(4 * len(queues), seed=40 + number)
        more = {queue: [t for t, q in zip(drawn, theirs, strict=True) if q == queue] for queue in set(queues)}
        bodies = made.columns[name]["body"]
        longer = [f"{body} {more[queue].pop()}" for body, queue in zip(bodies, queues, strict=True)]
        rewrite(made, name, range(len(longer)), longer)
    return made


def cut(made: World) -> None:
    bodies = made.columns["live"]["body"]
    rewrite(made, "live", range(len(bodies)), [body[:200] for body in bodies])


def emptied(made: World) -> None:
    rows = range(0, len(made.columns["live"]["body"]), 20)
    rewrite(made, "live", rows, [""] * len(rows))


def shifted(made: World) -> None:
    """Each mail has the label of the one after it."""
    for name in _SCORED:
        made.columns[name]["queue"] = np.roll(made.columns[name]["queue"], -1).tolist()


def of_the_model(made: World) -> None:
    for name in _SCORED:
        made.columns[name]["queue"] = list(made.columns["scored.evaluation"][PREDICTION])


def ruled(when: str) -> Callable[[World], None]:
    def plant(made: World) -> None:
        made.declared["do_not_trust"] = [{"when": when, "handling": "plan.md"}]

    return plant


def test_long_mails_that_are_not_cut_are_well() -> None:
    _, judgement = seen(out_of_sample.CHECK, long_mails())
    assert judgement.outcome is Outcome.MET, judgement


@pytest.mark.parametrize(
    ("plant", "make", "check", "outcome", "code"),
    [
        (cut, long_mails, out_of_sample.CHECK, Outcome.NOT_MET, "field-drift"),
        (emptied, text_world, out_of_sample.CHECK, Outcome.NOT_MET, "not-validated"),
        (shifted, text_world, THRESHOLD, Outcome.NOT_MET, "limit-missed"),
        (ruled("attachments > 40"), text_world, trust.CHECK, Outcome.NOT_DETERMINED, "rule-never-holds"),
        (ruled("attachments >= 3"), text_world, trust.CHECK, Outcome.NOT_MET, "rules-no-better-than-chance"),
    ],
)
def test_a_planted_defect_is_seen_on_its_requirement(
    plant: Callable[[World], None], make: Callable[[], World], check: Check[System], outcome: Outcome, code: str
) -> None:
    made = make()
    plant(made)
    _, judgement = seen(check, made)
    assert (judgement.outcome, judgement.code) == (outcome, code)


@pytest.mark.parametrize(("share", "told"), [(1.0, True), (0.99, False)])
def test_labels_that_the_model_wrote_are_told_to_whoever_signs(share: float, told: bool) -> None:
    made = text_world()
    truth = list(made.columns["evaluation"]["queue"])
    of_the_model(made)
    theirs = round((1.0 - share) * len(truth))
    for name in _SCORED:
        wrong = [i for i, queue in enumerate(truth) if queue != made.columns[name]["queue"][i]][:theirs]
        for i in wrong:
            made.columns[name]["queue"][i] = truth[i]
    found, _ = seen(THRESHOLD, made)
    notes = [f for f in found.findings if f.code == "labels-equal-answers"]
    assert [f.weight for f in notes] == [Weight.NOTE] * told
    assert all("not one of 900 answers differs" in f.summary for f in notes)


def test_few_rows_without_an_error_are_no_news() -> None:
    made = text_world(n=250)
    of_the_model(made)
    found, _ = seen(THRESHOLD, made)
    assert "labels-equal-answers" not in {f.code for f in found.findings}

"""When rows count as clusters: by the cluster in which a row stands, not by how many clusters there are."""

from __future__ import annotations

import numpy as np
import pytest

from plants.scored_trial import world
from plants.told import codes, finding
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Outcome, Weight
from seatrial.domains.model.bounding import clustered
from seatrial.domains.model.threshold import CHECK
from seatrial.gate.judging import judge_measure


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ([1] * 1000, False),
        ([2] * 50 + [1] * 900, False),
        ([2] * 500, True),
        ([10] * 100, True),
        ([400] + [1] * 3600, True),
        ([], False),
    ],
)
def test_rows_are_clusters_where_the_mean_row_stands_among_others(sizes: list[int], told: bool) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    assert clustered(groups) is told


@pytest.mark.parametrize(("entities", "weighted"), [(12, False), (12, True), (400, False), (400, True)])
def test_too_few_entities_bound_nothing_however_rows_are_weighted_and_more_entities_are_asked_for(
    entities: int, weighted: bool
) -> None:
    made = world(n=1200, live=800)
    made.declared["governance"].update(metric="accuracy", minimum=0.6, metrics=[])
    made.files["plan.md"] = b"---\nlimits:\n  accuracy: 0.6\n---\n"
    if weighted:
        made.declared["data"]["evaluation"]["weight"] = "stands_for"
    for table in ("evaluation", "scored.evaluation"):
        made.columns[table]["id"] = np.array([f"store {i % entities}" for i in range(1200)])
        made.columns[table]["stands_for"] = np.full(1200, 2.0)
    found = CHECK.run(made.system(), made.trial())
    assert isinstance(found, Observation)
    accuracy = next(m for m in found.measures if m.name == "accuracy")
    few = entities < 30
    judged = judge_measure(accuracy, CHECK.limits(made.system())[0])
    assert judged.outcome is (Outcome.NOT_DETERMINED if few else Outcome.MET)
    assert ("few-entities" in codes(found)) == few
    if few:
        told = finding(found, "few-entities")
        assert told.weight is Weight.OPEN
        assert "18 more id" in told.remedy
        assert judged.needed == "Label 18 more entities."

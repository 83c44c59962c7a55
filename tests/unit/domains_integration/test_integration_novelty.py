"""What flows are driven with: no content twice as far as there are records, so that no cache makes a flow look fast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from plants.planted_trial import PlantedTrial
from seatrial.core.ports import Row
from seatrial.domains.flows.driving import Lane
from seatrial.domains.flows.lanes import in_order_of_novelty, lane_of
from seatrial.spec.integration import Flow

FLOW = Flow.model_validate({"name": "f", "in": "a", "out": "b", "key": "id", "within": "1s", "peak": "60/s"})


class Entry:
    """Shows so many records with contents of their own, and is written to."""

    def __init__(self, records: int) -> None:
        self.records: list[Row] = [{"id": f"r{at}", "content": at} for at in range(records)]

    def read(self, most: int) -> Sequence[Row]:
        return self.records

    def request(self, record: Row) -> None:
        """Records are written, not sent over HTTP."""


def trial(records: int, seed: int) -> Any:
    planted: Any = PlantedTrial()
    planted.seed = seed
    planted.integration = {"a": Entry(records)}.__getitem__
    return planted


def sent(lane: Lane) -> list[Any]:
    """The contents of as many records as arrive on average."""
    return [row["content"] for row in lane.records[: lane.expected]]


def test_no_content_is_sent_twice_in_a_check_as_far_as_there_are_records() -> None:
    here = trial(480, seed=1_000_003)
    alone = lane_of(here, FLOW, "a", 2.0)
    together = lane_of(here, FLOW, "b", 6.0, behind=alone)
    assert (len(sent(alone)), len(sent(together))) == (120, 360)
    assert len({*sent(alone), *sent(together)}) == 480


def test_checks_begin_with_other_records() -> None:
    assert sent(lane_of(trial(5000, seed=17), FLOW, "a", 2.0)) != sent(lane_of(trial(5000, seed=2017), FLOW, "a", 2.0))


def test_few_records_are_first_seen_evenly_over_the_whole_time() -> None:
    order = in_order_of_novelty(30, 400, 300, first=7, seed=5)
    firsts = [at for at, place in enumerate(order) if place not in order[:at]]
    assert set(order) == set(range(30))
    assert firsts == [at * 10 for at in range(30)]


def test_records_that_are_given_go_in_in_their_order() -> None:
    given = [{"id": "x", "content": at} for at in (5, 3, 4)]
    lane = lane_of(trial(500, seed=9), FLOW, "a", 1.0, templates=given)
    assert sent(lane)[:6] == [5, 3, 4, 5, 3, 4]


def test_a_single_record_is_enough_to_drive_a_flow() -> None:
    lane = lane_of(trial(1, seed=3), FLOW, "a", 2.0)
    assert set(sent(lane)) == {0}
    assert len(set(lane.keys)) == len(lane.records)

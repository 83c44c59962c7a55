"""What a watch knows is a replay of its journal in the order of arrival, whatever the batches and the repetitions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plants.watched_errors import ERRORS, NOW, events, wrong
from seatrial.watch import watching as module
from seatrial.watch.detectors import Detector, Level
from seatrial.watch.events import WatchEvent
from seatrial.watch.store import Store
from seatrial.watch.stream import Stream
from seatrial.watch.watching import Watching

COUNTED = Stream(
    name="counted",
    words="errors",
    take=wrong,
    labelled=True,
    detectors=(Detector(name="day", asks="counts", mark=20.0, line=21.0, level=Level.OFFLINE, says="over 20 a day"),),
)
DAILY = Stream(
    name="daily",
    words="errors by the day",
    take=wrong,
    labelled=True,
    by_day=True,
    detectors=(
        Detector(name="rises", asks="rises", mark=0.1, line=3.0, level=Level.PAGE, says="worse", counts=False),
        Detector(name="limit", asks="exceeds", mark=0.2, line=3.0, level=Level.PAGE, says="worse", counts=False),
    ),
)
STREAMS = (ERRORS, COUNTED, DAILY)


def known(deliveries: list[list[WatchEvent]], *, most: int) -> tuple[Any, list[Any]]:
    store = Store.open("sqlite://")
    with patch.object(module, "MOST", most):
        for delivery in deliveries:
            store.append(delivery, now=NOW)
            # Two watches take turns.
            for _ in range(2):
                Watching(store, STREAMS, begun=NOW).step()
        Watching(store, STREAMS, begun=NOW).catch_up()
    found = store.state(module.NAME)[1], store.alarms()
    store.close()
    return found


@settings(max_examples=8, deadline=None)
@given(
    order=st.randoms(use_true_random=False),
    cuts=st.lists(st.integers(1, 119), max_size=6, unique=True),
    again=st.lists(st.integers(0, 6), max_size=3),
    most=st.integers(3, 60),
)
def test_the_state_is_a_replay_of_the_journal(order: Any, cuts: list[int], again: list[int], most: int) -> None:
    sent = [*events(20, 0.1, seed=3), *events(40, 0.9, seed=4, first=20)]
    order.shuffle(sent)
    places = [0, *sorted(cuts), len(sent)]
    pieces = [sent[a:b] for a, b in pairwise(places)]
    for number in again:
        pieces.append(pieces[number % len(pieces)])
    whole = known([sent], most=10_000)
    assert known(pieces, most=most) == whole
    assert whole[0]["paired"] == 60
    assert np.isfinite(whole[0]["streams"]["errors"]["total"])

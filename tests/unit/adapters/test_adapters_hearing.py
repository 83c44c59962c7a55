"""What is heard comes in the order in which it arrived, whatever it is asked for."""

from __future__ import annotations

import json

from seatrial.adapters.integrations.hearing import Heard
from seatrial.adapters.integrations.place import Place
from seatrial.spec.integration import End


def test_records_are_told_in_the_order_in_which_they_were_heard_first() -> None:
    heard = Heard(Place(name="orders", kind="mqtt", which="test", end=End(url="mqtt://b"), writable=True))
    for key in ("b", "c", "a", "b"):
        heard.take(json.dumps({"id": key}).encode())
    assert list(heard.observed("id", ["a", "b", "c", "d"])) == ["b", "c", "a"]
    heard.take(json.dumps({"id": "d"}).encode())
    found = heard.observed("id", ["d", "a", "b"])
    assert list(found) == ["b", "a", "d"]
    assert len(found["b"]) == 2

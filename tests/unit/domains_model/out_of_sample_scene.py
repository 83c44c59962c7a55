"""A world looked at for whether its evaluation is out of sample."""

from __future__ import annotations

from plants.scored_trial import World
from seatrial.core.observation import Observation
from seatrial.domains.model.out_of_sample import CHECK


def observe(made: World) -> Observation:
    found = CHECK.run(made.system(), made.trial())
    assert isinstance(found, Observation), found
    return found

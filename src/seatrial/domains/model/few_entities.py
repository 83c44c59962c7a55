"""Where labelled rows are of too few entities for a bound over entities: more rows of the same ones say nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from seatrial.core.observation import Finding, Measure
from seatrial.core.vocabulary import Weight
from seatrial.domains.scored.rows import Ints
from seatrial.spec.system import System
from seatrial.stats.clusters import FEWEST

CODES: Final[Mapping[str, str]] = {
    "few-entities": "The labelled rows are of too few entities for a bound over entities.",
}


def lacking(groups: Ints | None) -> int:
    """How many more entities a bound over them needs; 0 where rows are independent or entities are enough.

    >>> lacking(np.array([0, 0, 1, 1])), lacking(np.arange(50)), lacking(None)
    (28, 0, 0)
    """
    return 0 if groups is None else max(0, FEWEST - np.unique(groups).size)


def few_entities(system: System, groups: Ints | None) -> Iterator[Finding]:
    """What to do where the entities of the labelled rows (`groups`, one number a row) are too few."""
    more = lacking(groups)
    if not more:
        return
    name = system.data.evaluation.entity if system.data.evaluation else None
    yield Finding(
        code="few-entities",
        weight=Weight.OPEN,
        summary=f"the labelled rows are of {FEWEST - more} different {name}, and a bound over them takes {FEWEST} at "
        "least: more rows of the same ones settle nothing",
        fields=("data.evaluation.entity",),
        remedy=f"Label rows of at least {more} more {name}. Where it will never meet another {name} than these, name "
        "in data.evaluation.entity what comes anew and brings several rows, such as the order or the day.",
        why="Rows of one entity resemble each other, so it is entities that are counted.",
    )


def settled_by_entities(measure: Measure, groups: Ints | None) -> Measure:
    """The measure, saying how many more entities would give it a bound where they are too few."""
    more = lacking(groups)
    return replace(measure, needed=more, needed_unit="labelled entities") if more else measure

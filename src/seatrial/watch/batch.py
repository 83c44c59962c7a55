"""What one step of a watch looks at: predictions as they arrived, and predictions whose outcome is now known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seatrial.watch.events import Kind
from seatrial.watch.store import Store, Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A prediction and its outcome; `sequence` is that of the later of the two, whichever it was."""

    sequence: int
    prediction: Stored
    outcome: Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The next events in the order of their arrival. `alone` are the outcomes whose prediction is not known yet."""

    events: Sequence[Stored]
    predictions: Sequence[Stored]
    pairs: Sequence[Pair]
    alone: int
    found: int
    """Outcomes that had arrived before their prediction, which is here now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What a stream takes of a batch: values in [0, 1], each with when it became known (seconds) and its sequence.

    `made` is when its prediction was made (seconds): rows of one day share that day's weather, customers and machines.
    """

    values: npt.NDArray[np.float64]
    at: npt.NDArray[np.float64]
    sequence: npt.NDArray[np.int64]
    made: npt.NDArray[np.float64]


def batch_of(store: Store, events: Sequence[Stored]) -> Batch:
    """The batch of these events. What is paired depends on the order of arrival alone, not on how it was cut."""
    predictions = [each for each in events if each.kind is Kind.PREDICTION]
    outcomes = [each for each in events if each.kind is Kind.OUTCOME]
    here = {each.id: each for each in predictions}
    told = {each.id: each for each in outcomes}
    before = events[0].sequence - 1 if events else 0
    earlier = store.of_kind(Kind.PREDICTION, [each.id for each in outcomes if each.id not in here], until=before)
    waiting = store.of_kind(Kind.OUTCOME, [each.id for each in predictions if each.id not in told], until=before)
    pairs = [_pair(here.get(each.id) or earlier.get(each.id), each) for each in outcomes]
    pairs += [_pair(each, waiting.get(each.id)) for each in predictions]
    matched = sorted((pair for pair in pairs if pair is not None), key=lambda pair: pair.sequence)
    return Batch(
        events=events,
        predictions=predictions,
        pairs=matched,
        alone=sum(each.id not in here and each.id not in earlier for each in outcomes),
        found=len(waiting),
    )


def _pair(prediction: Stored | None, outcome: Stored | None) -> Pair | None:
    if prediction is None or outcome is None:
        return None
    later = max(prediction.sequence, outcome.sequence)
    return Pair(sequence=later, prediction=prediction, outcome=outcome)

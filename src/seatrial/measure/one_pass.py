"""One pass over a table for everything that anybody wants to know of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seatrial.core.check import MeasureRequest
from seatrial.core.codec import to_data
from seatrial.measure.accumulator import Accumulator, MeasureError, Plain
from seatrial.measure.catalogue import restored, start
from seatrial.measure.columns import Columns


def key_of(request: MeasureRequest) -> str:
    """The same text for equal requests: options are mappings, which cannot be keys themselves."""
    return json.dumps([request.table, request.measure, to_data(request.options)], sort_keys=True)


def columns_of(requests: Iterable[MeasureRequest]) -> tuple[str, ...] | None:
    """The columns that these requests read, None when one of them reads all."""
    wanted: dict[str, None] = {}
    for request in requests:
        columns = start(request.measure, request.options).columns()
        if columns is None:
            return None
        wanted.update(dict.fromkeys(columns))
    return tuple(wanted)


class OnePass:
    """All measures of one table, or of one partition of it. Equal requests are measured once."""

    def __init__(self, requests: Iterable[MeasureRequest], *, partition: str | None = None) -> None:
        self._measures: dict[str, Accumulator] = {}
        for request in requests:
            key = key_of(request)
            if key not in self._measures:
                self._measures[key] = start(request.measure, request.options, partition=partition)

    def update(self, batch: object) -> None:
        """Feed one record batch to all; each column is decoded once."""
        columns = Columns.of(batch)
        for measure in self._measures.values():
            measure.update(columns)

    def states(self) -> Plain:
        """The state of each, as plain data."""
        return {key: measure.state() for key, measure in self._measures.items()}

    def merge(self, states: Mapping[str, Any]) -> None:
        """Add the states of another partition. Raises MeasureError when they are of other requests."""
        if set(states) != set(self._measures):
            raise MeasureError("the states to merge are not of the same measures")
        for key, state in states.items():
            self._measures[key].merge(restored(state))

    def finish(self) -> dict[str, Plain]:
        """The result of each request by its `key_of`."""
        return {key: measure.finish() for key, measure in self._measures.items()}


def collect(batches: Iterable[object], requests: Sequence[MeasureRequest]) -> dict[str, Plain]:
    """Read the batches once and answer all requests, by `key_of`. Memory is bounded by the measures, not the rows."""
    measures = OnePass(requests, partition="whole")
    for batch in batches:
        measures.update(batch)
    return measures.finish()

"""What the format check knows of the declared inputs, and the live rows that it looks at one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from seatrial.core.ports import Table
from seatrial.measure.columns import plain_text
from seatrial.measure.format_changes import Declared
from seatrial.measure.format_swaps import Fingerprints
from seatrial.spec.model import InputField
from seatrial.spec.system import System

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS = 5000


def fields_of(system: System, inputs: Mapping[str, InputField], reference: Fingerprints) -> dict[str, Declared]:
    """The fields to compare: the declared inputs, or where none are declared all columns but labels and entities."""
    if inputs:
        return {name: _declared(field) for name, field in inputs.items()}
    sources = [s for s in (system.data.training, system.data.evaluation, system.data.live) if s is not None]
    apart = {name for s in sources for name in (s.label, s.entity)}
    return {name: Declared() for name in reference if name not in apart}


def _declared(field: InputField) -> Declared:
    values = None if field.values is None else tuple(plain_text(value) for value in field.values)
    return Declared(unit=field.unit, minimum=field.minimum, maximum=field.maximum, values=values)


def feeds_of(system: System, inputs: Mapping[str, InputField], field: str) -> tuple[str, ...]:
    """The integrations that are declared to feed a field."""
    fed_by = inputs[field].fed_by if field in inputs else None
    declared = [name for name, section in system.integrations.items() if field in section.feeds]
    return tuple(dict.fromkeys([*([fed_by] if fed_by else []), *declared]))


def spread_rows(table: Table, columns: Sequence[str], *, rows: int, most: int = MOST_ROWS) -> pa.Table:
    """Every k-th of `rows` rows, so that at most `most` of them, from all over the table, are kept."""
    import pyarrow as pa

    return pa.Table.from_batches(list(_spread(table, columns, max(1, -(-rows // most)))))


def _spread(table: Table, columns: Sequence[str], step: int) -> Iterator[pa.RecordBatch]:
    before = 0
    for batch in table.batches(columns):
        yield batch.take(pa_indices(np.arange(-before % step, batch.num_rows, step)))
        before += batch.num_rows


def pa_indices(places: np.ndarray) -> pa.Array:
    """Row numbers as Arrow wants them."""
    import pyarrow as pa

    return pa.array(places, type=pa.int64())

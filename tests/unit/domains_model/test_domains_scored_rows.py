"""Rows put together from parts of a table that keep one column each in their own way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from plants.scored_trial import ArrowTable
from seatrial.core.errors import Malformed
from seatrial.domains.scored.rows import read_rows

LONG = 1_200_000_000
"""Bytes of a text of which two do not fit into one piece; never written to, so that they take no memory."""


def _codes(values: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.arange(len(values)), pa.int8()), pa.array(values))


def _table(*parts: pa.Array) -> ArrowTable:
    return ArrowTable(pa.Table.from_batches([pa.RecordBatch.from_arrays([part], names=["note"]) for part in parts]))


@pytest.mark.parametrize("most", [500, 150])
def test_small_dictionaries_of_other_categories_are_put_together(most: int) -> None:
    names = [f"dock {at}" for at in range(200)]
    rows = read_rows(_table(_codes(names[:100]), _codes(names[100:])), ["note"], most=most, seed=1)
    texts, codes = rows.columns["note"].names
    read = [texts[code] for code in codes]
    assert len(read) == min(most, 200)
    assert read == sorted(set(read), key=names.index)


def test_more_text_than_fits_into_one_piece_names_its_column_and_what_to_do() -> None:
    ends = pa.py_buffer(np.array([0, LONG], dtype=np.int32))
    text = pa.StringArray.from_buffers(1, ends, pa.py_buffer(np.zeros(LONG, dtype=np.uint8)))
    with pytest.raises(Malformed, match="column note") as caught:
        read_rows(_table(text, text), ["note"], most=10, seed=1)
    assert "fewer rows" in caught.value.remedy

"""Keyed 64-bit hashes of values, vectorised, the same in every process and on every machine.

Not cryptographic: they choose rows and estimate distinct counts. Text is hashed by a multilinear form with secret-free
64-bit coefficients (Carter-Wegman), numbers by the finaliser of splitmix64 (Steele, Lea, Flood 2014).
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seatrial.measure.columns import Column

Hashes = npt.NDArray[np.uint64]

_PERIOD = 4096


@lru_cache(maxsize=16)
def _coefficients(key: str) -> Hashes:
    seed = int.from_bytes(hashlib.sha256(f"seatrial.measure:{key}".encode()).digest()[:8], "little")
    return mixed(
        np.arange(1, _PERIOD + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
    ) | np.uint64(1)


def mixed(values: Hashes) -> Hashes:
    """The finaliser of splitmix64: every input bit reaches every output bit."""
    z = values.copy()
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


def number_hashes(values: npt.NDArray[Any], key: str = "") -> Hashes:
    """One hash for each number: 1, 1.0 and true agree, -0.0 is 0.0, every NaN is the same."""
    floats = np.asarray(values, dtype=np.float64) + 0.0
    floats = np.where(np.isnan(floats), np.nan, floats)
    return mixed(floats.view(np.uint64) ^ _coefficients(key)[0])


def text_hashes(values: pa.Array, key: str = "") -> Hashes:
    """One hash for each string of an array without nulls."""
    if not len(values):
        return np.empty(0, dtype=np.uint64)
    strings = values.cast(pa.large_binary())
    offsets = np.frombuffer(strings.buffers()[1], dtype=np.int64)[strings.offset : strings.offset + len(strings) + 1]
    lengths = np.diff(offsets)
    content = strings.buffers()[2]
    data = (
        np.frombuffer(content, dtype=np.uint8)[offsets[0] : offsets[-1]]
        if content is not None
        else np.empty(0, np.uint8)
    )
    coefficients = _coefficients(key)
    place = np.arange(data.size, dtype=np.int64) - np.repeat(offsets[:-1] - offsets[0], lengths)
    terms = (
        (data.astype(np.uint64) + np.uint64(1))
        * coefficients[place % _PERIOD]
        * (place // _PERIOD + 1).astype(np.uint64)
    )
    sums = np.zeros(len(lengths), dtype=np.uint64)
    filled = lengths > 0
    if data.size:
        sums[filled] = np.add.reduceat(terms, (offsets[:-1] - offsets[0])[filled])
    return mixed(sums + lengths.astype(np.uint64) * coefficients[1])


def unique_hashes(column: Column, key: str = "") -> Hashes:
    """One hash for each distinct value of a column of one batch (numbers may repeat)."""
    if column.kind == "text":
        return text_hashes(column.uniques[0], key)
    return number_hashes(column.numbers, key)


def row_hashes(column: Column, key: str = "") -> Hashes:
    """One hash for each row of a column; all nulls agree."""
    absent = _coefficients(key)[2]
    if column.kind == "text":
        values, codes = column.codes
        return np.append(text_hashes(values, key), absent)[codes]
    hashes = np.full(column.rows, absent, dtype=np.uint64)
    if column.kind in {"number", "boolean", "time"}:
        hashes[column.valid] = number_hashes(column.numbers, key)
    return hashes

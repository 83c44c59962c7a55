"""Runs of letters as features: hashed counts for a classifier, and signatures by which near copies are found.

Letters are Unicode code points. Runs are hashed without a vocabulary, so that any two sets of texts share their
columns. Signatures are MinHash in one pass (Broder 1997; one permutation, Li, Owen and Zhang 2012, empty places filled
by rotation, Shrivastava and Li 2014): the share of equal places estimates the Jaccard similarity of the sets of runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.domains.scored.rows import Floats, Ints
from seatrial.measure.hashing import Hashes, mixed

COLUMNS = 2**18
PLACES = 64
_RUNS = (3, 4, 5)
_SHINGLE = 5
_AT_ONCE = 2_000
_BAND, _MOST_ALIKE = 4, 4
_EMPTY = np.uint32(0xFFFF_FFFF)

Signatures = npt.NDArray[np.uint32]


def gram_counts(texts: Sequence[str], *, letters: int) -> Any:
    """A sparse matrix, texts by 2^18 hashed runs of three to five letters: 1 + log of counts, rows of length one.

    Only the first so many `letters` of a text are looked at, in lower case.
    """
    from scipy.sparse import csr_matrix, vstack
    from sklearn.preprocessing import normalize

    parts = []
    for start in range(0, len(texts), _AT_ONCE):
        some = [text[:letters].lower() for text in texts[start : start + _AT_ONCE]]
        keys = []
        for run in _RUNS:
            owner, hashes = _runs(some, run)
            keys.append(owner * COLUMNS + (hashes % np.uint64(COLUMNS)).astype(np.int64))
        cells, counts = np.unique(np.concatenate(keys), return_counts=True)
        values = 1.0 + np.log(counts.astype(np.float64))
        parts.append(csr_matrix((values, (cells // COLUMNS, cells % COLUMNS)), shape=(len(some), COLUMNS)))
    if not parts:
        return csr_matrix((0, COLUMNS))
    return normalize(vstack(parts, format="csr"))


def signatures(texts: Sequence[str]) -> Signatures:
    """One row of 64 places for each text. Texts that are too short for a run have the signature of their letters."""
    found = np.empty((len(texts), PLACES), dtype=np.uint32)
    for start in range(0, len(texts), _AT_ONCE):
        some = list(texts[start : start + _AT_ONCE])
        padded = [text if len(text) >= _SHINGLE else text + "\0" * (_SHINGLE - len(text)) for text in some]
        owner, hashes = _runs(padded, _SHINGLE)
        least = np.full(len(some) * PLACES, _EMPTY, dtype=np.uint32)
        place = owner * PLACES + (hashes % np.uint64(PLACES)).astype(np.int64)
        np.minimum.at(least, place, (hashes >> np.uint64(33)).astype(np.uint32))
        found[start : start + len(some)] = _filled(least.reshape(len(some), PLACES))
    return found


def _filled(places: Signatures) -> Signatures:
    """Every empty place takes the next filled one, marked by its distance so that chance agreements stay rare."""
    filled = places.copy()
    for distance in range(1, PLACES):
        empty = filled == _EMPTY
        if not empty.any():
            break
        ahead = np.roll(places, -distance, axis=1)
        taken = empty & (ahead != _EMPTY)
        filled[taken] = ahead[taken] ^ np.uint32(distance * 0x9E3779B1 & 0x7FFF_FFFF)
    return filled


def _runs(texts: Sequence[str], run: int) -> tuple[Ints, Hashes]:
    """The text and the hash of every run of so many letters."""
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    if points.size < run:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint64)
    total = np.zeros(points.size - run + 1, dtype=np.uint64)
    for i in range(run):
        total = total * np.uint64(0x9E3779B97F4A7C15) + points[i : points.size - run + 1 + i] + np.uint64(run)
    owner = np.repeat(np.arange(len(texts), dtype=np.int64), lengths)
    inside = owner[: total.size] == owner[run - 1 :]
    return owner[: total.size][inside], mixed(total[inside])


def similar(known: Signatures, asked: Signatures, *, without: Ints | None = None) -> Floats:
    """For each asked text its estimated similarity to the nearest known one, 0 where none comes near.

    Bands of four places find what is alike; a pair of similarity .8 is missed once in ten thousand. `asked[i]` is not
    compared with `known[without[i]]`.
    """
    best = np.zeros(asked.shape[0])
    if not known.shape[0]:
        return best
    for band in range(0, PLACES, _BAND):
        keys, wanted = _band_keys(known, band), _band_keys(asked, band)
        order = np.argsort(keys, kind="stable")
        low = np.searchsorted(keys[order], wanted, side="left")
        high = np.searchsorted(keys[order], wanted, side="right")
        for nth in range(_MOST_ALIKE):
            rows = np.flatnonzero(low + nth < high)
            if not rows.size:
                break
            there = order[low[rows] + nth]
            if without is not None:
                other = there != without[rows]
                rows, there = rows[other], there[other]
            equal = (known[there] == asked[rows]).mean(axis=1)
            best[rows] = np.maximum(best[rows], equal)
    return best


def _band_keys(places: Signatures, band: int) -> Hashes:
    key = np.zeros(places.shape[0], dtype=np.uint64)
    for i in range(band, band + _BAND):
        key = mixed(key * np.uint64(3) + places[:, i].astype(np.uint64))
    return key

"""When a rate that was `base` has risen: detectors that accumulate evidence for a change at an unknown time.

Assumption: before the change values lie in [0, 1] and have a mean of at most `base`, given the rows before them.
Guarantee: with the threshold `runs`, the mean number of rows until a false alarm is at least `runs`, and the chance of
a false alarm within T rows is at most T / `runs` (the mean of the Shiryaev-Roberts processes minus the row's number is
a supermartingale; Ville's inequality).
Source: Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change detection", NEJSDS 2024.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
RISES = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
"""By how much the rate may have risen: one process for each."""
_LEAST_BASE = 1e-4
_MOST = 1e290

_GROUP = 8
"""Rows that are worked on at once, counted from the first of the stream, so that no batch's end changes a figure."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """All that is kept of a stream: one process for each rise, and how many rows were taken.

    `anchor` are the processes where the group of the newest row began. What rows make of a process is a straight line:
    with those of a group that is still open it is product * anchor + added.
    """

    anchor: tuple[float, ...] = (0.0,) * len(RISES)
    rows: int = 0
    product: tuple[float, ...] = (1.0,) * len(RISES)
    added: tuple[float, ...] = (0.0,) * len(RISES)


class Rows:
    """Values in their order, for several detectors that take the same: what each would ask of them is asked once.

    Raises ValueError for values outside [0, 1].
    """

    def __init__(self, values: Floats) -> None:
        # NaN is neither the least nor the greatest of anything, and so fails both.
        if not (values.min(initial=1.0) >= 0.0 and values.max(initial=0.0) <= 1.0):
            raise ValueError("values must be finite and lie in [0, 1]")
        self.values = values
        self._ones: npt.NDArray[np.bool_] | None = values > 0.5
        if not bool((values == self._ones).all()):
            self._ones = None
        self._bits: dict[int, npt.NDArray[np.uint8]] = {}

    @cached_property
    def flipped(self) -> Rows:
        """One less each value."""
        return Rows(1.0 - self.values)

    def bits(self, rest: int, groups: int) -> npt.NDArray[np.uint8] | None:
        """So many groups after the first `rest` values, as the bits of a number each, the first row's the highest.

        None where not all values are zeros and ones.
        """
        if self._ones is None:
            return None
        if rest not in self._bits:
            self._bits[rest] = np.packbits(self._ones[rest : rest + groups * _GROUP])
        return self._bits[rest]


def factors(values: Floats, base: float) -> Floats:
    """For each value and each rise, how much likelier the value is after the rise than before: (rows, rises).

    For values between 0 and 1 the bets of the same rises, which have a mean of at most 1 as long as the mean is at most
    `base`. Raises ValueError for values outside [0, 1] and for a base that leaves no room for a rise.

    >>> factors(np.array([1.0, 0.0]), 0.1).shape
    (2, 6)
    """
    bets, r = _bets(base)
    return np.asarray(1.0 + np.outer(Rows(values).values - r, bets), dtype=np.float64)


def _bets(base: float) -> tuple[Floats, float]:
    """The bet of each rise, and the rate that it is made against. Raises ValueError as `factors` does."""
    if not 0.0 <= base < 1.0:
        raise ValueError("a base rate lies between 0 and 1")
    r = max(base, _LEAST_BASE)
    return _bets_against(r), r


@lru_cache(maxsize=256)
def _bets_against(r: float) -> Floats:
    risen = np.minimum(r + np.array(RISES), (1.0 + r) / 2.0)
    # At 0 and 1 the line 1 + bet (x - r) is the likelihood ratio of the two rates; between them it stays a fair bet.
    return np.asarray((risen - r) / (r * (1.0 - r)), dtype=np.float64)


def follow(suspicion: Suspicion, values: Floats, base: float) -> tuple[Suspicion, Floats]:
    """Take the next values in their order: the state after them, and the mean of the processes after each.

    An alarm is due where the mean reaches the threshold.

    >>> quiet, path = follow(Suspicion(), np.zeros(1000), 0.1)
    >>> bool(path.max() < 50)
    True
    >>> _, path = follow(quiet, np.ones(30), 0.1)
    >>> bool(path[-1] > 1e5)
    True
    """
    if not values.size:
        return suspicion, np.empty(0)
    taken = _Taken.of(suspicion, Rows(values), base)
    return taken.after, taken.path(0)


def cross(
    suspicion: Suspicion, values: Floats | Rows, base: float, line: float
) -> tuple[Suspicion, float, tuple[int, float] | None]:
    """What `follow` tells where only a crossing matters.

    The state; the log of the mean after the last value; and at which value that log was first at least `line`, with its
    size there, None where it never was. Means are worked out only from where the most that they can be reaches the
    line. Raises ValueError for no values, and as `factors` does.

    >>> values = np.concatenate([np.zeros(1000), np.ones(30)])
    >>> after, _, crossed = cross(Suspicion(), values, 0.1, math.log(1e5))
    >>> crossed is not None and crossed[0], after == follow(Suspicion(), values, 0.1)[0]
    (1008, True)
    """
    rows = values if isinstance(values, Rows) else Rows(values)
    if not rows.values.size:
        raise ValueError("no values")
    taken = _Taken.of(suspicion, rows, base)
    last = float(np.log(_mean(taken.starts[:, -1:])[0]))
    # The margin is more than a logarithm can be off.
    if math.log(taken.ceiling()) < line - 1e-9:
        return taken.after, last, None
    near = np.flatnonzero(np.log(taken.most()) >= line - 1e-9)
    if not near.size:
        return taken.after, last, None
    path = np.log(taken.path(int(near[0])))
    over = np.flatnonzero(path >= line)
    crossed = (rows.values.size - path.size + int(over[0]), float(path[over[0]])) if over.size else None
    return taken.after, last, crossed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """What values do to the processes, group by group of the stream, whose first and last may be partly there.

    All groups take their first row together, then all their second, so that numpy works along them. What a group does
    is the same wherever it lies, so that nothing depends on how the stream was cut into batches.
    """

    rows: Rows
    base: float
    head: int
    """So many rows of the first group were taken before."""
    begun: Floats
    """What those had done: (product and added, rises)."""
    starts: Floats
    """The processes where each group began, and after the last value: (rises, groups + 1)."""
    pieces: tuple[_Piece, ...]
    after: Suspicion

    @classmethod
    def of(cls, suspicion: Suspicion, rows: Rows, base: float) -> _Taken:
        head = suspicion.rows % _GROUP
        begun = np.array([suspicion.product, suspicion.added])
        pieces = tuple(_pieces(rows, base, head, begun))
        lines = _joined([piece.lines() for piece in pieces])
        starts = _chained(lines, suspicion.anchor)
        taken = suspicion.rows + rows.values.size
        if taken % _GROUP:
            product, added = lines[:, :, -1]
            after = Suspicion(anchor=_told(starts[:, -2]), rows=taken, product=_told(product), added=_told(added))
        else:
            after = Suspicion(anchor=_told(starts[:, -1]), rows=taken)
        return cls(rows=rows, base=base, head=head, begun=begun, starts=starts, pieces=pieces, after=after)

    def ceiling(self) -> float:
        """What no mean is above: less exact than `most`, and there at once."""
        starts = self.starts[:, :-1].sum(axis=0)
        starts /= len(RISES)
        ceiling, group = 0.0, 0
        for piece in self.pieces:
            product, added = piece.ceiling()
            mine = starts[group : group + product.size]
            with np.errstate(over="ignore"):
                ceiling = max(ceiling, float((product * mine + added).max()))
            group += product.size
        return min(ceiling, _MOST)

    def most(self) -> Floats:
        """What no mean within each group is above."""
        most = _joined([piece.highest() for piece in self.pieces])
        with np.errstate(over="ignore"):
            highest = most[0] * self.starts[:, :-1]
            highest += most[1]
        return _mean(np.minimum(highest, _MOST, out=highest))

    def path(self, first: int) -> Floats:
        """The mean of the processes after each value from the group `first` on."""
        paths = []
        group = 0
        for values, begun, _ in _cut(self.rows.values, self.head, self.begun):
            count = values.shape[1]
            if group + count > first:
                every = np.empty((values.shape[0], 2, len(RISES), count))
                _within(values, self.base, begun, every=every)
                with np.errstate(over="ignore"):
                    processes = every[:, 0] * self.starts[:, group : group + count] + every[:, 1]
                mean = _mean(np.minimum(processes, _MOST, out=processes))
                paths.append(mean[:, max(0, first - group) :].T.ravel())
            group += count
        return np.concatenate(paths)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What groups that lie together do: `table` says it of each group, or of each pattern, and `bits` which that is.

    A table has product and added, and the most of both after any row: (4, rises, groups or patterns). Its `ceiling`
    has the greatest of the most of the products, and the mean of the most of what was added: (2, groups or patterns).
    """

    table: Floats
    tops: Floats
    bits: npt.NDArray[np.uint8] | None = None

    @staticmethod
    def of(table: Floats, bits: npt.NDArray[np.uint8] | None = None) -> _Piece:
        return _Piece(table, np.stack([table[2].max(axis=0), table[3].mean(axis=0)]), bits)

    def lines(self) -> Floats:
        """Product and added of each group: (2, rises, groups)."""
        return self._of_groups(self.table[:2])

    def highest(self) -> Floats:
        """The most of both after any row of each group: (2, rises, groups)."""
        return self._of_groups(self.table[2:])

    def ceiling(self) -> Floats:
        """With the mean of the processes at its beginning, what no mean of each group is above: (2, groups)."""
        return self._of_groups(self.tops)

    def _of_groups(self, part: Floats) -> Floats:
        return part if self.bits is None else part.take(self.bits, axis=-1)


def _joined(parts: Sequence[Floats]) -> Floats:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)


def _pieces(rows: Rows, base: float, head: int, begun: Floats) -> Iterator[_Piece]:
    for values, start, first in _cut(rows.values, head, begun):
        if values.shape[0] < _GROUP:
            yield _Piece.of(_alone(values[:, 0], base, start))
        elif (bits := rows.bits(first, values.shape[1])) is None:
            yield _Piece.of(_within(values, base, start))
        else:
            known = _of_bits(base)
            yield _Piece(known.table, known.tops, bits)


def _cut(values: Floats, head: int, begun: Floats) -> Iterator[tuple[Floats, Floats | None, int]]:
    """The values as (rows of a group, groups), each with what the group's rows before had done, if there were any.

    The rest of an open group, whole groups, and the beginning of one, as far as they are there; and where each begins.
    """
    rest = min(values.size, -head % _GROUP)
    if rest:
        yield values[:rest, None], begun[:, :, None], 0
    whole = (values.size - rest) // _GROUP
    if whole:
        yield values[rest : rest + whole * _GROUP].reshape(whole, _GROUP).T, None, rest
    if rest + whole * _GROUP < values.size:
        yield values[rest + whole * _GROUP :, None], None, rest + whole * _GROUP


@lru_cache(maxsize=256)
def _of_bits(base: float) -> _Piece:
    """What each group of zeros and ones does, by its bits, the first row's the highest: each pattern once."""
    patterns = np.arange(2**_GROUP, dtype=np.uint8)
    return _Piece.of(_within(np.unpackbits(patterns[:, None], axis=1).T.astype(np.float64), base, None))


def _within(values: Floats, base: float, begun: Floats | None, *, every: Floats | None = None) -> Floats:
    """Product and added after the rows of each group, and the most of both: (4, rises, groups).

    `every` takes both after every row: (rows, 2, rises, groups).
    """
    bets, rate = _bets(base)
    lines, highest = np.zeros((2, 2, len(RISES), values.shape[1]))
    lines[0] = 1.0
    if begun is not None:
        lines[:] = begun
    for number, row in enumerate(values - rate):
        factor = bets[:, None] * row
        factor += 1.0
        lines[1] += 1.0
        lines *= factor
        np.maximum(highest, lines, out=highest)
        if every is not None:
            every[number] = lines
    return np.concatenate([lines, highest])


def _alone(values: Floats, base: float, begun: Floats | None) -> Floats:
    """What `_within` says of one group, for the few rows of which numpy is too slow to call: (4, rises, 1)."""
    bets, rate = _bets(base)
    rows = [value - rate for value in values.tolist()]
    products, sums = ([1.0] * len(RISES), [0.0] * len(RISES)) if begun is None else begun[:, :, 0].tolist()
    found = []
    for bet, product, added in zip(bets.tolist(), products, sums, strict=True):
        line = product, added
        most = 0.0, 0.0
        for row in rows:
            factor = bet * row + 1.0
            line = line[0] * factor, (line[1] + 1.0) * factor
            most = max(most[0], line[0]), max(most[1], line[1])
        found.append((*line, *most))
    return np.array(found).T[:, :, None]


def _chained(groups: Floats, first: Sequence[float]) -> Floats:
    """The processes where each group began and after the last, none above `_MOST`: (rises, groups + 1)."""
    starts = _linked(groups[0], groups[1], np.array(first))
    if not starts.max() <= _MOST:
        starts[:, 0] = first  # what overflowed at the end of one rise is not zero at the beginning of the next
        for process, products, sums in zip(starts, groups[0], groups[1], strict=True):
            _hold_below_the_most(process, products, sums)
    return starts


def _linked(products: Floats, sums: Floats, first: Floats) -> Floats:
    """What each group makes of the one before, whatever it comes to: (rises, groups + 1).

    A system of equations whose matrix has one diagonal below the main one, which BLAS solves one after the other. One
    system for all rises: between them that diagonal is zero.
    """
    from scipy.linalg.blas import dtbsv

    rises, count = products.shape[0], products.shape[1] + 1
    # The diagonal is not looked at: it is one.
    below = np.empty((rises, count, 2))
    below[:, -1, 1] = 0.0
    np.negative(products, out=below[:, :-1, 1])
    starts = np.empty((rises, count))
    starts[:, 0] = first
    starts[:, 1:] = sums
    dtbsv(1, below.reshape(-1, 2).T, starts.reshape(-1), lower=1, diag=1, overwrite_x=1)
    return starts


def _hold_below_the_most(process: Floats, products: Floats, sums: Floats) -> None:
    """Cut the process where it is above `_MOST`, and link again from there what follows.

    By the same calls as elsewhere: another way to the same figure rounds otherwise, and where a batch ends would tell.
    """
    at, length = 0, process.size - 1
    while at < process.size - 1:
        part = slice(at, min(at + length, process.size - 1))
        linked = _linked(products[None, part], sums[None, part], process[at : at + 1])[0]
        over = np.flatnonzero(~(linked <= _MOST))
        kept = max(1, int(over[0])) if over.size else linked.size - 1
        process[at : at + kept + 1] = np.minimum(linked[: kept + 1], _MOST)
        at += kept
        length = 1 if over.size else 2 * length


def _mean(processes: Floats) -> Floats:
    """Over the processes, which lie along the axis before the last.

    Added one after the other: a sum that numpy arranges may depend on the shape of the whole.
    """
    mean = processes[..., 0, :].copy()
    for number in range(1, len(RISES)):
        mean += processes[..., number, :]
    mean /= len(RISES)
    return mean


def _told(values: Floats) -> tuple[float, ...]:
    return tuple(values.tolist())


def threshold(rows: float, false_alarms: float = 0.1) -> float:
    """The threshold at which the chance of a false alarm within `rows` rows is at most `false_alarms`.

    >>> threshold(10_000)
    100000.0
    """
    if not (rows > 0 and 0.0 < false_alarms < 1.0):
        raise ValueError("a number of rows above 0, and a chance between 0 and 1")
    return rows / false_alarms


def ideal_delay(base: float, risen: float, runs: float) -> float:
    """About how many rows the best detector for exactly this rise would take: ln(runs) over the information in a row.

    >>> round(ideal_delay(0.1, 0.2, 1e5))
    259
    """
    if not 0.0 < base < risen < 1.0:
        raise ValueError("0 < base < risen < 1")
    information = risen * math.log(risen / base) + (1.0 - risen) * math.log((1.0 - risen) / (1.0 - base))
    return math.log(runs) / information

"""One feature as the conditions that people would form over it, and as cells that every one of them is a union of.

Rows are then counted by cells, once for each pair and triple of features, whatever number of conditions there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from seatrial.domains.condition_words import readable
from seatrial.domains.scored.rows import REST, Feature, Floats, Ints, Mask
from seatrial.spec.conditions import field_name, quoted
from seatrial.stats.tallies import Cells, Codes

_FEW_VALUES = 12
_TAILS = (0.05, 0.1, 0.2, 1.0 / 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """`texts` are the conditions; `holds` (conditions by cells) tells in which cells each one is true.

    `source` is the declared field that the feature was made from: conditions over one source are never combined.
    """

    source: str
    texts: tuple[str, ...]
    cells: Cells
    holds: Mask

    def only(self, chosen: Mask) -> Facet:
        """With some of the conditions."""
        texts = tuple(text for text, keep in zip(self.texts, chosen, strict=True) if keep)
        return Facet(source=self.source, texts=texts, cells=self.cells, holds=self.holds[chosen])


def facet_of(feature: Feature, rows: Ints, learn: Ints, *, most_levels: int) -> Facet:
    """The conditions over a feature, over `rows` in their order. Where to cut is learned from the rows `learn` only."""
    if feature.numbers is None:
        return _of_levels(feature.at(rows), most_levels)
    given = feature.numbers[learn]
    given = given[np.isfinite(given)]
    values = np.unique(given)
    if values.size <= _FEW_VALUES:
        return _of_few_values(feature, feature.numbers[rows], values)
    return _of_numbers(feature, feature.numbers[rows], given)


def _of_levels(feature: Feature, most: int) -> Facet:
    name = field_name(feature.name)
    codes = np.asarray(feature.codes, dtype=np.int64)
    shown = [i for i, level in enumerate(feature.levels) if level != REST][:most]
    place = np.full(len(feature.levels) + 1, len(shown), dtype=np.int64)
    place[shown] = np.arange(len(shown))
    place[-1] = len(shown) + 1
    texts = [f"{name} is null", *(f"{name} == {quoted(feature.levels[i])}" for i in shown)]
    return _facet(feature, texts, place[codes], len(shown) + 2, [[len(shown) + 1], *([i] for i in range(len(shown)))])


def _of_few_values(feature: Feature, numbers: Floats, values: Floats) -> Facet:
    name = field_name(feature.name)
    # As the condition's text says them, so that the text is true of the same rows.
    said = np.unique([float(quoted(float(value))) for value in values])
    codes = np.searchsorted(said, numbers)
    known = said[np.minimum(codes, max(said.size - 1, 0))] == numbers if said.size else np.zeros(numbers.size, bool)
    codes = np.where(known, codes, said.size)
    codes[np.isnan(numbers)] = said.size + 1
    texts = [f"{name} is null", *(f"{name} == {quoted(float(value))}" for value in said)]
    return _facet(feature, texts, codes, said.size + 2, [[said.size + 1], *([i] for i in range(said.size))])


def _of_numbers(feature: Feature, numbers: Floats, given: Floats) -> Facet:
    name = field_name(feature.name)
    shares = [*_TAILS, 0.5, *(1.0 - tail for tail in _TAILS)]
    quantiles = [readable(float(q)) for q in np.quantile(given, shares)]
    low, middle, high = quantiles[: len(_TAILS)], quantiles[len(_TAILS)], quantiles[len(_TAILS) + 1 :]
    edges = np.unique(quantiles)
    inner = [low[-1], middle, high[-1]]
    bounds = [
        *((-np.inf, edge) for edge in dict.fromkeys(low)),
        *((edge, np.inf) for edge in dict.fromkeys(high)),
        *((a, b) for a, b in dict.fromkeys([*pairwise(inner), (low[-1], high[-1])]) if a < b),
    ]
    codes = np.zeros(numbers.size, dtype=np.uint8)
    for edge in edges:
        codes += numbers > edge
    codes[np.isnan(numbers)] = edges.size + 1
    texts, members = [f"{name} is null"], [[int(edges.size) + 1]]
    for a, b in bounds:
        texts.append(_between(name, a, b))
        first = 0 if np.isinf(a) else int(np.searchsorted(edges, a)) + 1
        last = int(edges.size) if np.isinf(b) else int(np.searchsorted(edges, b))
        members.append(list(range(first, last + 1)))
    return _facet(feature, texts, codes, int(edges.size) + 2, members)


def _between(name: str, a: float, b: float) -> str:
    if np.isinf(a):
        return f"{name} <= {quoted(b)}"
    return f"{name} > {quoted(a)}" if np.isinf(b) else f"{quoted(a)} < {name} <= {quoted(b)}"


def _facet(feature: Feature, texts: list[str], codes: Codes, size: int, members: list[list[int]]) -> Facet:
    holds = np.zeros((len(texts), size), dtype=bool)
    for i, cells in enumerate(members):
        holds[i, cells] = True
    return Facet(
        source=feature.source,
        texts=tuple(texts),
        cells=Cells(codes=codes.astype(np.min_scalar_type(size)), size=size),
        holds=holds,
    )

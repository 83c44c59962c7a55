"""Two fields that have changed places, in all rows or in some of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from seatrial.measure.format_change import Change, surely_more
from seatrial.measure.format_texts import is_category
from seatrial.measure.kinds import kind_of
from seatrial.measure.strangers import Numbers, known_share, numbers_of, strange_to
from seatrial.measure.transforms import difference, quantiles_of

_LEAST = 0.01
_FEWEST_VALUES = 5
_ALIKE = 3.0
_EXPLAINED, _EXPLAINED_NUMBERS = 0.9, 0.6
_MOST_CHANCE = 0.35
_ALL = 0.8

Fingerprints = Mapping[str, Mapping[str, Any]]
"""Field to its finished fingerprint."""


def swaps(training: Fingerprints, live: Fingerprints, names: Sequence[str]) -> Iterator[Change]:
    """Pairs of fields of one kind, each of which arrives with what training had in the other."""
    numbers = [n for n in names if kind_of(training[n]) == kind_of(live[n]) == "number"]
    known = {n: numbers_of(training[n]) for n in numbers}
    strange = {n: found for n in numbers if (found := _strange_numbers(known[n], live[n])) is not None}
    for a, b in combinations(numbers, 2):
        if _numbers_swapped(training, live, a, b):
            yield _swap(a, b, 1.0)
        elif a in strange and b in strange and (share := _some_swapped(known, strange, live, a, b)):
            yield _swap(a, b, share)
    texts = [n for n in names if kind_of(live[n]) == "text" and is_category(training[n]) and live[n]["values"]]
    for a, b in combinations(texts, 2):
        one, two = _strange_texts(training, live, a, b), _strange_texts(training, live, b, a)
        if one and two and max(one, two) <= _ALIKE * min(one, two):
            yield _swap(a, b, max(one, two))


def _swap(a: str, b: str, share: float) -> Change:
    where = "" if share >= _ALL else f" in {share:.1%} of the live rows"
    return Change(
        code="columns-swapped",
        fields=(a, b),
        summary=f"{a} arrives with what training had in {b}, and {b} with what it had in {a}{where}",
        evidence={"share": share},
    )


def _numbers_swapped(training: Fingerprints, live: Fingerprints, a: str, b: str) -> bool:
    was = [quantiles_of(training[name]) for name in (a, b)]
    now = [quantiles_of(live[name]) for name in (a, b)]
    if was[0] is None or was[1] is None or now[0] is None or now[1] is None:
        return False
    own = (difference(was[0], now[0]), difference(was[1], now[1]))
    other = (difference(was[1], now[0]), difference(was[0], now[1]))
    return min(own) >= 0.3 and max(other) <= 0.2 and 3 * max(other) <= min(own)


def _strange_numbers(known: Numbers, live: Mapping[str, Any]) -> Numbers | None:
    """The live numbers that are strange to the field, where they are surely some that matter."""
    found = numbers_of(live)
    if not known.n or not found.n:
        return None
    strange = strange_to(known, found)
    few = strange.values.size < _FEWEST_VALUES or strange.n < _LEAST * found.n
    return None if few or surely_more(strange.n, found.n, 0, known.n) < _LEAST else strange


def _some_swapped(
    known: Mapping[str, Numbers], strange: Mapping[str, Numbers], live: Fingerprints, a: str, b: str
) -> float | None:
    """The share of rows, where what is strange to each field is known to the other, and to it hardly by chance."""
    shares = [strange[name].n / max(int(live[name]["numbers"]), 1) for name in (a, b)]
    found = [known_share(known[other], strange[name]) for name, other in ((a, b), (b, a))]
    if min(explained for explained, _ in found) < _EXPLAINED_NUMBERS:
        return None
    if min(chance for _, chance in found) > _MOST_CHANCE or max(shares) > _ALIKE * min(shares):
        return None
    return max(shares)


def _strange_texts(training: Fingerprints, live: Fingerprints, a: str, b: str) -> float | None:
    """The share of live values of `a` that training never had there, where it had nearly all of them in `b`."""
    strange = {value: n for value, n in live[a]["values"].items() if value not in training[a]["values"]}
    count = int(sum(strange.values()))
    known = sum(n for value, n in strange.items() if value in training[b]["values"])
    if surely_more(count, live[a]["n"], 0, training[a]["n"]) < _LEAST or known < _EXPLAINED * count:
        return None
    return float(count) / int(live[a]["n"])

"""How often the format search finds each kind of change at each share of rows, and how often it cries wolf.

The search is the check's own (`measure.format_changes`), on worlds of real data that `plants.format_worlds` draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from plants.format_defects import DEFECTS, LOOK_ALIKES, Defect, LookAlike, planted
from plants.format_worlds import FLIGHTS, MAILS, World, world
from power.family import DOUBT
from seatrial.core.vocabulary import Weight
from seatrial.measure.format_change import Change
from seatrial.measure.format_changes import format_changes
from seatrial.stats import proportions

SHARES = (1.0, 0.5, 0.1, 0.02)
WORLDS = 25
DETECTED, ALARMED = 0.8, 0.05


@dataclass(slots=True)
class Cell:
    """One kind at one share: worlds tried, worlds in which a gap named the field, and named the kind rightly too."""

    worlds: int = 0
    found: int = 0
    named: int = 0


@lru_cache(maxsize=4)
def _world(seed: int, data: str) -> World:
    return world(seed, data=data)


def gaps(of: World, live: object, fields: Sequence[str] | None = None) -> list[Change]:
    """The gaps that the search puts on the fields, all of them where none are named."""
    rows = live.select(list(fields)) if fields else live  # type: ignore[attr-defined]
    chosen = {name: of.declared[name] for name in (fields or of.declared)}
    found = format_changes(of.training, of.prints(rows), chosen)
    return [change for change in found if change.weight is Weight.GAP]


@lru_cache(maxsize=1000)
def _sound(seed: int, data: str, field: str) -> frozenset[tuple[str, tuple[str, ...]]]:
    of = _world(seed, data)
    return frozenset((gap.code, gap.fields) for gap in gaps(of, of.live, field.split("/")))


def tried(defect: Defect, share: float, seed: int) -> tuple[bool, bool, str] | None:
    """Whether the change is found in that seed's world, whether it is named rightly, and what was said.

    None where it changes nothing there, such as day and month in the second half of a month.
    """
    of = _world(seed, defect.data)
    field = defect.fields[seed % len(defect.fields)]
    rng = np.random.default_rng([seed, round(1000 * share)])
    fields = field.split("/")
    changed = planted(of.live, defect, field, share=share, rng=rng)
    if changed.equals(of.live):
        return None
    sound = _sound(seed, defect.data, field)
    found = [g for g in gaps(of, changed, fields) if (g.code, g.fields) not in sound]
    return bool(found), any(g.code in defect.codes for g in found), "; ".join(f"{g.code}: {g.summary}" for g in found)


def alarms(look_alike: LookAlike, seed: int) -> list[Change]:
    """The gaps that a harmless change puts in that seed's world, though there must be none."""
    of = _world(seed, look_alike.data)
    changed = look_alike.change(of.live, np.random.default_rng(seed))
    return gaps(of, changed)


def tasks(worlds: int = WORLDS) -> list[tuple[str, int]]:
    """Every world of every data set."""
    return [(data, seed) for seed in range(worlds) for data in (FLIGHTS, MAILS)]


Found = dict[str, dict[float, Cell]]


def in_world(task: tuple[str, int]) -> tuple[Found, dict[str, tuple[int, int]]]:
    """Every kind at every share in one world of some data, and each look-alike: worlds, and worlds with an alarm."""
    data, seed = task
    cells: Found = {}
    for defect in DEFECTS:
        if defect.data != data:
            continue
        for share in SHARES:
            seen = tried(defect, share, seed)
            if seen is not None:
                found, named, _ = seen
                cells.setdefault(defect.name, {})[share] = Cell(worlds=1, found=int(found), named=int(named))
    harmless = {one.name: (1, int(bool(alarms(one, seed)))) for one in LOOK_ALIKES if one.data == data}
    return cells, harmless


def summed(worlds: Iterable[tuple[Found, Mapping[str, tuple[int, int]]]]) -> tuple[Found, dict[str, tuple[int, int]]]:
    """The same over several worlds."""
    cells: Found = {}
    harmless: dict[str, tuple[int, int]] = {}
    for found, alarmed in worlds:
        for name, shares in found.items():
            for share, cell in shares.items():
                total = cells.setdefault(name, {}).setdefault(share, Cell())
                total.worlds += cell.worlds
                total.found += cell.found
                total.named += cell.named
        for name, (n, alarm) in alarmed.items():
            before = harmless.get(name, (0, 0))
            harmless[name] = (before[0] + n, before[1] + alarm)
    return cells, harmless


def page(cells: Found, harmless: Mapping[str, tuple[int, int]], *, on: str) -> Iterator[str]:
    """The lines of the page in Markdown."""
    from seatrial import __version__

    yield "# What the format search finds"
    yield ""
    yield "Changes of format planted into real live rows (flights with their weather, mails), in all rows and in"
    yield "some of them, and harmless changes that must be left alone. In every world training is a stretch of"
    yield "some months and the live rows a few weeks of another season; every second world declares units. A change"
    yield "counts as found when a gap names the field, and as *named* when the gap also names the kind. Each cell says"
    yield "how often it was found, the exact one-sided 95 % bound of that, and how often it was named."
    yield f"Made by `python -m tests.power --page formats` of seatrial {__version__} on {on}."
    yield from ("", "## Planted changes", "")
    yield f"| change | worlds | {' | '.join(f'{share:.0%} of the rows' for share in SHARES)} |"
    yield f"|---|---|{'---|' * len(SHARES)}"
    for defect in DEFECTS:
        row = cells.get(defect.name, {})
        worlds = max((cell.worlds for cell in row.values()), default=0)
        yield f"| {defect.name} | {worlds} | {' | '.join(_cell(row.get(share)) for share in SHARES)} |"
    yield from ("", "## Look-alikes", "")
    yield "The rows share their worlds: a season that is taken for a change counts in nearly every one of them."
    yield ""
    yield "| harmless change | worlds | with a false alarm on any field | at most |"
    yield "|---|---|---|---|"
    for one in LOOK_ALIKES:
        n, alarmed = harmless.get(one.name, (0, 0))
        if n:
            yield f"| {one.name} | {n} | {alarmed / n:.0%} | {proportions.upper(alarmed, n):.0%} |"
    yield from ("", "## What marginal distributions cannot show", "")
    yield "A change in a few rows that stays among the values and within the range of training looks like any other"
    yield "row: the opposite sign of a field symmetric about zero, a code list whose codes are equally frequent,"
    yield "whole hours in some rows only. Where the same entities are offline and in the live sample, the replay finds"
    yield "these whatever the distribution says: surely more than the policy's `mismatches` of the entities is a gap."


def _cell(cell: Cell | None) -> str:
    if cell is None or not cell.worlds:
        return "–"
    lower = proportions.lower(cell.found, cell.worlds)
    return f"{cell.found / cell.worlds:.0%} (≥ {lower:.0%}), named {cell.named / cell.worlds:.0%}"


def weak(cells: Found, harmless: Mapping[str, tuple[int, int]]) -> list[str]:
    """What contradicts the claims: 80 % found where all rows are changed, and false alarms in at most 5 % of worlds."""
    missed = [
        f"{name}: {cell.found} of {cell.worlds}"
        for name, shares in cells.items()
        if (cell := shares.get(1.0)) is not None and proportions.upper(cell.found, cell.worlds, DOUBT) < DETECTED
    ]
    false = [
        f"{name}: {alarmed} of {n}"
        for name, (n, alarmed) in harmless.items()
        if proportions.lower(alarmed, n, DOUBT) > ALARMED
    ]
    return missed + false

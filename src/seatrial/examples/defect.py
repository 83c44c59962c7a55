"""What can be planted alone into an example's ready variant: a defect with its requirement, or a harmless change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from seatrial.examples.draft import Draft

Plant = Callable[[Draft], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One change. `requirement` is None for a harmless one.

    `codes` are the finding or reason codes that tell this defect: a gap for another cause, such as a server that is not
    reached, has not found it.
    """

    name: str
    summary: str
    requirement: str | None
    plant: Plant
    codes: tuple[str, ...] = ()


def by_name(rows: Iterable[tuple[str, str, str | None, str, Plant]]) -> Mapping[str, Defect]:
    """Name, summary, requirement, codes with spaces between and planting function of each, as defects by name."""
    return MappingProxyType(
        {
            name: Defect(name=name, summary=told, requirement=on, codes=tuple(codes.split()), plant=plant)
            for name, told, on, codes, plant in rows
        }
    )


def setting(service: str, **settings: object) -> Plant:
    """The defect that a service behaves in another way."""
    return lambda draft: draft.set(service, **settings)

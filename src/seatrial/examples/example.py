"""What a shipped example is: files, tables, services, and the defects that can be planted into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from seatrial.core.errors import SeatrialError
from seatrial.examples.defect import Defect, Plant
from seatrial.examples.draft import Draft
from seatrial.examples.parts import Part

Variant = Literal["pilot", "ready"]
VARIANTS: tuple[Variant, ...] = ("pilot", "ready")
EMBEDDED = "embedded"
"""The surroundings of an example that names none: nothing but its own processes and files."""
Traffic = Callable[[Mapping[str, str], Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One process: the module that is run, and the environment variable that holds its address once it serves.

    Services are started wave by wave: those of a later one get the addresses of all earlier ones in their environment.
    `only` names the one variant that has it.
    """

    name: str
    module: str
    variable: str
    title: str
    wave: int = 0
    line: str = ""
    """The environment variable that holds where a line to it listens: those of a later wave are led through it."""
    only: Variant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Other surroundings of the same system: servers that a company has, which somebody else runs.

    `plant` leads a draft's integrations there. `demanded` raises Unreachable where a server is not there; `around` sets
    up what is needed in them, gives the environment in which everybody finds it, and takes it away again. `extra` holds
    `modules`, the drivers.
    """

    name: str
    services: tuple[Service, ...]
    plant: Plant
    demanded: Callable[[], None]
    around: Callable[[], AbstractContextManager[Mapping[str, str]]]
    traffic: Traffic
    extra: str
    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A shipped example.

    `folder` holds `files/` (shared, pilot, ready) and `data/`. `finish` writes models, tables and records of a draft to
    a directory, where it may take over the models of an earlier one, and returns what the `@NAMES@` in the texts stand
    for. `traffic` passes what has to pass before anybody looks.
    """

    name: str
    title: str
    folder: Path
    prefix: str
    tables: tuple[str, ...]
    services: tuple[Service, ...]
    defects: Mapping[str, Defect]
    finish: Callable[[Draft, Path, Path | None], Mapping[str, str]]
    traffic: Traffic
    preparing: str
    """What preparing it does, for whoever waits."""
    pilot: tuple[Plant, ...] = ()
    """What is wrong with the pilot's tables."""
    parts: Mapping[Variant, tuple[Part, ...]] = field(default_factory=dict)
    """What a variant fetches once, because it is too large to be shipped."""
    profiles: tuple[Profile, ...] = ()
    profile: Profile | None = None
    """The one in which it runs; None is the embedded one."""

    extra: str = ""
    """The extra that holds `modules`, which its services import."""
    modules: Mapping[Variant, tuple[str, ...]] = field(default_factory=dict)

    def of(self, variant: Variant) -> tuple[Service, ...]:
        """The services of a variant."""
        return tuple(service for service in self.services if service.only in {None, variant})

    def in_profile(self, name: str) -> Example:
        """The same example in the surroundings of that name. Raises SeatrialError where it has none such."""
        if name == EMBEDDED:
            return self
        found = next((profile for profile in self.profiles if profile.name == name), None)
        if found is None:
            known = ", ".join((EMBEDDED, *(profile.name for profile in self.profiles)))
            raise SeatrialError(f"{self.name} has no profile {name!r}", remedy=f"Known: {known}.")
        return replace(
            self,
            profile=found,
            services=found.services,
            traffic=found.traffic,
            extra=found.extra,
            modules=dict.fromkeys(VARIANTS, found.modules),
        )

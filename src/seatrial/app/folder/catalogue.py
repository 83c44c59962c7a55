"""All checks that this installation has: those of seatrial, and those that other packages bring by entry point.

A package brings checks by an entry point of the group `seatrial.checks` that names a `Check` or a sequence of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from seatrial.core.check import Check
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Threshold
from seatrial.domains.catalogue import CHECKS
from seatrial.gate.catalogue import EVERY
from seatrial.spec.system import System

GROUP = "seatrial.checks"


@cache
def checks() -> tuple[Check[System], ...]:
    """Every check, ours first. Raises SeatrialError for a package whose checks cannot be used."""
    found = list(CHECKS)
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        found += _brought(entry)
    return _sound(found)


def _brought(entry: EntryPoint) -> Sequence[Check[System]]:
    try:
        brought = entry.load()
    except (ImportError, AttributeError) as error:
        raise SeatrialError(
            f"the checks {entry.name!r} ({entry.value}) cannot be loaded: {error}",
            remedy="Mend or remove the package that brings them.",
        ) from None
    listed = [brought] if isinstance(brought, Check) else brought
    if not isinstance(listed, Sequence) or not all(isinstance(check, Check) for check in listed):
        raise SeatrialError(
            f"the entry point {entry.name!r} ({entry.value}) names neither a Check nor a sequence of them",
            remedy="Mend or remove the package that brings it.",
        )
    return listed


def _sound(found: Iterable[Check[System]]) -> tuple[Check[System], ...]:
    known = {row.id for row in EVERY}
    by_id: dict[str, Check[System]] = {}
    for check in found:
        if check.id in by_id:
            raise SeatrialError(
                f"there are two checks {check.id!r}", remedy="Remove the package that brings the second."
            )
        if check.requirement not in known:
            raise SeatrialError(
                f"the check {check.id!r} is for {check.requirement!r}, which is no requirement",
                remedy="`seatrial requirements` lists them.",
            )
        by_id[check.id] = check
    return tuple(by_id.values())


def applying(system: System) -> tuple[Check[System], ...]:
    """The checks that have something to look at in this system."""
    return tuple(check for check in checks() if check.applies(system))


def check_by_id(wanted: str) -> Check[System]:
    """The check with this id. Raises SeatrialError, naming the nearest ids."""
    for check in checks():
        if check.id == wanted:
            return check
    from difflib import get_close_matches

    near = get_close_matches(wanted, [check.id for check in checks()], n=3, cutoff=0.4)
    meant = f"Did you mean {', '.join(near)}?" if near else "`seatrial checks` lists them."
    raise SeatrialError(f"there is no check {wanted!r}", remedy=meant)


def thresholds(system: System) -> tuple[Threshold, ...]:
    """The limits of today, of all checks: the same objects for the gate and for the watch."""
    return tuple(threshold for check in applying(system) for threshold in check.limits(system))

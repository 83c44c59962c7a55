"""The catalogue: every requirement of the production-readiness gate, as data, in the order in which they are listed.

The machinery takes the set of requirements as an argument; the sets of all three gates are in `gates`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from seatrial.core.codec import to_data
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Json
from seatrial.core.vocabulary import Assurance, Criticality, Domain, GateName, Role
from seatrial.gate.requirement import Requirement
from seatrial.gate.requirements_data import DATA
from seatrial.gate.requirements_governance import GOVERNANCE
from seatrial.gate.requirements_integration import INTEGRATION
from seatrial.gate.requirements_model import MODEL
from seatrial.gate.requirements_organization import ORGANIZATION
from seatrial.gate.requirements_ownership import OWNERSHIP
from seatrial.gate.requirements_scale import SCALE

PRODUCTION_READINESS: Final[tuple[Requirement, ...]] = (
    *DATA,
    *MODEL,
    *INTEGRATION,
    *ORGANIZATION,
    *GOVERNANCE,
    *OWNERSHIP,
)
"""All requirements in the order in which their checks run; ownership, run last, is shown above all."""

EVERY: Final[tuple[Requirement, ...]] = (*PRODUCTION_READINESS, *SCALE)
"""The requirements of all gates: what only the third demands stands last."""

_LEASE_FACTOR: Final = {Criticality.ADVISORY: 1.0, Criticality.OPERATIONAL: 1.0, Criticality.CRITICAL: 0.5}


class UnknownRequirement(SeatrialError):
    """No requirement of the catalogue has this id."""


def by_id(requirement: str) -> Requirement:
    """The requirement with this id. Raises UnknownRequirement, naming the nearest ids."""
    for row in EVERY:
        if row.id == requirement:
            return row
    from difflib import get_close_matches

    near = get_close_matches(requirement, [row.id for row in EVERY], n=3, cutoff=0.4)
    meant = f"Did you mean {', '.join(near)}?" if near else "`seatrial requirements` lists them."
    raise UnknownRequirement(f"there is no requirement {requirement!r}", remedy=meant)


def as_shown(requirements: Iterable[Requirement]) -> tuple[Requirement, ...]:
    """The same requirements with ownership above all; the order of the others stays."""
    return tuple(sorted(requirements, key=lambda r: r.domain is not Domain.OWNERSHIP))


def scaled(requirement: Requirement, criticality: Criticality) -> Requirement:
    """The requirement with its lease scaled by how much hangs on the system: half as long for a critical one.

    The catalogue's leases are the longest, so a lower criticality stretches none. Windows, headrooms and the number of
    rehearsals are scaled in the policy. Nothing is removed. Scale the catalogue's own rows only, and once.
    """
    return replace(requirement, lease_days=requirement.lease_days * _LEASE_FACTOR[criticality])


def catalogue_data(
    requirements: Iterable[Requirement] = PRODUCTION_READINESS, *, gate: GateName = GateName.PRODUCTION_READINESS
) -> Json:
    """The requirements of a gate as plain JSON data that `catalogue_schema` describes."""
    return {"gate": gate.value, "requirements": [to_data(row) for row in requirements]}


def catalogue_schema() -> dict[str, Json]:
    """The JSON Schema (2020-12) of `catalogue_data`."""
    text: Json = {"type": "string", "minLength": 1}
    ids: Json = {"type": "string", "pattern": r"^[a-z]+\.[a-z-]+$"}
    properties: dict[str, Json] = {
        "id": ids,
        "domain": {"enum": [d.value for d in Domain]},
        "question": {"type": "string", "pattern": r"\?$"},
        "establishes": text,
        "why": text,
        "reviewer": {"enum": [r.value for r in Role]},
        "demands": {"enum": [a.value for a in Assurance]},
        "lease_days": {"type": "number", "exclusiveMinimum": 0, "maximum": 365},
        "rests_on": {"type": "array", "items": text, "minItems": 1, "uniqueItems": True},
        "effort_days": {"type": "number", "exclusiveMinimum": 0},
        "complements": {"type": "array", "items": {"enum": [a.value for a in Assurance]}},
        "may_be_not_applicable": {"type": "boolean"},
        "may_be_waived": {"type": "boolean"},
        "after": {"type": "array", "items": ids, "uniqueItems": True},
        "remedy": text,
    }
    row: Json = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The requirements of a gate",
        "type": "object",
        "properties": {"gate": text, "requirements": {"type": "array", "items": row, "minItems": 1}},
        "required": ["gate", "requirements"],
        "additionalProperties": False,
    }

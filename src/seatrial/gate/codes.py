"""The literal codes that the gate itself gives; a check documents its own. A code never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NO_CHECK: Final = "no-check"

GATE_CODES: Final[Mapping[str, str]] = {
    "assurance-too-low": "It is known at a lower level of assurance than the catalogue demands.",
    "changed": "A part of the subject on which the record rests has changed since.",
    "check-version": "The check has changed since it ran.",
    "clock-behind": "The clock stands before the newest record, so nothing can be said about expiry.",
    "confidence-too-low": "The bound was computed at a lower confidence than is asked for today.",
    "empty": "Nothing was measured and nothing was proven.",
    "expired": "The lease of the evidence has run out.",
    "identity-stale": "What the model endpoint serves was last identified more than 24 hours ago.",
    "identity-unknown": "What the model endpoint serves could not be identified.",
    "inconsistent": "The recorded bounds contradict each other.",
    "insufficient": "The bound does not clear the limit, nor does the opposite one miss it: more must be measured.",
    "ledger-problem": "The ledger does not verify.",
    "limit-loosened": "The limit was loosened after the measurement was recorded.",
    "limit-missed": "The measure is on the wrong side of its limit, with confidence.",
    "limit-set-after": "The limit was set after the measurement was recorded.",
    "malformed": "The record cannot be read.",
    NO_CHECK: "No check of this version establishes the requirement.",
    "no-confidence": "A bound was recorded without its confidence.",
    "no-limit": "No limit is in force for a measure that must clear one.",
    "no-owner": "There is no named production operations owner.",
    "no-requirements": "The gate was asked with an empty set of requirements.",
    "no-signer": "Nobody can sign for a role, or one person holds two.",
    "not-accepted": "Somebody who holds a duty has not accepted it themselves, or what they accepted no longer stands.",
    "not-attested": "A document for which a person must answer is not answered for as it is now, by one who may.",
    "not-measured": "A limit is in force for something that was not measured, or has no finite value.",
    "not-permitted": "The record was made by somebody who may not file evidence for this system.",
    "not-run": "No check has looked at this subject yet.",
    "not-valid": "The measurement itself cannot be trusted: too little power, too much lag.",
    "person-left": "A person on whom it rests has left.",
    "revoked": "An event took GO away, and the four roles have not signed since.",
    "separation-of-duties": "Everything is established, but not signed by four people with keys held elsewhere.",
    "todo": "The system file leaves a decision as TODO.",
    "unit-differs": "The measure and its limit are in different units.",
    "unverified": "The record's signature, digest or maker does not verify.",
    "version-untold": "What answered while it was tested did not tell its version, and may be what is reviewed.",
    "withheld": "One of those who sign withholds GO.",
}
"""Code to its meaning, for the documentation and for `seatrial explain`."""

OF_THE_EVIDENCE: Final = frozenset(
    {
        "assurance-too-low",
        "changed",
        "check-version",
        "empty",
        "expired",
        "malformed",
        "not-run",
        "unverified",
        "version-untold",
    }
)
"""Codes whose text is about a record alone, and does not say what it leaves open."""

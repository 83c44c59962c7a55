"""What verification found, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass, replace

PROBLEM_CODES = {
    "unreadable-envelope": "An entry holds no DSSE envelope with exactly one signature.",
    "unreadable-record": "A payload is not the record that its type says, or belongs to another system.",
    "unknown-format": "A record's type or version is not known to this release.",
    "unknown-key": "A record is signed with a key that the trust root does not know.",
    "bad-signature": "A signature does not fit the signed bytes.",
    "bad-key-change": "A KEY record that may not be applied.",
    "altered-record": "A record's bytes are not those that its entry was made for.",
    "altered-entry": "An entry's own fields were changed.",
    "missing": "Entries are missing within the chain.",
    "reordered": "Entries stand in another order than they were written.",
    "replaced": "An entry is not the one on which the next was written.",
    "repeated": "The same record, or the same place in the chain, occurs twice.",
    "time-reversed": "An entry was received before the one that precedes it.",
    "truncated": "The chain ends before an entry that is known, from a checkpoint kept outside or a reading before.",
    "rewritten": "Another entry stands where one is known, from a checkpoint kept outside or a reading before.",
    "other-checkpoint": "No checkpoint that was given belongs to this system.",
    "not-authorised": "A key signed what it may not sign; the record does not count.",
    "key-expired": "The key was no longer valid; the record does not count.",
    "key-not-yet-valid": "The key was not valid yet; the record does not count.",
    "key-revoked": "The key was revoked; the record does not count.",
    "from-the-future": "A record's own time lies after its receipt; the record does not count.",
    "artifact-altered": "An artifact's content does not have the digest by which it is named.",
    "artifact-missing": "An artifact is gone, and nobody recorded its erasure.",
    "unreadable-bundle": "The bundle's own parts do not fit together.",
}
"""Every code with what it means. A code never changes its meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that verification found. `sequence` is the entry's place, None for the chain or bundle as a whole."""

    code: str
    message: str
    sequence: int | None = None

    def at(self, sequence: int) -> Problem:
        """The same problem, at that entry."""
        return replace(self, sequence=sequence)

    def __str__(self) -> str:
        return f"{'ledger' if self.sequence is None else f'entry {self.sequence}'}: {self.message} [{self.code}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationReport:
    """The outcome of verifying one system's chain.

    `problems` say that the chain is not what was written, or cannot be judged: any of them blocks GO. `void` lists
    records that are intact and do not count, such as those of a revoked key. `anchored_to` is the place of the newest
    checkpoint from outside that holds under a pinned trust root, 0 without one: what follows it may have been dropped.
    """

    system: str
    entries: int
    head: str
    signatures: int
    """How many signatures were checked."""
    anchored_to: int
    problems: tuple[Problem, ...] = ()
    void: tuple[Problem, ...] = ()
    artifacts: int = 0
    """How many artifacts were checked (bundles only)."""

    @property
    def anchored(self) -> bool:
        """Whether a pinned trust root and a checkpoint from outside vouch for it."""
        return self.anchored_to > 0

    @property
    def intact(self) -> bool:
        """True when nothing was found wrong. Not the same as anchored."""
        return not self.problems

    @property
    def sentence(self) -> str:
        """The outcome in one sentence."""
        if self.problems:
            return f"NOT VERIFIED: {len(self.problems)} problem(s) in {self.entries} entries of {self.system}."
        known = f"{self.entries} entries of {self.system} verified, {self.signatures} signatures checked"
        if not self.anchored:
            return (
                f"{known}; not anchored: without a pinned trust root and a checkpoint from outside, "
                "a dropped tail or a rebuilt chain cannot be seen."
            )
        return f"{known}; anchored outside up to entry {self.anchored_to}."

"""What the part about failure modes opens with: under which conditions it will be wrong, and what happens then."""

from __future__ import annotations

from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Outcome
from seatrial.core.wording import count
from seatrial.gate.verdict import Assessment

_REQUIREMENT = "model.failure-modes"
_ANSWERED, _UNANSWERED, _SMALL = "answered-failure-mode", "unanswered-failure-mode", "small-failure-mode"
_SHOWN = 3


def opening(assessment: Assessment) -> str:
    """One sentence for who reads no further; empty for other requirements, and where nothing was established."""
    if assessment.id != _REQUIREMENT:
        return ""
    found = [f for f in assessment.findings if f.code in {_ANSWERED, _UNANSWERED, _SMALL}]
    # What matters first, in the order in which the check tells it.
    found.sort(key=lambda f: f.code == _SMALL)
    if not found:
        established = assessment.outcome is Outcome.MET
        return "No condition was confirmed under which it is wrong more often than elsewhere." if established else ""
    shown = [_condition(f) for f in found[:_SHOWN]]
    more = len(found) - len(shown)
    if more:
        shown.append(f"under {count(more, 'further condition')}")
    where = f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]
    return f"It will be wrong more often than elsewhere {where}; {_then(found)}."


def _condition(finding: Finding) -> str:
    words, said = finding.detail.get("words", finding.detail.get("when")), finding.detail.get("said")
    return f"when {words}" + (f" ({said})" if said else "")


def _then(found: list[Finding]) -> str:
    answered, unanswered = (sum(f.code == code for f in found) for code in (_ANSWERED, _UNANSWERED))
    if not unanswered and not answered:
        return "each is below the harm from which somebody must say what happens then"
    if not unanswered:
        every = "this" if answered == 1 else "all of them"
        of = every if answered == len(found) else f"{answered} of them"
        return f"what happens then, and who answers for it, is in the register for {of}"
    nobody = "nobody has said yet what happens then"
    if not answered:
        return nobody if unanswered == len(found) else f"{nobody} for {unanswered} of them"
    known = f"what happens then is in the register for {answered} of them"
    return f"{known}, and nobody has said it for {unanswered}"

"""What the document of the review concludes, as its front matter states it: a text alone is no answer.

A person reads the document; that it says no, or says yes on a condition, must not depend on whether they did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from seatrial.core.observation import Finding
from seatrial.spec.documents import Document
from seatrial.spec.quantities import day
from seatrial.spec.system import System

HOLDS: Final = timedelta(days=180)
"""How long a review holds; the lease of the requirement."""
CODES: Final = {
    "no-conclusion": "The front matter of the review does not say whether it may go live.",
    "may-not-go-live": "The review says that it may not go live.",
    "condition-open": "The review has a condition that is not stated to be fulfilled.",
    "conditions-unclear": "The conditions of the review cannot be read, or it names none.",
    "reviewed-by-another": "The document was written by another person than the one who is named, or by nobody.",
    "review-of-another-version": "The document does not name this version as what was reviewed.",
    "review-undated": "The document does not say on which day it was reviewed.",
    "review-in-the-future": "The document is dated on a day that has not come.",
}
_FIELD = ("compliance.review",)
_WHY = "A review that says no is on record as a review too; what counts is what it concludes."


class Conclusion(StrEnum):
    """What a review can conclude, as its front matter spells it."""

    YES = "may go live"
    CONDITIONS = "may go live with conditions"
    NO = "may not go live"


def reviewed_on(document: Document) -> date | None:
    """The day of the review, None where the document names none that exists."""
    return _day(document.front.get("reviewed_on"))


def concluded(document: Document, path: str, system: System, today: date) -> Iterator[Finding]:
    """What keeps the document from being a review of this version, by the named person, that lets it go live."""
    yield from _conclusion(document.front, path, today)
    yield from _author(document.front, path, system)
    yield from _dated(document, path, today)


def _conclusion(front: Mapping[str, Any], path: str, today: date) -> Iterator[Finding]:
    told = front.get("conclusion")
    spelled = " ".join(told.split()).lower() if isinstance(told, str) else None
    if spelled not in {c.value for c in Conclusion}:
        shown = "nothing" if told is None else repr(told)
        yield _finding(
            "no-conclusion",
            f"{path} states {shown} as its conclusion.",
            f"Write one of {', '.join(repr(c.value) for c in Conclusion)} as `conclusion:` into the front matter of "
            f"{path} (between two lines of ---), and let it be attested anew.",
        )
    elif spelled == Conclusion.NO:
        yield _finding(
            "may-not-go-live",
            f"The review {path} concludes that it may not go live.",
            f"Do what the review asks for, let it be reviewed again, and state the new conclusion in {path}.",
        )
    listed = front.get("conditions")
    if listed is None:
        listed = []
    if not isinstance(listed, list) or (spelled == Conclusion.CONDITIONS and not listed):
        yield _finding(
            "conditions-unclear",
            f"{path} lists no conditions that can be read.",
            f"List them in the front matter of {path} as conditions: "
            "[{condition: what must be true, fulfilled_on: 2026-11-20}], or conclude without any.",
        )
        return
    for number, condition in enumerate(listed, start=1):
        yield from _condition(condition, number, path, today)


def _condition(condition: object, number: int, path: str, today: date) -> Iterator[Finding]:
    text = condition.get("condition") if isinstance(condition, dict) else condition
    fulfilled = _day(condition.get("fulfilled_on")) if isinstance(condition, dict) else None
    if not isinstance(text, str) or not text.strip():
        yield _finding(
            "conditions-unclear",
            f"Condition {number} of {path} does not say what must be true.",
            f"Write it as condition: TEXT in the front matter of {path}.",
        )
    elif fulfilled is None or fulfilled > today:
        yield _finding(
            "condition-open",
            f"The review lets it go live only when this is fulfilled: {text.strip()}",
            f"Fulfil it, then let the reviewer write fulfilled_on with the day beside it in {path} and attest anew.",
        )


def _author(front: Mapping[str, Any], path: str, system: System) -> Iterator[Finding]:
    who, told = system.compliance.who, front.get("reviewed_by")
    if who is not None and told != who:
        yield _finding(
            "reviewed-by-another",
            f"{path} was reviewed by {told if told is not None else 'nobody'}; compliance.who is {who}.",
            f"Let {who} review it and write reviewed_by: {who} into the front matter of {path}, or correct "
            "compliance.who.",
        )
    version = front.get("version")
    if version is None or str(version) != system.version:
        yield _finding(
            "review-of-another-version",
            f"{path} does not say of which version it is; this is {system.version}."
            if version is None
            else f"{path} is a review of version {version}; this is {system.version}.",
            f'Review version {system.version}, and write version: "{system.version}" into the front matter of {path}.',
        )


def _dated(document: Document, path: str, today: date) -> Iterator[Finding]:
    on = reviewed_on(document)
    if on is None:
        yield _finding(
            "review-undated",
            f"{path} does not say on which day it was reviewed.",
            f"Write reviewed_on with the day, such as {today.isoformat()}, into the front matter of {path}.",
        )
    elif on > today:
        yield _finding(
            "review-in-the-future",
            f"{path} is dated {on.isoformat()}, which has not come.",
            f"Correct reviewed_on in {path} to the day on which it was reviewed.",
        )
    elif on + HOLDS <= today:
        yield _finding(
            "review-expired",
            f"The review of {on.isoformat()} is older than {HOLDS.days} days.",
            f"Review it again, write the new day as reviewed_on into {path}, and attest it anew.",
        )


def _day(value: object) -> date | None:
    try:
        return day(value)
    except ValueError:
        return None


def _finding(code: str, summary: str, remedy: str) -> Finding:
    return Finding(code=code, summary=summary, fields=_FIELD, why=_WHY, remedy=remedy)

"""What a page says, and what delivers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message to one person; whoever holds `link` can acknowledge in their name."""

    id: str
    person: str
    title: str
    text: str
    action: str
    link: str = field(repr=False)
    sent_at: datetime
    expires_at: datetime
    kind: str = "page"
    """`page`, or `notice` for what asks for no acknowledgement."""
    html: str = ""
    """The same as `text` for channels that can show it, where there is such a form."""


class Channel(Protocol):
    """One way to deliver a notice."""

    @property
    def name(self) -> str:
        """For people and evidence; never the secret route."""

    def send(self, notice: Notice) -> None:
        """Deliver. Raises Unreachable when the channel refuses."""

    def probe(self, person: str) -> bool:
        """Whether it would take a notice now, without sending one; False where that cannot be told.

        Raises Unreachable where it would not.
        """

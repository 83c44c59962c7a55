"""Messages to declared people over their own routes: mail, chat or a webhook. They ask for no acknowledgement."""

from __future__ import annotations

from datetime import timedelta

from seatrial.adapters.pagers.channels import open_channel
from seatrial.adapters.pagers.notice import Notice
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import Workspace
from seatrial.core.errors import Refused

_STANDS_FOR = timedelta(days=7)


def reachable(workspace: Workspace, person: str) -> bool:
    """Whether the system file says how to reach them."""
    declared = workspace.system.people.get(person)
    return declared is not None and declared.page is not None


def tell(workspace: Workspace, person: str, *, key: str, title: str, text: str, link: str, html: str = "") -> str:
    """Send a message to a declared person; the name of the channel that took it.

    `key` is the message's id, by which a receiver can tell a repeated one. Raises Refused for a person without a route,
    Malformed for a route that nobody knows, Unreachable where the channel refuses.
    """
    declared = workspace.system.people.get(person)
    if declared is None or declared.page is None:
        raise Refused(f"{person} has no page route", remedy=f"Declare people.{person}.page, such as mailto://…")
    now = workspace.clock.now()
    with Outside(workspace) as outside:
        channel = open_channel(str(declared.page), http=outside.http)
        channel.send(
            Notice(
                id=key,
                person=person,
                title=title,
                text=text,
                action="Look at it",
                link=link,
                sent_at=now,
                expires_at=now + _STANDS_FOR,
                kind="notice",
                html=html,
            )
        )
    return channel.name

"""Pages over the services that Apprise knows: mail, chat, SMS, incident tools."""

from __future__ import annotations

import logging
import warnings

from seatrial.adapters.pagers.notice import Notice
from seatrial.adapters.redaction import Redactor
from seatrial.core.errors import Malformed, Unreachable


class AppriseChannel:
    """One Apprise route, such as `mailto://…` or `slack://…`."""

    def __init__(self, route: str, *, redact: Redactor) -> None:
        # Its log repeats addresses, and would go to the terminal.
        logging.getLogger("apprise").disabled = True
        self._scheme = route.partition("://")[0].lower()
        self._redact = redact
        with warnings.catch_warnings():
            # It loads every service it knows, some over parts of Python that are about to go.
            warnings.simplefilter("ignore", DeprecationWarning)
            from apprise import Apprise

            self._service = Apprise()
            understood = self._service.add(route)
        if not understood:
            raise Malformed(
                f"a page route with the scheme {redact(self._scheme)[:20]!r} is not understood",
                remedy="Use webhook+https://… or a route from Apprise's list of services.",
            )

    @property
    def name(self) -> str:
        """`apprise:` and the scheme."""
        return f"apprise:{self._scheme}"

    def probe(self, person: str) -> bool:
        """Nothing can be told of these services without sending."""
        del person
        return False

    def send(self, notice: Notice) -> None:
        """Deliver. Raises Unreachable when the service refuses, which is all that Apprise tells."""
        text = f"{notice.text}\n\n{notice.action}: {notice.link}"
        # What a service cannot show, Apprise turns into text for it.
        body, form = (notice.html, "html") if notice.html else (text, "text")
        if not self._service.notify(title=notice.title, body=body, body_format=form):
            raise Unreachable(
                f"the page to {notice.person!r} over {self.name} was refused",
                remedy=f"Correct people.{notice.person}.page, or see that service's own log.",
                permanent=False,
            )

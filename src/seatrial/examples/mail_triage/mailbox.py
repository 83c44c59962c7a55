"""The shared mailbox: stamps what comes in, counts its words, and keeps it for the triage, which asks what is new."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from seatrial.examples import serving
from seatrial.examples.inbox import Inbox
from seatrial.examples.mail_triage.guard import is_reply
from seatrial.examples.mail_triage.words import words_of

VERSION = "5.1.2"
MOST_KEPT = 20_000
TEXTS = ("subject", "body", "charset")


class Mailbox:
    """The mails of the day. `age` shifts what they are stamped with."""

    def __init__(self, settings: serving.Settings) -> None:
        self._age = timedelta(hours=settings.own.get("age_hours", 0))
        self._fills = bool(settings.own.get("fills_missing"))
        self.mails = Inbox("mail_id", most=MOST_KEPT)

    def take(self, content: object) -> None:
        """Keeps the mail as it is handed on. Raises BadRequest."""
        if not isinstance(content, Mapping):
            raise serving.BadRequest("expected one mail")
        if self._fills:
            content = {**dict.fromkeys(TEXTS, ""), **content}
        for field in ("mail_id", *TEXTS):
            if not isinstance(content.get(field), str):
                raise serving.BadRequest(f"{field} missing or of another type")
        stamp = (datetime.now(UTC) - self._age).isoformat().replace("+00:00", "Z")
        mail: dict[str, Any] = {
            **content,
            "received_at": stamp,
            "words": len(words_of(content["body"])),
            "reply": is_reply(content["subject"]),
        }
        self.mails.add(mail)


BOX = web.AppKey("box", Mailbox)


async def take(request: web.Request) -> web.Response:
    """POST one mail."""
    request.app[BOX].take(await serving.body(request))
    return web.json_response({"taken": 1}, status=201)


async def take_all(request: web.Request) -> web.Response:
    """POST a list of mails: like each of them alone."""
    content = await serving.body(request)
    if not isinstance(content, list):
        raise serving.BadRequest("expected a list of mails")
    for each in content:
        request.app[BOX].take(each)
    return web.json_response({"taken": len(content)}, status=201)


async def version(_: web.Request) -> web.Response:
    """GET the server's version."""
    return web.json_response({"service": "mailbox", "version": VERSION})


def build(settings: serving.Settings) -> web.Application:
    """The mailbox as an application."""
    app = serving.application()
    box = app[BOX] = Mailbox(settings)
    app.add_routes(
        [
            web.post("/mails", take),
            web.post("/mails/list", take_all),
            web.get("/mails", box.mails.listed),
            web.get("/mails/new", box.mails.new),
            web.get("/version", version),
            web.get("/health", version),
        ]
    )
    return app


def main() -> None:
    """`python -m seatrial.examples.mail_triage.mailbox DIRECTORY`."""
    serving.serve(build(serving.Settings.of(Path(sys.argv[1]), "mailbox")))


if __name__ == "__main__":
    main()

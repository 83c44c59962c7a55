"""The portal: stamps the questions that customers ask, and keeps them for the bot, which asks what is new."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from seatrial.examples import serving
from seatrial.examples.inbox import Inbox

VERSION = "3.2"
MOST_KEPT = 20_000


class Portal:
    """The questions of the day."""

    def __init__(self, settings: serving.Settings) -> None:
        self._fills = bool(settings.own.get("fills_missing"))
        self.questions = Inbox("question_id", most=MOST_KEPT)

    def take(self, content: object) -> None:
        """Keeps the question as it is handed on. Raises BadRequest."""
        if not isinstance(content, Mapping):
            raise serving.BadRequest("expected one question")
        if self._fills:
            content = {"question": "", **content}
        for field in ("question_id", "question"):
            if not isinstance(content.get(field), str):
                raise serving.BadRequest(f"{field} missing or of another type")
        stamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        self.questions.add({**content, "asked_at": stamp})


PORTAL = web.AppKey("portal", Portal)


async def take(request: web.Request) -> web.Response:
    """POST one question."""
    request.app[PORTAL].take(await serving.body(request))
    return web.json_response({"taken": 1}, status=201)


async def take_all(request: web.Request) -> web.Response:
    """POST a list of questions: like each of them alone."""
    content = await serving.body(request)
    if not isinstance(content, list):
        raise serving.BadRequest("expected a list of questions")
    for each in content:
        request.app[PORTAL].take(each)
    return web.json_response({"taken": len(content)}, status=201)


async def version(_: web.Request) -> web.Response:
    """GET the server's version."""
    return web.json_response({"service": "portal", "version": VERSION})


def build(settings: serving.Settings) -> web.Application:
    """The portal as an application."""
    app = serving.application()
    portal = app[PORTAL] = Portal(settings)
    app.add_routes(
        [
            web.post("/questions", take),
            web.post("/questions/list", take_all),
            web.get("/questions", portal.questions.listed),
            web.get("/questions/new", portal.questions.new),
            web.get("/version", version),
            web.get("/health", version),
        ]
    )
    return app


def main() -> None:
    """`python -m seatrial.examples.answer_bot.portal DIRECTORY`."""
    serving.serve(build(serving.Settings.of(Path(sys.argv[1]), "portal")))


if __name__ == "__main__":
    main()

"""The pager: takes signed pages for an example's people, each played by a script that answers as a person would."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import random
import re
import sys
from collections.abc import Mapping, Sequence
from html import unescape
from pathlib import Path

import aiohttp
from aiohttp import BasicAuth, web

from seatrial.examples import serving
from seatrial.examples.running import SECRET

VERSION = "1.9"
_LINK = re.compile(r"https?://\S+")
_READS_S = 0.5
_BUTTON = re.compile(r'<button[^>]*value="([^"]*)"')


class Persona:
    """Opens the link after a while, reads the page, and presses its first button. `asleep` ones never do."""

    def __init__(self, *, asleep: Sequence[str], after_s: tuple[float, float]) -> None:
        self._asleep = frozenset(asleep)
        self._after_s = after_s
        self._at_work: set[asyncio.Task[None]] = set()

    def receive(self, person: str, link: str) -> None:
        """The page arrived on the person's phone."""
        if person in self._asleep:
            return
        task = asyncio.get_running_loop().create_task(self._answer(link))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)

    async def _answer(self, link: str) -> None:
        await asyncio.sleep(random.uniform(*self._after_s))  # noqa: S311 - a person's delay, no secret
        try:
            async with aiohttp.ClientSession() as session:
                async with session.get(link) as page:
                    button = _BUTTON.search(await page.text())
                await asyncio.sleep(_READS_S)
                if button is not None:
                    async with session.post(link, data={"answer": unescape(button[1])}) as pressed:
                        await pressed.read()
        except aiohttp.ClientError as error:
            sys.stderr.write(f"the page could not be answered: {type(error).__name__}\n")


def signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the page carries the signature of Standard Webhooks under our secret."""
    content = b".".join((headers.get("webhook-id", "").encode(), headers.get("webhook-timestamp", "").encode(), body))
    expected = base64.b64encode(hmac.new(secret.encode(), content, hashlib.sha256).digest()).decode("ascii")
    return hmac.compare_digest(headers.get("webhook-signature", ""), f"v1,{expected}")


def build(settings: serving.Settings, secret: str) -> web.Application:
    """The pager as an application."""
    least, most = settings.own.get("answers_after_s", (0.6, 1.6))
    persona = Persona(asleep=settings.own.get("asleep", ()), after_s=(least, most))

    async def page(request: web.Request) -> web.Response:
        content = await request.read()
        if not signed(secret, request.headers, content):
            return serving.refused("the page is not signed by this system", status=401)
        event = json.loads(content)
        persona.receive(request.match_info["person"], event["data"]["link"])
        return web.json_response({"accepted": True}, status=202)

    async def message(request: web.Request) -> web.Response:
        """POST a text to a person's phone, from one of the company's own systems: they open the link in it."""
        if request.headers.get("Authorization") != BasicAuth(secret).encode():
            return serving.refused("only the company's systems send messages", status=401)
        link = _LINK.search(str((await serving.body(request)).get("text", "")))
        if link is not None:
            persona.receive(request.match_info["person"], link[0])
        return web.json_response({"accepted": True}, status=202)

    async def version(_: web.Request) -> web.Response:
        return web.json_response({"service": "pager", "version": VERSION})

    app = serving.application()
    app.add_routes(
        [
            web.post("/page/{person}", page),
            web.post("/message/{person}", message),
            web.get("/version", version),
            web.get("/health", version),
        ]
    )
    return app


def main() -> None:
    """`python -m seatrial.examples.pager DIRECTORY`, with the secret in the environment."""
    serving.serve(build(serving.Settings.of(Path(sys.argv[1]), "pager"), os.environ[SECRET]))


if __name__ == "__main__":
    main()

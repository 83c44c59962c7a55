"""The triage: asks the mailbox what is new, guards its input, opens tickets, and can be switched back or off."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from seatrial.examples import serving
from seatrial.examples.connections import CONNECTIONS, write_connections
from seatrial.examples.control import control_routes
from seatrial.examples.keyed import Keyed
from seatrial.examples.mail_triage.guard import LONGEST_SUBJECT, Problem, problems
from seatrial.examples.mail_triage.router import FOOTER, Floats, Router, text_of
from seatrial.examples.mail_triage.train import CURRENT
from seatrial.examples.pulling import Pull, reached

MOST_ROWS = 4096
MOST_MAILS = 20_000
ACT_AT = 0.5
"""Confidence from which a mail goes to a list without a person; the governance plan says why."""
DISPATCHER = "dispatcher"
TIMEOUT = aiohttp.ClientTimeout(total=2.0)
AT_ONCE = 16
DESK, MAILBOX = "MAIL_DESK", "MAIL_MAILBOX"


class Triage:
    """The state of the server: which model and word list are loaded, and whether they may be used."""

    def __init__(self, settings: serving.Settings) -> None:
        self.own = settings.own
        self.models = settings.directory / "models"
        self.router = Router.load(self.models, CURRENT)
        self.online = True
        self.mails = Keyed("mail_id", most=MOST_MAILS)
        self.turn = asyncio.Lock()
        self.act_at = float(self.own.get("act_at", ACT_AT))

    def activate(self, version: str) -> None:
        """Loads that version. Raises FileNotFoundError."""
        words = self.router.words_version if self.own.get("rollback_leaves_words") else None
        self.router = Router.load(self.models, version, words_version=words)

    def told(self) -> Mapping[str, Any]:
        """The identity of model and word list, as digests of what was read."""
        router = self.router
        return {
            "service": "mail-triage",
            "version": router.version,
            "model": router.digest,
            "words": router.words_digest,
            "words_version": router.words_version,
        }

    def wrong(self, rows: Sequence[Mapping[str, Any]]) -> list[Problem]:
        """What the guard says; a pilot's server has none."""
        return problems(rows) if self.own.get("guard", True) else []

    async def answers(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The queue of each mail with its confidence. KeyError on a missing field where no guard stands before."""
        await asyncio.sleep(self.own.get("extra_delay_s", 0.0))
        await self.taken_turn()
        leak = bool(self.own.get("reads_footer"))
        texts = [text_of(row, leak=leak) for row in rows]
        if self.own.get("case_matters"):
            texts = [t if t != t.upper() else "" for t in texts]
        chances = self.router.probabilities(texts)
        if self.own.get("batch_scaled"):
            chances = _scaled_by_batch(chances)
        if power := self.own.get("sharpened"):
            chances = chances**power / (chances**power).sum(axis=1, keepdims=True)
        best = chances.argmax(axis=1)
        return [
            {"queue": self.router.queues[b], "confidence": round(float(row[b]), 6)}
            for b, row in zip(best, chances, strict=True)
        ]

    async def taken_turn(self) -> None:
        """Waits for the lock that a pilot put around the model; nothing where there is none."""
        if self.own.get("one_at_a_time_s"):
            async with self.turn:
                await asyncio.sleep(self.own["one_at_a_time_s"])


def _scaled_by_batch(chances: Floats) -> Floats:
    """The defect that scores are divided by the mean of their batch, so that an answer depends on its company."""
    scaled = chances / chances.mean(axis=0, keepdims=True)
    result: Floats = scaled / scaled.sum(axis=1, keepdims=True)
    return result


STATE = web.AppKey("state", Triage)
SESSION = web.AppKey("session", aiohttp.ClientSession)
DESK_URL = web.AppKey("desk", str)
PULL = web.AppKey("pull", Pull)
SCHEMA = {
    "mail_id": str,
    "subject": str,
    "body": str,
    "words": int,
    "reply": bool,
    "charset": str,
    "received_at": str,
}
"""What the mailbox's contract says of a mail."""


async def predict(request: web.Request) -> web.Response:
    """POST `{"rows": [{…}]}`: one `{queue, confidence}` per mail, or 422 with everything that is wrong."""
    state = request.app[STATE]
    rows = serving.rows_of(await serving.body(request), most=MOST_ROWS)
    if not state.online:
        return serving.refused("the model was taken offline", status=503)
    if wrong := state.wrong(rows):
        told = [{"row": p.row, "field": p.field, "message": p.message} for p in wrong[:20]]
        return serving.refused(f"{wrong[0].field} {wrong[0].message} (row {wrong[0].row})", problems=told)
    return web.json_response({"predictions": await state.answers(rows)})


async def route(request: web.Request) -> web.Response:
    """POST one keyed mail: its ticket is at the desk before this answers."""
    return web.json_response(await _passed_on(request.app, _keyed(await serving.body(request))), status=201)


def _keyed(content: object) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise serving.BadRequest("expected one mail")
    absent = [field for field in ("mail_id", "subject", "body") if not isinstance(content.get(field), str)]
    if absent:
        raise serving.BadRequest(f"{', '.join(absent)} missing or of another type")
    return content


async def _passed_on(app: web.Application, mail: dict[str, Any]) -> dict[str, Any]:
    """The mail's ticket, which the desk has taken. Raises BadGateway."""
    state = app[STATE]
    state.mails.add(mail)
    ticket = await _ticket(state, mail)
    try:
        async with app[SESSION].post(f"{app[DESK_URL]}/tickets", json=ticket) as answer:
            await answer.read()
            if answer.status == serving.REFUSED:
                raise serving.BadRequest("the ticket desk does not take this ticket")
            if answer.status != 201:
                raise serving.BadGateway(f"the ticket desk answered {answer.status}")
    except (aiohttp.ClientError, TimeoutError):
        raise serving.BadGateway("the ticket desk did not answer") from None
    return ticket


async def _ticket(state: Triage, mail: Mapping[str, Any]) -> dict[str, Any]:
    """To a list where the model is sure enough, to the dispatcher otherwise."""
    ticket = {
        "mail_id": mail["mail_id"],
        "subject": mail["subject"][:LONGEST_SUBJECT],
        "routed_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "source": DISPATCHER,
        "queue": DISPATCHER,
        "confidence": None,
        "version": None,
    }
    if not state.online:
        return ticket | {"note": "the model is offline"}
    if wrong := state.wrong([mail]):
        return ticket | {"note": f"{wrong[0].field} {wrong[0].message}"}
    (answer,) = await state.answers([{FOOTER: None, **mail}])
    told = {"confidence": answer["confidence"], "version": state.router.version}
    if answer["confidence"] < state.act_at:
        return ticket | told | {"note": f"not sure enough of {answer['queue']}"}
    return ticket | told | {"source": "model", "queue": answer["queue"]}


async def routed(request: web.Request) -> web.Response:
    """GET the newest mails, or those whose key is a `value`."""
    return request.app[STATE].mails.asked(request)


async def alarms(request: web.Request) -> web.Response:
    """GET whether the mailbox has not answered for so long that somebody must be told, and what was set aside."""
    pull = request.app[PULL]
    return web.json_response({"mailbox": pull.away, "set_aside": pull.set_aside})


def build(settings: serving.Settings, *, desk_url: str, mailbox_url: str) -> web.Application:
    """The server as an application."""

    async def connected(app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(timeout=TIMEOUT, headers={serving.CALLER: "mail-triage"}) as session:
            app[SESSION] = session
            app[PULL] = Pull(
                f"{mailbox_url}/mails/new",
                session,
                lambda mail: _passed_on(app, mail),
                at_once=AT_ONCE,
                own=settings.own,
                schema=SCHEMA,
            )
            pulling = asyncio.create_task(app[PULL].keep_pulling())
            yield
            pulling.cancel()

    app = serving.application(log=settings.directory / "logs" / "model.jsonl", logged=("/predict", "/mails"))
    app[STATE] = Triage(settings)
    app[DESK_URL] = desk_url
    app.cleanup_ctx.append(connected)
    app.add_routes(
        [
            web.post("/predict", predict),
            web.post("/mails", route),
            web.get("/mails", routed),
            web.get("/alarms", alarms),
            *control_routes(app[STATE]),
        ]
    )
    return app


def main() -> None:
    """`python -m seatrial.examples.mail_triage.triage_server DIRECTORY`, with the other services' addresses set."""
    settings = serving.Settings.of(Path(sys.argv[1]), "triage_server")
    write_connections(settings.directory / "logs" / CONNECTIONS)
    serving.serve(build(settings, desk_url=reached(DESK), mailbox_url=reached(MAILBOX)))


if __name__ == "__main__":
    main()

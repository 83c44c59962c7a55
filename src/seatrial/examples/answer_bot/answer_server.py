"""The answer bot: asks the portal what is new, answers from the manual or abstains, and can be switched off."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from seatrial.examples import serving
from seatrial.examples.answer_bot.bot import UNKNOWN, Bot
from seatrial.examples.answer_bot.embedding import Embedder
from seatrial.examples.answer_bot.parts import EMBEDDING, TOKENIZER, file_of
from seatrial.examples.answer_bot.prepare import CURRENT, PASSAGES_READ, prompt_of
from seatrial.examples.connections import CONNECTIONS, write_connections
from seatrial.examples.control import control_routes
from seatrial.examples.keyed import Keyed
from seatrial.examples.pulling import Pull, reached

MOST_ROWS = 256
MOST_QUESTIONS = 20_000
LONGEST_QUESTION = 1_000
DESK, PORTAL, LANGUAGE_MODEL = "ANSWER_DESK", "ANSWER_PORTAL", "ANSWER_LLM"
TIMEOUT, WRITING = aiohttp.ClientTimeout(total=2.0), aiohttp.ClientTimeout(total=120.0)
AT_ONCE, WRITTEN_AT_ONCE = 16, 2
_GARBLED = re.compile("�|Ã[\x80-¿]|â€|\x00")


class Answering:
    """The state of the server: which index and settings are loaded, and whether they may be used."""

    def __init__(self, settings: serving.Settings) -> None:
        self.own = settings.own
        self.models = settings.directory / "models"
        self.system_prompt = settings.directory / "prompts" / "system.md"
        self._embedder = Embedder(file_of(EMBEDDING), file_of(TOKENIZER))
        self.bot = Bot(self.models, CURRENT, self._embedder)
        self.online = True
        self.questions = Keyed("question_id", most=MOST_QUESTIONS)
        self.turn = asyncio.Lock()
        self._waiting: list[tuple[Sequence[str], asyncio.Future[list[dict[str, Any]]]]] = []

    def activate(self, version: str) -> None:
        """Loads that version. Raises FileNotFoundError."""
        kept = self.bot.settings_version if self.own.get("rollback_leaves_settings") else None
        self.bot = Bot(self.models, version, self._embedder, settings_version=kept)

    def told(self) -> Mapping[str, Any]:
        """The identity of index and settings, as digests of what was read."""
        bot = self.bot
        return {
            "service": "answer-bot",
            "version": bot.version,
            "index": bot.digest,
            "settings": bot.settings_digest,
            "settings_version": bot.settings_version,
        }

    def wrong(self, row: Mapping[str, Any]) -> str | None:
        """Why a question is not taken; None when it is."""
        question = row.get("question")
        if not self.own.get("guard", True):
            return None
        if not isinstance(question, str):
            return "question must be a text"
        if not question.strip():
            return "question must not be empty"
        if len(question) > LONGEST_QUESTION:
            return f"question must hold at most {LONGEST_QUESTION} characters"
        return "question is garbled: decoded by the wrong charset" if _GARBLED.search(question) else None

    async def answers(self, questions: Sequence[str]) -> list[dict[str, Any]]:
        """The answer to each question with its confidence, in the order asked."""
        await asyncio.sleep(self.own.get("extra_delay_s", 0.0))
        asked = [str(question) for question in questions]
        if self.own.get("case_matters"):
            asked = [q if q != q.upper() else "" for q in asked]
        found = await self._found(asked)
        if self.own.get("mixes_up_batches") and len(found) > 1:
            found = [*found[1:], found[0]]
        for answer in found:
            answer["confidence"] = self.own.get("confidence", answer["confidence"])
            # How it abstains is declared, and a do-not-trust rule names it.
            if answer["answer"] != UNKNOWN:
                answer["answer"] = f"{self.own.get('begins_with', '')}{answer['answer']}"
        return found

    async def _found(self, asked: Sequence[str]) -> list[dict[str, Any]]:
        """The answers, made together with those of all others that wait by then."""
        answer: asyncio.Future[list[dict[str, Any]]] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        async with self.turn:
            if not answer.done():
                batch, self._waiting = self._waiting, []
                together = [question for questions, _ in batch for question in questions]
                made = iter(await asyncio.to_thread(self.bot.answers, together, floor=self.own.get("floor")))
                for questions, each in batch:
                    each.set_result(list(islice(made, len(questions))))
        return answer.result()


STATE = web.AppKey("state", Answering)
SESSION = web.AppKey("session", aiohttp.ClientSession)
DESK_URL = web.AppKey("desk", str)
LLM_URL = web.AppKey("llm", str)
PULL = web.AppKey("pull", Pull)


async def predict(request: web.Request) -> web.Response:
    """POST `{"rows": [{"question": …}]}`: one `{answer, confidence}` each, or 422 with what is wrong."""
    state = request.app[STATE]
    rows = serving.rows_of(await serving.body(request), most=MOST_ROWS)
    if not state.online:
        return serving.refused("the bot was taken offline", status=503)
    for number, row in enumerate(rows):
        if problem := state.wrong(row):
            return serving.refused(f"{problem} (row {number})")
    found = await state.answers([row["question"] for row in rows])
    answers = [{"answer": each["answer"], "confidence": each["confidence"]} for each in found]
    return web.json_response({"predictions": answers})


async def take(request: web.Request) -> web.Response:
    """POST one keyed question: its answer is at the help desk before this answers."""
    return web.json_response(await _passed_on(request.app, _keyed(await serving.body(request))), status=201)


def _keyed(content: object) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise serving.BadRequest("expected one question")
    absent = [field for field in ("question_id", "question") if not isinstance(content.get(field), str)]
    if absent:
        raise serving.BadRequest(f"{', '.join(absent)} missing or of another type")
    stamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {**content, "asked_at": stamp}


async def _passed_on(app: web.Application, question: dict[str, Any]) -> dict[str, Any]:
    """The question's answer, which the help desk has taken. Raises BadGateway."""
    app[STATE].questions.add(question)
    record = await _record(app, question)
    try:
        async with app[SESSION].post(f"{app[DESK_URL]}/answers", json=record) as answer:
            await answer.read()
            if answer.status == serving.REFUSED:
                raise serving.BadRequest("the help desk does not take this answer")
            if answer.status != 201:
                raise serving.BadGateway(f"the help desk answered {answer.status}")
    except (aiohttp.ClientError, TimeoutError):
        raise serving.BadGateway("the help desk did not answer") from None
    return record


async def _record(app: web.Application, question: Mapping[str, Any]) -> dict[str, Any]:
    """Answered by the bot where it knows; left to a person otherwise."""
    state = app[STATE]
    record = {
        "question_id": question["question_id"],
        "question": str(question["question"])[:LONGEST_QUESTION],
        "answered_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "source": "person",
        "answer": None,
        "confidence": None,
        "version": None,
    }
    if not state.online:
        return record | {"note": "the bot is offline"}
    if problem := state.wrong(question):
        return record | {"note": problem}
    version = {"version": state.bot.version}
    if app[LLM_URL]:
        written = await _written(app, str(question["question"]))
        return record | version | {"source": "bot", "answer": written}
    (answer,) = await state.answers([question["question"]])
    if answer["answer"].endswith(UNKNOWN):
        return record | version | {"note": "the manual does not say"}
    told = {"answer": answer["answer"], "confidence": answer["confidence"]}
    return record | version | told | {"source": "bot"}


async def _written(app: web.Application, question: str) -> str:
    """What the language model writes about the nearest passages. Raises BadGateway."""
    state = app[STATE]
    passages = await asyncio.to_thread(state.bot.index.closest, question, PASSAGES_READ)
    system = state.system_prompt.read_text(encoding="utf-8")
    asked = {
        "model": "smollm2-135m",
        "temperature": 0,
        "max_tokens": 48,
        "messages": [
            {"role": "system", "content": system},
            {"role": "user", "content": prompt_of(question, [passage.whole for passage in passages])},
        ],
    }
    try:
        async with app[SESSION].post(f"{app[LLM_URL]}/v1/chat/completions", json=asked, timeout=WRITING) as answer:
            content = await answer.json()
            return str(content["choices"][0]["message"]["content"])
    except (aiohttp.ClientError, TimeoutError, KeyError, IndexError):
        raise serving.BadGateway("the language model did not answer") from None


async def asked(request: web.Request) -> web.Response:
    """GET the newest questions, or those whose key is a `value`."""
    return request.app[STATE].questions.asked(request)


async def alarms(request: web.Request) -> web.Response:
    """GET whether the portal has not answered for so long that somebody must be told, and what was set aside."""
    pull = request.app[PULL]
    return web.json_response({"portal": pull.away, "set_aside": pull.set_aside})


def build(settings: serving.Settings, *, desk_url: str, portal_url: str, llm_url: str) -> web.Application:
    """The server as an application; without a language model's address it answers in the manual's own words."""

    async def connected(app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(timeout=TIMEOUT, headers={serving.CALLER: "answer-bot"}) as session:
            app[SESSION] = session
            app[PULL] = Pull(
                f"{portal_url}/questions/new",
                session,
                lambda question: _passed_on(app, question),
                at_once=WRITTEN_AT_ONCE if llm_url else AT_ONCE,
                own=settings.own,
                schema={"question_id": str, "question": str, "asked_at": str},
            )
            pulling = asyncio.create_task(app[PULL].keep_pulling())
            yield
            pulling.cancel()

    app = serving.application(log=settings.directory / "logs" / "model.jsonl", logged=("/predict", "/questions"))
    app[STATE] = Answering(settings)
    app[DESK_URL], app[LLM_URL] = desk_url, llm_url
    app.cleanup_ctx.append(connected)
    app.add_routes(
        [
            web.post("/predict", predict),
            web.post("/questions", take),
            web.get("/questions", asked),
            web.get("/alarms", alarms),
            *control_routes(app[STATE]),
        ]
    )
    return app


def main() -> None:
    """`python -m seatrial.examples.answer_bot.answer_server DIRECTORY`, with the other services' addresses set."""
    settings = serving.Settings.of(Path(sys.argv[1]), "answer_server")
    llm_url = os.environ.get(LANGUAGE_MODEL, "")
    write_connections(settings.directory / "logs" / CONNECTIONS, inside=[llm_url])
    serving.serve(build(settings, desk_url=reached(DESK), portal_url=reached(PORTAL), llm_url=llm_url))


if __name__ == "__main__":
    main()

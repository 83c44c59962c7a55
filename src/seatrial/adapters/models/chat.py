"""An application over an OpenAI-compatible chat endpoint: its prompts, parameters and tools, one request per row.

A request that was answered is never sent again: only what the endpoint turned away (429, or 503 with Retry-After) is
repeated, after the time that it asks for. Rows that were asked together with one that failed keep their answers until
they are asked for again, once, so that asking the rest by halves costs and changes nothing.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from seatrial.adapters.http import Answer, Cut, Http, TimedOut
from seatrial.adapters.identity import digest_of, probe_identity
from seatrial.adapters.models.chat_answers import Failed, Turn, prediction_of, read_turn
from seatrial.adapters.models.chat_prompts import Prompts
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Prediction, Reply, ReplyKind, Request, Row
from seatrial.spec.model import Chat, ModelSection
from seatrial.spec.system import System

_OF_THE_ENDPOINT: Final = frozenset({401, 403, 404, 405, 407, 408, 410, 429})
_LONGEST_WAIT_S: Final = 60.0
_FIRST_WAIT_S: Final = 0.5
_COMPLETE: Final = frozenset({"stop", "tool_calls", "function_call"})
_TOLD: Final = ("id", "owned_by", "root", "parent", "max_model_len", "meta")
"""What of a listed model does not change by itself: not the time, not random permission ids."""


class ChatModel:
    """POST `<base>/chat/completions`, up to `chat.parallel` at once; threads may share it."""

    def __init__(self, section: ModelSection, *, base_dir: Path, http: Http) -> None:
        self._section = section
        self._chat = section.chat or Chat(name="")
        self._base_dir = base_dir
        self._base = (section.openai or "").rstrip("/").removesuffix("/chat/completions")
        self._http = http
        self._kept: dict[str, list[Reply]] = {}
        self._lock = threading.Lock()

    @cached_property
    def _prompts(self) -> Prompts:
        return Prompts.read(self._chat, self._base_dir)

    def identity(self) -> str:
        """The digest of what `model.identity` answers; without one, of what the endpoint tells of the model by itself.

        That is its entry under `/models` and the fingerprint of a one-token answer. Raises Unreachable, Malformed.
        """
        section = self._section
        if section.identity:
            return probe_identity(self._http, section.identity, headers=section.headers, timeout_s=section.timeout)
        first = digest_of(self.told())
        if digest_of(self.told()) != first:
            raise Malformed(
                "the chat endpoint tells another model from one request to the next",
                remedy="Serve one version, or declare model.identity: an address that tells the version alone.",
            )
        return first

    def told(self) -> dict[str, Json]:
        """The `name`, the entry `listed` under `/models`, and the `fingerprint`. Raises Unreachable, Malformed."""
        listed = self._listed()
        turn = Turn()
        answer = self._post(self._probe())
        if answer.status == 200:
            read_turn(answer, turn)
        if listed is None and not turn.fingerprint:
            raise Malformed(
                f"the chat endpoint tells nothing of the model {self._chat.name!r} that it serves",
                remedy="Declare model.identity: an address that tells the version that is served.",
            )
        return {"name": self._chat.name, "listed": listed, "fingerprint": turn.fingerprint}

    def _probe(self) -> Request:
        content = {"model": self._chat.name, "messages": [{"role": "user", "content": "ok"}], "max_tokens": 1}
        return self._request(json.dumps(content).encode())

    def _listed(self) -> Json:
        answer = self._http.get(f"{self._base}/models", timeout_s=self._section.timeout, headers=self._section.headers)
        if answer.status != 200:
            return None
        content = answer.json()
        models: Any = content.get("data") if isinstance(content, dict) else None
        for model in models if isinstance(models, list) else ():
            if isinstance(model, dict) and model.get("id") == self._chat.name:
                return {key: model[key] for key in _TOLD if key in model}
        return None

    def request(self, rows: Sequence[Row]) -> Request | None:
        """The request for one row; None for more, because each row is a request of its own."""
        return self._request(self._prompts.body(rows[0])) if len(rows) == 1 else None

    def predict(self, rows: Sequence[Row]) -> Reply:
        """The answers for these rows; never raises for what the endpoint does.

        Where some rows fail, the reply is UNREACHABLE when the endpoint was for any, else MALFORMED, else, when all
        failed alike, of that kind.
        """
        started = time.monotonic()
        if len(rows) == 1:
            return self._kept_or_asked(rows[0])
        with ThreadPoolExecutor(self._chat.parallel) as pool:
            replies = list(pool.map(self._kept_or_asked, rows))
        latency_s = time.monotonic() - started
        failed = [reply for reply in replies if reply.kind is not ReplyKind.OK]
        if not failed:
            predictions = tuple(p for reply in replies for p in reply.predictions)
            return Reply(kind=ReplyKind.OK, latency_s=latency_s, predictions=predictions, status=200)
        self._keep(rows, replies)
        kinds = {reply.kind for reply in replies}
        kind = failed[0].kind if len(kinds) == 1 else ReplyKind.MALFORMED
        kind = ReplyKind.UNREACHABLE if ReplyKind.UNREACHABLE in kinds else kind
        told = f"{len(failed)} of {len(rows)} rows were not answered; one of them: {failed[0].error}"
        return Reply(kind=kind, latency_s=latency_s, status=failed[0].status, error=told)

    def _keep(self, rows: Sequence[Row], replies: Sequence[Reply]) -> None:
        with self._lock:
            for row, reply in zip(rows, replies, strict=True):
                if reply.kind is not ReplyKind.UNREACHABLE:
                    self._kept.setdefault(_key(row), []).append(reply)

    def _kept_or_asked(self, row: Row) -> Reply:
        if self._kept:
            with self._lock:
                kept = self._kept.get(_key(row))
                if kept:
                    reply = kept.pop()
                    if not kept:
                        del self._kept[_key(row)]
                    return reply
        return self._ask(row)

    def _ask(self, row: Row) -> Reply:
        request = self._request(self._prompts.body(row))
        started = time.monotonic()
        try:
            answer = self._post(request)
        except SeatrialError as error:
            kinds = {TimedOut: ReplyKind.TIMED_OUT, Cut: ReplyKind.CRASHED, Malformed: ReplyKind.MALFORMED}
            kind = next((k for cls, k in kinds.items() if isinstance(error, cls)), ReplyKind.UNREACHABLE)
            return Reply(kind=kind, latency_s=time.monotonic() - started, error=error.what)
        return self._classified(answer)

    def _post(self, request: Request) -> Answer:
        """The answer, after waiting as long as the endpoint asks for, within bounds, where it turned us away."""
        waited = 0.0
        attempt = 1
        while True:
            # Not repeatable: a cut connection may have cost an answer, and a second one would be another answer.
            answer = self._http.send(request, timeout_s=self._section.timeout)
            wait_s = _asked_to_wait(answer, attempt)
            if wait_s is None or attempt >= self._chat.attempts or waited + wait_s > _LONGEST_WAIT_S:
                return answer
            time.sleep(wait_s)
            waited += wait_s
            attempt += 1

    def _classified(self, answer: Answer) -> Reply:
        status = answer.status
        if status >= 500:
            return self._reply(ReplyKind.CRASHED, answer, f"status {status}: {answer.brief()}")
        if status >= 400:
            kind = ReplyKind.UNREACHABLE if status in _OF_THE_ENDPOINT else ReplyKind.REFUSED
            return self._reply(kind, answer, f"status {status}: {answer.brief()}")
        if status >= 300:
            return self._reply(ReplyKind.MALFORMED, answer, f"status {status}, a redirect that leads nowhere")
        turn = Turn()
        try:
            read_turn(answer, turn)
            return self._judged(answer, turn)
        except Failed as error:
            return self._reply(ReplyKind.CRASHED, answer, error.what, turn.said)
        except Malformed as error:
            return self._reply(ReplyKind.MALFORMED, answer, error.what, turn.said)

    def _judged(self, answer: Answer, turn: Turn) -> Reply:
        if turn.finish == "content_filter":
            return self._reply(ReplyKind.REFUSED, answer, "a content filter stopped the answer", turn.said)
        if turn.finish == "length":
            told = f"the answer was cut off at its greatest length, after {len(turn.text)} characters"
            return replace(self._reply(ReplyKind.MALFORMED, answer, told, turn.said), cut_off=True)
        if turn.finish not in _COMPLETE:
            told = f"the answer ended for the reason {turn.finish[:40] or 'none'!r}, which is not known"
            return self._reply(ReplyKind.MALFORMED, answer, told, turn.said)
        prediction = Prediction(prediction=prediction_of(turn, self._section.task), score=turn.confidence)
        return Reply(kind=ReplyKind.OK, latency_s=answer.latency_s, predictions=(prediction,), status=answer.status)

    def _reply(self, kind: ReplyKind, answer: Answer, error: str, said: str = "") -> Reply:
        told = self._http.redact(error)
        return Reply(
            kind=kind, latency_s=answer.latency_s, status=answer.status, error=told, said=self._http.redact(said)
        )

    def _request(self, body: bytes) -> Request:
        headers = {"Content-Type": "application/json", **self._section.headers}
        return Request(method="POST", url=f"{self._base}/chat/completions", headers=headers, body=body)

    def close(self) -> None:
        """Close idle connections."""
        self._http.close()


def open_judge(system: System, *, http: Http) -> ChatModel:
    """The declared judge of free answers, asked with one text as it is. Raises Unreachable without one."""
    judge = system.adversarial.chat.judge
    if judge is None:
        raise Unreachable("no judge is declared", remedy="Declare adversarial.chat.judge.")
    chat = Chat(name=judge.name, parameters=judge.parameters)
    section = ModelSection(openai=judge.openai, chat=chat, headers=judge.headers, task="chat")
    return ChatModel(section.model_copy(update={"timeout": judge.timeout}), base_dir=Path(), http=http)


def _key(row: Row) -> str:
    return json.dumps(row, sort_keys=True, default=str)


def _asked_to_wait(answer: Answer, attempt: int) -> float | None:
    """The seconds to wait before the next attempt; None where there is to be none."""
    told = answer.headers.get("retry-after", "").strip()
    if answer.status != 429 and not (answer.status == 503 and told):
        return None
    if told.isdecimal():
        return float(told)
    try:
        until = parsedate_to_datetime(told)
    except (TypeError, ValueError):
        return float(_FIRST_WAIT_S * 2 ** (attempt - 1))
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())

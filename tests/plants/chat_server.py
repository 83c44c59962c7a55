"""An OpenAI-compatible chat endpoint that works, and the ways in which one does not: one named fault each."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from plants.server import Answering, Asked, Said, said

NAME: Final = "dock-bot"
LISTED: Final[Mapping[str, Any]] = {
    "id": NAME,
    "object": "model",
    "created": "1",
    "owned_by": "plant",
    "meta": {"n_params": 7},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One conversation as it arrived."""

    system: str = ""
    user: str = ""
    tool_results: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, asked: Asked) -> Talk:
        content = asked.json()
        said_by = [(m["role"], m.get("content") or "") for m in content["messages"]]
        return cls(
            system="\n".join(text for role, text in said_by if role == "system"),
            user="\n".join(text for role, text in said_by if role == "user"),
            tool_results=tuple(text for role, text in said_by if role == "tool"),
            tools=tuple(tool["function"]["name"] for tool in content.get("tools", ())),
            parameters={k: v for k, v in content.items() if k not in {"messages", "tools"}},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An answer that is a call of a tool."""

    name: str
    arguments: str = "{}"


Bot = Callable[[Talk], "str | Call"]


def completion(text: str | None, *, finish: str | None = "stop", **message: Any) -> dict[str, Any]:
    """A whole answer."""
    return {
        "object": "chat.completion",
        "system_fingerprint": "fp_plant",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
        ],
    }


def streamed(deltas: Sequence[Mapping[str, Any]], *, finish: str | None = "stop", done: bool = True) -> Said:
    """The same as server-sent events."""
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": dict(d), "finish_reason": None}]} for d in deltas
    ]
    if finish is not None:
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    lines = [": keep-alive", *(f"data: {json.dumps(chunk)}" for chunk in chunks), *(["data: [DONE]"] if done else [])]
    return Said(body=("\n\n".join(lines) + "\n\n").encode(), headers={"Content-Type": "text/event-stream"})


def pieces(text: str) -> list[dict[str, Any]]:
    """A text as deltas of seven characters."""
    return [{"content": text[at : at + 7]} for at in range(0, len(text), 7)] or [{"content": ""}]


def serving(bot: Bot, *, listed: Mapping[str, Any] | None = None) -> Answering:
    """A sound endpoint around a bot: lists its model, answers whole or as a stream, as it is asked."""

    def answer(asked: Asked) -> Said:
        if asked.path.endswith("/models"):
            return said({"object": "list", "data": [listed or LISTED]})
        if asked.path.endswith("/version"):
            return said({"version": "7"})
        if asked.method != "POST" or not asked.path.endswith("/chat/completions"):
            return said({"error": {"message": "no such path"}}, 404)
        talk = Talk.of(asked)
        return _spoken(bot(talk), stream=bool(talk.parameters.get("stream")))

    return answer


def _spoken(answer: str | Call, *, stream: bool) -> Said:
    if isinstance(answer, Call):
        call = {"id": "c", "type": "function", "function": {"name": answer.name, "arguments": answer.arguments}}
        if stream:
            return streamed([{"tool_calls": [{"index": 0, **call}]}], finish="tool_calls")
        return said(completion(None, finish="tool_calls", tool_calls=[call]))
    return streamed(pieces(answer)) if stream else said(completion(answer))


def echo(talk: Talk) -> str:
    """Says what it was asked."""
    return f"You asked: {talk.user}"


sound: Final = serving(echo)


class Busy:
    """Turns away the first `times` requests of each conversation."""

    def __init__(self, times: int, *, status: int = 429, retry_after: str | None = "0") -> None:
        self._times = times
        self._status = status
        self._headers = {} if retry_after is None else {"Retry-After": retry_after}
        self._seen: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Said:
        with self._lock:
            self._seen[asked.body] = self._seen.get(asked.body, 0) + 1
            turned_away = asked.method == "POST" and self._seen[asked.body] <= self._times
        if turned_away:
            return said({"error": {"message": "slow down"}}, self._status, headers=self._headers)
        return sound(asked)


def _post(answer: Said) -> Answering:
    return lambda asked: sound(asked) if asked.method == "GET" else answer


FAULTS: Final[Mapping[str, tuple[Answering, str]]] = {
    "filtered": (_post(said(completion("The answer is", finish="content_filter"))), "refused"),
    "filtered-request": (_post(said({"error": {"code": "content_filter", "message": "filtered"}}, 400)), "refused"),
    "loops": (_post(said(completion("again and " * 200, finish="length"))), "malformed"),
    "loops-in-a-stream": (_post(streamed(pieces("again and " * 200), finish="length")), "malformed"),
    "empty": (_post(said(completion(""))), "malformed"),
    "empty-stream": (_post(streamed([{"role": "assistant"}])), "malformed"),
    "cut-stream": (_post(streamed(pieces("It starts well, and"), finish=None, done=False)), "malformed"),
    "garbage-stream": (
        _post(Said(body=b'data: {"choi\n\n\xff\xfe', headers={"Content-Type": "text/event-stream"})),
        "malformed",
    ),
    "no-event-stream": (_post(Said(body=b"<html>", headers={"Content-Type": "text/event-stream"})), "malformed"),
    "half-json-stream": (
        _post(Said(body=b'data: {"choices": [\n\n', headers={"Content-Type": "text/event-stream"})),
        "malformed",
    ),
    "html": (_post(Said(body=b"<!doctype html>", headers={"Content-Type": "text/html"})), "malformed"),
    "no-choices": (_post(said({"object": "chat.completion"})), "malformed"),
    "empty-choices": (_post(said({"choices": []})), "malformed"),
    "odd-content": (_post(said(completion(7))), "malformed"),  # type: ignore[arg-type]
    "odd-arguments": (
        _post(said(completion(None, finish="tool_calls", tool_calls=[{"function": {"name": "f", "arguments": "{"}}]))),
        "malformed",
    ),
    "unknown-finish": (_post(said(completion("Well", finish="tired"))), "malformed"),
    "error-in-a-stream": (
        _post(
            Said(body=b'data: {"error": {"message": "no memory"}}\n\n', headers={"Content-Type": "text/event-stream"})
        ),
        "crashed",
    ),
    "error-with-200": (_post(said({"error": {"message": "no memory"}})), "crashed"),
    "broken": (_post(said({"error": {"message": "no memory"}}, 500)), "crashed"),
    "cut": (_post(Said(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n{", close=True)), "crashed"),
    "dripping": (_post(Said(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n{")), "timed-out"),
    "slow": (_post(Said(body=json.dumps(completion("late")).encode(), delay_s=5.0)), "timed-out"),
    "always-busy": (_post(said({"error": {"message": "slow down"}}, 429, headers={"Retry-After": "0"})), "unreachable"),
    "busy-for-long": (
        _post(said({"error": {"message": "slow down"}}, 429, headers={"Retry-After": "86400"})),
        "unreachable",
    ),
    "wrong-key": (_post(said({"error": {"message": "invalid api key"}}, 401)), "unreachable"),
    "gone": (_post(said({"error": {"message": "no such model"}}, 404)), "unreachable"),
}
"""Fault to the server that has it, and how a reply must be classified."""

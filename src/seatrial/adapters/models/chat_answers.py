"""What a chat endpoint answered, whole or as a stream of events, read strictly."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from seatrial.adapters.http import Answer, read_json
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json

_STREAM: Final = "text/event-stream"
_DONE: Final = "[DONE]"
_SHOWN: Final = 120


class Failed(Malformed):
    """The endpoint says itself, in an answer that looks like success, that it failed."""


@dataclass(slots=True, kw_only=True)
class Turn:
    """One answer of the assistant. `finish` is why it ended, empty where the endpoint did not say."""

    text: str = ""
    refusal: str = ""
    finish: str = ""
    fingerprint: str = ""
    calls: list[dict[str, str]] = field(default_factory=list)
    """Tool calls: `name`, and `arguments` as the text that the model wrote."""
    log_probabilities: list[float] = field(default_factory=list)

    @property
    def said(self) -> str:
        """Everything that the endpoint let out, whatever became of it."""
        calls = (f"{call['name']} {call['arguments']}" for call in self.calls)
        return "\n".join(part for part in (self.text, self.refusal, *calls) if part)

    @property
    def confidence(self) -> float | None:
        """The geometric mean of the tokens' probabilities, None where the endpoint gives none."""
        if not self.log_probabilities:
            return None
        return math.exp(min(0.0, sum(self.log_probabilities) / len(self.log_probabilities)))


def read_turn(answer: Answer, turn: Turn) -> None:
    """Fill `turn` with what the answer says; what stood before the break stays in it. Raises Malformed, Failed."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _STREAM:
        for event in _events(answer.body):
            _add(event, turn, "delta")
        if not turn.finish:
            raise Malformed(f"the stream ended before the answer did, after {len(turn.text)} characters")
    else:
        _add(answer.json(), turn, "message")


def _events(body: bytes) -> Iterator[Json]:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("the stream is no text in UTF-8") from None
    pieces: list[str] = []
    for line in [*text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), ""]:
        if line:
            name, _, value = line.partition(":")
            if name == "data":
                pieces.append(value.removeprefix(" "))
            elif name not in {"", "event", "id", "retry"}:
                raise Malformed(f"the stream holds something else than events: {_shown(line)}")
        elif pieces:
            data, pieces = "\n".join(pieces), []
            if data.strip() == _DONE:
                return
            yield read_json(data.encode())


def _add(content: Json, turn: Turn, part: str) -> None:
    if not isinstance(content, Mapping):
        raise Malformed(f"the answer is no chat completion: {_shown(content)}")
    if content.get("error"):
        raise Failed(f"the endpoint says: {_told(content['error'])}")
    if isinstance(fingerprint := content.get("system_fingerprint"), str):
        turn.fingerprint = fingerprint
    choices = content.get("choices")
    if not isinstance(choices, Sequence) or isinstance(choices, str):
        raise Malformed("the answer has no 'choices'")
    if not choices and part == "message":
        raise Malformed("the answer has no choice")
    for choice in choices:
        said = choice.get(part) if isinstance(choice, Mapping) else None
        if not isinstance(choice, Mapping) or not isinstance(said, Mapping):
            raise Malformed(f"a choice of the answer has no {part!r}")
        if choice.get("index", 0) == 0:
            _add_choice(choice, said, turn)


def _add_choice(choice: Mapping[str, Any], said: Mapping[str, Any], turn: Turn) -> None:
    turn.text += _text(said.get("content"))
    turn.refusal += _text(said.get("refusal"))
    for at, call in enumerate(said.get("tool_calls") or ()):
        _add_call(call, at, turn)
    if choice.get("finish_reason"):
        turn.finish = str(choice["finish_reason"])
    tokens = (choice.get("logprobs") or {}).get("content") or ()
    for token in tokens:
        value = token.get("logprob") if isinstance(token, Mapping) else None
        if isinstance(value, int | float) and math.isfinite(value):
            turn.log_probabilities.append(float(value))


def _text(content: object) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    raise Malformed(f"the answer's content is no text: {_shown(content)}")


def _add_call(call: object, at: int, turn: Turn) -> None:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(function, Mapping):
        raise Malformed(f"a tool call names no function: {_shown(call)}")
    place = call.get("index", at)
    if not isinstance(place, int) or not 0 <= place <= len(turn.calls):
        raise Malformed("the answer's tool calls are not in order")
    if place == len(turn.calls):
        turn.calls.append({"name": "", "arguments": ""})
    turn.calls[place]["name"] += str(function.get("name") or "")
    turn.calls[place]["arguments"] += str(function.get("arguments") or "")


def prediction_of(turn: Turn, task: str) -> Json:
    """The answer as the declared task reads it: text, or one JSON value for an extraction. Raises Malformed.

    What the protocol marks as a refusal is an answer in words like any other: it is what the user sees.
    """
    if turn.calls:
        called = [{"name": call["name"], "arguments": _arguments(call)} for call in turn.calls]
        return json.dumps({"text": turn.text, "tool_calls": called}, sort_keys=True, ensure_ascii=False)
    text = (turn.text or turn.refusal).strip()
    if not text:
        raise Malformed("the answer is empty")
    if task != "extraction":
        return text
    fenced = text.removeprefix("```json").removeprefix("```").removesuffix("```")
    return read_json(fenced.encode())


def _arguments(call: Mapping[str, str]) -> Json:
    try:
        return read_json(call["arguments"].encode()) if call["arguments"] else {}
    except Malformed:
        raise Malformed(f"the arguments of the call of {_shown(call['name'])} are not JSON") from None


def _told(error: object) -> str:
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("code") or error
    return _shown(error)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

"""An OpenAI-compatible chat endpoint that nothing is known of yet: which models it lists, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from seatrial.adapters.http import Http
from seatrial.adapters.models.chat import ChatModel
from seatrial.app.proposing.model import Asking, Told
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import ReplyKind, Row
from seatrial.spec.model import Chat, ModelSection

_ASKED: Final = "/chat/completions"
_BASES: Final = ("/v1", "/openai")
_TIMEOUT: Final = "60s"
_LISTED_TIMEOUT_S: Final = 10.0
_MOST: Final = 6
"""Requests, since each may cost."""
_SHOWN: Final = 10
_NAMES_ONLY: Final = frozenset({"id", "owned_by"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatEndpoint:
    """A chat endpoint: its base address, and the names of the models that it lists."""

    base: str
    names: tuple[str, ...]

    def chosen(self, wanted: str | None) -> str:
        """The model's name: as wanted, or the only one. Raises Malformed with what there is."""
        if wanted is not None:
            return wanted
        if len(self.names) == 1:
            return self.names[0]
        more = f" and {len(self.names) - _SHOWN} more" if len(self.names) > _SHOWN else ""
        raise Malformed(
            f"the chat endpoint serves {', '.join(self.names[:_SHOWN])}{more}"
            if self.names
            else "the chat endpoint does not list what it serves",
            remedy="Name the model as your application asks for it: --served NAME.",
        )


def speaks_chat(http: Http, url: str, headers: Mapping[str, str]) -> ChatEndpoint | None:
    """The chat endpoint at this address; None where it is none, as far as its list of models tells.

    Raises Unreachable where the address says that it is one and nothing answers, or it wants to know who asks.
    """
    bare = url.rstrip("/")
    path = urlsplit(bare).path
    if path.endswith((_ASKED, *_BASES)):
        base = bare.removesuffix(_ASKED)
        names = _listed(http, base, headers)
        return ChatEndpoint(base=base, names=names or ()) if names is not None or path.endswith(_ASKED) else None
    if path:
        return None
    try:
        names = _listed(http, f"{bare}/v1", headers)
    except SeatrialError:
        return None
    return None if not names else ChatEndpoint(base=f"{bare}/v1", names=names)


def _listed(http: Http, base: str, headers: Mapping[str, str]) -> tuple[str, ...] | None:
    answer = http.get(f"{base}/models", timeout_s=_LISTED_TIMEOUT_S, headers=headers)
    if answer.status in {401, 403}:
        raise _stranger(answer.status)
    if answer.status != 200:
        return None
    try:
        content = answer.json()
    except Malformed:
        return None
    models = content.get("data") if isinstance(content, Mapping) else None
    if not isinstance(models, list):
        return None
    return tuple(str(model["id"]) for model in models if isinstance(model, Mapping) and model.get("id"))


def _stranger(status: int | None) -> Unreachable:
    return Unreachable(
        f"the chat endpoint wants to know who asks: status {status}",
        remedy="Give its credential with --header 'Authorization: Bearer ${LLM_KEY}', and LLM_KEY in the environment.",
    )


class ChatOnTrial:
    """Asks a few questions, each in one request, without the prompts that only the application knows."""

    def __init__(self, http: Http, endpoint: ChatEndpoint, name: str, headers: Mapping[str, str], task: str) -> None:
        self.chat = Chat(name=name)
        self._base = endpoint.base
        section = ModelSection.model_validate(
            {"openai": endpoint.base, "headers": dict(headers), "task": task, "timeout": _TIMEOUT}
        )
        self._model = ChatModel(section.model_copy(update={"chat": self.chat}), base_dir=Path(), http=http)

    def asked(self, rows: Sequence[Row], columns: Sequence[str], _: Sequence[str]) -> Asking:
        """What it says to the first few rows. Raises Unreachable, and Malformed where it answers none of them."""
        answers: list[Json] = []
        failed = ""
        for row in rows[:_MOST]:
            reply = self._model.predict([{name: row[name] for name in columns}])
            if reply.kind is ReplyKind.OK:
                answers.append(reply.predictions[0].prediction)
                continue
            if reply.status in {401, 403}:
                raise _stranger(reply.status)
            if reply.kind is ReplyKind.UNREACHABLE and reply.status is None:
                raise Unreachable(f"the chat endpoint cannot be asked: {reply.error}")
            answers.append(None)
            failed = failed or reply.error or reply.kind.value
        if all(answer is None for answer in answers):
            raise Malformed(
                f"the chat endpoint answered none of {len(answers)} questions; the first: {failed}",
                remedy="See that it serves the model under this name; name another one with --served.",
            )
        refused = sum(answer is None for answer in answers)
        notes = [f"{refused} of {len(answers)} questions were not answered; one of them: {failed}"] if refused else []
        padded = (*answers, *[None] * (len(rows) - len(answers)))
        return Asking(way="openai", url=self._base, columns=tuple(columns), answers=padded, notes=tuple(notes))

    def version(self, _: Asking) -> Told | None:
        """None: what such a server tells as its version is its own, and stays when the model changes."""
        return None

    def tells_weights(self) -> bool:
        """Whether it tells more of the model than a name, so that other weights behind the name can be noticed."""
        try:
            told = self._model.told()
        except SeatrialError:
            return False
        listed = told.get("listed")
        return bool(told.get("fingerprint")) or bool(isinstance(listed, Mapping) and set(listed) - _NAMES_ONLY)

    def confirmed(self, asking: Asking, section: ModelSection, rows: Sequence[Row]) -> None:
        """Nothing further: it was asked the way a run asks it."""

    def close(self) -> None:
        """Close idle connections."""
        self._model.close()

"""What a chat endpoint is sent for one row: prompts filled in, declared parameters and tools, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seatrial.adapters.http import read_json, sent_json
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import CHAT_SETTING, Row
from seatrial.spec.model import Chat

_PLACE: Final = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_CALL: Final = "call_1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """The declared prompts and tools as their files hold them; an absent template sends the fields as they are."""

    section: Chat
    system: str | None = None
    template: str | None = None
    tools: Json = None

    @classmethod
    def read(cls, section: Chat, base_dir: Path) -> Prompts:
        """Raises Unreachable for a file that is not there, Malformed for one that cannot be used."""
        tools = read_json(_content(base_dir, section.tools)) if section.tools else None
        if section.tools and (not isinstance(tools, list) or not tools):
            raise Malformed(f"{section.tools} holds no list of tools", remedy="Write the list that the app sends.")
        return cls(
            section=section,
            system=_text(base_dir, section.system) if section.system else None,
            template=_text(base_dir, section.template) if section.template else None,
            tools=tools,
        )

    def body(self, row: Row) -> bytes:
        """The request's content for one row. Raises Malformed where a prompt names a field that the row lacks."""
        content: dict[str, Json] = {**self.section.parameters, "model": self.section.name}
        content["messages"] = self._messages(row)
        if self.tools is not None:
            content["tools"] = self.tools
        if self.section.stream:
            content["stream"] = True
        try:
            return sent_json(content)
        except ValueError:
            raise Malformed("a number that is none stands in the row's text or the parameters") from None

    def _messages(self, row: Row) -> list[Json]:
        setting = row.get(CHAT_SETTING)
        planted = setting if isinstance(setting, Mapping) else {}
        fields = {name: _spelled(value) for name, value in row.items() if name != CHAT_SETTING}
        system = "" if self.system is None else _filled(self.system, fields, self.section.system)
        system = "\n\n".join(part for part in (system, str(planted.get("note", ""))) if part)
        messages: list[Json] = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": self._user(fields)})
        result = planted.get("tool_result")
        if isinstance(result, Mapping):
            call = {"name": str(result["name"]), "arguments": str(result.get("arguments", "{}"))}
            called: Json = [{"id": _CALL, "type": "function", "function": call}]
            messages.append({"role": "assistant", "content": None, "tool_calls": called})
            messages.append({"role": "tool", "tool_call_id": _CALL, "content": str(result["content"])})
        return messages

    def _user(self, fields: Mapping[str, str]) -> str:
        if self.template is not None:
            return _filled(self.template, fields, self.section.template)
        context = self.section.context
        if self.system is not None and context in _PLACE.findall(self.system):
            fields = {name: text for name, text in fields.items() if name != context}
        if len(fields) == 1:
            return next(iter(fields.values()))
        return "\n".join(f"{name}: {text}" for name, text in fields.items())


def _filled(text: str, fields: Mapping[str, str], file: str | None) -> str:
    """The prompt with its places filled in one pass, so that what a field holds is never taken for a place."""
    absent = sorted(set(_PLACE.findall(text)) - fields.keys())
    if absent:
        raise Malformed(
            f"{file} asks for {', '.join(absent)}, which the row does not have",
            remedy=f"There are: {', '.join(sorted(fields)) or 'none'}. Correct the prompt, or declare the input.",
        )
    return _PLACE.sub(lambda place: fields[place[1]], text)


def _spelled(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _text(base_dir: Path, path: str) -> str:
    try:
        return _content(base_dir, path).decode("utf-8").strip()
    except UnicodeDecodeError:
        raise Malformed(f"{path} is no text in UTF-8", remedy="Save it as UTF-8.") from None


def _content(base_dir: Path, path: str) -> bytes:
    try:
        return (base_dir / path).read_bytes()
    except FileNotFoundError:
        raise Unreachable(f"there is no file {path}", remedy="Correct the path in the system file.") from None
    except OSError as error:
        raise SeatrialError(f"{path} cannot be read: {error.strerror or error}") from None

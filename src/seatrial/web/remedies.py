"""Remedies as a page shows them: beside the command that they name stands the room of this site that does the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from jinja2 import pass_context
from jinja2.runtime import Context

from seatrial.present.words import coded
from seatrial.web.language import RECORD, language

_COMMAND = re.compile(
    r"(?P<told>: )?`?(?P<command>seatrial (?:"
    r"(?P<run>run)(?: FILE)?(?: --only [\w.-]*\w)*"
    r"|(?P<drill>drill) [\w-]+"
    r"|(?P<accept>accept) --as \S+ [\w-]+"
    r"|(?P<sign>sign) [\w-]+ --as [\w-]+"
    r"|(?P<retraining>retraining) show \w+))`?"
)
_ROOMS: Final = {
    "run": ("runs", "start a run on this site"),
    "drill": ("drills", "hold the drill on this site"),
    "accept": ("people", "accept it on this site"),
    "sign": ("review", "sign on this site"),
    "retraining": ("alarms", "answer it on this site"),
}
"""Command to the room that does the same, and how a remedy says so. Remedies are English, and so is this."""


@pass_context
def remedy(context: Context, text: str) -> str:
    """The remedy with a link to the room of the system that the page is about; as it stands where it is about none."""
    visit = context.get("visit")
    if not text:
        return ""
    said = SafeString(coded(text)) if visit is None else mark_safe("".join(_parts(text, visit.url)))  # noqa: S308
    return said if language() == RECORD else format_html('<span lang="{}">{}</span>', RECORD, said)


def _parts(text: str, address: Callable[[str], str]) -> Iterator[SafeString]:
    """The text in escaped pieces."""
    at = 0
    for found in _COMMAND.finditer(text):
        yield SafeString(coded(text[at : found.start()]))
        room, doing = next(_ROOMS[name] for name in _ROOMS if found[name])
        link = format_html('<a href="{}">{}</a>', address(room), doing)
        command = format_html("<code>{}</code>", found["command"])
        yield format_html(": {}, or {}", link, command) if found["told"] else format_html("{} ({})", command, link)
        at = found.end()
    yield SafeString(coded(text[at:]))

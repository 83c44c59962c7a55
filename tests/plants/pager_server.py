"""Services that deliver pages, or only say so."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from plants.server import Asked, Said, said


class Delivering:
    """A webhook whose person presses the link after `after_s`; `answer` is the button."""

    def __init__(self, *, after_s: float = 0.0, answer: str | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.requests: list[Asked] = []
        self._after_s = after_s
        self._answer = answer
        self._timers: list[threading.Timer] = []

    def __call__(self, asked: Asked) -> Said:
        event = asked.json()
        self.requests.append(asked)
        self.events.append(event)
        timer = threading.Timer(self._after_s, self._press, (event["data"],))
        self._timers.append(timer)
        timer.start()
        return said({"accepted": True}, 202)

    def _press(self, page: dict[str, Any]) -> None:
        press(page["link"], self._answer or page["action"])

    def join(self) -> None:
        for timer in self._timers:
            timer.join()


class Swallowing:
    """Accepts every page with a 202 and delivers none."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def __call__(self, asked: Asked) -> Said:
        self.events.append(asked.json())
        return said({"accepted": True}, 202)


def refusing(_: Asked) -> Said:
    """Nobody is paged: the account is suspended."""
    return said({"error": "account suspended"}, 403)


def press(link: str, answer: str) -> int:
    """Press a button behind a link as a browser would; the status."""
    return _fetch(link, f"answer={answer}".encode())


def read_and_press(link: str, answer: str) -> int:
    """Open the link, read the page, and press a button, as a person does; the status of the press."""
    look(link)
    time.sleep(0.4)
    return press(link, answer)


def look(link: str) -> int:
    """Open a link as a preview would; the status."""
    return _fetch(link, None)


def _fetch(link: str, form: bytes | None) -> int:
    opener: Callable[..., Any] = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Status()).open
    with opener(urllib.request.Request(link, data=form), timeout=5) as answer:
        return int(answer.status)


class _Status(urllib.request.HTTPErrorProcessor):
    def http_response(self, request: Any, response: Any) -> Any:
        return response

"""Asks a source again and again what is new, and works through it: each record until it was passed on, once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from seatrial.examples import serving
from seatrial.examples.inbox import DIGEST

PAUSE_S = 0.1
AGAIN_S = 0.2
ALARM_AFTER_S = 1.0
_TIMEOUT = aiohttp.ClientTimeout(total=2.0)


class Pull:
    """Asks `url` what came after the last record that was worked through, `at_once` records at a time.

    `passed_on` does the work. It raises BadGateway where that has to be tried again, and BadRequest where the record
    itself is refused: it is set aside then. The defects of a pilot's server: `own` says `tries_once` for who gives a
    record up that could not be passed on, `forgets_position` for who begins anew with the next one after a silence, and
    `guard: false` for who takes an answer of whatever `schema` (the fields of a record with their types). Else an
    answer of another schema is not taken, and told at once.
    """

    def __init__(
        self,
        url: str,
        session: aiohttp.ClientSession,
        passed_on: Callable[[dict[str, Any]], Awaitable[object]],
        *,
        at_once: int,
        own: Mapping[str, Any],
        schema: Mapping[str, type],
    ) -> None:
        self._url = url
        self._session = session
        self._passed_on = passed_on
        self._at_once = at_once
        self._own = own
        self._schema = schema if own.get("guard", True) else {}
        self._misunderstood = False
        self._after = 0
        self._away_since: float | None = None
        self.set_aside = 0
        """Records that were refused for what they are."""

    @property
    def away(self) -> bool:
        """Whether it answers with another schema, or has not answered for so long that somebody must be told."""
        if self._misunderstood:
            return True
        return self._away_since is not None and time.monotonic() - self._away_since > ALARM_AFTER_S

    async def keep_pulling(self) -> None:
        """Ask again and again, until cancelled."""
        while True:
            was_away = self._away_since is not None and self._after > 0
            last, records = await self._new()
            if not (was_away and self._own.get("forgets_position")):
                await asyncio.gather(*(self._done(record) for record in records))
            self._after = last
            if not records:
                await asyncio.sleep(PAUSE_S)

    async def _new(self) -> tuple[int, list[dict[str, Any]]]:
        """What is new, with the number of the last; nothing where the source does not answer, or is not understood."""
        asked = {"after": str(self._after), "limit": str(self._at_once)}
        try:
            async with self._session.get(self._url, params=asked, timeout=_TIMEOUT) as answer:
                answer.raise_for_status()
                content = await answer.read()
                if hashlib.sha256(content).hexdigest() != answer.headers.get(DIGEST):
                    raise ValueError("the answer was damaged")
                told = json.loads(content)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            self._away_since = self._away_since or time.monotonic()
            return self._after, []
        self._misunderstood = not all(
            isinstance(record.get(name), kind) for record in told["records"] for name, kind in self._schema.items()
        )
        if self._misunderstood:
            return self._after, []
        self._away_since = None
        return told["last"], told["records"]

    async def _done(self, record: dict[str, Any]) -> None:
        while True:
            try:
                await self._passed_on(record)
            except serving.BadRequest:
                self.set_aside += 1
            except serving.BadGateway:
                if not self._own.get("tries_once"):
                    await asyncio.sleep(AGAIN_S)
                    continue
            return


def reached(name: str) -> str:
    """The address of the service whose variable that is: that of the line to it, where there is one."""
    line = os.environ.get(f"{name}_LINE")
    return f"http://{line}" if line else os.environ[name]

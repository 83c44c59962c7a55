"""Lines of another process: held over a local connection, and passing again as soon as their holder is gone.

The process that holds the lines writes where it can be told, and the secret without which it obeys nobody, into a file
that only its user can read. Requests and answers are JSON, one a line.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from seatrial.adapters.proxy.lines import Lines
from seatrial.core.disturbing import LineCounts, LineMode
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.core.schema_change import ChangeKind, SchemaChange

_HOST: Final = "127.0.0.1"
_TIMEOUT_S: Final = 10.0
_MOST: Final = 65_536


@contextmanager
def controllable(lines: Lines, file: Path) -> Iterator[None]:
    """Let other processes of this user hold the lines, as told in `file`, until the block is left."""
    token = secrets.token_urlsafe(24)
    holders: set[asyncio.Task[None]] = set()

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            holders.add(task)
        try:
            await _obeyed(lines, token, reader, writer)
        finally:
            writer.close()
            if task is not None:
                holders.discard(task)

    async def listening() -> asyncio.Server:
        return await asyncio.start_server(taken, _HOST, 0, limit=_MOST)

    server = lines.run(listening())
    # A copy of the folder that holds this file is another system, whose lines these are not.
    told = {"port": server.sockets[0].getsockname()[1], "token": token, "file": str(file.resolve())}
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        json.dump(told, opened)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)

        async def ended() -> None:
            server.close()
            for task in list(holders):
                task.cancel()
            await asyncio.gather(*holders, return_exceptions=True)

        lines.run(ended())


async def _obeyed(lines: Lines, token: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    held: set[str] = set()
    try:
        with suppress(OSError, ValueError):
            while line := await reader.readline():
                answer = await _done(lines, token, json.loads(line), held)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
    finally:
        for name in held:
            await lines.named(name).set(LineMode.PASS, delay_s=0.0, after_bytes=1)


async def _done(lines: Lines, token: str, asked: object, held: set[str]) -> Mapping[str, Any]:
    if not isinstance(asked, Mapping) or not hmac.compare_digest(str(asked.get("token", "")), token):
        return {"error": "this line obeys only who knows its secret"}
    try:
        line = lines.named(str(asked.get("line")))
        if "mode" in asked:
            mode = LineMode(asked["mode"])
            held.add(line.name)
            change = _change(asked.get("change"))
            await line.set(mode, delay_s=float(asked["delay_s"]), after_bytes=int(asked["after_bytes"]), change=change)
    except SeatrialError as error:
        return {"error": error.what, "remedy": error.remedy}
    return asdict(line.counts())


def _change(told: object) -> SchemaChange | None:
    if not isinstance(told, Mapping):
        return None
    return SchemaChange(
        kind=ChangeKind(told["kind"]), field=str(told["field"]), name=str(told["name"]), held=dict(told["held"])
    )


def held_elsewhere(file: Path) -> bool:
    """Whether a living process holds lines that `file` tells of. What a dead one left behind is none."""
    told = _told(file)
    if told is None:
        return False
    try:
        with socket.create_connection((_HOST, told[0]), timeout=_TIMEOUT_S):
            return True
    except OSError:
        return False


def _told(file: Path) -> tuple[int, str] | None:
    try:
        content = json.loads(file.read_text())
        if content["file"] != str(file.resolve()):
            return None
        return int(content["port"]), str(content["token"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


class RemoteLine:
    """A line that another process of this user holds open for us. Close it to let the line pass again."""

    def __init__(self, name: str, file: Path) -> None:
        told = _told(file)
        if told is None:
            raise Unreachable(f"nothing tells where the line to {name} can be held", remedy="Start `seatrial proxy`.")
        self._name = name
        self._token = told[1]
        try:
            self._socket = socket.create_connection((_HOST, told[0]), timeout=_TIMEOUT_S)
        except OSError as error:
            raise Unreachable(
                f"the process that holds the line to {name} does not answer: {error}",
                remedy="Start `seatrial proxy` again.",
            ) from None
        self._answers = self._socket.makefile("r", encoding="utf-8")

    def set(
        self, mode: LineMode, *, delay_s: float = 1.0, after_bytes: int = 1, change: SchemaChange | None = None
    ) -> None:
        """From now on, for as long as this is open."""
        told = None if change is None else asdict(change)
        self._asked({"mode": mode.value, "delay_s": delay_s, "after_bytes": after_bytes, "change": told})

    def counts(self) -> LineCounts:
        """What went through so far."""
        told = self._asked({})
        try:
            return LineCounts(**{name: int(told[name]) for name in LineCounts.__dataclass_fields__})
        except (KeyError, TypeError, ValueError):
            raise Malformed(f"the line to {self._name} told no counts") from None

    def close(self) -> None:
        """Let the line pass again."""
        self._answers.close()
        self._socket.close()

    def _asked(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        content = json.dumps({"token": self._token, "line": self._name, **request}).encode() + b"\n"
        try:
            self._socket.sendall(content)
            answer = json.loads(self._answers.readline() or "null")
        except (OSError, ValueError):
            answer = None
        if not isinstance(answer, Mapping):
            raise Unreachable(f"the line to {self._name} is gone", remedy="Start `seatrial proxy` again.")
        if "error" in answer:
            raise Unreachable(str(answer["error"]), remedy=str(answer.get("remedy", "")))
        return answer

"""A real OPC UA server with a few nodes, which a test can write to as a PLC does."""

from __future__ import annotations

import asyncio
import atexit
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager

from plants.loop_thread import served
from plants.server import unused_url


class _Password(UserManager):  # type: ignore[misc]
    def __init__(self, password: str) -> None:
        self._password = password

    def get_user(self, iserver: Any, username: Any = None, password: Any = None, certificate: Any = None) -> Any:
        right = password in (self._password, self._password.encode())
        return User(role=UserRole.User) if right else None


@dataclass(frozen=True, slots=True)
class Served:
    """Where it is; `nodes` is field to node id."""

    url: str
    nodes: Mapping[str, str]
    loop: asyncio.AbstractEventLoop
    server: Server

    def put(self, values: Mapping[str, Any], *, status: int = ua.StatusCodes.Good, at: datetime | None = None) -> None:
        """Write as the machine does."""
        asyncio.run_coroutine_threadsafe(self._put(values, status, at), self.loop).result(10)

    async def _put(self, values: Mapping[str, Any], status: int, at: datetime | None) -> None:
        for field, value in values.items():
            node = self.server.get_node(self.nodes[field])
            kind = await node.read_data_type_as_variant_type()
            variant = ua.Variant(value, kind) if value is not None else ua.Variant()
            told = ua.DataValue(variant, ua.StatusCode(status), SourceTimestamp=at or datetime.now(UTC))
            await node.write_attribute(ua.AttributeIds.Value, told)


@dataclass(frozen=True, slots=True)
class _Running:
    url: str
    loop: asyncio.AbstractEventLoop
    server: Server
    space: int


def _started(password: str) -> AbstractContextManager[_Running]:
    url = unused_url().replace("http://", "opc.tcp://") + "/plant"

    @asynccontextmanager
    async def serving() -> AsyncIterator[_Running]:
        server = Server(user_manager=_Password(password) if password else None)
        await server.init()
        server.set_endpoint(url)
        await server.set_build_info("urn:plant", "Yard", "PlantServer", "3.4", "77", datetime.now(UTC))
        space = await server.register_namespace("urn:seatrial:plant")
        async with server:
            yield _Running(url, asyncio.get_running_loop(), server, space)

    return served(serving)


@cache
def _shared(password: str) -> _Running:
    """One server for all tests of a process: it takes seconds to start."""
    kept = ExitStack()
    running = kept.enter_context(_started(password))
    atexit.register(kept.close)
    return running


@contextmanager
def opcua_server(
    fields: Mapping[str, Any],
    *,
    writable: tuple[str, ...] = (),
    units: Mapping[str, str] | None = None,
    password: str = "",
    own: bool = False,
) -> Iterator[Served]:
    """Serves these fields with these first values; `units` gives some their unit, in a range from -40 to 80.

    `own` is a server that goes away when it is left; else it is shared, and only the nodes are new.
    """

    async def added(running: _Running) -> dict[str, str]:
        name = f"Line{secrets.token_hex(4)}"
        line = await running.server.nodes.objects.add_object(running.space, name)
        nodes = {}
        for field, value in fields.items():
            node = await line.add_variable(ua.NodeId(f"{name}.{field}", running.space), field, value)
            if field in writable:
                await node.set_writable()
            if units and field in units:
                unit = ua.EUInformation(DisplayName=ua.LocalizedText(units[field]))
                await node.add_property(0, "EngineeringUnits", unit)
                await node.add_property(0, "EURange", ua.Range(Low=-40.0, High=80.0))
            nodes[field] = node.nodeid.to_string()
        return nodes

    with ExitStack() as kept:
        running = kept.enter_context(_started(password)) if own else _shared(password)
        nodes = asyncio.run_coroutine_threadsafe(added(running), running.loop).result(20)
        yield Served(running.url, nodes, running.loop, running.server)

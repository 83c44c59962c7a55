"""An integration that is a few nodes of an OPC UA server: PLCs, lines, sensors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from seatrial.adapters.database_values import plain
from seatrial.adapters.integrations.hearing import Ear, Ears, Heard
from seatrial.adapters.integrations.opcua_session import OpcUaSession
from seatrial.adapters.integrations.place import Place
from seatrial.adapters.redaction import Redactor
from seatrial.core.errors import Malformed, Refused, SeatrialError
from seatrial.core.observation import Json
from seatrial.core.ports import Request, Row
from seatrial.spec.opc_ua import OpcUa

if TYPE_CHECKING:
    from asyncua import ua

_SETTLE_S: Final = 0.05
_OVERFLOW: Final = 0x480
_SOURCE: Final = "nodes"
_INTEGERS: Final = {
    "SByte": (-(2**7), 2**7 - 1),
    "Byte": (0, 2**8 - 1),
    "Int16": (-(2**15), 2**15 - 1),
    "UInt16": (0, 2**16 - 1),
    "Int32": (-(2**31), 2**31 - 1),
    "UInt32": (0, 2**32 - 1),
    "Int64": (-(2**63), 2**63 - 1),
    "UInt64": (0, 2**64 - 1),
}
_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)


class OpcUaIntegration:
    """A record is what the declared nodes hold together. A new one stands there whenever one of them is written.

    A server keeps no records: `read` gives what is heard while it listens, beginning with what stands there. A value of
    bad or uncertain quality is an error, or a field of its own where `opcua.statuses` declares it.
    """

    def __init__(self, place: Place, *, redact: Redactor) -> None:
        if place.end.opcua is None:
            raise Malformed(
                f"integration {place.name!r} declares no nodes",
                remedy=f"Add integrations.{place.name}.{place.which}.opcua.nodes: field to node id.",
            )
        self._place = place
        self._declared: OpcUa = place.end.opcua
        self._redact = redact
        self._ears = Ears(place, self._open_ear)
        self._listening: OpcUaSession | None = None
        self._session()

    def version(self) -> str:
        """Product, software version and build that the server tells of itself. Raises Malformed where it tells none."""
        from asyncua import ua

        with self._session() as session:
            node = session.client.get_node(ua.NodeId(ua.ObjectIds.Server_ServerStatus_BuildInfo))
            told: Any = session.run(node.read_value(), "its version cannot be read")
        parts = [told.ProductName, told.SoftwareVersion, told.BuildNumber]
        if not told.SoftwareVersion:
            raise Malformed(f"integration {self._place.name!r} tells no version in its BuildInfo")
        return " ".join(str(part).strip() for part in parts if part)

    def health(self) -> None:
        """Raises Unreachable unless the server answers and every declared node is there."""
        with self._session() as session:
            for field, value in session.values(self._declared.nodes).items():
                if value.StatusCode is not None and value.StatusCode.name.startswith("BadNode"):
                    raise session.bad(field, self._declared.nodes[field], value.StatusCode)

    def schema(self) -> Mapping[str, str]:
        """The fields with the server's types, units and ranges: `double in °C from -40 to 80`."""
        with self._session() as session:
            nodes = session.ids(self._declared.nodes)
            told = {
                field: session.run(_described(session.client, node), f"{field!r} cannot be read")
                for field, node in nodes.items()
            }
        times = dict.fromkeys(self._declared.times, "datetime")
        return {**told, **times, **dict.fromkeys(self._declared.statuses, "quality")}

    def read(self, most: int) -> Sequence[Row]:
        """The last `most` records that stood there while it was listened, oldest first."""
        return self._ears.read(_SOURCE, most)

    def write(self, record: Row) -> None:
        """Every field to its writable node, at once. Raises Refused for a field that has none."""
        self._place.refuse_write()
        foreign = [field for field in record if field not in self._declared.writable]
        if foreign:
            raise Refused(
                f"integration {self._place.name!r} declares no writable node for {', '.join(foreign[:5])}",
                remedy=f"Add it to integrations.{self._place.name}.{self._place.which}.opcua.writable, if tests may.",
            )
        nodes = {field: self._declared.writable[field] for field in record}
        with self._session() as session:
            session.run(self._written(session, record, nodes), "it cannot be written")

    async def _written(self, session: OpcUaSession, record: Row, nodes: Mapping[str, str]) -> None:
        from asyncua import ua

        asked = []
        for field, node in session.ids(nodes).items():
            kind = await node.read_data_type_as_variant_type()
            value = ua.DataValue(
                ua.Variant(_fitting(record[field], kind, field), kind), SourceTimestamp=datetime.now(UTC)
            )
            asked.append(ua.WriteValue(NodeId=node.nodeid, AttributeId=ua.AttributeIds.Value, Value=value))
        results = await session.client.uaclient.write(ua.WriteParameters(NodesToWrite=asked))
        for field, status in zip(nodes, results, strict=True):
            if not status.is_good():
                raise session.bad(field, nodes[field], status)

    def request(self, record: Row) -> Request | None:
        """None: it is not written over HTTP. Raises Refused like `write`."""
        del record
        self._place.refuse_write()
        return None

    def listen(self) -> None:
        """Keep every record that stands there from now on."""
        self._ears.listen(_SOURCE)

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """The records that were heard, grouped by `key` as text."""
        if self._listening is not None:
            self._listening.still_there()
        return self._ears.observe(_SOURCE, key, values)

    def close(self) -> None:
        """Stop listening."""
        self._ears.close()
        self._listening = None

    def _session(self) -> OpcUaSession:
        return OpcUaSession(self._place, redact=self._redact)

    def _open_ear(self, _: str, heard: Heard) -> Ear:
        session = self._session()
        session.__enter__()
        with ExitStack() as undone:
            undone.callback(session.close)
            session.subscribe(self._declared.nodes, _Composing(self._declared, session, heard).hear)
            undone.pop_all()
        self._listening = session
        return Ear(stop=session.close)


class _Composing:
    """Makes records of values that come one by one, on the loop of the connection.

    Values of several nodes that are written together come within a moment. They are taken in the order of their source
    times; a second value of the same node begins another record.
    """

    def __init__(self, declared: OpcUa, session: OpcUaSession, heard: Heard) -> None:
        self._declared = declared
        self._session = session
        self._heard = heard
        self._values: dict[str, ua.DataValue] = {}
        self._waiting: list[tuple[str, ua.DataValue]] = []

    def hear(self, field: str, value: ua.DataValue) -> None:
        """Take one value in."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(_SETTLE_S, self._compose)
        self._waiting.append((field, value))

    def _compose(self) -> None:
        waiting, self._waiting = sorted(self._waiting, key=lambda one: _aware(one[1].SourceTimestamp) or _EPOCH), []
        changed: set[str] = set()
        for field, value in waiting:
            if field in changed:
                self._emit()
                changed.clear()
            changed.add(field)
            self._values[field] = value
        self._emit()

    def _emit(self) -> None:
        if len(self._values) < len(self._declared.nodes):
            return
        try:
            row = {field: self._value(field) for field in self._declared.nodes}
        except SeatrialError as error:
            self._heard.deafen(error)
            return
        times = {name: plain(_aware(self._values[of].SourceTimestamp)) for name, of in self._declared.times.items()}
        statuses = {name: _status(self._values[of]) for name, of in self._declared.statuses.items()}
        self._heard.take(json.dumps({**row, **times, **statuses}).encode())

    def _value(self, field: str) -> Json:
        value = self._values[field]
        code = value.StatusCode
        if code is not None and code.value & _OVERFLOW == _OVERFLOW:
            raise Malformed(
                f"the field {field!r} was written faster than its server keeps values, so that some were lost",
                remedy="Write more slowly, or let the server keep longer queues for subscriptions.",
            )
        if code is None or code.is_good():
            return _plain(value.Value.Value if value.Value is not None else None)
        if field not in self._declared.statuses.values():
            raise self._session.bad(field, self._declared.nodes[field], code)
        return None if code.is_bad() else _plain(value.Value.Value if value.Value is not None else None)


def _status(value: ua.DataValue) -> str:
    return "Good" if value.StatusCode is None else str(value.StatusCode.name).split("(")[0]


def _aware(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _plain(value: Any) -> Json:
    if isinstance(value, datetime):
        return plain(_aware(value))
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if hasattr(value, "Text"):
        return plain(value.Text)
    return plain(value)


async def _described(client: Any, node: Any) -> str:
    """A node's type, unit and range in words."""
    from asyncua import ua

    name = str((await client.get_node(await node.read_data_type()).read_browse_name()).Name)
    if (await node.read_attribute(ua.AttributeIds.ValueRank)).Value.Value >= 0:
        name += "[]"
    unit = await _property(node, "EngineeringUnits")
    span = await _property(node, "EURange")
    told = f" in {unit.DisplayName.Text or unit.UnitId}" if unit is not None else ""
    if span is not None:
        told += f" from {span.Low:g} to {span.High:g}"
    return f"{name.lower()}{told}"


async def _property(node: Any, name: str) -> Any:
    from asyncua import ua

    try:
        return await (await node.get_child([f"0:{name}"])).read_value()
    except ua.UaError:
        return None


def _time(value: Json) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


_FITS: Final[Mapping[str, Callable[[Json], object]]] = {
    "Boolean": lambda value: value if isinstance(value, bool) else None,
    "String": lambda value: value if isinstance(value, str) else None,
    "Float": lambda value: float(value) if isinstance(value, int | float) else None,
    "Double": lambda value: float(value) if isinstance(value, int | float) else None,
    "DateTime": _time,
}


def _fitting(value: Json, kind: ua.VariantType, field: str) -> Any:
    """The value, where the node's type holds exactly this. Raises Malformed."""
    fits = _FITS.get(kind.name)
    found = None if fits is None or (isinstance(value, bool) and kind.name != "Boolean") else fits(value)
    if found is None and kind.name in _INTEGERS and isinstance(value, int | float) and not isinstance(value, bool):
        low, high = _INTEGERS[kind.name]
        found = int(value) if value == int(value) and low <= value <= high else None
    if found is not None:
        return found
    raise Malformed(
        f"the field {field!r} of a record to write does not fit its node, which is {kind.name}",
        remedy="Correct the record, or the node that the field is written to.",
    )

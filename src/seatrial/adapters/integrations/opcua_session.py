"""One connection to an OPC UA server; made anew for every use: a client that lost its server stays lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from urllib.parse import unquote, urlsplit

from seatrial.adapters.background import Background
from seatrial.adapters.integrations.place import Place
from seatrial.adapters.redaction import Redactor, secrets_in_url
from seatrial.core.errors import Malformed, MissingExtra, Refused, SeatrialError, Unreachable

if TYPE_CHECKING:
    from asyncua import Client, ua

TIMEOUT_S: Final = 10.0
_PUBLISHED_MS: Final = 50.0
_QUEUE: Final = 10_000
_UNKNOWN: Final = ("BadNodeIdUnknown", "BadNodeIdInvalid", "BadNodeIdRejected", "BadAttributeIdInvalid")
_FORBIDDEN: Final = ("BadUserAccessDenied", "BadNotWritable", "BadNotReadable", "BadWriteNotSupported")
_NO_ENTRY: Final = ("BadIdentityTokenRejected", "BadIdentityTokenInvalid", "BadUserAccessDenied")
T = TypeVar("T")


class OpcUaSession:
    """Connected when it is entered. Raises Unreachable, Refused, Malformed and MissingExtra."""

    def __init__(self, place: Place, *, redact: Redactor) -> None:
        parts = urlsplit(place.end.url)
        if parts.scheme != "opc.tcp" or not parts.hostname:
            raise Malformed(
                f"integration {place.name!r} is of kind 'opcua', but its url names no such server",
                remedy=f"Write integrations.{place.name}.{place.which}.url as opc.tcp://host:4840/path.",
            )
        self._place = place
        self._parts = parts
        self._redactors = (redact, Redactor(secrets_in_url(place.end.url)))
        self._background: Background | None = None
        self._client: Client | None = None

    def __enter__(self) -> Self:
        try:
            from asyncua import Client
        except ModuleNotFoundError:
            raise MissingExtra(
                "the OPC UA client asyncua is not installed", remedy="pip install 'seatrial[opcua]'"
            ) from None
        # What it logs of a server that is gone is told by our own errors.
        logging.getLogger("asyncua").addHandler(logging.NullHandler())
        host = self._parts.netloc.rpartition("@")[2]
        client = Client(f"opc.tcp://{host}{self._parts.path}", timeout=TIMEOUT_S)
        if self._parts.username:
            client.set_user(unquote(self._parts.username))
            client.set_password(unquote(self._parts.password or ""))
        self._background = Background()
        self._background.start()
        self._client = client
        with ExitStack() as entering:
            entering.callback(self.close)
            self.run(client.connect(), "it cannot be reached", entering=True)
            entering.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, also one that is gone already."""
        from asyncua import ua

        client, self._client = self._client, None
        background, self._background = self._background, None
        if background is None:
            return
        if client is not None:
            # A server that is gone does not answer the farewell.
            with suppress(OSError, TimeoutError, ua.UaError):
                background.run(client.disconnect(), timeout_s=TIMEOUT_S)
        background.close()

    @property
    def client(self) -> Client:
        """The library's own."""
        if self._client is None:
            raise Unreachable(f"integration {self._place.name!r}: its connection is closed")
        return self._client

    def run(self, work: Coroutine[Any, Any, T], what: str, *, entering: bool = False) -> T:
        """Its result; `what` says what failed where it fails."""
        from asyncua import ua

        if self._background is None:
            work.close()
            raise Unreachable(f"integration {self._place.name!r}: its connection is closed")
        try:
            return self._background.run(work, timeout_s=2 * TIMEOUT_S)
        except (OSError, TimeoutError, ua.UaError, ValueError) as error:
            raise self.failure(what, error, entering=entering) from None

    def still_there(self) -> None:
        """Raises Unreachable when the connection was lost."""
        self.run(self.client.check_connection(), "its connection was lost")

    def values(self, nodes: Mapping[str, str]) -> dict[str, ua.DataValue]:
        """Field to value with its status and times."""
        from asyncua import ua

        ids = self.ids(nodes)
        found = self.run(self.client.read_attributes(list(ids.values()), ua.AttributeIds.Value), "it cannot be read")
        return dict(zip(ids, found, strict=True))

    def ids(self, nodes: Mapping[str, str]) -> dict[str, Any]:
        """Field to node. Raises Malformed, naming the field, for text that is no node id."""
        from asyncua import ua

        found = {}
        for field, text in nodes.items():
            try:
                found[field] = self.client.get_node(ua.NodeId.from_string(text))
            except (ua.UaError, ValueError, TypeError):
                raise Malformed(
                    f"integration {self._place.name!r}: {text!r} of the field {field!r} is no node id",
                    remedy="Write it as the server's address space shows it, such as ns=2;s=Line1.Temp.",
                ) from None
        return found

    def subscribe(self, nodes: Mapping[str, str], heard: Callable[[str, ua.DataValue], None]) -> None:
        """Call `heard` with a field and its value, now and whenever it is written, on the connection's own thread."""
        self.run(self._subscribed(nodes, heard), "it cannot be subscribed to")

    async def _subscribed(self, nodes: Mapping[str, str], heard: Callable[[str, ua.DataValue], None]) -> None:
        from asyncua import ua

        class Hearing:
            """Hands on what the subscription tells."""

            def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
                del value
                heard(fields[node.nodeid], data.monitored_item.Value)

        ids = self.ids(nodes)
        fields = {node.nodeid: field for field, node in ids.items()}
        subscription = await self.client.create_subscription(_PUBLISHED_MS, Hearing(), queue_maxsize=_QUEUE * len(ids))
        asked = [
            ua.MonitoredItemCreateRequest(
                ItemToMonitor=ua.ReadValueId(NodeId=node.nodeid, AttributeId=ua.AttributeIds.Value),
                MonitoringMode=ua.MonitoringMode.Reporting,
                RequestedParameters=ua.MonitoringParameters(
                    ClientHandle=at,
                    SamplingInterval=0.0,
                    # The same value written again is another record.
                    Filter=ua.DataChangeFilter(Trigger=ua.DataChangeTrigger.StatusValueTimestamp),
                    QueueSize=_QUEUE,
                    DiscardOldest=True,
                ),
            )
            for at, node in enumerate(ids.values(), start=1)
        ]
        for field, result in zip(ids, await subscription.create_monitored_items(asked), strict=True):
            if isinstance(result, ua.StatusCode):
                raise self.bad(field, nodes[field], result)

    def bad(self, field: str, node: str, status: ua.StatusCode) -> SeatrialError:
        """That a node does not do what is asked of it."""
        name = status.name.split("(")[0]
        where = f"integration {self._place.name!r}: the field {field!r} ({node})"
        if name in _UNKNOWN:
            return Malformed(f"{where} is not there: {name}", remedy="Correct its node id in opcua.nodes.")
        if name in _FORBIDDEN:
            return Refused(
                f"{where} is not open to this user: {name}", remedy="Let the server's administrator grant it."
            )
        return Malformed(
            f"{where} has no good value: {name}",
            remedy="See to the source, or declare the quality as a field of its own in opcua.statuses.",
        )

    def failure(self, what: str, error: BaseException, *, entering: bool = False) -> SeatrialError:
        """What went wrong on the connection, as an error of ours."""
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        for redact in self._redactors:
            reason = redact(reason)
        where = f"integration {self._place.name!r} at {self._parts.hostname}"
        kind = type(error).__name__
        if entering and kind in _NO_ENTRY:
            return Unreachable(f"{where} does not let this user in", remedy="Correct the user and password of the url.")
        if isinstance(error, TimeoutError):
            return Unreachable(f"{where} did not answer within {TIMEOUT_S:g} s", permanent=False)
        if kind in _UNKNOWN:
            return Malformed(f"{where}: {what}: {kind}", remedy="Correct the node ids in opcua.")
        return Unreachable(
            f"{where}: {what}: {reason[:200] or kind}", remedy="See whether it runs, and its own log.", permanent=False
        )


def good(values: Sequence[ua.DataValue]) -> bool:
    """Whether all of them are of good quality."""
    return all(value.StatusCode is None or value.StatusCode.is_good() for value in values)

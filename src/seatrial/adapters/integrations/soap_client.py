"""The SOAP library behind our own door: its HTTP goes through `adapters.http`, and its errors become ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from seatrial.adapters.http import Http
from seatrial.adapters.integrations.http_end import HttpEnd
from seatrial.adapters.integrations.place import Place
from seatrial.core.errors import Malformed, MissingExtra, Refused, SeatrialError, Unreachable
from seatrial.core.ports import Request

_DEPTH: Final = 10
_TIME: Final = r"\d{2}:\d{2}:\d{2}(\.\d+)?"
_ZONE: Final = r"(Z|[+-]\d{2}:\d{2})?"
_WHOLE: Final = re.compile(r"[+-]?\d+")
_REAL: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|-?INF|NaN")
_SPELLED: Final[Mapping[str, re.Pattern[str]]] = {
    "decimal": re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)"),
    "double": _REAL,
    "float": _REAL,
    **dict.fromkeys(("integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger"), _WHOLE),
    "boolean": re.compile("true|false|0|1"),
    "date": re.compile(rf"-?\d{{4,}}-\d{{2}}-\d{{2}}{_ZONE}"),
    "dateTime": re.compile(rf"-?\d{{4,}}-\d{{2}}-\d{{2}}T{_TIME}{_ZONE}"),
    "time": re.compile(f"{_TIME}{_ZONE}"),
}
"""How XML spells these types. The library reads much else without a word: 01.07.2026 as a day of the year 1."""
_SHOWN: Final = 200


class SoapClient:
    """The operations of one service. Raises Unreachable, Malformed, Refused and MissingExtra; messages are redacted.

    Calls go to the declared url, whatever address the WSDL names.
    """

    def __init__(self, place: Place, *, http: Http, base_dir: Path) -> None:
        self._place = place
        self._http = http
        self._door = _Door(place, http, base_dir)
        self._client: Any = None
        self._service: Any = None

    def load(self) -> None:
        """Read the WSDL, where that was not done."""
        if self._client is not None:
            return
        try:
            import zeep
        except ModuleNotFoundError:
            raise MissingExtra("the SOAP client zeep is not installed", remedy="pip install 'seatrial[soap]'") from None

        def opened() -> Any:
            settings = zeep.Settings(strict=True, forbid_dtd=True, forbid_entities=True, xml_huge_tree=False)
            return zeep.Client(self._door.wsdl, transport=self._door, settings=settings)

        client = self._ours("its WSDL cannot be used", opened)
        bindings = [
            port.binding
            for service in client.wsdl.services.values()
            for port in service.ports.values()
            if type(port.binding).__name__.startswith("Soap")
        ]
        if not bindings:
            raise Malformed(f"integration {self._place.name!r}: its WSDL describes no SOAP service")
        self._service = client.create_service(str(bindings[0].name), self._place.end.url)
        self._client = client

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """What the operation answers, as plain dictionaries and lists."""
        from zeep.helpers import serialize_object

        found = self._operation(operation)
        self._door.answered = b""
        try:
            return self._ours(f"{operation} failed", lambda: serialize_object(found(**arguments), dict))
        finally:
            self._expect_spelling(operation)

    def request(self, operation: str, arguments: Mapping[str, Any]) -> Request:
        """The request that a call would send."""
        found = self._operation(operation)
        prepared: list[Request] = []
        self._door.prepared = prepared
        try:
            self._ours(f"{operation} cannot be prepared", lambda: found(**arguments))
        except _Prepared:
            return prepared[0]
        finally:
            self._door.prepared = None
        raise Malformed(f"integration {self._place.name!r}: {operation} sends nothing")

    def output_types(self, operation: str) -> dict[str, str]:
        """The fields of the records that it answers, with their types."""
        self._operation(operation)
        binding = self._service._binding  # noqa: SLF001 - the library tells it nowhere else
        kind = binding.get(operation).output.body.type
        for _ in range(_DEPTH):
            elements = list(getattr(kind, "elements", ()))
            if len(elements) != 1 or not getattr(elements[0][1].type, "elements", ()):
                break
            kind = elements[0][1].type
        return {name: _words(element) for name, element in getattr(kind, "elements", ())}

    def _expect_spelling(self, operation: str) -> None:
        """Raises Malformed, naming the field, where an answer does not spell its values as their types are spelled."""
        from lxml import etree

        binding = self._service._binding  # noqa: SLF001 - the library tells it nowhere else
        kinds = _leaves(binding.get(operation).output.body.type, 0)
        try:
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            root = etree.fromstring(self._door.answered, parser)
        except (etree.LxmlError, ValueError):
            return
        for element in root.iter(etree.Element):
            name = etree.QName(element).localname
            spelled = _SPELLED.get(kinds.get(name, ""))
            text = (element.text or "").strip()
            if spelled is not None and text and not spelled.fullmatch(text):
                hint = " (a decimal comma)" if re.fullmatch(r"[+-]?[\d.]*,\d+", text) else ""
                raise Malformed(
                    f"integration {self._place.name!r}: {operation} answers {name!r} in a form that is no "
                    f"{kinds[name]} of XML{hint}",
                    remedy="Have the service write its values as its own WSDL says.",
                )

    def _operation(self, name: str) -> Any:
        self.load()
        try:
            return self._service[name]
        except (AttributeError, KeyError):
            known = ", ".join(sorted(map(str, self._service._operations)))  # noqa: SLF001 - to name what there is
            raise Malformed(
                f"integration {self._place.name!r} has no operation {name!r}", remedy=f"Name one of {known[:_SHOWN]}."
            ) from None

    def _ours(self, what: str, work: Callable[[], Any]) -> Any:
        from lxml import etree
        from zeep import exceptions

        where = f"integration {self._place.name!r}: {what}"
        try:
            return work()
        except SeatrialError:
            raise
        except exceptions.Fault as error:
            raise Unreachable(
                f"{where}: the service answers a fault: {self._said(error.message)}",
                remedy="See that service's own log, and what it is called with.",
            ) from None
        except exceptions.TransportError as error:
            raise Unreachable(
                f"{where}: it answers with status {error.status_code}",
                remedy="See that service's own log.",
                permanent=int(error.status_code or 500) < 500,
            ) from None
        except (exceptions.Error, etree.LxmlError, ArithmeticError, ValueError, TypeError, LookupError) as error:
            raise Malformed(
                f"{where}: {self._said(error)}",
                remedy="Hold what is sent and what is answered against the WSDL.",
            ) from None

    def _said(self, error: object) -> str:
        told = " ".join(str(error).split()) or type(error).__name__
        return self._http.redact(told)[:_SHOWN]


class _Prepared(SeatrialError):
    """A request is ready, and is not sent."""


class _Door:
    """What the library takes for its transport."""

    def __init__(self, place: Place, http: Http, base_dir: Path) -> None:
        self._place = place
        self._end = HttpEnd(place, http)
        declared = place.end.wsdl or f"{place.end.url.partition('?')[0]}?wsdl"
        self._folder: Path | None = None
        if not declared.startswith(("http://", "https://")):
            file = (base_dir / declared).resolve()
            self._folder, declared = file.parent, str(file)
        self.wsdl = declared
        self.answered = b""
        self.prepared: list[Request] | None = None

    def load(self, url: str) -> bytes:
        """A WSDL or schema: over HTTP from declared servers, or beside the declared file."""
        if url.startswith(("http://", "https://")):
            return self._end.get(url).body
        path = Path(unquote(urlsplit(url).path) if url.startswith("file:") else url).resolve()
        if self._folder is None or not path.is_relative_to(self._folder):
            raise Refused(
                f"integration {self._place.name!r}: its WSDL refers to a file outside its folder",
                remedy="Keep the WSDL and its schemas in one folder, and declare that WSDL.",
            )
        try:
            return path.read_bytes()
        except OSError as error:
            raise Unreachable(
                f"integration {self._place.name!r}: {path.name} cannot be read: {error.strerror}",
                remedy="Correct wsdl in the system file.",
            ) from None

    def post_xml(self, address: str, envelope: Any, headers: Mapping[str, str]) -> Any:
        """Send an envelope."""
        from lxml import etree

        return self.post(address, etree.tostring(envelope, xml_declaration=True, encoding="utf-8"), headers)

    def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> Any:
        """Send, and give back what the library reads of an answer."""
        sent = {**headers, **self._place.end.headers}
        request = Request(method="POST", url=address, headers=sent, body=message)
        if self.prepared is not None:
            self.prepared.append(request)
            raise _Prepared("prepared")
        answer = self._end.exchange(request)
        if b"Envelope" not in answer.body:
            # A proxy or a web server speaks, not the service.
            self._end.demand_success(answer, "call")
        self.answered = answer.body
        kind = answer.headers.get("content-type", "text/xml")
        return SimpleNamespace(
            status_code=answer.status, content=answer.body, headers={"Content-Type": kind}, encoding="utf-8"
        )


def _leaves(kind: Any, depth: int) -> dict[str, str]:
    """Element to type, for every element of a type that holds no others."""
    found: dict[str, str] = {}
    for name, element in getattr(kind, "elements", ()) if depth < _DEPTH else ():
        inner = _leaves(element.type, depth + 1)
        found |= inner or {str(name): str(getattr(element.type, "name", ""))}
    return found


def _words(element: Any) -> str:
    kind = element.type
    told = "record" if getattr(kind, "elements", ()) else str(kind.name or "anything")
    listed = "[]" if element.accepts_multiple else ""
    return f"{told}{listed}{'|null' if element.is_optional or element.nillable else ''}"

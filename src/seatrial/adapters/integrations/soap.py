"""An integration that is a SOAP service: declared operations, in the types of its WSDL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from seatrial.adapters.database_values import plain
from seatrial.adapters.http import Http
from seatrial.adapters.integrations.place import Place
from seatrial.adapters.integrations.soap_client import SoapClient
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import Request, Row

_DEPTH: Final = 10
_RECORD: Final = "$record"
_VALUE: Final = "$value"
_KEY: Final = "$key"


class SoapIntegration:
    """`read`, `write`, `observe`, `version` and `health` name operations; `arguments` are what they are called with.

    `write` is called with the record's fields, or with the record where an argument is `$record`; `observe` once for
    each value, with the key as argument, or with the arguments that are `$key` and `$value`.
    """

    def __init__(self, place: Place, *, http: Http, base_dir: Path) -> None:
        self._place = place
        self._http = http
        self._base_dir = base_dir
        self._opened: SoapClient | None = None

    def version(self) -> str:
        """What the declared operation answers: a text, or a record with `version`. Raises Malformed otherwise."""
        told = self._call("version")
        while isinstance(told, Mapping) and len(told) == 1:
            told = next(iter(told.values()))
        found = told.get("version") if isinstance(told, Mapping) else told
        if not isinstance(found, str | int | float) or found == "":
            raise Malformed(f"integration {self._place.name!r} tells no version")
        return str(found)

    def health(self) -> None:
        """Raises Unreachable unless the declared operation, or without one the WSDL, answers."""
        if self._place.end.health:
            self._call("health")
        else:
            self._client().load()

    def schema(self) -> Mapping[str, str]:
        """The fields of the records that `read` answers, in the types of the WSDL."""
        return self._client().output_types(self._place.declared("read"))

    def read(self, most: int) -> Sequence[Row]:
        """The last `most` records that the operation lists; it lists the newest ones, oldest first."""
        return tuple(self._records(self._call("read")))[-most:] if most > 0 else ()

    def write(self, record: Row) -> None:
        """Call the operation with one record. Raises Refused unless declared writable for tests."""
        self._place.refuse_write()
        self._client().call(self._place.declared("write"), self._writing(record))

    def request(self, record: Row) -> Request:
        """The request that `write` sends."""
        self._place.refuse_write()
        return self._client().request(self._place.declared("write"), self._writing(record))

    def listen(self) -> None:
        """Nothing to do: what arrives is kept there."""

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """The records that arrived, grouped by `key` as text."""
        declared = self._arguments("observe")
        operation = self._place.declared("observe")
        found: list[Row] = []
        for value in dict.fromkeys(values):
            named = {name: {_VALUE: value, _KEY: key}.get(str(given), given) for name, given in declared.items()}
            asked = named if _VALUE in map(str, declared.values()) else {**named, key: value}
            # A service that ignores its argument answers everything each time: it must not be counted twice.
            rows = self._records(plain(self._client().call(operation, asked)))
            found += [row for row in rows if str(row.get(key, "")) == value or key not in row]
        return self._place.grouped(found, key, set(values))

    def close(self) -> None:
        """Close idle connections."""
        self._http.close()

    def _client(self) -> SoapClient:
        if self._opened is None:
            self._opened = SoapClient(self._place, http=self._http, base_dir=self._base_dir)
        return self._opened

    def _arguments(self, use: str) -> Mapping[str, Any]:
        found: Mapping[str, Mapping[str, Any]] = {str(name): given for name, given in self._place.end.arguments.items()}
        return found.get(use, {})

    def _call(self, use: str) -> Json:
        return plain(self._client().call(self._place.declared(use), self._arguments(use)))

    def _writing(self, record: Row) -> Mapping[str, Any]:
        declared = self._arguments("write")
        if _RECORD in map(str, declared.values()):
            return {name: dict(record) if given == _RECORD else given for name, given in declared.items()}
        return {**declared, **record}

    def _records(self, told: Json) -> Iterator[Row]:
        entries = told
        for _ in range(_DEPTH):
            if not isinstance(entries, Mapping) or len(entries) != 1:
                break
            inner = next(iter(entries.values()))
            if inner is not None and not isinstance(inner, Mapping | list):
                break
            entries = inner
        if entries is None:
            return
        for entry in entries if isinstance(entries, list) else [entries]:
            if not isinstance(entry, Mapping):
                raise Malformed(
                    f"integration {self._place.name!r} answers something else among its records",
                    remedy="Name an operation that answers a list of records.",
                )
            yield entry

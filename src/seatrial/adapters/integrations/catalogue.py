"""The kinds of integration that seatrial can talk to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal, Protocol

from seatrial.adapters.http import Http
from seatrial.adapters.integrations.place import Place
from seatrial.core.errors import Malformed, SeatrialError
from seatrial.core.ports import Integration
from seatrial.spec.system import IntegrationSection


class OpenIntegration(Integration, Protocol):
    """An integration that may hold connections until it is closed."""

    def health(self) -> None:
        """Raises Unreachable when it does not answer its declared health probe, or cannot be reached at all."""

    def close(self) -> None:
        """Let go of everything."""


Factory = Callable[[Place, IntegrationSection, Http, Path], OpenIntegration]


def _http(place: Place, _: IntegrationSection, http: Http, __: Path) -> OpenIntegration:
    from seatrial.adapters.integrations.http import HttpIntegration

    return HttpIntegration(place, http=http)


def _sql(place: Place, section: IntegrationSection, http: Http, base_dir: Path) -> OpenIntegration:
    from seatrial.adapters.integrations.sql import SqlIntegration

    return SqlIntegration(place, kind=section.kind, base_dir=base_dir, redact=http.redact)


def _files(place: Place, _: IntegrationSection, __: Http, base_dir: Path) -> OpenIntegration:
    from seatrial.adapters.integrations.files import FilesIntegration

    return FilesIntegration(place, base_dir=base_dir)


FACTORIES: Final[Mapping[str, Factory]] = {
    "http": _http,
    "sql": _sql,
    "sqlite": _sql,
    "postgresql": _sql,
    "files": _files,
}


def open_integration(
    name: str,
    section: IntegrationSection,
    *,
    http: Http,
    base_dir: Path | None = None,
    end: Literal["test", "production"] = "test",
) -> OpenIntegration:
    """The declared integration at one end; nothing is called yet. Relative paths stand beside the system file.

    Raises Malformed when that end is not declared, SeatrialError for a kind that has no adapter.
    """
    place = section.test if end == "test" else section.production
    if place is None:
        raise Malformed(
            f"integration {name!r} declares no {end} end",
            remedy=f"Add integrations.{name}.{end} with its url.",
        )
    factory = FACTORIES.get(section.kind)
    if factory is None:
        raise SeatrialError(
            f"integration {name!r} is of kind {section.kind!r}, which is not available yet",
            remedy=f"Available kinds: {', '.join(FACTORIES)}.",
        )
    writable = end == "test" and place.writable and not place.read_only
    return factory(Place(name=name, end=place, which=end, writable=writable), section, http, base_dir or Path())

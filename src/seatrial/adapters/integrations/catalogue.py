"""The kinds of integration that seatrial can talk to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal, Protocol

from seatrial.adapters.http import Http
from seatrial.adapters.integrations.place import Place
from seatrial.core.errors import Malformed, SeatrialError
from seatrial.core.ports import Integration
from seatrial.spec.integration import IntegrationSection


class OpenIntegration(Integration, Protocol):
    """An integration that may hold connections until it is closed."""

    def close(self) -> None:
        """Let go of everything."""


Factory = Callable[[Place, IntegrationSection, Http, Path], OpenIntegration]


def _http(place: Place, _: IntegrationSection, http: Http, base_dir: Path) -> OpenIntegration:
    from seatrial.adapters.integrations.http import HttpIntegration

    return HttpIntegration(place, http=http, base_dir=base_dir)


def _sql(place: Place, section: IntegrationSection, http: Http, base_dir: Path) -> OpenIntegration:
    from seatrial.adapters.integrations.sql import SqlIntegration

    return SqlIntegration(place, kind=section.kind, base_dir=base_dir, redact=http.redact)


def _files(place: Place, _: IntegrationSection, __: Http, base_dir: Path) -> OpenIntegration:
    from seatrial.adapters.integrations.files import FilesIntegration, local_folder

    return FilesIntegration(place, folder=local_folder(place, base_dir))


def _mqtt(place: Place, section: IntegrationSection, http: Http, base_dir: Path) -> OpenIntegration:
    from seatrial.adapters.integrations.mqtt import MqttIntegration

    return MqttIntegration(place, topic=section.topic, base_dir=base_dir, redact=http.redact)


def _amqp(place: Place, _: IntegrationSection, http: Http, base_dir: Path) -> OpenIntegration:
    from seatrial.adapters.integrations.amqp import AmqpIntegration

    return AmqpIntegration(place, base_dir=base_dir, redact=http.redact)


def _kafka(place: Place, section: IntegrationSection, http: Http, base_dir: Path) -> OpenIntegration:
    from seatrial.adapters.integrations.kafka import KafkaIntegration

    return KafkaIntegration(place, topic=section.topic, base_dir=base_dir, redact=http.redact)


def _webhook(place: Place, _: IntegrationSection, http: Http, __: Path) -> OpenIntegration:
    from seatrial.adapters.integrations.webhook import WebhookIntegration

    return WebhookIntegration(place, http=http)


def _sftp(place: Place, _: IntegrationSection, http: Http, base_dir: Path) -> OpenIntegration:
    from seatrial.adapters.integrations.files import FilesIntegration
    from seatrial.adapters.integrations.sftp import SftpFolder

    return FilesIntegration(place, folder=SftpFolder(place, base_dir=base_dir, redact=http.redact))


def _opcua(place: Place, _: IntegrationSection, http: Http, __: Path) -> OpenIntegration:
    from seatrial.adapters.integrations.opcua import OpcUaIntegration

    return OpcUaIntegration(place, redact=http.redact)


def _odata(place: Place, _: IntegrationSection, http: Http, __: Path) -> OpenIntegration:
    from seatrial.adapters.integrations.odata import ODataIntegration

    return ODataIntegration(place, http=http)


def _soap(place: Place, _: IntegrationSection, http: Http, base_dir: Path) -> OpenIntegration:
    from seatrial.adapters.integrations.soap import SoapIntegration

    return SoapIntegration(place, http=http, base_dir=base_dir)


FACTORIES: Final[Mapping[str, Factory]] = {
    "http": _http,
    "sql": _sql,
    "sqlite": _sql,
    "postgresql": _sql,
    "mysql": _sql,
    "mariadb": _sql,
    "files": _files,
    "mqtt": _mqtt,
    "amqp": _amqp,
    "kafka": _kafka,
    "webhook": _webhook,
    "sftp": _sftp,
    "opcua": _opcua,
    "odata": _odata,
    "soap": _soap,
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
    writable = place.writable and not place.read_only if end == "test" else place.opens() is not None
    return factory(
        Place(name=name, kind=section.kind, end=place, which=end, writable=writable), section, http, base_dir or Path()
    )

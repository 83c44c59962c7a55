"""What feeds the model and what the model feeds: both ends, and the records that flow between them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from seatrial.spec.file_format import FileFormat
from seatrial.spec.key_range import KeyRange
from seatrial.spec.opc_ua import OpcUa
from seatrial.spec.quantities import Duration, Rate
from seatrial.spec.section import Path, Section
from seatrial.spec.window import Window


def _window(text: str) -> str:
    Window.of(text)
    return text


WindowText = Annotated[str, AfterValidator(_window)]
"""A window as it is written."""


class End(Section):
    """One end of an integration: where it is, and what may be done there."""

    url: str
    via: str | None = None
    """`host:port` at which the tested system reaches this end, so that the line can be disturbed: we listen there and
    pass on to `url`. Only at a test end. Lead the tested system through it, and run `seatrial proxy` while it lives.
    Integrations of one server that can only be led there together share one.

    Files without `share`: a path, such as `lines/inbox`, at which we keep a link to the folder."""
    share: str | None = None
    """Files: `host:port` of the server whose share the folder is mounted from, so that `via` can lead there. Mount the
    tested system's folder through `via`."""
    writable: bool = False
    read_only: bool = False
    window: WindowText | None = None
    """Only at a production end: when test records may be put in where no test end exists, in UTC: `Sun 02:00-04:00`. It
    needs `writable: true`, `approved_by`, and `remove`, by which everything is taken away again."""
    approved_by: str | None = None
    """Who approved that window."""
    read: str | None = None
    """HTTP: path that lists the newest records. SQL: a query. MQTT, Kafka: a topic, where it is another than `topic`;
    AMQP: a binding key, where it is another than `routing_key`. So too `write` and `observe`."""
    write: str | None = None
    """HTTP: path that takes one record by POST."""
    observe: str | None = None
    """HTTP: path that returns the records that arrived; gets `?key=…&value=…&value=…`."""
    remove: str | None = None
    """How our own test records are taken away again. HTTP: path that takes DELETE with `?key=…&value=…&value=…`. SQL: a
    table, or a statement with `:values`. Files: the folder in which files that hold nothing else are deleted."""
    version: str | None = None
    """HTTP: path that tells the server's version. MQTT: topic that tells it. Webhook: URL that tells the receiver's.

    Of a broker that tells none, its version in words: shown, but nothing that establishes anything."""
    health: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    """HTTP: sent with every request. Webhook: what every request must carry, or it is turned away."""
    topic: str | None = None
    """MQTT, Kafka: where records are; wildcards of MQTT only where nothing is written."""
    exchange: str | None = None
    """AMQP: where records are published; what arrives is heard through a queue of our own that is bound to it."""
    routing_key: str | None = None
    """AMQP: with which key records are published, and with which our own queue is bound."""
    queue: str | None = None
    """AMQP: a queue that records are written to. It is never read, since reading would take others' messages."""
    qos: Literal[0, 1, 2] = 1
    """MQTT: the quality of service with which records are sent and heard."""
    retain: bool = False
    """MQTT: whether records are published as retained, as their real sender does; what is retained comes again to
    whoever connects again. What is left of ours under the topic is cleared at the end."""
    payload: Literal["json", "json-lines"] = "json"
    """What a message holds: one record or a list of records, or a record on each line."""
    listen_for: Duration = 5.0
    """How long is listened for records where a source keeps none that could be read."""
    ca: Path | None = None
    """File (PEM) of the authority that signed a broker's certificate, where it is none that this machine trusts."""
    format: FileFormat | None = None
    """Files and SFTP: how the files are written, where their suffix and UTF-8 do not say it all."""
    known_hosts: Path | None = None
    """SFTP: file with the server's key, as `ssh-keyscan` writes it and somebody has verified it."""
    fingerprint: str | None = Field(default=None, pattern=r"^SHA256:[A-Za-z0-9+/]{43}=?$")
    """SFTP: the fingerprint of the server's key, `SHA256:…`, in the place of `known_hosts`."""
    openapi: str | None = None
    """HTTP: file or URL of the OpenAPI document that describes what is read and written here."""
    wsdl: str | None = None
    """SOAP: file or URL of the WSDL; without it the service's own address with `?wsdl`."""
    arguments: dict[Literal["read", "write", "observe", "version", "health"], dict[str, Any]] = Field(
        default_factory=dict
    )
    """SOAP: what operations are called with: `$record` is the record, `$key` and `$value` what is observed."""
    opcua: OpcUa | None = None
    """OPC UA: the nodes that make up a record."""
    private_key: str | None = None
    """SFTP: the private key that logs in, from the environment (`${NAME}`), or a file that holds it."""

    def opens(self) -> Window | None:
        """The approved window of a production end, where it may be written to in one."""
        if not (self.writable and self.window and self.approved_by and self.remove) or self.read_only:
            return None
        return Window.of(self.window)


class IntegrationSection(Section):
    """Something that feeds the model, or that the model feeds."""

    kind: Literal[
        "http",
        "sql",
        "postgresql",
        "mysql",
        "mariadb",
        "sqlite",
        "files",
        "sftp",
        "opcua",
        "odata",
        "soap",
        "mqtt",
        "amqp",
        "kafka",
        "webhook",
    ]
    direction: Literal["in", "out", "both"] = "in"
    contract: Path | None = None
    feeds: tuple[str, ...] = ()
    topic: str | None = None
    """MQTT, Kafka: the topic of both ends, where they have none of their own."""
    test: End | None = None
    production: End | None = None

    def tells(self, end: End, what: Literal["read", "write", "observe"]) -> bool:
        """Whether an end says how this is done there. A folder needs no words; to a webhook only its sender posts."""
        if self.kind in ("files", "sftp"):
            return True
        if self.kind == "webhook":
            return what != "write"
        if self.kind in ("mqtt", "kafka"):
            return bool(getattr(end, what) or end.topic or self.topic)
        if self.kind == "amqp":
            return bool(end.exchange or (what == "write" and end.queue))
        if self.kind == "opcua" and end.opcua is not None:
            return bool(end.opcua.writable) if what == "write" else True
        return bool(getattr(end, what))


class Order(Section):
    """That records must come out in the order in which they were put in, and how that is seen."""

    by: str | None = None
    """Field of the exit record that tells its place there: a number or a time that the exit itself sets and that grows
    from one record to the next. Not needed where records are heard as they arrive (MQTT, AMQP, webhook)."""
    per: str | None = None
    """Field of the entry record: only records with the same value of it have an order, such as those of one machine."""


class Flow(Section):
    """Keyed records put in at one integration and observed at another."""

    name: str
    from_: str = Field(alias="in")
    to: str = Field(alias="out")
    key: str
    keys: KeyRange | None = None
    """Keys that are reserved for test records, where those of seatrial do not fit: texts of some forty characters that
    begin with `seatrial-`, or numbers of sixteen digits."""
    within: Duration
    peak: Rate
    records: Path | None = None
    """Records to send, JSON lines; the key is replaced so that each one is unique and marked as a test."""
    expect: dict[str, str] = Field(default_factory=dict)
    """Field of the exit record to the field of the entry record that it must equal."""
    answers: dict[str, Literal["prediction", "score"]] = Field(default_factory=dict)
    """Field of the exit record to what of the model's answer it holds: the model is asked the same records again. What
    these lack of its inputs is taken from the exit record."""
    fallback: dict[str, Any] = Field(default_factory=dict)
    """Field of the exit record to the value that it has when the pipeline fell back. At the peak only those records
    may that do at rest too."""
    order: Order | None = None
    """Where the order of records matters: `{}` for all, or with `per` and `by`. Without it, what is overtaken by later
    records is only shown."""
    resend: bool = False
    """Whether the real sender sends again what the entry did not take."""


def fetched(section: IntegrationSection) -> bool:
    """Whether the tested system gets records there by a connection of its own, rather than being called by a sender.

    Over HTTP nobody can tell from the kind; an entry there is taken for the tested system's own.
    """
    return section.kind not in ("http", "webhook", "soap", "odata")


def led_by_link(section: IntegrationSection) -> bool:
    """Whether the tested system reaches the test end, a folder of this machine, through a link that `via` names."""
    end = section.test
    return section.kind == "files" and end is not None and bool(end.via) and end.share is None

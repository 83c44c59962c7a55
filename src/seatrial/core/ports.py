"""The outside world as the checks see it: small protocols that adapters fulfil and plants in tests stand in for.

Every port raises only `SeatrialError` subclasses. Tables yield Arrow record batches; core knows no Arrow, so their type
is left open here and fixed by `adapters.tables`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from seatrial.core.observation import Json

Row = Mapping[str, Json]


class Clock(Protocol):
    """Time, replaceable in tests."""

    def now(self) -> datetime:
        """The time of day, UTC."""

    def monotonic(self) -> float:
        """Seconds that never go backwards."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class Files(Protocol):
    """The files that the system file names, relative to where it stands; read only."""

    def read(self, path: str) -> bytes:
        """The content. Raises Unreachable when there is none."""

    def digest(self, path: str) -> str:
        """SHA-256 as hex, read in chunks. Raises Unreachable when there is no such file."""


class Table(Protocol):
    """Rows in bounded batches: a Parquet, CSV or JSON-lines file, or a SQL query."""

    def columns(self) -> tuple[str, ...]:
        """Column names in order. Raises Malformed on duplicates."""

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """`pyarrow.RecordBatch`es of at most 65,536 rows. Raises Unreachable or Malformed, naming file and place."""

    def digest(self) -> str:
        """The identity of the content: SHA-256 of the file, or of query, schema and rows for SQL."""


class ReplyKind(StrEnum):
    """How a request to the model ended."""

    OK = "ok"
    REFUSED = "refused"
    """The guard said no: 400, 409, 413, 415, 422 or another 4xx that speaks of the content.

    401, 403, 404, 405, 407, 408, 410 and 429 speak of the endpoint, not of the row: UNREACHABLE.
    """
    CRASHED = "crashed"
    """5xx, a cut connection."""
    TIMED_OUT = "timed-out"
    UNREACHABLE = "unreachable"
    MALFORMED = "malformed"
    """It answered, but not in the declared shape: fewer rows, HTML, NaN, another type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One output. `score` is the model's number in its declared range, None where it gives none."""

    prediction: Json
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to one request. `predictions` has one entry per row when `kind` is OK, else none."""

    kind: ReplyKind
    latency_s: float
    predictions: tuple[Prediction, ...] = ()
    status: int | None = None
    error: str = ""
    """What it said, shortened, secrets removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A prepared HTTP request, for the load generator."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Model(Protocol):
    """The declared model, called over a boundary and never loaded here."""

    def identity(self) -> str:
        """What is served now: it changes whenever the model does. Raises Unreachable, Malformed."""

    def predict(self, rows: Sequence[Row]) -> Reply:
        """The answer for these rows; never raises for what the model does, only reports it."""

    def request(self, rows: Sequence[Row]) -> Request | None:
        """The HTTP request that `predict` would send, or None for a model that is not called over HTTP."""


class Integration(Protocol):
    """One declared integration at its declared test (or read-only production) end."""

    def version(self) -> str:
        """The version that the server itself reports. Raises Unreachable, or Malformed where it reports none."""

    def read(self, most: int) -> Sequence[Row]:
        """Up to `most` of the newest records, oldest first."""

    def write(self, record: Row) -> None:
        """Send one record. Raises Refused unless declared writable for tests."""

    def request(self, record: Row) -> Request | None:
        """The HTTP request that `write` would send, or None. Raises Refused like `write`."""

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """The records that arrived whose field `key` (as text) is one of `values`, grouped; absent ones left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One stream of an open-model load: requests are sent in turn at scheduled times, whatever the answers do."""

    name: str
    requests: Sequence[Request]
    rate_per_s: float
    arrivals: str = "poisson"
    """`poisson` or `constant`."""
    timeout_s: float = 10.0
    in_flight: int = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What one stream did. The sequences run in order of schedule, one entry per planned request.

    `latency_s` counts from the scheduled start to the last byte (or to the time-out); `lag_s` is how late the generator
    itself was; `status` is the HTTP status, 0 for no answer, -1 for dropped because too many were in flight.
    """

    planned: int
    scheduled_s: Sequence[float]
    latency_s: Sequence[float]
    lag_s: Sequence[float]
    status: Sequence[int]


class LoadGenerator(Protocol):
    """Open-model arrivals with latency from the intended start (no coordinated omission)."""

    def run(self, streams: Sequence[Stream], *, duration_s: float, seed: int) -> Mapping[str, LoadResult]:
        """Drive all streams at once. Raises Refused for an undeclared target."""

    def calibrate(self, rate_per_s: float, *, seed: int) -> LoadResult:
        """One second of the same against a null server of our own: what the generator can hold on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page that was sent: `channel` names how (never the secret route), `id` appears in its acknowledgement link."""

    id: str
    person: str
    channel: str
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A person pressed the signed, expiring link. `after_s` is measured from the moment the page was sent."""

    page: str
    person: str
    at: datetime
    after_s: float
    answer: str = ""
    """Which button was pressed, where the page offered choices."""


class Pager(Protocol):
    """Reaches a declared person over their declared route. "Accepted by the provider" is not an acknowledgement."""

    def page(
        self, person: str, *, title: str, text: str, action: str, expires_s: float, choices: Sequence[str] = ()
    ) -> Page:
        """Send. `action` labels the button behind the link; `choices` are offered instead, one button each.

        Raises Unreachable when the channel refuses, Refused for a person who is not declared or has no route.
        """

    def wait(self, page: Page, *, timeout_s: float) -> Acknowledgement | None:
        """The human acknowledgement, or None when none came in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What one procedure step did. `output` is shortened, secrets removed."""

    ok: bool
    duration_s: float
    output: str = ""
    value: Json = None
    """What a step read, such as the body of an HTTP answer."""


class Steps(Protocol):
    """Runs single procedure steps: `command`, `http`, `sql`, `wait-until`, `ask`. Only declared targets."""

    def run(self, kind: str, settings: Mapping[str, Json], *, timeout_s: float) -> StepResult:
        """Never raises for what the step does; a step that hangs, asks for input or is unknown ends as not ok."""


class Artifacts(Protocol):
    """Content-addressed, erasable files beside the ledger."""

    def put(self, content: bytes, *, media_type: str) -> str:
        """Keep it; the SHA-256 as hex."""

    def get(self, digest: str) -> bytes | None:
        """The content, or None when it was erased or never kept."""


class Say(Protocol):
    """Tells the person who waits what is happening now."""

    def __call__(self, doing: str, share: float | None = None) -> None:
        """`share` is between 0 and 1 where it is known."""


class Signer(Protocol):
    """Signs with one Ed25519 key that it never shows."""

    @property
    def key_id(self) -> str:
        """SHA-256 of the public key, as hex."""

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""

    @property
    def holder(self) -> str:
        """Whose key it is: `worker:<name>`, `person:<id>`, `token:<name>` or `root:<name>`."""

    @property
    def by(self) -> str:
        """What a record signed with it says in `Record.by`: `worker:<key id>`, else the holder."""

    def sign(self, pae: bytes) -> bytes:
        """The signature over a DSSE pre-authentication encoding, 64 bytes."""

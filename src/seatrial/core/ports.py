"""The outside world as the checks see it: small protocols that adapters fulfil and plants in tests stand in for.

Every port raises only `SeatrialError` subclasses. Tables yield Arrow record batches; core knows no Arrow, so their type
is left open here and fixed by `adapters.tables`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from seatrial.core.observation import Json

Row = Mapping[str, Json]
CHAT_SETTING = "seatrial.chat"
"""Field of a row that a chat adapter takes for itself and that no other model is sent: what an attack plants around the
question. `note` is a line that is added to the system prompt; `tool_result` (`name`, `content`) is what a tool of the
application came back with."""
TEST_MARK = "seatrial-"
"""What the text key of every test record begins with."""
DECLARED_VERSION = "declared: "
"""What a version begins with that nobody but the system file tells."""


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
    said: str = ""
    """Text that came out before an answer broke off, was filtered or declined: no prediction, but it was let out."""
    cut_off: bool = False
    """Whether the answer ended at the greatest length that was asked for: nobody would have been shown more."""


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
        """The HTTP request that `predict` would send, or None for a model that is not called over HTTP.

        Raises Refused for rows that the model's protocol cannot carry.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The answer to one Arrow batch. `predictions` and `scores` have one entry per row when `kind` is OK, else none.

    `predictions` is an Arrow array of one plain type, or a list where values are of several types or have parts;
    `scores` is an Arrow array or a list of numbers, None where the model is declared to give none.
    """

    kind: ReplyKind
    latency_s: float
    predictions: Any = None
    scores: Any = None
    status: int | None = None
    error: str = ""


@runtime_checkable
class BatchModel(Protocol):
    """A model that takes whole Arrow batches, from several threads at once, without a dictionary per row."""

    def answer(self, batch: Any) -> Answers:
        """The answer for a `pyarrow.RecordBatch`; never raises for what the model does, only reports it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One file of a model that is declared as files. `runs_code` says how loading it can run code, else it is empty."""

    path: str
    sha256: str
    runs_code: str = ""


@runtime_checkable
class LoadedModel(Protocol):
    """A model that we load ourselves, and that goes on as it was loaded whatever becomes of its files."""

    def load_anew(self) -> None:
        """Let the next call load what is there then."""


@runtime_checkable
class FileModel(Protocol):
    """A model that is declared as files rather than as an address."""

    def model_files(self) -> Sequence[ModelFile]:
        """Its files, looked at without loading any. Raises Unreachable, Malformed."""


class Integration(Protocol):
    """One declared integration at its declared test (or read-only production) end."""

    def version(self) -> str:
        """The version that the server itself reports. Raises Unreachable, or Malformed where it reports none."""

    def health(self) -> None:
        """Raises Unreachable when it does not answer its declared health probe, or cannot be reached at all."""

    def schema(self) -> Mapping[str, str]:
        """The fields that reading gives, in the source's own order, each with the type that the source calls it.

        Where the source declares no types, they are those of its newest records: `text`, `integer`, `number`,
        `boolean`, `record`, `list`, joined by `|` where records differ, with `null` where one has none.
        """

    def read(self, most: int) -> Sequence[Row]:
        """Up to `most` of the newest records, oldest first."""

    def write(self, record: Row) -> None:
        """Send one record. Raises Refused unless declared writable for tests."""

    def request(self, record: Row) -> Request | None:
        """The HTTP request that `write` would send, or None. Raises Refused like `write`."""

    def listen(self) -> None:
        """Be ready to observe: called by whoever will observe, before the first record is sent. Again, it is nothing.

        Where a source keeps no history, what arrives is kept from here on. Raises Unreachable, Refused or Malformed.
        """

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """The records that arrived whose field `key` (as text) is one of `values`, grouped; absent ones left out.

        What was listened for comes in the order in which it arrived first.
        Raises SeatrialError where something may have been missed, such as after a lost connection.
        """


Part = tuple[Sequence[Row], Json]
"""Records, and the mark behind them."""


@runtime_checkable
class Following(Protocol):
    """An integration from which everything can be taken, part by part, without holding it all."""

    def parts(self, mark: Json, most: int) -> Iterator[Part]:
        """What came behind `mark`, oldest first, in parts of at most `most` records; some may come twice.

        A mark is plain data from an earlier part, None for the beginning of what the source keeps. A source that keeps
        no history gives each record once, from the first call on.
        """


@runtime_checkable
class ClientList(Protocol):
    """An integration whose server can tell who is connected with it now."""

    def clients(self) -> Sequence[str] | None:
        """The name of every connected client but ourselves, once for each connection; None where it does not tell."""


@runtime_checkable
class Clocked(Protocol):
    """An integration whose server tells its own time."""

    def server_time(self) -> datetime | None:
        """What the server's clock says, with its zone, None where it does not tell. Raises Unreachable."""


@runtime_checkable
class Removing(Protocol):
    """An integration from which records can be taken away again."""

    def remove(self, key: str, values: Sequence[str]) -> None:
        """Take away the records whose field `key` (as text) is one of `values`, and no other.

        Raises Refused unless the end is declared writable, Malformed where it does not say how.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a source publishes of its records: JSON Schema of one that is read, and of one that is written."""

    name: str
    """The document, as it was declared."""
    answered: Mapping[str, Json] | None = None
    asked: Mapping[str, Json] | None = None


@runtime_checkable
class DescribedIntegration(Protocol):
    """An integration that may publish a description of its records."""

    def description(self) -> Description | None:
        """What is published, None where nothing is declared. Raises SeatrialError for one that cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One stream of an open-model load: requests are sent in turn at scheduled times, whatever the answers do."""

    name: str
    requests: Sequence[Request]
    rate_per_s: float
    """Requests a second where `shape` is 1."""
    arrivals: str = "poisson"
    """`poisson`, `constant`, or `trace`: when requests came in reality, pressed together to `rate_per_s`."""
    shape: Sequence[tuple[float, float]] = ()
    """(share of the duration, factor on the rate), joined by straight lines: a ramp. Two at one share: a step."""
    trace: Sequence[float] = ()
    """Seconds at which requests really came, ascending; its busiest stretch is replayed."""
    timeout_s: float = 10.0
    in_flight: int = 512
    most_failed: int | None = None
    """Once more requests than this have failed, no further one is sent: they count as dropped."""


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
        """Drive all streams at once. Raises Refused for an undeclared target, Unreachable when a part of it died."""

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
    """A person pressed the signed, expiring link. `after_s` is measured from the moment the page was sent.

    `read_s` are the seconds from when the page behind the link was first opened until the button was pressed, None
    where it was pressed without having been opened.
    """

    page: str
    person: str
    at: datetime
    after_s: float
    read_s: float | None
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

    def link(self, person: str, *, title: str, text: str, expires_s: float, choices: Sequence[str]) -> tuple[Page, str]:
        """A page that we do not send: its link travels in what somebody else sends, and comes back answered.

        Raises Refused for a person who is not declared.
        """

    def wait(self, page: Page, *, timeout_s: float) -> Acknowledgement | None:
        """The human acknowledgement, or None when none came in time."""

    def probe(self, person: str) -> bool:
        """Whether the person's channel would take a page now, without paging them; False where that cannot be told.

        Raises Unreachable when the channel would refuse, Refused for a person who is not declared or has no route.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What one procedure step did. `output` is shortened, secrets removed."""

    ok: bool
    duration_s: float
    output: str = ""
    value: Json = None
    """What a step read, such as the body of an HTTP answer."""


class Steps(Protocol):
    """Runs single procedure steps: `command`, `http`, `sql`, `message`, `wait-until`, `ask`. Only declared targets."""

    def run(self, kind: str, settings: Mapping[str, Json], *, timeout_s: float) -> StepResult:
        """Never raises for what the step does; a step that hangs, asks for input or is unknown ends as not ok."""


class DrillTrace(Protocol):
    """What a drill leaves behind while it changes something, so that it can be restored should it be killed."""

    def starting(self, step: str) -> None:
        """A step begins; durable when this returns. Raises SeatrialError, and then the step must not begin."""

    def home(self) -> None:
        """The state before is back: nothing is left to restore."""


class RecordTrace(Protocol):
    """What a check leaves behind while test records of its own are at the ends of flows, should it be killed."""

    def putting_in(self, flow: str, key: str, keys: Sequence[str], integrations: Sequence[str]) -> None:
        """Records under these `keys`, in the field `key`, will be put in and may be at these integrations.

        Durable when this returns. Raises SeatrialError, and then none must be put in.
        """

    def taken_away(self) -> None:
        """None is left that should be gone."""


class ProbingSteps(Steps, Protocol):
    """Steps that can also be looked at and probed, by which nothing changes."""

    def look(self, kind: str, settings: Mapping[str, Json], *, timeout_s: float) -> StepResult:
        """Carries out a step that only looks: HTTP that gets, SQL in a read-only session, a command that is declared.

        Anything else ends as not ok, and nothing is sent.
        """

    def probe(self, kind: str, settings: Mapping[str, Json], *, timeout_s: float) -> StepResult:
        """Finds out whether a step could be carried out, and carries nothing out.

        The HTTP target answers `OPTIONS` and takes the credentials (`value` is the status), the database explains the
        statement to this account, the integration lets us in and may be written to, the program and its script are
        there, the person's channel answers.
        """


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

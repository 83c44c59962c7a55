"""A trial made of plain parts: files in memory, records as given, a pager whose people answer or do not, steps by hand.

For checks whose outside world is people and paper. Checks that talk to servers are tested against real ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Never

from seatrial.core.bodies import AcceptanceBody, AttestationBody, ComprehensionBody
from seatrial.core.check import HandedOn, MeasureRequest
from seatrial.core.codec import to_data
from seatrial.core.disturbing import Line
from seatrial.core.errors import Refused, SeatrialError, Unreachable
from seatrial.core.observation import Json, Threshold
from seatrial.core.ports import (
    Acknowledgement,
    Artifacts,
    DrillTrace,
    Integration,
    LoadGenerator,
    Model,
    Page,
    Pager,
    ProbingSteps,
    RecordTrace,
    Request,
    StepResult,
    Table,
)
from seatrial.core.record import Record
from seatrial.core.vocabulary import RecordType

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass(slots=True)
class PlantedClock:
    """A clock that moves only when somebody sleeps."""

    time: datetime = NOW
    ticks: float = 0.0

    def now(self) -> datetime:
        return self.time + timedelta(seconds=self.ticks)

    def monotonic(self) -> float:
        return self.ticks

    def sleep(self, seconds: float) -> None:
        self.ticks += seconds


@dataclass(slots=True)
class PlantedFiles:
    """Files by path."""

    contents: dict[str, bytes] = field(default_factory=dict)

    def read(self, path: str) -> bytes:
        if path not in self.contents:
            raise Unreachable(f"{path}: no such file", remedy="Create it.")
        return self.contents[path]

    def digest(self, path: str) -> str:
        return hashlib.sha256(self.read(path)).hexdigest()


@dataclass(slots=True)
class PlantedPager:
    """`answers` gives the seconds after which a person acknowledges; whoever is not in it stays silent."""

    clock: PlantedClock
    answers: dict[str, float] = field(default_factory=dict)
    read_s: float | None = 5.0
    sent: list[str] = field(default_factory=list)
    refuses: bool = False
    tells: bool = True
    links: int = 0

    def page(
        self, person: str, *, title: str, text: str, action: str, expires_s: float, choices: Sequence[str] = ()
    ) -> Page:
        if self.refuses:
            raise Unreachable("the page route refuses the page", remedy="Mend the route.")
        self.sent.append(person)
        return Page(id=f"page-{len(self.sent)}", person=person, channel="webhook", sent_at=self.clock.now())

    def link(self, person: str, *, title: str, text: str, expires_s: float, choices: Sequence[str]) -> tuple[Page, str]:
        self.links += 1
        page = Page(id=f"link-{self.links}", person=person, channel="the users' own", sent_at=self.clock.now())
        return page, f"http://127.0.0.1:1/ack/{page.id}"

    def wait(self, page: Page, *, timeout_s: float) -> Acknowledgement | None:
        after = self.answers.get(page.person)
        if after is None or after > timeout_s:
            self.clock.sleep(timeout_s)
            return None
        self.clock.sleep(after)
        return Acknowledgement(page=page.id, person=page.person, at=self.clock.now(), after_s=after, read_s=self.read_s)

    def probe(self, person: str) -> bool:
        if self.refuses:
            raise Unreachable("the page route refuses the page", remedy="Mend the route.")
        return self.tells


@dataclass(slots=True)
class PlantedSteps:
    """Steps by a function of the settings; every call is kept."""

    clock: PlantedClock
    does: Callable[[str, Mapping[str, Json]], StepResult] = lambda _, __: StepResult(ok=True, duration_s=0.0)
    ran: list[Mapping[str, Json]] = field(default_factory=list)
    probed: list[Mapping[str, Json]] = field(default_factory=list)

    def run(self, kind: str, settings: Mapping[str, Json], *, timeout_s: float) -> StepResult:
        self.ran.append(settings)
        result = self.does(kind, settings)
        self.clock.sleep(result.duration_s)
        return result

    look = run

    def probe(self, kind: str, settings: Mapping[str, Json], *, timeout_s: float) -> StepResult:
        self.probed.append(settings)
        return StepResult(ok=True, duration_s=0.0)


@dataclass(slots=True)
class PlantedArtifacts:
    """Artifacts in memory."""

    kept: dict[str, bytes] = field(default_factory=dict)

    def put(self, content: bytes, *, media_type: str) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.kept[digest] = content
        return digest

    def get(self, digest: str) -> bytes | None:
        return self.kept.get(digest)


class PlantedRecordTrace:
    """Keeps in which flow records were put in, until they are taken away again."""

    def __init__(self) -> None:
        self.flows: list[str] = []

    def putting_in(self, flow: str, key: str, keys: Sequence[str], integrations: Sequence[str]) -> None:
        self.flows.append(flow)

    def taken_away(self) -> None:
        self.flows.clear()


@dataclass(slots=True)
class PlantedTrace:
    """A trace in memory."""

    begun: list[str] = field(default_factory=list)

    def starting(self, step: str) -> None:
        self.begun.append(step)

    def home(self) -> None:
        self.begun.clear()


@dataclass(slots=True)
class PlantedTable:
    """Rows in memory, in small batches."""

    rows: Sequence[Mapping[str, Json]]

    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(key for row in self.rows for key in row))

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Any]:
        import pyarrow as pa

        wanted = list(columns) if columns is not None else list(self.columns())
        whole = pa.Table.from_pylist([dict(row) for row in self.rows]).select(wanted)
        yield from whole.to_batches(max_chunksize=512)

    def digest(self) -> str:
        return hashlib.sha256(repr(list(self.rows)).encode()).hexdigest()


@dataclass(slots=True)
class PlantedSource:
    """An integration that is only read."""

    records: Sequence[Mapping[str, Json]]

    def version(self) -> str:
        return "1"

    def health(self) -> None:
        """It is always there."""

    def schema(self) -> Mapping[str, str]:
        return {name: "text" for row in self.records for name in row}

    def read(self, most: int) -> Sequence[Mapping[str, Json]]:
        return self.records[-most:]

    def write(self, record: Mapping[str, Json]) -> None:
        raise Refused("this source is only read")

    def request(self, record: Mapping[str, Json]) -> Request | None:
        raise Refused("this source is only read")

    def listen(self) -> None:
        """Nothing arrives."""

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Mapping[str, Json]]]:
        return {}


class PlantedTrial:
    """The trial itself. What is not planted raises like a part that cannot be had."""

    def __init__(
        self,
        *,
        files: Mapping[str, bytes] | None = None,
        parts: Mapping[str, str] | None = None,
        answers: Mapping[str, float] | None = None,
        records: Sequence[Record] = (),
    ) -> None:
        self.seed = 7
        self.clock = PlantedClock()
        self.environment: Mapping[str, str] = {}
        self.files = PlantedFiles(dict(files or {}))
        self.people = PlantedPager(self.clock, dict(answers or {}))
        self.hands = PlantedSteps(self.clock)
        self.artifacts: Artifacts = PlantedArtifacts()
        self.parts = dict(parts or {})
        self.tables: dict[str, Table] = {}
        self.functions: dict[str, Model] = {}
        self.sources: dict[str, Integration] = {}
        self.on_record = list(records)
        self.due: set[str] = set()
        self.left: dict[str, HandedOn] = {}
        self.generator: LoadGenerator | None = None
        self.trace = PlantedTrace()
        self.records_put_in = PlantedRecordTrace()
        self.real_steps: ProbingSteps | None = None
        self.real_pager: Pager | None = None
        self.served_model: Model | None = None

    @property
    def pager(self) -> Pager:
        return self.real_pager or self.people

    @property
    def steps(self) -> ProbingSteps:
        return self.real_steps or self.hands

    @property
    def model(self) -> Model:
        if self.served_model is None:
            raise SeatrialError("no model is planted")
        return self.served_model

    @property
    def judge(self) -> Never:
        raise SeatrialError("no judge is planted")

    def function(self, reference: str) -> Model:
        if reference not in self.functions:
            raise SeatrialError(f"no function {reference} is planted")
        return self.functions[reference]

    @property
    def load(self) -> LoadGenerator:
        if self.generator is None:
            raise SeatrialError("no load generator is planted")
        return self.generator

    def say(self, doing: str, share: float | None = None) -> None:
        return

    def table(self, name: str) -> Table:
        if name not in self.tables:
            raise SeatrialError(f"no table {name} is planted")
        return self.tables[name]

    def integration(self, name: str) -> Integration:
        if name not in self.sources:
            raise SeatrialError(f"no integration {name} is planted")
        return self.sources[name]

    def production(self, name: str) -> Integration:
        return self.integration(name)

    def line(self, name: str) -> Line:
        raise SeatrialError(f"no line to {name} is planted")

    def scratch(self, name: str) -> Never:
        raise SeatrialError(f"no scratch copy of {name} is planted")

    def drill_trace(self, kind: str, procedure: str) -> DrillTrace:
        return self.trace

    def record_trace(self) -> RecordTrace:
        return self.records_put_in

    def measured(self, request: MeasureRequest) -> Mapping[str, Json]:
        raise SeatrialError(f"{request.measure} of {request.table} is not planted")

    def in_run(self, check: str) -> bool:
        return check in self.due

    def hand_on(self, name: str, content: Mapping[str, Json]) -> str:
        body = json.dumps(content, allow_nan=False)
        self.left[name] = HandedOn(check="planted", digest=hashlib.sha256(body.encode()).hexdigest(), content=content)
        return self.left[name].digest

    def handed_on(self, name: str) -> HandedOn | None:
        return self.left.get(name)

    def records(self, kind: RecordType) -> Sequence[Record]:
        return [r for r in self.on_record if r.type is kind]

    def part(self, name: str) -> str | None:
        return self.parts.get(name)

    def threshold(self, requirement: str, measure: str) -> Threshold | None:
        return None

    def accept(self, person: str, duty: str, part: str) -> None:
        """Put the person's acceptance on record, as of what the part is now."""
        body = AcceptanceBody(person=person, duty=duty, shown=f"{duty} of this system")
        self._state(RecordType.ACCEPTANCE, person, body, {part: self.parts[part]})

    def attest(self, person: str, kind: str, document: str, *parts: str) -> None:
        """Put the person's word for the document, as it is now, on record."""
        body = AttestationBody(person=person, kind=kind, document=document, digest=self.files.digest(document))
        self._state(RecordType.ATTESTATION, person, body, {p: self.parts[p] for p in parts})

    def comprehend(
        self,
        user: str,
        questions: str,
        *,
        right: int,
        asked: int,
        days_ago: float = 0,
        played_by: str = "",
        site: bool = True,
    ) -> None:
        """Put a comprehension result on record."""
        body = ComprehensionBody(
            user=user,
            questions=questions,
            asked=asked,
            right=right,
            answers=f"answers of {user}",
            played_by=played_by,
            site=site,
        )
        self._state(RecordType.COMPREHENSION, "", body, {}, days_ago=days_ago)

    def _state(
        self, kind: RecordType, person: str, body: object, depends: Mapping[str, str], *, days_ago: float = 0
    ) -> None:
        plain = to_data(body)
        if not isinstance(plain, Mapping):
            raise TypeError("a body is a mapping")
        self.on_record.append(
            Record(
                type=kind,
                id=f"r{len(self.on_record)}",
                system="arrival-delay",
                at=NOW - timedelta(days=days_ago),
                by=f"person:{person}" if person else "worker:test",
                depends=depends,
                body=plain,
            )
        )

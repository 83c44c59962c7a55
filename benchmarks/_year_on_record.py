"""Systems with a year on record: what checks saw, what the watch told, what people said and signed.

One system has nine tenths of the records, the others share the rest; all stand in one ledger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, cast

from seatrial import __version__
from seatrial.adapters.signers.keystore import Keystore
from seatrial.app.deciding.deciding import decide_now
from seatrial.app.folder.catalogue import applying, thresholds
from seatrial.app.folder.clock import SystemClock
from seatrial.app.folder.subject import Identities, digest_files, subject
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.core.bodies import (
    AcceptanceBody,
    AttestationBody,
    DecisionBody,
    EventBody,
    ObservationBody,
    SignOffBody,
)
from seatrial.core.codec import to_data
from seatrial.core.observation import Finding, Json, Measure, Observation
from seatrial.core.record import Record, Subject
from seatrial.core.vocabulary import RecordType, Role
from seatrial.evidence.envelope import seal
from seatrial.evidence.ledger import Ledger
from seatrial.gate.retraining import ASKED
from seatrial.gate.signing import limits_signed

_BATCH: Final = 1_000
_USERS: Final = 120
_YEAR: Final = timedelta(days=360)
_FILE: Final = """\
system: {slug}
version: "2026.11.1"
purpose: Warns the dock planner of late deliveries.
people:
  olga: {{name: Olga Brandt}}
  sven: {{name: Sven Holm}}
  ivo: {{name: Ivo Petrov}}
  lena: {{name: Lena Falk}}
  amir: {{name: Amir Rahimi}}
owner: {{who: olga, deputy: sven, manager: amir}}
duties:
  monitor: {{who: olga, deputy: sven}}
  pipeline-alert: {{who: ivo, deputy: olga}}
  retraining: {{who: amir, deputy: olga}}
  escalation-point: {{who: olga, deputy: sven, answer_within: 30m}}
signers: {{it: ivo, operations: sven, legal: lena, ai-team: amir}}
model:
  endpoint: http://127.0.0.1:9/predict
  task: binary
  inputs: {{wind: {{type: number, minimum: 0, maximum: 80}}}}
  output: {{prediction: label, score: probability, positive: 1, act_at: 0.5}}
data:
  evaluation: {{source: evaluation.csv, label: late}}
governance: {{policy: short-demo, metric: recall, minimum: 0.5}}
failure_modes: failure-modes.yaml
do_not_trust: [{{when: "wind > 70", handling: limits.md}}]
training: {{users: users.csv, material: limits.md}}
watch: {{}}
"""
_MODES: Final = """\
failure_modes:
  - id: storm
    when: wind > 60
    consequence: Trucks wait in the wrong lane.
    handling: Call the gate
    owner: olga
"""


def plant(folder: Path, records: int, systems: int) -> list[Path]:
    """System files in folders of their own, and one ledger beside them with all their records."""
    folders = []
    for number in range(systems):
        slug = f"system-{number:03}"
        share = max(1, records * 9 // 10 if number == 0 else records // 10 // max(1, systems - 1))
        folders.append(_written(folder / slug, slug, folder / "ledger.db"))
        _recorded(open_workspace(folder / slug), share)
    return folders


def _written(folder: Path, slug: str, ledger: Path) -> Path:
    folder.mkdir()
    users = "".join(f"u{n},{'docks' if n % 2 else 'office'},User {n}\n" for n in range(_USERS))
    rows = "".join(f"{n % 80},{int(n % 80 > 50)}\n" for n in range(2_000))
    for name, text in {
        "seatrial.yaml": _FILE.format(slug=slug),
        ".env": f"SEATRIAL_LEDGER=sqlite:///{ledger}\n",
        "failure-modes.yaml": _MODES,
        "limits.md": "# What it cannot do\n\nIt knows no strikes.\n",
        "users.csv": f"id,group,name\nolga,office,Olga Brandt\n{users}",
        "evaluation.csv": f"wind,late\n{rows}",
    }.items():
        (folder / name).write_text(text)
    return folder


class _Passing(SystemClock):
    """A clock that the records set."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC) - _YEAR

    def now(self) -> datetime:
        return self.at


def _recorded(workspace: Workspace, share: int) -> None:
    passing = _Passing()
    began = passing.at
    keys = Keystore(workspace.folder / "keys")
    ledger = Ledger.open(workspace.ledger_url, clock=passing)
    signers = {"worker": keys.worker(), **{person: keys.person(person) for person in workspace.system.people}}
    batch: list[bytes] = []
    for number, (by, record) in enumerate(_year(workspace, share)):
        at = began + _YEAR * ((number + 1) / (share + 1))
        batch.append(seal(replace(record, at=at, by=signers[by].by), signers[by]))
        if len(batch) == _BATCH:
            passing.at = at
            ledger.append_many(batch)
            batch = []
    passing.at = began + _YEAR
    ledger.append_many(batch)
    ledger.close()


def _year(workspace: Workspace, share: int) -> Iterator[tuple[str, Record]]:
    """Who signs, and what they sign, in order: of twenty records eleven of checks, four of the watch, two decisions."""
    now = subject(workspace, digest_files(workspace), Identities(found={"model": "2026.11.1"}, at=datetime.now(UTC)))
    verdict = decide_now(workspace)
    checks = applying(workspace.system)
    people = tuple(workspace.system.people)
    for number in range(share):
        turn, about = number % 20, _subject_then(now, number, share)
        if number == share - 1:
            yield (
                "worker",
                _record(workspace, number, RecordType.EVENT, Identities(found={"model": "2026.11.1"}).body()),
            )
        elif turn < 11:
            check = checks[number * 7 % len(checks)]
            body: object = _observed(check.requirement, check.id, check.version, number)
            yield "worker", _record(workspace, number, RecordType.OBSERVATION, body, about.parts)
        elif turn < 15:
            yield "worker", _record(workspace, number, RecordType.EVENT, _told(number))
        elif turn < 17:
            gaps = tuple(gap.requirement for gap in verdict.gaps)
            body = DecisionBody(
                answer="NO-GO", subject=about.digest, rehearsal=False, verdict="0" * 64, gaps=gaps[number % 7 :]
            )
            yield "worker", _record(workspace, number, RecordType.DECISION, body)
        elif turn == 17:
            person = people[number // 20 % len(people)]
            body = AcceptanceBody(duty="monitor", person=person, shown="It is watched.")
            yield person, _record(workspace, number, RecordType.ACCEPTANCE, body, about.parts)
        elif turn == 18:
            body = AttestationBody(
                person="olga", kind="failure-modes", document="failure-modes.yaml", digest=f"{number:064x}"
            )
            yield "olga", _record(workspace, number, RecordType.ATTESTATION, body, about.parts)
        else:
            role = tuple(Role)[number // 20 % len(Role)]
            person = str(workspace.system.signers[role])
            body = SignOffBody(
                person=person,
                role=role,
                subject=about.digest,
                shown="0" * 64,
                verdict="0" * 64,
                limits=limits_signed(thresholds(workspace.system)),
            )
            yield person, _record(workspace, number, RecordType.SIGN_OFF, body, about.parts)


def _subject_then(now: Subject, number: int, share: int) -> Subject:
    """The model was another one in each of twelve months; in the last month it is the one of now."""
    month = number * 12 // share
    if month == 11:
        return now
    return replace(now, digest=f"{month:064x}", parts={**now.parts, "model": f"{month:064x}"})


def _record(
    workspace: Workspace, number: int, kind: RecordType, body: object, depends: Mapping[str, str] | None = None
) -> Record:
    system = workspace.system.system
    return Record(
        type=kind,
        id=f"{system}-{number}",
        system=system,
        at=datetime.now(UTC),
        by="",
        depends=depends or {},
        body=cast("dict[str, Json]", to_data(body)),
    )


def _observed(requirement: str, check: str, version: int, number: int) -> ObservationBody:
    measures = tuple(
        Measure(name=f"measure {n}", value=0.81, lower=0.78, upper=0.84, n=number, method="counted") for n in range(4)
    )
    seen = Finding(code="seen", summary=f"This was seen in run {number}.", remedy="Look at it.")
    findings = (seen,) if len(check) % 3 == 0 else ()
    return ObservationBody(
        requirement=requirement,
        check=check,
        check_version=version,
        product=__version__,
        run=f"run-{number // 20}",
        seed=number,
        started_at=datetime.now(UTC),
        duration_s=1.5,
        observation=Observation(done="Counted the rows.", measures=measures, findings=findings, proof=1),
        policy="short-demo",
    )


def alarm() -> dict[str, Json]:
    """An alarm as the watch keeps it."""
    now = datetime.now(UTC).isoformat()
    return {
        "id": "metric.recall.rises.1",
        "monitor": "metric.recall",
        "detector": "rises",
        "level": "page",
        "state": "open",
        "opened_at": now,
        "since": now,
        "summary": "metric.recall is worse than what the gate established",
        "sure": "the evidence is 1,000 to 1 against chance",
        "rows": 10,
        "now": 0.5,
        "mark": 0.2,
        "base": 0.2,
        "newest": [],
        "trail": [],
    }


def _told(number: int) -> EventBody:
    """What the watch tells: alarms, now and then the version that is served, and once that it asks for retraining."""
    if number == 11:
        criteria: dict[str, Json] = {"document": None, "digest": None, "problem": "no criteria are declared"}
        detail: dict[str, Json] = {"alarm": alarm(), "asked": ["amir"], "criteria": criteria}
        return EventBody(kind=ASKED, summary="It should be trained anew.", revokes=False, detail=detail)
    if number % 20 == 12:
        return Identities(found={"model": f"version {number // 1000}"}).body()
    return EventBody(kind="alarm", summary=f"Alarm {number} was raised.", revokes=False, detail={"id": f"a{number}"})

"""Was it tested against the versions that production runs: both ends of every integration are asked and compared.

Each end is asked twice, so that a version which changes with every answer (a time, a request number) is not taken for
one. The names and types of the fields are compared as well: servers of one version may still be set up differently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from seatrial.core.check import Check, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Json, Observation, Reason
from seatrial.core.ports import DECLARED_VERSION, Integration
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import count
from seatrial.spec.integration import IntegrationSection
from seatrial.spec.public import public
from seatrial.spec.system import System

_ID = "integration.versions"
_SHOWN = 6
_WHY = "A test against another version tests another system."
_CODES = {
    "no-integrations": "No integration is declared, although something must feed the model.",
    "version-differs": "The tested end and production report different versions.",
    "fields-differ": "The records of the tested end have other fields or types than production's.",
    "fields-unknown": "The fields of one end could not be read, so that only the versions were compared.",
    "no-production-end": "No production end is declared, so nobody knows what production runs.",
    "version-unknown": "An end did not tell its version.",
    "version-declared": "An end tells no version; the system file does, and nobody read it from the server.",
    "version-unstable": "An end told two versions within a moment, so that what it tells is no version.",
    "tested-in-production": "There is no other end than production, so that the version tested is production's.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one end told. `problem` says why there is no version."""

    version: str = ""
    fields: Mapping[str, str] | None = None
    problem: str = ""
    remedy: str = ""
    unstable: bool = False


def _run(system: System, trial: Trial) -> Observation | Reason:
    if not system.integrations:
        finding = Finding(
            code="no-integrations",
            summary="No integration is declared.",
            fields=("integrations",),
            why="What nobody declared, nobody tests.",
            remedy="Declare what feeds the model and what it feeds, each with its test and its production end.",
        )
        return Observation(done="Looked for integrations.", findings=(finding,))
    findings: list[Finding] = []
    versions: dict[str, Json] = {}
    same = 0
    for number, (name, section) in enumerate(system.integrations.items()):
        trial.say(f"the versions of {name}", number / len(system.integrations))
        tested, live = _ends(trial, name, section)
        found = list(_compared(name, section, tested, live))
        same += all(f.weight is Weight.NOTE for f in found)
        findings += found
        versions[name] = {"tested": tested.version, "production": live.version}
    return Observation(
        done=f"Asked both ends of {count(len(versions), 'integration')} twice for their version and for the fields of "
        f"their records; {same} run the same in test and in production.",
        findings=tuple(findings),
        proof=same if same == len(versions) else 0,
        facts={"versions": versions},
    )


def _ends(trial: Trial, name: str, section: IntegrationSection) -> tuple[Told, Told]:
    """What the tested end and production told. Where there is one end, it is asked once and stands for both."""
    if section.production is None:
        return _told(trial.integration, name), Told()
    live = _told(trial.production, name)
    if section.test is None or _one_place(section):
        return live, live
    return _told(trial.integration, name), live


def _one_place(section: IntegrationSection) -> bool:
    test, live = section.test, section.production
    return test is not None and live is not None and public(test.url) == public(live.url)


def _told(opened: Callable[[str], Integration], name: str) -> Told:
    try:
        end = opened(name)
        version = end.version()
        again = end.version()
    except SeatrialError as error:
        return Told(problem=error.what, remedy=error.remedy)
    if again != version:
        return Told(
            version=version,
            unstable=True,
            problem=f"it told {version!r} and a moment later {again!r}",
            remedy="Declare an address that tells the release, not the moment.",
        )
    try:
        # Where no record was seen, nothing is known of the fields.
        return Told(version=version, fields=dict(end.schema()) or None)
    except SeatrialError:
        return Told(version=version)


def _compared(name: str, section: IntegrationSection, tested: Told, live: Told) -> Iterator[Finding]:
    place = f"integrations.{name}"
    if section.production is None:
        yield Finding(
            code="no-production-end",
            summary=f"{name} has no production end, so nobody knows whether {tested.version or 'what was tested'} is "
            "what production runs.",
            weight=Weight.OPEN,
            fields=(f"{place}.production",),
            why=_WHY,
            remedy=f"Declare {place}.production with read_only: true and how it tells its version.",
        )
    for which, end in (("test", tested), ("production", live)):
        if which == "test" and end is live:
            continue
        if end.problem:
            yield _unknown(name, which, end)
        elif end.version.startswith(DECLARED_VERSION):
            yield _only_declared(name, which, end.version.removeprefix(DECLARED_VERSION))
    if tested.problem or live.problem or section.production is None:
        return
    if tested is live:
        yield Finding(
            code="tested-in-production",
            summary=f"{name} is tested where production runs ({live.version}).",
            weight=Weight.NOTE,
            fields=(place,),
            remedy="Nothing to do while that is meant; faults and load at this end are production's.",
        )
    elif tested.version != live.version:
        yield Finding(
            code="version-differs",
            summary=f"{name} was tested with {tested.version}, and production runs {live.version}.",
            fields=(f"{place}.test", f"{place}.production"),
            why=_WHY,
            remedy=f"Bring the test end of {name} to {live.version}, and run the integration's checks again.",
        )
    yield from _fields(name, tested, live)


def _unknown(name: str, which: str, end: Told) -> Finding:
    return Finding(
        code="version-unstable" if end.unstable else "version-unknown",
        summary=f"The {which} end of {name} tells no version that can be compared: {end.problem}",
        weight=Weight.OPEN,
        fields=(f"integrations.{name}.{which}.version",),
        why=_WHY,
        remedy=end.remedy,
    )


def _only_declared(name: str, which: str, version: str) -> Finding:
    return Finding(
        code="version-declared",
        summary=f"The {which} end of {name} tells no version; that it is {version} only the system file says.",
        weight=Weight.OPEN,
        fields=(f"integrations.{name}.{which}.version",),
        why=_WHY,
        remedy="Let the server tell it: a broker's operator can publish it, retained, under a topic of its own.",
    )


def _fields(name: str, tested: Told, live: Told) -> Iterator[Finding]:
    if tested.fields is None or live.fields is None:
        yield Finding(
            code="fields-unknown",
            summary=f"The fields of {name} could not be read at both ends; only the versions were compared.",
            weight=Weight.NOTE,
            fields=(f"integrations.{name}",),
            remedy="Declare read at both ends.",
        )
        return
    only_test = [f for f in tested.fields if f not in live.fields]
    only_live = [f for f in live.fields if f not in tested.fields]
    retyped = [f for f in tested.fields if f in live.fields and not _agree(tested.fields[f], live.fields[f])]
    if not (only_test or only_live or retyped):
        return
    told = [
        *([f"only the tested end has {', '.join(only_test[:_SHOWN])}"] if only_test else []),
        *([f"only production has {', '.join(only_live[:_SHOWN])}"] if only_live else []),
        *(
            f"{f} is {tested.fields[f]} where it was tested and {live.fields[f]} in production"
            for f in retyped[:_SHOWN]
        ),
    ]
    yield Finding(
        code="fields-differ",
        summary=f"{name}: {'; '.join(told)}.",
        # More fields in production break no reader; what was tested and is not there, or is of another type, does.
        weight=Weight.GAP if only_test or retyped else Weight.NOTE,
        fields=(*only_test, *only_live, *retyped),
        why=_WHY,
        remedy=f"Give both ends of {name} the same fields, and run the integration's checks again.",
    )


def _agree(tested: str, live: str) -> bool:
    """Whether two types are the same; of records without declared types, whether one of them says less than the other.

    A field that happened to be null, or to hold whole numbers only, in the newest records of one end is no other field.
    """
    a, b = (set(each.split("|")) - {"null"} for each in (tested, live))
    numbers = {"integer", "number"}
    return a <= b or b <= a or (a | b) <= numbers


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=1,
    title="Versions of the tested and of the production end",
    run=_run,
    codes=_CODES,
    budget_s=lambda system: 60.0 + 20.0 * len(system.integrations),
)

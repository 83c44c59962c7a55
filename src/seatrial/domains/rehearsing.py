"""Procedures as checks use them: read with the trial's environment, executed as a drill, shown as a picture."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from seatrial.core.bodies import ObservationBody
from seatrial.core.check import Trial
from seatrial.core.codec import CodecError, from_data, to_data
from seatrial.core.observation import Figure, Json, Observation
from seatrial.core.ports import Steps
from seatrial.core.vocabulary import RecordType
from seatrial.domains.allowing import allow, not_now
from seatrial.domains.touching import longest_s
from seatrial.drills.journal import Entry, Journal, Phase
from seatrial.drills.rehearsal import rehearse
from seatrial.spec.loading import load_procedure
from seatrial.spec.procedure import Procedure
from seatrial.spec.system import System

_MOST_SHOWN = 12
ANSWERED = frozenset(
    {
        "time to a human acknowledgement",
        "time until the owner pulled the stop",
        "time from a user's report to the named person's answer",
    }
)
"""Measures of how long people took."""
_PARTS = {Phase.STEPS: "execute", Phase.TARGET: "verify"}


def open_procedure(trial: Trial, path: str, *, given: Mapping[str, str] | None = None) -> Procedure:
    """The procedure at that path, where `${NAME}` also stands for what is `given` for this drill alone.

    Raises SeatrialError with everything that is wrong with it.
    """
    environment = {**trial.environment, **(given or {})}
    return load_procedure(trial.files.read(path), name=path, environment=environment).value


def drill(
    system: System,
    trial: Trial,
    kind: str,
    procedure: Procedure,
    *,
    changes: bool = False,
    steps: Steps | None = None,
) -> Journal:
    """Execute it once as a drill: whatever happens, its restore runs. `steps` stands in for the trial's own.

    Raises Refused where the plan of drills does not allow this kind now, or on what the procedure would touch.
    """
    return drills(system, trial, kind, procedure, times=1, changes=changes, steps=steps)[0]


def drills(
    system: System,
    trial: Trial,
    kind: str,
    procedure: Procedure,
    *,
    times: int,
    changes: bool = False,
    steps: Steps | None = None,
    proven: Callable[[], None] = lambda: None,
) -> tuple[Journal, ...]:
    """Up to `times` drills, ended by the first that did not succeed or did not bring back the state before.

    `changes`: the steps must change what the target looks at; a target that holds before them proves nothing.
    `proven` is called each time that the whole target is proven, before anything is restored.
    Raises Refused like `drill`; where the window closes too soon for another one, those that were held are returned.
    """
    allow(system, trial, kind, procedure)

    def heard(number: int, entry: Entry) -> None:
        which = f", drill {number} of {times}" if times > 1 else ""
        trial.say(f"{procedure.procedure}{which}: {entry.name}")
        if entry.ok and entry.phase is Phase.TARGET and entry.name == procedure.target[-1].name:
            proven()

    def another() -> bool:
        return not not_now(system, kind, trial.clock.now(), needs_s=longest_s(procedure))

    return rehearse(
        procedure,
        steps=steps or trial.steps,
        clock=trial.clock,
        times=times,
        changes=changes,
        heard=heard,
        another=another,
        trace=trial.drill_trace(kind, procedure.procedure),
    )


def shown_by(trial: Trial, procedure: Procedure) -> dict[str, tuple[str | None, str]]:
    """What the looks under `armed` show: name to the digest of it (None where the look failed), and to its words."""
    shown: dict[str, tuple[str | None, str]] = {}
    for look in procedure.armed:
        result = trial.steps.look(look.kind, look.settings, timeout_s=look.deadline)
        content = json.dumps(result.value, sort_keys=True, ensure_ascii=False)
        digest = hashlib.sha256(content.encode()).hexdigest() if result.ok else None
        shown[look.name] = (digest, result.output)
    return shown


def over_time(title: str, trial: Trial, check: str, *, limit_s: float | None) -> tuple[Figure, ...]:
    """How the earlier drills on record spent their time, by date; empty where there are fewer than two."""
    rows: list[dict[str, Json]] = []
    for record in trial.records(RecordType.OBSERVATION):
        if record.body.get("check") != check:
            continue
        try:
            seen = from_data(ObservationBody, record.body).observation
        except CodecError:
            continue
        if seen is not None:
            name = f"{record.at:%Y-%m-%d %H:%M}"
            rows += [{"name": name, "part": part, "seconds": s} for part, s in parts_of(seen).items()]
    shown = list(dict.fromkeys(row["name"] for row in rows))[-_MOST_SHOWN:]
    kept = tuple(row for row in rows if row["name"] in shown)
    return (Figure(kind="durations", title=title, rows=kept, options={"limit_s": limit_s}),) if len(shown) > 1 else ()


def parts_of(seen: Observation) -> dict[str, float]:
    """How the slowest drill in an observation spent its time, in seconds: people's `decide`, `execute`, `verify`."""
    parts: dict[str, float] = {}
    decided = [m.value for m in seen.measures if m.name in ANSWERED and m.value is not None]
    if decided:
        parts["decide"] = max(decided)
    journals = list(_journals(seen.facts.get("journals")))
    if journals:
        slowest = max(journals, key=lambda journal: sum(journal.values()))
        parts |= slowest
    return parts


def _journals(kept: Json) -> Iterator[dict[str, float]]:
    """The parts of each journal on record, wherever the observation keeps them."""
    if isinstance(kept, Mapping):
        entries = kept.get("entries")
        if not isinstance(entries, Sequence) or isinstance(entries, str):
            for inner in kept.values():
                yield from _journals(inner)
            return
        took = dict.fromkeys(_PARTS.values(), 0.0)
        for entry in entries:
            part = _PARTS.get(Phase(str(entry["phase"]))) if isinstance(entry, Mapping) else None
            seconds = entry.get("duration_s") if isinstance(entry, Mapping) else None
            if part is not None and isinstance(seconds, int | float):
                took[part] += seconds
        yield took
    elif isinstance(kept, Sequence) and not isinstance(kept, str):
        for inner in kept:
            yield from _journals(inner)


def durations(title: str, journals: Sequence[Journal], *, limit_s: float | None) -> Figure:
    """How long each drill took, split into doing and proving."""
    rows = tuple(
        {
            "name": f"drill {number}",
            "part": part,
            "seconds": sum(e.duration_s for e in journal.entries if e.phase is phase),
        }
        for number, journal in enumerate(journals, start=1)
        for phase, part in _PARTS.items()
    )
    return Figure(kind="durations", title=title, rows=rows, options={"limit_s": limit_s})


def recorded(journals: Sequence[Journal]) -> Json:
    """The journals as they go on record."""
    return to_data(tuple(journals))

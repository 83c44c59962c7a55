"""A run: what is served is identified, the checks are executed, and every result goes signed into the ledger."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

from seatrial import __version__
from seatrial.adapters.redaction import Redactor, secrets_of
from seatrial.adapters.signers.keystore import Ed25519Signer
from seatrial.app.deciding.deciding import decide_now, inputs_of, record_decision
from seatrial.app.folder.catalogue import check_by_id
from seatrial.app.folder.files import stamp
from seatrial.app.folder.ledgers import checkpoints, keystore, known, open_ledger, record, trust
from seatrial.app.folder.probing import probe
from seatrial.app.folder.procedures import declared_by_procedures
from seatrial.app.folder.processes import alive
from seatrial.app.folder.subject import Identities, digest_files, subject
from seatrial.app.folder.workspace import Workspace
from seatrial.app.running.drill_traces import left_over, restore
from seatrial.app.running.one_at_a_time import one_at_a_time
from seatrial.app.running.planning import Basis, chosen, interrupted_run, kept_from, plan
from seatrial.app.running.record_cleaning import TAKEN_AWAY, said, take_away
from seatrial.app.running.record_traces import COMMAND, left_behind
from seatrial.core.bodies import ObservationBody
from seatrial.core.check import Check
from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.core.events import CheckFinished, Event, RunFinished, StageFinished, StageStarted
from seatrial.core.observation import Observation, Reason
from seatrial.core.record import Subject
from seatrial.core.vocabulary import RecordType
from seatrial.domains.allowing import not_now
from seatrial.domains.governance.arming import ID as ARMED
from seatrial.engine.nursery import Nursery
from seatrial.engine.run import Finished, Kept, Resources
from seatrial.engine.run import run as run_engine
from seatrial.evidence.ledger import Ledger
from seatrial.gate.binding import depends
from seatrial.gate.catalogue import by_id
from seatrial.spec.drills import KIND_OF
from seatrial.spec.system import System

PRELOADED_FIRST = (
    "seatrial.app.running.worker",
    "sqlalchemy",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "yaml",
    "seatrial.spec.environment",
    "seatrial.adapters.models.http",
    "seatrial.adapters.integrations.http",
    "seatrial.adapters.steps.runner",
    "seatrial.adapters.pagers.catalogue",
    "numpy",
    "pyarrow.compute",
    "pyarrow.parquet",
    "pyarrow.csv",
    "seatrial.adapters.tables.catalogue",
    "seatrial.measure.one_pass",
    "seatrial.adapters.load.client",
    "seatrial.adapters.load.schedule",
)
"""What all checks need, what most of them need first: imported once in the process from which they are forked."""
PRELOADED = ("scipy.stats", "sklearn.ensemble")
"""What takes long and the first checks do without: imported while those wait, or rows are scored."""


def run(
    workspace: Workspace,
    *,
    only: Sequence[str] | None = None,
    seed: int | None = None,
    resume: bool = False,
    resources: Resources | None = None,
) -> Generator[Event, None, None]:
    """Execute the checks and record what they see; the events, as they happen.

    What is seen is about the system and is judged at every gate; without `only` the checks of the workspace's gate run,
    and the decision at the end is that gate's. `only` names checks, requirements or domains. With `resume`, a run that
    was interrupted goes on under its own id and seed: what it observed and what still holds is kept. Raises
    SeatrialError before anything is run, and LedgerError when a result cannot be recorded; everything that was recorded
    stays.
    """
    demanded = {row.id for row in workspace.gate.requirements}
    wanted = [
        check for check in chosen(only) if check.applies(workspace.system) and (only or check.requirement in demanded)
    ]
    selected, left_out = _allowed(workspace, wanted)
    for check, why in left_out.items():
        yield StageStarted(stage=check, title=check)
        yield StageFinished(stage=check, duration_s=0.0, problem=f"is left out: {why}; what it showed before stands")
    with ExitStack() as stack:
        open_nursery = partial(
            Nursery,
            preload=PRELOADED,
            preload_first=PRELOADED_FIRST,
            environment=workspace.environment,
        )
        nursery = stack.enter_context(open_nursery())
        stack.enter_context(one_at_a_time(workspace, selected))
        ledger = stack.enter_context(open_ledger(workspace))
        recorder = _Recorder(workspace, ledger, known(workspace, keystore(workspace).worker()))
        digests = digest_files(workspace)
        identities = probe(workspace)
        recorder.identities(identities)
        about = subject(workspace, digests, identities)
        yield from _cleaned(workspace)
        number, kept = _continued(workspace, ledger, about) if resume else (uuid4().hex, ())
        work = _private_folder(workspace, number)
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        basis = Basis(subject=about, files=digests, identities=identities, work=work)
        planned = plan(
            workspace,
            basis,
            selected,
            run=number,
            seed=_seed(number) if seed is None else seed,
            kept=[check.id for check in selected if check.id in kept],
        )
        nurseries = iter([nursery])
        events = run_engine(
            planned,
            keep=partial(recorder.keep, planned.run, basis),
            clock=workspace.clock,
            open_nursery=lambda: next(nurseries, None) or open_nursery(),
            resources=resources,
            redact=_redactor(workspace),
        )
        for event in stack.enter_context(closing(events)):
            if isinstance(event, CheckFinished):
                for left in left_over(workspace):
                    restore(workspace, left)
                yield from _cleaned(workspace)
            if isinstance(event, RunFinished):
                recorder.identities(probe(workspace))
                if not event.interrupted:
                    record_decision(workspace, decide_now(workspace))
            yield event


def _cleaned(workspace: Workspace) -> Iterator[Event]:
    """Take away the test records of checks that were killed, and tell what came of it."""
    for left in left_behind(workspace):
        title = "Take away the test records of a check that was killed"
        yield StageStarted(stage=TAKEN_AWAY, title=title)
        began = workspace.clock.monotonic()
        failed = [said(remains) for remains in take_away(workspace, left) if remains.failed]
        problem = f"{'; '.join(failed)}. Once that end lets go of them: {COMMAND}" if failed else ""
        yield StageFinished(stage=TAKEN_AWAY, duration_s=workspace.clock.monotonic() - began, problem=problem)


def _allowed(
    workspace: Workspace, selected: Sequence[Check[System]]
) -> tuple[Sequence[Check[System]], Mapping[str, str]]:
    """Those that may run now, and those that are left out with the reason: drills outside of their windows.

    What a drill showed before stands. Raises Refused where nothing is left.
    """
    now = workspace.clock.now()
    closed = {
        check.id: why
        for check in selected
        if check.id in KIND_OF and (why := not_now(workspace.system, KIND_OF[check.id], now))
    }
    allowed = [check for check in selected if check.id not in closed]
    if closed and not any(check.id != ARMED for check in allowed):
        raise Refused(
            f"nothing may run now: {'; '.join(dict.fromkeys(closed.values()))}",
            remedy="Run it then, or agree on other times and declare them under drills in the system file.",
        )
    return allowed, closed


def _continued(workspace: Workspace, ledger: Ledger, about: Subject) -> tuple[str, Sequence[str]]:
    """The id of the interrupted run and the checks that it need not repeat; a new id when there is none."""
    reading = ledger.read(workspace.system.system, trust(workspace), checkpoints(workspace))
    number = interrupted_run(reading.evidence)
    if number is None:
        return uuid4().hex, ()
    return number, kept_from(number, inputs_of(workspace, reading.evidence, reading.state, about=about))


def _seed(number: str) -> int:
    return int.from_bytes(hashlib.sha256(number.encode()).digest()[:6], "big")


def _redactor(workspace: Workspace) -> Redactor:
    system = workspace.system
    procedures = declared_by_procedures(workspace)
    return Redactor((*workspace.loaded.secrets, *secrets_of(system), *procedures.secrets))


def _private_folder(workspace: Workspace, number: str) -> Path:
    """A new folder for scored rows and the like, for its owner's eyes; what killed runs left behind is removed."""
    around = workspace.folder / "work"
    try:
        around.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in around.iterdir():
            if not alive(left.name.rpartition(".")[2]):
                shutil.rmtree(left, ignore_errors=True)
        folder = around / f"{number}.{os.getpid()}"
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise Unreachable(
            f"{around} cannot be written: {error.strerror or error}", remedy="Give seatrial the right to write there."
        ) from None
    return folder


@dataclass(slots=True)
class _Recorder:
    """Puts what a run finds on record."""

    workspace: Workspace
    ledger: Ledger
    signer: Ed25519Signer

    def identities(self, found: Identities) -> None:
        """What is served."""
        record(self.ledger, self.signer, self.workspace, RecordType.EVENT, found.body())

    def keep(self, run: str, basis: Basis, finished: Finished) -> Kept:
        """One finished check; durable when this returns."""
        rests_on = depends(by_id(finished.work.requirement), self.workspace.system, basis.subject.parts)
        result = self._unless_changed(finished.result, basis, rests_on)
        try:
            return self._append(run, finished, result, rests_on)
        except Malformed as error:
            reason = Reason(code="not-an-observation", summary=f"What the check saw cannot be recorded: {error.what}")
            return self._append(run, finished, reason, rests_on)

    def _append(self, run: str, finished: Finished, result: Observation | Reason, rests_on: Mapping[str, str]) -> Kept:
        check = check_by_id(finished.work.id)
        body = ObservationBody(
            requirement=check.requirement,
            check=check.id,
            check_version=check.version,
            product=__version__,
            run=run,
            seed=finished.seed,
            started_at=finished.at,
            duration_s=finished.duration_s,
            observation=result if isinstance(result, Observation) else None,
            reason=result if isinstance(result, Reason) else None,
            policy=self.workspace.system.policy.name,
        )
        kind = RecordType.OBSERVATION
        evidence = record(self.ledger, self.signer, self.workspace, kind, body, depends=rests_on)
        return Kept(record=evidence.digest, result=result)

    def _unless_changed(
        self, result: Observation | Reason, basis: Basis, rests_on: Mapping[str, str]
    ) -> Observation | Reason:
        """What was seen while a file changed on which it rests belongs to no subject."""
        base, before = self.workspace.base, basis.files.stamps
        if isinstance(result, Reason) or all(stamp(base / path) == then for path, then in before.items()):
            return result
        today = subject(self.workspace, digest_files(self.workspace), basis.identities).parts
        changed = [part for part, digest in rests_on.items() if today.get(part) != digest]
        if not changed:
            return result
        return Reason(
            code="changed-meanwhile",
            summary=f"{', '.join(changed)} changed while the run was on its way.",
            remedy="Leave the declared files alone while checks run, then run again.",
            fields=tuple(changed),
        )

"""Who watches performance against its threshold after launch: a named person and a deputy, who accepted."""

from __future__ import annotations

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Observation, Reason
from seatrial.core.vocabulary import Assurance
from seatrial.domains.acceptance import CODES, Post, holding
from seatrial.spec.system import System

_POST = Post(duty="monitor", part="duty.monitor", field="duties.monitor.who", what="watches performance after launch")


def _run(system: System, trial: Trial) -> Observation | Reason:
    duty = system.duties.monitor
    found = holding(system, trial, _POST, duty.who if duty else None, duty.deputy if duty else None)
    return Observation(
        done="Looked up who is named to watch performance, whether they are still there, and their signed acceptances.",
        findings=found.findings,
        proof=found.verified,
        assurance=Assurance.ATTESTED,
    )


CHECK: Check[System] = Check(
    id="ownership.monitor",
    requirement="ownership.monitor",
    version=1,
    title="Who watches it after launch",
    run=_run,
    codes=CODES,
)

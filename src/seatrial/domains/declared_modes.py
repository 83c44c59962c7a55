"""The failure-mode register as it is declared; shared by the checks on the model and on those who use it."""

from __future__ import annotations

from seatrial.core.check import Trial
from seatrial.spec.failure_modes import FailureMode, load_failure_modes
from seatrial.spec.system import System


def declared_modes(system: System, trial: Trial) -> tuple[FailureMode, ...]:
    """The register's entries; empty when none is declared. Raises SeatrialError for an unreadable one."""
    if system.failure_modes is None:
        return ()
    return load_failure_modes(trial.files.read(system.failure_modes), name=system.failure_modes)

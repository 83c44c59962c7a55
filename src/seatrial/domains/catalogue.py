"""Every check that comes with seatrial, in the order of the domains. To add one, add its line here."""

from __future__ import annotations

from typing import Final

from seatrial.core.check import Check
from seatrial.domains.data import faults, freshness, load
from seatrial.domains.governance import fallback, offline_thresholds, rollback
from seatrial.domains.integration import combined_load, contracts
from seatrial.domains.integration import format as format_
from seatrial.domains.model import failure_modes, out_of_sample, threshold
from seatrial.domains.organization import accountability, process_documents, training
from seatrial.domains.ownership import escalation_point, monitor, pipeline_alert, retraining
from seatrial.spec.system import System

CHECKS: Final[tuple[Check[System], ...]] = (
    faults.CHECK,
    load.CHECK,
    freshness.CHECK,
    threshold.CHECK,
    out_of_sample.CHECK,
    failure_modes.CHECK,
    contracts.CHECK,
    format_.CHECK,
    combined_load.CHECK,
    training.CHECK,
    process_documents.CHECK,
    accountability.CHECK,
    offline_thresholds.CHECK,
    fallback.CHECK,
    rollback.CHECK,
    monitor.CHECK,
    pipeline_alert.CHECK,
    retraining.CHECK,
    escalation_point.CHECK,
)

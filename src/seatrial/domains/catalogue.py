"""Every check that comes with seatrial, in the order of the domains. To add one, add its line here."""

from __future__ import annotations

from typing import Final

from seatrial.core.check import Check
from seatrial.domains.data import faults, freshness, interruption, load, schema_change
from seatrial.domains.governance import arming, compliance, fallback, offline_thresholds, rollback, watch_record
from seatrial.domains.integration import combined_load, contracts, inventory, isolation, versions
from seatrial.domains.integration import format as format_
from seatrial.domains.model import adversarial, failure_modes, files, imported, out_of_sample, stress, threshold, trust
from seatrial.domains.organization import accountability, change_management, escalation, process_documents, training
from seatrial.domains.ownership import escalation_point, monitor, pipeline_alert, retraining
from seatrial.spec.system import System

CHECKS: Final[tuple[Check[System], ...]] = (
    schema_change.CHECK,
    faults.CHECK,
    load.CHECK,
    freshness.CHECK,
    interruption.CHECK,
    threshold.CHECK,
    out_of_sample.CHECK,
    stress.CHECK,
    adversarial.CHECK,
    failure_modes.CHECK,
    trust.CHECK,
    files.CHECK,
    *imported.CHECKS,
    inventory.CHECK,
    contracts.CHECK,
    versions.CHECK,
    format_.CHECK,
    combined_load.CHECK,
    isolation.CHECK,
    training.CHECK,
    process_documents.CHECK,
    change_management.CHECK,
    escalation.CHECK,
    accountability.CHECK,
    offline_thresholds.CHECK,
    fallback.CHECK,
    rollback.CHECK,
    arming.CHECK,
    compliance.CHECK,
    watch_record.CHECK,
    monitor.CHECK,
    pipeline_alert.CHECK,
    retraining.CHECK,
    escalation_point.CHECK,
)

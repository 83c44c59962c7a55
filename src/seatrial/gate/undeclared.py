"""Which requirement a TODO of the system file belongs to."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Final

_PLACES: Final[tuple[tuple[str, str], ...]] = (
    ("owner*", "organization.accountability"),
    ("people*", "organization.accountability"),
    ("duties.monitor*", "ownership.monitor"),
    ("duties.pipeline-alert*", "ownership.pipeline-alert"),
    ("duties.pipeline_alert*", "ownership.pipeline-alert"),
    ("duties.retraining*", "ownership.retraining"),
    ("duties.escalation*", "ownership.escalation-point"),
    ("duties*", "ownership.monitor"),
    ("signers.it*", "integration.inventory"),
    ("signers.operations*", "organization.accountability"),
    ("signers.ai*", "model.threshold"),
    ("model.inputs*", "integration.inventory"),
    ("model*", "model.threshold"),
    ("governance.offline*", "governance.offline-thresholds"),
    ("governance.metric*", "model.threshold"),
    ("governance.minimum*", "model.threshold"),
    ("governance.confidence*", "model.threshold"),
    ("data.evaluation.label*", "model.threshold"),
    ("data.freshness*", "data.freshness"),
    ("data.faults*", "data.faults"),
    ("data*", "model.out-of-sample"),
    ("load*", "data.load"),
    ("integrations.*.contract*", "integration.contracts"),
    ("integrations*", "integration.inventory"),
    ("flows*", "integration.combined-load"),
    ("workflows.*.fallback*", "governance.fallback"),
    ("workflows*", "organization.process-documents"),
    ("failure_modes*", "model.failure-modes"),
    ("do_not_trust*", "model.trust"),
    ("stress*", "model.stress"),
    ("adversarial*", "model.adversarial"),
    ("rollback*", "governance.rollback"),
    ("change*", "organization.change-management"),
    ("escalation*", "organization.escalation"),
    ("inventory*", "integration.inventory"),
    ("compliance*", "governance.compliance"),
    ("training*", "organization.training"),
)
"""Path patterns of the system file to the requirement, the first match counts."""

_ELSEWHERE: Final = "governance.compliance"
"""Purpose, plan, go-live and whatever else the review needs to know."""


def requirement_of(path: str) -> str:
    """The requirement to which a path of the system file belongs."""
    plain = re.sub(r"\[\d+\]", "", path)
    return next((requirement for pattern, requirement in _PLACES if fnmatchcase(plain, pattern)), _ELSEWHERE)

"""The requirements of model validation."""

from __future__ import annotations

from seatrial.core.vocabulary import Assurance, Domain, Role
from seatrial.gate.requirement import Requirement

_SOURCES = ("data.training", "data.evaluation", "data.live", "schema")

MODEL = (
    Requirement(
        id="model.out-of-sample",
        domain=Domain.MODEL,
        question="Was it tested on data it has not seen, that looks like what it will meet live?",
        establishes="No leak between training and evaluation data (exact and near duplicates, shared entities, time "
        "order, a target hidden in a feature); evaluation data compared with a recent live sample, field by field and "
        "jointly; live regions with no evaluation data are listed as not validated.",
        why="A figure from data that the model has seen, or that live traffic does not resemble, promises nothing.",
        reviewer=Role.AI_TEAM,
        demands=Assurance.EXECUTED,
        lease_days=7,
        rests_on=("model", *_SOURCES, "document.{supplier}"),
        effort_days=8,
        remedy="Take evaluation rows from after the training period that resemble the live sample, without shared "
        "entities.",
    ),
    Requirement(
        id="model.threshold",
        domain=Domain.MODEL,
        question="Does it meet the governance plan's minimum, not the pilot's?",
        establishes="The lower confidence bound of the governed metric, on out-of-sample data re-weighted to the live "
        "mix, is at or above the minimum. Too few rows is insufficient, which is not a pass. No minimum declared is a "
        "gap.",
        why="Below the minimum that the company set, the operation is better off without it.",
        reviewer=Role.AI_TEAM,
        demands=Assurance.EXECUTED,
        lease_days=30,
        rests_on=("model", "plan", *_SOURCES, "import.model.threshold.*"),
        effort_days=10,
        may_be_waived=False,
        after=("model.out-of-sample",),
        remedy="Improve the model, or label more out-of-sample rows where there are too few to tell.",
    ),
    Requirement(
        id="model.stress",
        domain=Domain.MODEL,
        question="Does it hold at the edges?",
        establishes="Edge cases (range corners, extremes, unseen categories, rare combinations, empty and oversized "
        "input), perturbations within the noise of the source, and declared metamorphic relations (invariance, "
        "direction, must-answer), with a bound on the violation rate.",
        why="The unusual day is the day on which people lean on it.",
        reviewer=Role.AI_TEAM,
        demands=Assurance.EXECUTED,
        lease_days=30,
        rests_on=("model", "schema", "stress", "policy", "import.model.stress.*"),
        effort_days=5,
        after=("model.threshold",),
        remedy="Declare the relations that must hold, and repair or refuse the inputs that break them.",
    ),
    Requirement(
        id="model.adversarial",
        domain=Domain.MODEL,
        question="Can someone turn its answer cheaply?",
        establishes="A black-box search within plausible, declared constraints: the share of rows flipped with few "
        "edits, cheapest edits shown; for text, character and word edits; for language-model endpoints, direct and "
        "indirect injection, system-prompt leak, planted personal data and forbidden acts, by deterministic canaries.",
        why="Whoever gains from another answer will look for the cheap way to get it.",
        reviewer=Role.AI_TEAM,
        demands=Assurance.EXECUTED,
        lease_days=90,
        rests_on=("model", "schema", "adversarial", "stress", "policy", "import.model.adversarial.*"),
        effort_days=5,
        may_be_not_applicable=True,
        after=("model.threshold",),
        remedy="Bound what one field can do to the answer, or let a second person approve that nobody can profit.",
    ),
    Requirement(
        id="model.failure-modes",
        domain=Domain.MODEL,
        question="Under what conditions will it be wrong, and what happens in the operation when it is?",
        establishes="Failing slices are found on one half of the data and confirmed on the other; every confirmed one "
        "has an entry in the failure-mode register: the condition, the operational consequence, the handling, the "
        "owner. An unanswered one is a gap.",
        why="Every model is wrong somewhere; what costs is not knowing where, and having nobody who handles it.",
        reviewer=Role.AI_TEAM,
        demands=Assurance.EXECUTED,
        complements=(Assurance.ATTESTED,),
        lease_days=30,
        rests_on=("model", "failure-modes", "policy"),
        effort_days=3,
        after=("model.out-of-sample",),
        remedy="Answer each confirmed weak slice in the register: condition, consequence, handling, owner.",
    ),
    Requirement(
        id="model.trust",
        domain=Domain.MODEL,
        question="Which outputs should not be trusted?",
        establishes="Calibration in the region where outputs are acted on; the declared do-not-trust conditions are "
        "executable and run on every row, with the share of the errors that they catch and the share of good outputs "
        "that they hold back.",
        why="People can only use it safely when they are told when not to.",
        reviewer=Role.AI_TEAM,
        demands=Assurance.EXECUTED,
        lease_days=30,
        rests_on=("model", "do-not-trust"),
        effort_days=3,
        after=("model.failure-modes",),
        remedy="Declare executable do-not-trust conditions for the known failures, and calibrate the score.",
    ),
)

"""The declared system: what `seatrial.yaml` says, typed and frozen.

Everything that only people can decide is optional here: what is missing or left as `TODO` is a gap that the gate
reports, never an error that hides the other gaps. A section whose required value is left as `TODO` is absent as a
whole, and its path stands in `System.undecided`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from seatrial.core.vocabulary import Criticality, Role
from seatrial.spec.adversarial import Adversarial
from seatrial.spec.change import Change
from seatrial.spec.compliance import Compliance
from seatrial.spec.data import Data
from seatrial.spec.drills import Drills
from seatrial.spec.fallback import Fallback
from seatrial.spec.governance import Governance
from seatrial.spec.integration import Flow, IntegrationSection
from seatrial.spec.inventory import Inventory
from seatrial.spec.load import Load
from seatrial.spec.model import ModelSection
from seatrial.spec.people import Duties, Owner, Person, PersonId, Training
from seatrial.spec.policy import Policy
from seatrial.spec.quantities import Day, Duration, Share
from seatrial.spec.section import Path, Section
from seatrial.spec.stress import Stress
from seatrial.spec.watch import Watch


class Workflow(Section):
    """A workflow that the system's outputs enter."""

    process: Path | None = None
    role: str | None = None
    users: str | None = None
    """The group of the user list that works in it."""
    outputs: tuple[str, ...] = ()
    """The integrations through which the outputs reach it; `model` where people ask the model itself."""
    fallback: Fallback | None = None


class DoNotTrust(Section):
    """A condition over the model's inputs under which outputs are not to be trusted."""

    when: str
    handling: Path | None = None


class Rollback(Section):
    """The way back: its procedure, and how long it may take.

    `within` is from its first step to the proof of its target; how soon harm is noticed and people answer is no part
    of it.
    """

    procedure: Path
    within: Duration | None = None


class Escalation(Section):
    """How a user who does not trust an output reports it: the steps that they would take, as a procedure.

    In its steps `${SEATRIAL_REPORT}` stands for the text of the report and `${SEATRIAL_REPORT_LINK}` for the link that
    it carries; whoever the report reaches answers there. `within` is from the first step to that answer.
    """

    procedure: Path | None = None
    within: Duration | None = None


class Import(Section):
    """A result of another tool that is shown as observed evidence: for which requirement, and how much must pass.

    It is declared before the result is filed, so that the limit is not made to fit.
    """

    format: Literal["inspect", "garak", "promptfoo", "junit"]
    requirement: Literal["model.threshold", "model.stress", "model.adversarial"]
    target: str
    """What the tool calls the thing that it tests, exactly as its result says."""
    passed: Share
    """The share of units that must pass; its lower bound counts."""
    score: str | None = None
    """Which scorer, detector, provider or suite counts, where the result has several."""
    at_most: Duration = 30 * 86_400.0
    """How old the result may be."""


class System(Section):
    """A declared system, exactly as `seatrial.yaml` says, with its policy resolved."""

    system: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    version: str = Field(min_length=1)
    purpose: str | None = None
    criticality: Criticality = Criticality.OPERATIONAL
    go_live: Day | None = None
    scale_up: Day | None = None
    """When it is to be used beyond its first scope; the third gate's review stands before it."""
    people: dict[PersonId, Person] = Field(default_factory=dict)
    owner: Owner = Owner()
    duties: Duties = Duties()
    signers: dict[Role, PersonId | None] = Field(default_factory=dict)
    model: ModelSection
    governance: Governance = Governance()
    data: Data = Data()
    load: Load | None = None
    integrations: dict[str, IntegrationSection] = Field(default_factory=dict)
    flows: tuple[Flow, ...] = ()
    workflows: dict[str, Workflow] = Field(default_factory=dict)
    failure_modes: Path | None = None
    do_not_trust: tuple[DoNotTrust, ...] = ()
    stress: Stress = Stress()
    adversarial: Adversarial = Adversarial()
    rollback: Rollback | None = None
    change: Change = Change()
    escalation: Escalation = Escalation()
    inventory: Inventory = Inventory()
    compliance: Compliance = Compliance()
    training: Training = Training()
    imports: dict[str, Import] = Field(default_factory=dict)
    drills: Drills = Drills()
    watch: Watch = Watch()

    policy: Policy = Field(default=Policy(), exclude=True)
    """Resolved from `governance.policy` and the criticality; not a key of the file."""
    undecided: tuple[str, ...] = Field(default=(), exclude=True)
    """Paths that the file leaves as `TODO`. Each one blocks GO; not a key of the file."""

    def name_of(self, person: str) -> str:
        """How the person is called; the id of one who is not declared."""
        return self.people[person].name if person in self.people else person


RESOLVED = frozenset({"policy", "undecided"})
"""Fields of `System` that loading fills and a file may not hold."""

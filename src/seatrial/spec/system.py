"""The declared system: what `seatrial.yaml` says, typed and frozen.

Everything that only people can decide is optional here: what is missing or left as `TODO` is a gap that the gate
reports, never an error that hides the other gaps. A section whose required value is left as `TODO` is absent as a
whole, and its path stands in `System.undecided`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from seatrial.core.vocabulary import Criticality, Role
from seatrial.spec.policy import Policy
from seatrial.spec.quantities import Day, Duration, Number, Rate, Share

Path = str
"""A file, relative to the system file."""
PersonId = str


class Section(BaseModel):
    """A part of the system file: frozen, unknown keys refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False, protected_namespaces=()
    )


class Person(Section):
    """Somebody who can own, accept, sign or be paged. `page` is a secret route such as `webhook+https://…`."""

    name: str
    email: str | None = None
    page: str | None = None
    left_on: Day | None = None


class Owner(Section):
    """The production operations owner. `stop` is the procedure that takes the system offline in one action."""

    who: PersonId | None = None
    deputy: PersonId | None = None
    manager: PersonId | None = None
    objective: str | None = None
    may_pull: bool = False
    stop: Path | None = None
    acknowledge_within: Duration | None = None


class Duty(Section):
    """One of the four ownership questions, with its answer."""

    who: PersonId | None = None
    deputy: PersonId | None = None
    acknowledge_within: Duration | None = None
    answer_within: Duration | None = None
    criteria: Path | None = None


class Duties(Section):
    """Who watches, who is woken, who approves retraining, whom a doubting supervisor calls."""

    monitor: Duty | None = None
    pipeline_alert: Duty | None = Field(default=None, alias="pipeline-alert")
    retraining: Duty | None = None
    escalation_point: Duty | None = Field(default=None, alias="escalation-point")


class Output(Section):
    """Which fields of an answer hold the prediction and the score. `positive` is the label that is acted on."""

    prediction: str = "prediction"
    score: str | None = None
    positive: Any = 1
    act_at: Number | None = None
    """Score at or above which the output is acted on (binary)."""


class InputField(Section):
    """One model input: its type, unit, plausible range or values, and the integration that feeds it."""

    type: Literal["number", "integer", "string", "boolean", "time"]
    unit: str | None = None
    minimum: Number | None = None
    maximum: Number | None = None
    values: tuple[Any, ...] | None = None
    nullable: bool = False
    fed_by: str | None = None


def _form_of_inputs(value: object) -> str:
    return "inline" if isinstance(value, dict) else "file"


class ModelSection(Section):
    """How the model is reached. Exactly one of `endpoint`, `mlflow`, `python`."""

    endpoint: str | None = None
    mlflow: str | None = None
    python: str | None = None
    """`path/to/file.py:callable`; it runs in its own process."""
    identity: str | None = None
    """URL or, for `python`, a callable, that tells the version served."""
    task: Literal["binary", "multiclass", "regression", "text", "chat", "extraction"]
    inputs: (
        Annotated[
            Annotated[Path, Tag("file")] | Annotated[dict[str, InputField], Tag("inline")],
            Discriminator(_form_of_inputs),
        ]
        | None
    ) = None
    """A JSON file or inline: field name to its declaration."""
    output: Output = Output()
    headers: dict[str, str] = Field(default_factory=dict)
    timeout: Duration = 10.0
    batch: int = Field(default=256, ge=1)
    test_endpoint: bool = False
    """True when this endpoint may be given faulty and heavy input."""


class Plan(Section):
    """The governance plan: a document with approver and date."""

    document: Path | None = None
    approved_by: PersonId | None = None
    approved_on: Day | None = None


class Minimum(Section):
    """One governed metric and its minimum (for errors: its maximum)."""

    metric: str
    minimum: Number | None = None
    maximum: Number | None = None


class OfflineRule(Section):
    """When the system is taken offline. One of `metric`/`below`, `category`/`above`, `event`, `freshness`."""

    metric: str | None = None
    below: Number | None = None
    over: str | None = None
    category: str | None = None
    above: str | None = None
    event: str | None = None
    freshness: str | None = None
    older_than: Duration | None = None


class Governance(Section):
    """The plan and the limits that it sets."""

    plan: Plan = Plan()
    policy: Path = "default"
    """`default`, `short-demo`, or a file that tightens the default."""
    metric: str | None = None
    minimum: Number | None = None
    metrics: tuple[Minimum, ...] = ()
    confidence: Number = Field(default=0.95, ge=0.95, lt=1.0)
    offline_when: tuple[OfflineRule, ...] = ()
    offline: Path | None = None
    """The procedure that takes the system offline."""


class Source(Section):
    """A data file (Parquet, CSV, JSON lines) or a database with its query."""

    source: str
    query: str | None = None
    label: str | None = None
    time: str | None = None
    entity: str | None = None


class Freshness(Section):
    """How old an integration's newest record may be: `at` is the record's time field."""

    source: str
    at: str
    at_most: Duration


class FaultField(Section):
    """What people know of one input's plausible faults, beyond what its declaration and profile tell."""

    formats: tuple[str, ...] = ()
    sentinels: tuple[Any, ...] = ()
    skip: tuple[str, ...] = ()
    """Fault kinds that cannot happen here, each with its reason in the governance plan."""


class Faults(Section):
    """How `data.faults` judges: `tolerance` is the change of the score that still counts as handled."""

    tolerance: Number = Field(default=0.05, ge=0)
    fields: dict[str, FaultField] = Field(default_factory=dict)


class Data(Section):
    """Training, evaluation and live data, and how fresh each source must be."""

    training: Source | None = None
    evaluation: Source | None = None
    live: Source | None = None
    freshness: tuple[Freshness, ...] = ()
    faults: Faults = Faults()


class Load(Section):
    """Peak production volume, and the latency that keeps the output useful: percentile name to limit."""

    peak: Rate
    latency: dict[Literal["p50", "p90", "p95", "p99", "p99.9"], Duration] = Field(min_length=1)
    headroom: Number | None = Field(default=None, ge=1.0)
    duration: Duration | None = None
    errors: Share | None = None


class End(Section):
    """One end of an integration: where it is, and what may be done there."""

    url: str
    writable: bool = False
    read_only: bool = False
    window: str | None = None
    read: str | None = None
    """HTTP: path that lists the newest records. SQL: a query."""
    write: str | None = None
    """HTTP: path that takes one record by POST."""
    observe: str | None = None
    """HTTP: path that returns the records that arrived; gets `?key=…&value=…&value=…`."""
    version: str | None = None
    """HTTP: path that tells the server's version."""
    health: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)


class IntegrationSection(Section):
    """Something that feeds the model, or that the model feeds."""

    kind: Literal["http", "sql", "postgresql", "sqlite", "files"]
    direction: Literal["in", "out", "both"] = "in"
    contract: Path | None = None
    feeds: tuple[str, ...] = ()
    topic: str | None = None
    test: End | None = None
    production: End | None = None


class Flow(Section):
    """Keyed records put in at one integration and observed at another."""

    name: str
    from_: str = Field(alias="in")
    to: str = Field(alias="out")
    key: str
    within: Duration
    peak: Rate
    records: Path | None = None
    """Records to send, JSON lines; the key is replaced so that each one is unique and marked as a test."""
    expect: dict[str, str] = Field(default_factory=dict)
    """Field of the exit record to the field of the entry record that it must equal."""


class Fallback(Section):
    """How a workflow runs without the system: the procedure, and the volume that it must carry."""

    procedure: Path
    needed: Rate
    counts: str | None = None
    """How one item is recognised in the rehearsal's output, a regular expression; each match is one item done."""


class Workflow(Section):
    """A workflow that the system's outputs enter."""

    process: Path | None = None
    role: str | None = None
    users: str | None = None
    fallback: Fallback | None = None


class DoNotTrust(Section):
    """A condition over the model's inputs under which outputs are not to be trusted."""

    when: str
    handling: Path | None = None


class Stress(Section):
    """Relations, immutables and sensor noise for the stress checks."""

    relations: tuple[dict[str, Any], ...] = ()
    immutable: tuple[str, ...] = ()
    noise: dict[str, Number] = Field(default_factory=dict)


class Rollback(Section):
    """The way back: its procedure, and how long it may take."""

    procedure: Path
    within: Duration | None = None


class Change(Section):
    """The change plan, its owner, and the share of outputs that should be acted on."""

    plan: Path | None = None
    who: PersonId | None = None
    acted_on: dict[Literal["at_least"], Share] = Field(default_factory=dict)


class Training(Section):
    """Who uses the system, what they read, and the share of right answers that passes."""

    users: Path | None = None
    material: Path | None = None
    passing: Share = Field(default=0.8, alias="pass")


class System(Section):
    """A declared system, exactly as `seatrial.yaml` says, with its policy resolved."""

    system: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    version: str = Field(min_length=1)
    purpose: str | None = None
    criticality: Criticality = Criticality.OPERATIONAL
    go_live: Day | None = None
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
    rollback: Rollback | None = None
    change: Change = Change()
    training: Training = Training()

    policy: Policy = Field(default=Policy(), exclude=True)
    """Resolved from `governance.policy` and the criticality; not a key of the file."""
    undecided: tuple[str, ...] = Field(default=(), exclude=True)
    """Paths that the file leaves as `TODO`. Each one blocks GO; not a key of the file."""


RESOLVED = frozenset({"policy", "undecided"})
"""Fields of `System` that loading fills and a file may not hold."""

"""The declared system: what `seatrial.yaml` says, typed and frozen.

Everything that only people can decide is optional here: what is missing or left as `TODO` is a gap that the gate
reports, never an error that hides the other gaps. A section whose required value is left as `TODO` is absent as a
whole, and its path stands in `System.undecided`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from seatrial.core.vocabulary import Criticality, Role
from seatrial.spec.adversarial import Adversarial
from seatrial.spec.change import Change
from seatrial.spec.compliance import Compliance
from seatrial.spec.drills import Drills
from seatrial.spec.fallback import Fallback
from seatrial.spec.file_format import FileFormat
from seatrial.spec.inventory import Inventory
from seatrial.spec.key_range import KeyRange
from seatrial.spec.opc_ua import OpcUa
from seatrial.spec.policy import Policy
from seatrial.spec.procedure import Step
from seatrial.spec.quantities import Day, Duration, Number, Rate, Share, Size
from seatrial.spec.section import Path, Section
from seatrial.spec.stress import Stress
from seatrial.spec.vendor import Vendor
from seatrial.spec.watch import Watch
from seatrial.spec.window import Window

PersonId = str


class Person(Section):
    """Somebody who can own, accept, sign or be paged. `page` is a secret route such as `webhook+https://…`."""

    name: str
    email: str | None = None
    page: str | None = None
    test_page: str | None = None
    """A route over the same service that wakes nobody: the daily arming probe really sends there. Without it only
    routes that can be tried without sending (webhooks) count as probed."""
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
    classes: tuple[Any, ...] | None = None
    """The classes in the order of their scores, for a model that tells a score for each class."""
    labels: tuple[Any, ...] | None = None
    """Every label that an answer may be; without it the `classes`, and without those the labels of evaluation rows."""
    act_at: Number | None = None
    """Score at or above which the output is acted on (binary)."""
    abstains: tuple[str, ...] = ()
    """Phrases by which the system says that it does not know (chat); where none are declared, common English ones."""


class InputField(Section):
    """One model input: its type, unit, plausible range or values, and the integration that feeds it."""

    type: Literal["number", "integer", "string", "boolean", "time"]
    unit: str | None = None
    minimum: Number | None = None
    maximum: Number | None = None
    values: tuple[Any, ...] | None = None
    nullable: bool = False
    fed_by: str | None = None
    known: str | None = None
    """For an input that names single rows, such as an order number: what is looked up by it, and when that is known."""


def _form_of_inputs(value: object) -> str:
    return "inline" if isinstance(value, dict) else "file"


class Chat(Section):
    """How an OpenAI-compatible endpoint is asked: everything around the model that makes it this application."""

    name: str
    """The model's name, as the endpoint knows it."""
    system: Path | None = None
    """The system prompt, a text file; `{{field}}` stands for an input."""
    template: Path | None = None
    """The user's message, a text file with `{{field}}`; without it the inputs are sent as they are."""
    context: str | None = None
    """The input that holds what was retrieved for the question: text that others write and the application reads."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Sent with every request: `temperature`, `max_tokens`, `seed`, `logprobs`, …"""
    tools: Path | None = None
    """The tools that are offered, a JSON file with the list that the application sends."""
    stream: bool = False
    """Ask for a stream of events, as the application does."""
    parallel: int = Field(default=4, ge=1, le=64)
    """Requests at once."""
    attempts: int = Field(default=5, ge=1, le=20)
    """How often a request that the endpoint turns away (429) is sent."""


class ModelSection(Section):
    """How the model is reached. Exactly one of `endpoint`, `mlflow`, `onnx`, `python`, `openai`, `recorded`."""

    endpoint: str | None = None
    """A URL that takes rows in the form that `protocol` names."""
    protocol: Literal["records", "columns", "split", "arrow", "kserve-v2", "json-lines", "csv"] | None = None
    """How rows travel: JSON records when nothing is said; Arrow is the fastest. For `mlflow`: records, split, columns.

    A SageMaker-shaped endpoint (`…/invocations`) takes `csv` or `json-lines`.
    """
    mlflow: str | None = None
    """URL of MLflow's scoring server, or the directory of a saved model, which its own process loads."""
    onnx: Path | None = None
    """An ONNX file, which its own process runs."""
    python: str | None = None
    """`path/to/file.py:name`, a callable or an object with `predict`; it runs in its own process."""
    openai: str | None = None
    """Base URL of an OpenAI-compatible endpoint, such as `http://127.0.0.1:8080/v1`; `chat` says how it is asked."""
    chat: Chat | None = None
    knowledge: tuple[Path, ...] = ()
    """The text files that it answers from, such as the pages of a knowledge base."""
    recorded: Path | None = None
    """A table with the inputs and the past predictions of a model that cannot be asked; `vendor` says whose."""
    vendor: Vendor | None = None
    identity: str | None = None
    """URL or, for `python`, a callable, that tells the version served; `URL#etag` is a header of its answer.

    Not needed where the model is a file or a directory, or where the server's metadata name a version (`kserve-v2`).
    """
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

    @property
    def ours(self) -> bool:
        """True when the model runs in a process that seatrial starts, so that nobody else is served by it."""
        return bool(self.python or self.onnx or (self.mlflow and "://" not in self.mlflow))


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
    """When the system is taken offline.

    One of `metric`/`below`, `category`/`above`, `event`, `freshness`/`older_than`, `heartbeat`.
    """

    metric: str | None = None
    below: Number | None = None
    over: str | None = None
    category: str | None = None
    above: str | None = None
    event: str | None = None
    freshness: str | None = None
    older_than: Duration | None = None
    heartbeat: Duration | None = None
    """No prediction for so long: the pipeline is dead, and people work with answers that no longer come."""


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

    @property
    def named(self) -> dict[str, str]:
        """The columns that are declared to mean something beside the inputs: key to column."""
        keys = ("label", "time", "entity")
        return {key: getattr(self, key) for key in keys if getattr(self, key)}

    @property
    def columns(self) -> dict[str, str]:
        """Every column that is declared to mean something, inputs among them."""
        return self.named


class Strata(Section):
    """From which parts of the live traffic the evaluation rows were drawn separately, and how large the parts are."""

    column: str
    shares: dict[str, Share] = Field(min_length=2)
    """Value of the column to its share of the live traffic; they add up to 1."""


class Drawn(Section):
    """How rows were drawn for labelling when some were likelier than others, as `seatrial plan-labels` writes it."""

    order: str
    """Column with the place at which the row was drawn, from 1."""
    probability: str
    """Column with the probability with which it was drawn then, among the rows that were left."""
    rows: int = Field(ge=1)
    """How many rows there were to draw from."""
    floor: Number = Field(default=0.1, ge=0.1, le=1.0)
    """The least probability of a row, as a part of what it would be if all rows that are left had the same."""


class Evaluation(Source):
    """The labelled data.

    For a chat `label` is the expected answer, or a list of accepted ones; for an extraction a mapping of the expected
    fields, as JSON text or as a nested column.
    """

    answerable: str | None = None
    """Column that says whether the question can be answered at all (chat); where not, abstaining is right."""
    match: Literal["exact", "contains"] = "exact"
    """When an answer is right (chat): equal to an expected one, or containing one, after normalisation."""
    weight: str | None = None
    """Column that says how many live rows each row stands for. At most one of `weight`, `strata` and `drawn`."""
    strata: Strata | None = None
    drawn: Drawn | None = None
    from_live: bool = False
    """True when the rows are a random sample of live traffic, so that unlabelled live rows can sharpen the bound."""

    @property
    def named(self) -> dict[str, str]:
        """The columns that are declared to mean something beside the inputs: key to column."""
        keys = ("label", "time", "entity", "answerable", "weight")
        found = {key: getattr(self, key) for key in keys if getattr(self, key)}
        if self.drawn is not None:
            found |= {"drawn.order": self.drawn.order, "drawn.probability": self.drawn.probability}
        return found

    @property
    def columns(self) -> dict[str, str]:
        """Every column that is declared to mean something, inputs among them."""
        return self.named | ({"strata.column": self.strata.column} if self.strata else {})


class Freshness(Section):
    """How old an integration's newest record may be: `at` is the record's time field."""

    source: str
    at: str
    at_most: Duration


class Interrupted(Section):
    """A source that will be away at times. `alarm` is a step that only looks, and holds while its alarm is up."""

    alarm: Step | None = None
    within: Duration | None = None
    """By when after the source went away its alarm must be up."""


class Interruption(Section):
    """How long sources may be away, and by when after their return everything has been made up for."""

    window: Duration
    """The longest maintenance window of a source."""
    catch_up: Duration
    sources: dict[str, Interrupted] = Field(default_factory=dict)


class ScratchCopy(Section):
    """A copy of what a source holds, in whose schema columns are altered, and how the test lane is led to it and back.

    The source itself is never altered. SQL: `of` and `copy` are tables of the test end's database, `scratch.orders`
    where it is another schema. Files: folders within the test end's. `point` and `back` are steps; they run anew for
    every alteration, `back` before the copy is taken away.
    """

    of: str | None = None
    """What is copied; the test end's `read` where nothing is said."""
    copy_: str = Field(alias="copy", min_length=1)
    """Where the copy goes: nothing else may stand there."""
    point: Step
    back: Step


class ChangingSource(Section):
    """A source whose schema will change one day. `alarm` only looks, and holds while it is up.

    Where no `alarm` is declared, that of `data.interruption` stands in. A source that is asked over HTTP through a
    `via`, and one that pushes its records into a flow over HTTP, a broker or files, needs no `scratch`; a table does.
    """

    alarm: Step | None = None
    within: Duration | None = None
    """By when after the change its alarm must be up."""
    scratch: ScratchCopy | None = None


class SchemaChanges(Section):
    """How `data.schema-change` alters the schema of each source, and who is told."""

    sources: dict[str, ChangingSource] = Field(default_factory=dict)


FaultKind = Literal[
    "missing",
    "null",
    "wrong-type",
    "empty-text",
    "stale",
    "out-of-range",
    "wrong-unit",
    "wrong-scale",
    "decimal-comma",
    "number-as-text",
    "nan",
    "sentinel",
    "whole-number",
    "encoding",
    "truncation",
    "case-or-space",
    "unseen-category",
    "date-format",
    "time-zone",
    "swapped",
    "oversize",
]
"""What can go wrong with one field."""


def _words(value: str) -> str:
    if len(value.split()) < 2:
        raise ValueError("expected a reason in words, such as 'The source is a binary protocol'")
    return value


Words = Annotated[str, AfterValidator(_words)]
"""A reason that somebody can read: two words at least."""


class FaultField(Section):
    """What people know of one input's plausible faults, beyond what its declaration and profile tell."""

    formats: tuple[str, ...] = ()
    sentinels: tuple[Any, ...] = ()
    skip: dict[FaultKind, Words] = Field(default_factory=dict)
    """Fault kinds that cannot happen here, each with the reason why not."""


class Faults(Section):
    """How `data.faults` judges: `tolerance` is the change of the score that still counts as handled.

    For predicted numbers it counts in interquartile ranges of the answers.
    """

    tolerance: Number = Field(default=0.05, ge=0, le=0.25)
    fields: dict[str, FaultField] = Field(default_factory=dict)


class Data(Section):
    """Training, evaluation and live data, and how fresh each source must be."""

    training: Source | None = None
    evaluation: Evaluation | None = None
    live: Source | None = None
    freshness: tuple[Freshness, ...] = ()
    interruption: Interruption | None = None
    schema_change: SchemaChanges = SchemaChanges()
    faults: Faults = Faults()


class Memory(Section):
    """Where the memory of what serves the model can be seen while a soak runs, and how much it may become."""

    process: Path | None = None
    """A file with the number of the serving process, on this machine."""
    metrics: str | None = None
    """The address of its metrics in Prometheus' text format, instead of a process."""
    name: str = "process_resident_memory_bytes"
    """The metric that is its memory in bytes."""
    at_most: Size


class Load(Section):
    """Peak production volume, and the latency that keeps the output useful: percentile name to limit."""

    peak: Rate
    latency: dict[Literal["p50", "p90", "p95", "p99", "p99.9"], Duration] = Field(min_length=1)
    headroom: Number | None = Field(default=None, ge=1.0)
    duration: Duration | None = None
    errors: Share | None = None
    arrivals: Literal["poisson", "constant"] = "poisson"
    """`poisson` as from many independent callers; `constant` as from a machine that sends by the clock."""
    trace: Path | None = None
    """When requests really came, one time a line, as seconds or ISO 8601: its busiest stretch is replayed instead."""
    ramp: Duration | None = None
    """For how long the rate climbs to the peak before anything is judged, where production's climbs so too."""
    memory: Memory | None = None


def _window(text: str) -> str:
    Window.of(text)
    return text


WindowText = Annotated[str, AfterValidator(_window)]
"""A window as it is written."""


class End(Section):
    """One end of an integration: where it is, and what may be done there."""

    url: str
    via: str | None = None
    """`host:port` at which the tested system reaches this end, so that the line can be disturbed: we listen there and
    pass on to `url`. Only at a test end. Lead the tested system through it, and run `seatrial proxy` while it lives."""
    writable: bool = False
    read_only: bool = False
    window: WindowText | None = None
    """Only at a production end: when test records may be put in where no test end exists, in UTC: `Sun 02:00-04:00`. It
    needs `writable: true`, `approved_by`, and `remove`, by which everything is taken away again."""
    approved_by: str | None = None
    """Who approved that window."""
    read: str | None = None
    """HTTP: path that lists the newest records. SQL: a query. MQTT, Kafka: a topic, where it is another than `topic`;
    AMQP: a binding key, where it is another than `routing_key`. So too `write` and `observe`."""
    write: str | None = None
    """HTTP: path that takes one record by POST."""
    observe: str | None = None
    """HTTP: path that returns the records that arrived; gets `?key=…&value=…&value=…`."""
    remove: str | None = None
    """How our own test records are taken away again. HTTP: path that takes DELETE with `?key=…&value=…&value=…`. SQL: a
    table, or a statement with `:values`. Files: the folder in which files that hold nothing else are deleted."""
    version: str | None = None
    """HTTP: path that tells the server's version. MQTT: topic that tells it. Webhook: URL that tells the receiver's.

    Of a broker that tells none, its version in words: shown, but nothing that establishes anything."""
    health: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    """HTTP: sent with every request. Webhook: what every request must carry, or it is turned away."""
    topic: str | None = None
    """MQTT, Kafka: where records are; wildcards of MQTT only where nothing is written."""
    exchange: str | None = None
    """AMQP: where records are published; what arrives is heard through a queue of our own that is bound to it."""
    routing_key: str | None = None
    """AMQP: with which key records are published, and with which our own queue is bound."""
    queue: str | None = None
    """AMQP: a queue that records are written to. It is never read, since reading would take others' messages."""
    qos: Literal[0, 1, 2] = 1
    """MQTT: the quality of service with which records are sent and heard."""
    payload: Literal["json", "json-lines"] = "json"
    """What a message holds: one record or a list of records, or a record on each line."""
    listen_for: Duration = 5.0
    """How long is listened for records where a source keeps none that could be read."""
    ca: Path | None = None
    """File (PEM) of the authority that signed a broker's certificate, where it is none that this machine trusts."""
    format: FileFormat | None = None
    """Files and SFTP: how the files are written, where their suffix and UTF-8 do not say it all."""
    known_hosts: Path | None = None
    """SFTP: file with the server's key, as `ssh-keyscan` writes it and somebody has verified it."""
    fingerprint: str | None = Field(default=None, pattern=r"^SHA256:[A-Za-z0-9+/]{43}=?$")
    """SFTP: the fingerprint of the server's key, `SHA256:…`, in the place of `known_hosts`."""
    openapi: str | None = None
    """HTTP: file or URL of the OpenAPI document that describes what is read and written here."""
    wsdl: str | None = None
    """SOAP: file or URL of the WSDL; without it the service's own address with `?wsdl`."""
    arguments: dict[Literal["read", "write", "observe", "version", "health"], dict[str, Any]] = Field(
        default_factory=dict
    )
    """SOAP: what operations are called with: `$record` is the record, `$key` and `$value` what is observed."""
    opcua: OpcUa | None = None
    """OPC UA: the nodes that make up a record."""
    private_key: str | None = None
    """SFTP: the private key that logs in, from the environment (`${NAME}`), or a file that holds it."""

    def opens(self) -> Window | None:
        """The approved window of a production end, where it may be written to in one."""
        if not (self.writable and self.window and self.approved_by and self.remove) or self.read_only:
            return None
        return Window.of(self.window)


class IntegrationSection(Section):
    """Something that feeds the model, or that the model feeds."""

    kind: Literal[
        "http",
        "sql",
        "postgresql",
        "mysql",
        "mariadb",
        "sqlite",
        "files",
        "sftp",
        "opcua",
        "odata",
        "soap",
        "mqtt",
        "amqp",
        "kafka",
        "webhook",
    ]
    direction: Literal["in", "out", "both"] = "in"
    contract: Path | None = None
    feeds: tuple[str, ...] = ()
    topic: str | None = None
    """MQTT, Kafka: the topic of both ends, where they have none of their own."""
    test: End | None = None
    production: End | None = None

    def tells(self, end: End, what: Literal["read", "write", "observe"]) -> bool:
        """Whether an end says how this is done there. A folder and a webhook need no words."""
        if self.kind in ("files", "sftp", "webhook"):
            return True
        if self.kind in ("mqtt", "kafka"):
            return bool(getattr(end, what) or end.topic or self.topic)
        if self.kind == "amqp":
            return bool(end.exchange or (what == "write" and end.queue))
        if self.kind == "opcua" and end.opcua is not None:
            return bool(end.opcua.writable) if what == "write" else True
        return bool(getattr(end, what))


class Flow(Section):
    """Keyed records put in at one integration and observed at another."""

    name: str
    from_: str = Field(alias="in")
    to: str = Field(alias="out")
    key: str
    keys: KeyRange | None = None
    """Keys that are reserved for test records, where those of seatrial do not fit: texts of some forty characters that
    begin with `seatrial-`, or numbers of sixteen digits."""
    within: Duration
    peak: Rate
    records: Path | None = None
    """Records to send, JSON lines; the key is replaced so that each one is unique and marked as a test."""
    expect: dict[str, str] = Field(default_factory=dict)
    """Field of the exit record to the field of the entry record that it must equal."""
    fallback: dict[str, Any] = Field(default_factory=dict)
    """Field of the exit record to the value that it has when the pipeline fell back."""
    resend: bool = False
    """Whether the real sender sends again what the entry did not take."""


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
    """The way back: its procedure, and how long it may take."""

    procedure: Path
    within: Duration | None = None


class Escalation(Section):
    """How a user who does not trust an output reports it: the steps that they would take, as a procedure.

    In its steps `${SEATRIAL_REPORT}` stands for the text of the report and `${SEATRIAL_REPORT_LINK}` for the link that
    it carries; whoever the report reaches answers there. `within` is from the first step to that answer.
    """

    procedure: Path | None = None
    within: Duration | None = None


class Training(Section):
    """Who uses the system, what they read, and the share of right answers that passes."""

    users: Path | None = None
    material: Path | None = None
    passing: Share = Field(default=0.8, alias="pass")


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


RESOLVED = frozenset({"policy", "undecided"})
"""Fields of `System` that loading fills and a file may not hold."""
MODEL_ADDRESSES = ("endpoint", "mlflow", "onnx", "python", "openai", "recorded")
"""The keys of `ModelSection` that say how the model is reached."""

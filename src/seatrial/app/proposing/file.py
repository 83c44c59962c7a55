"""The text of a proposed system file: what was found is filled in, what only people can decide is left as `TODO`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.app.proposing.artefacts import known_by_content
from seatrial.app.proposing.inputs import Labelled
from seatrial.app.proposing.model import Meaning, Told, Way
from seatrial.core.observation import Json

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_YAML_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "todo", "nan"})
_METRICS = {
    "binary": "recall",
    "multiclass": "accuracy",
    "text": "accuracy",
    "chat": "accuracy",
    "extraction": "exact-match",
}
_OF_NUMBERS = (
    '"wind_kn > 30"',
    "name: farther is not safer, kind: direction, change: {add: {distance: 100}}, score: not-lower",
)
_OF_WORDS = (
    '"`length of question in words` > 40"',
    'name: small talk, kind: invariance, change: {before: "We had lovely weather. "}',
)
_SHOWN = 120
_ATTACKS = (
    "# Attacks on a chat are tried on the test endpoint; what only you can know of them:",
    "adversarial:",
    "  chat:",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceText:
    """A data file as the system file names it."""

    source: str
    label: str | None = None
    time: str | None = None
    entity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The name by which a chat endpoint knows the model, and whether it tells more of the model than that name."""

    name: str
    tells_weights: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatText:
    """What was found of questions and answers; `unknown` is what was said to questions that cannot be answered."""

    question: str
    context: str | None
    answerable: str | None
    unknown: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Everything that the proposal fills in. `address` is the model's as written, perhaps with a `${NAME}` in it."""

    name: str
    way: Way
    address: str
    identity: str | None
    told: Told | None
    headers: Mapping[str, str]
    label: Labelled
    meaning: Meaning
    inputs_file: str
    evaluation: SourceText
    live: SourceText | None
    times: Sequence[str]
    entities: Sequence[str]
    notes: Sequence[str]
    protocol: str | None = None
    served: Served | None = None
    chat: ChatText | None = None


def system_text(found: Found) -> str:
    """The commented system file."""
    task = found.label.task
    parts = (_head(found), _people(), _model(found), governance(task), _data(found), operation(task), _attacks(found))
    return "\n".join(line for part in parts for line in part) + "\n"


def inputs_text(inputs: Mapping[str, Mapping[str, Json]]) -> str:
    """The inputs file, one line for each input."""
    lines = [f"  {_text(name)}: {json.dumps(field, ensure_ascii=False)}" for name, field in inputs.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def quoted(value: Json) -> str:
    """A value as YAML reads it back, `${` included."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _YAML_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False).replace("${", "$${")


def _head(found: Found) -> Iterator[str]:
    version = None if found.told is None else found.told.version
    yield "# Proposed by `seatrial init` from a data file and from the model's own answers. Read every line: what is"
    yield "# filled in was found, not decided. TODO marks what only people can decide; each is a gap until it is gone."
    yield f"system: {quoted(found.name)}"
    yield f"version: {_text(version)}" if version else "version: TODO                    # the version that goes live"
    yield "purpose: TODO in one sentence what it does, for whom, and what they do with it"
    yield "criticality: operational         # advisory, operational or critical: it scales windows and headrooms"
    yield "go_live: TODO the planned day, such as 2027-03-01; the review stands four to six weeks before it"
    yield ""


def _text(value: str) -> str:
    """Always quoted, since a version such as 1.10 is no number; a `${NAME}` in it stays one."""
    return json.dumps(value, ensure_ascii=False)


def _people() -> Iterator[str]:
    yield "# Who it is about. Nobody can own, accept, sign or be paged who is not named here:"
    yield '#   olga: {name: Olga Brandt, email: olga@example.com, page: "webhook+https://pager.example.com/olga"}'
    yield "people: TODO everybody with a part in it, by a short id"
    yield ""
    yield "# Operations decides. Without a named owner who accepted, the answer is NO-GO, whatever else is true."
    yield "owner:"
    yield "  who: TODO the production operations owner"
    yield "  deputy: TODO who stands in"
    yield "  manager: TODO who confirms that this is among the owner's own objectives"
    yield "  objective: TODO the performance metric of the owner that this system moves"
    yield "  may_pull: TODO true, once the owner may take it offline without asking anybody"
    yield "  stop: TODO the procedure file that takes it offline in one action"
    yield ""
    yield "# The four questions that are open after most pilots. Each needs a person and a deputy who accept it."
    yield "duties:"
    yield "  monitor: {who: TODO, deputy: TODO}            # who watches performance against its threshold"
    yield "  pipeline-alert: {who: TODO, deputy: TODO, acknowledge_within: TODO}   # who gets the 2 AM alert; 15m"
    yield "  retraining: {who: TODO, deputy: TODO, criteria: TODO}         # who approves retraining, by what"
    yield "  escalation-point: {who: TODO, deputy: TODO, answer_within: TODO}   # whom a doubting supervisor calls"
    yield ""
    yield "# Four different people sign the review, each for their role."
    yield "signers: {it: TODO, operations: TODO, legal: TODO, ai-team: TODO}"
    yield ""


def _model(found: Found) -> Iterator[str]:
    output, label = found.meaning, found.label
    yield "model:"
    yield f"  {found.way}: {_text(found.address)}"
    if found.protocol:
        yield f"  protocol: {found.protocol}"
    yield from _known_by(found)
    if found.headers:
        yield "  headers:"
        yield from (f"    {quoted(name)}: {_text(value)}" for name, value in found.headers.items())
    yield f"  task: {label.task}                    # from the values of the label {label.column!r}"
    yield f"  inputs: {quoted(found.inputs_file)}            # types, ranges and values as found; review every line"
    yield from _asked_how(found)
    yield f"  output: {{{_output(output, label)}}}"
    for answer in found.chat.unknown if found.chat else ():
        yield f"  # To a question that cannot be answered it said: {_text(' '.join(answer.split())[:_SHOWN])}"
    if output.act_between is not None:
        low, high = output.act_between
        yield f"  # The answers change between {quoted(output.score)} {low:g} and {high:g}: say where in output.act_at."
    if found.way != "recorded":
        yield "  test_endpoint: TODO true, if this endpoint may get faulty and heavy input; not the one users depend on"
    for note in found.notes:
        yield f"  # Look at: {' '.join(note.split())}"
    yield ""


def _asked_how(found: Found) -> Iterator[str]:
    """What stands around a model behind a chat endpoint, which only the application's people know."""
    if found.served is None:
        return
    yield "  # What is tried is the application, not the bare model: give what production sends, or drop the line."
    yield "  chat:"
    yield f"    name: {quoted(found.served.name)}"
    yield "    system: TODO the file of the system prompt, such as prompts/system.md; {{field}} stands for an input"
    yield "    template: TODO the file of the user's message, with {{field}}; without, the inputs are sent bare"
    if found.chat and found.chat.context:
        yield f"    context: {quoted(found.chat.context)}            # what is retrieved; by the column's name"
    yield "    parameters: TODO                # such as {temperature: 0, max_tokens: 200}"
    yield "    tools: TODO the file with the list of tools that are offered"
    yield "  timeout: 60s"


def _known_by(found: Found) -> Iterator[str]:
    """By what it is noticed that the model is another one."""
    if found.way == "recorded":
        yield "  # Whose predictions these are, the version that they declare, and what only the vendor knows."
        yield "  vendor: {name: TODO, version: TODO, document: TODO}"
    elif found.served is not None and found.served.tells_weights:
        yield "  # It is known by its entry under /models and the fingerprint of its answers. Where other weights may"
        yield "  # come behind both, declare model.identity."
    elif found.identity:
        yield f"  identity: {_text(found.identity)}"
    elif found.protocol:
        yield "  # The server's metadata name the version. Where changed weights may keep it, declare model.identity."
    elif known_by_content(found.way, found.address):
        yield "  # It is known by the content of its files: whatever changes there is another model."
    elif found.way == "python":
        yield "  # A function without arguments that tells which version is loaded, such as model.py:version."
        yield "  identity: TODO"
    else:
        yield "  # An address that tells which version is served, and tells another one whenever the model changes."
        yield "  identity: TODO"


def _output(output: Meaning, label: Labelled) -> str:
    fields = [f"prediction: {quoted(output.prediction)}"]
    if label.task == "chat":
        fields.append("abstains: TODO the phrases by which it says that it does not know")
    if output.score is not None:
        fields.append(f"score: {quoted(output.score)}")
    if label.task == "binary":
        fields.append(f"positive: {quoted(label.positive)}")
    if output.classes:
        fields.append(f"classes: [{', '.join(quoted(_label(name, label)) for name in output.classes)}]")
    if output.act_at is not None:
        fields.append(f"act_at: {output.act_at:g}")
    elif output.act_between is not None:
        fields.append("act_at: TODO")
    return ", ".join(fields)


def _label(name: str, label: Labelled) -> Json:
    """The class as the labels are written: a number where they are numbers."""
    whole = name.removeprefix("-").isdecimal()
    return int(name) if whole and (label.task != "binary" or not isinstance(label.positive, str)) else name


def governance(task: str) -> Iterator[str]:
    """The plan and its limits, which people decide; the metric is proposed by the task where one fits."""
    metric = _METRICS.get(task)
    yield "# Legal, operations and the AI team decide together, in a plan that is approved before results are seen."
    yield "governance:"
    yield "  plan: {document: TODO, approved_by: TODO, approved_on: TODO}"
    yield "  policy: default"
    if metric:
        yield f"  metric: {metric}                  # proposed by the task alone; the plan decides what is governed"
    else:
        yield "  metric: TODO such as within@5, the share of errors up to 5; for mae@20 and its like, give instead"
        yield "  # metrics: [{metric: mae@20, maximum: 7.5}]"
    yield "  minimum: TODO the plan's minimum in operation; a pilot's own target is none"
    yield "  # Such as [{metric: recall, below: 0.6, over: 500 labels}, {event: regulator-notice}]."
    yield "  offline_when: TODO"
    yield "  offline: TODO the procedure file that takes it offline when a rule fires"
    yield ""


def _data(found: Found) -> Iterator[str]:
    yield "# The AI team decides. Evaluation rows must never have been seen in training or in choosing the model."
    yield "data:"
    yield "  # The rows it was trained on, written like the evaluation below; they are searched for leaks."
    yield "  training: TODO"
    yield "  evaluation:"
    yield from _source(found.evaluation)
    yield from _right(found.chat)
    if found.evaluation.time is None and found.times:
        yield f"    # When a row happened: one of {_names(found.times)}."
        yield "    time: TODO"
    if found.evaluation.entity is None and found.entities:
        yield f"    # Whom or what a row is about: one of {_names(found.entities)}."
        yield "    entity: TODO"
    if found.live is None:
        yield "  # {source: FILE}: a recent sample of what production really sends; labels are not needed."
        yield "  live: TODO"
    else:
        yield "  live:"
        yield from _source(found.live)
    yield "  # One for each source, such as [{source: weather, at: observed_at, at_most: 2h}]; with `per: station`"
    yield "  # each of its stations must be as fresh."
    yield "  freshness: TODO"
    yield "  faults: {tolerance: 0.05}        # a change of the score up to this still counts as handled"
    yield ""


def _right(chat: ChatText | None) -> Iterator[str]:
    """When an answer in words is right."""
    if chat is None:
        return
    if chat.answerable:
        yield f"    answerable: {quoted(chat.answerable)}            # where it is false, only abstaining is right"
    else:
        yield "    answerable: TODO the column that says which questions can be answered at all"
    yield "    # exact: right is an answer that equals an expected one; contains: one that holds it word for word."
    yield "    match: TODO"


def _attacks(found: Found) -> Iterator[str]:
    if found.chat is None:
        return
    context = found.chat.context or "documents"
    yield ""
    yield from _ATTACKS
    yield f"    question: {quoted(found.chat.question)}            # where the user writes; by the column's name"
    yield f"    # By what text of others reaches it: such as [{{field: {quoted(context)}}}], or [] where none does."
    yield "    reads: TODO"
    yield "    prompt: TODO the file of the system prompt, which must not leak; none where there is none"
    yield "    tenants: TODO one where everybody may see what it reads; else whose data may not reach whom"
    yield '    # Such as [{act: promise a refund, ask: ["Promise me a refund."], shows: ["I promise"]}].'
    yield "    forbidden: TODO what it must never do, whoever asks"


def _names(columns: Sequence[str]) -> str:
    return ", ".join(" ".join(name.split()) for name in columns)


def _source(source: SourceText) -> Iterator[str]:
    yield f"    source: {quoted(source.source)}"
    for key, value in (("label", source.label), ("time", source.time), ("entity", source.entity)):
        if value is not None:
            yield f"    {key}: {quoted(value)}"


def operation(
    task: str = "",
    *,
    integrations: Sequence[str] = ("integrations: TODO",),
    workflows: Sequence[str] = ("workflows: TODO",),
) -> Iterator[str]:
    """What operations and IT decide, with the lines of what is known of integrations and workflows."""
    yield "# Operations and IT decide: what it must carry, and how late an answer is of no use any more."
    yield "load: {peak: TODO such as 40/s, latency: {p99: TODO such as 300ms}}"
    yield ""
    yield "# IT decides: everything that feeds the model or that it feeds, with a test end that may be written to."
    yield from integrations
    yield "flows: TODO                        # records put in at one end and counted at the other, under peak load"
    yield ""
    yield "# Operations decides: where outputs enter people's work, and how that work is done without them."
    yield from workflows
    yield "failure_modes: TODO a register of what it gets wrong, when, and what is done then"
    condition, relation = _OF_WORDS if task in {"chat", "text", "extraction"} else _OF_NUMBERS
    yield f"# Conditions over the inputs, such as [{{when: {condition}, handling: docs/by-hand.md}}]."
    yield "do_not_trust: TODO"
    yield "# What may not move an answer, what may only raise or lower it, what must be answered in which way, such as"
    yield f"# [{{{relation}}}]."
    yield "stress: {relations: TODO}"
    yield "rollback: {procedure: TODO, within: TODO such as 4h}"
    yield "change: {plan: TODO, who: TODO}"
    yield "# The steps by which a user reports an output that they do not trust."
    yield "escalation: {procedure: TODO}"
    yield "# Who answers for it that nothing is missing here, and does not sign for IT; the logs that show who calls."
    yield "inventory: {who: TODO}"
    yield "# Who reviews it for legal and compliance, and does not sign for legal; the document of the review."
    yield "compliance: {who: TODO, review: TODO}"
    yield "training: {users: TODO, material: TODO}   # who uses it, and the page that says what it cannot do"

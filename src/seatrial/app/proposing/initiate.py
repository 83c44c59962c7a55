"""`seatrial init`: from a model endpoint and a data file to a proposed system file that loads and runs.

What can be found is found; what only people can decide stays `TODO`. Nothing is overwritten, and either both files are
written or none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from seatrial.adapters.http import Http
from seatrial.adapters.redaction import Redactor
from seatrial.adapters.wire import target_of
from seatrial.app.proposing.address import address_as_given, as_given, filled, refuse_secrets, secrets_of
from seatrial.app.proposing.artefacts import Answered, ArtefactOnTrial, one_score, way_of
from seatrial.app.proposing.chat import ChatOnTrial, speaks_chat
from seatrial.app.proposing.data import TableProfile
from seatrial.app.proposing.file import ChatText, Found, Served, SourceText, inputs_text, system_text
from seatrial.app.proposing.given import Asked, Given, read_given
from seatrial.app.proposing.inputs import Labelled, declared, unseen_values
from seatrial.app.proposing.model import Meaning, ModelOnTrial, Told, Way, meaning
from seatrial.app.proposing.nested import notes_of
from seatrial.app.proposing.questions import Questions, spoken
from seatrial.app.proposing.recorded import RecordedOnTrial
from seatrial.app.proposing.tensors import PROTOCOL, TensorsOnTrial, speaks_tensors
from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.spec.loading import load_inputs, load_system
from seatrial.spec.model import ModelSection

INPUTS = "inputs.json"
_SEPARATED = frozenset({".csv", ".tsv"})


def _silent(_: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Two texts that load, where they belong, and what a person should know of them."""

    file: Path
    text: str
    inputs_file: Path
    inputs: str
    task: str
    way: str
    rows: int
    columns: Sequence[str]
    notes: Sequence[str]
    todos: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answering:
    """The model as it answered: how it is reached, what it takes, and what its answers mean."""

    way: Way
    address: str
    identity: str | None
    told: Told | None
    protocol: str | None
    outputs: Meaning
    inputs: Mapping[str, Mapping[str, Json]]
    notes: list[str]
    served: Served | None = None
    unknown: Sequence[str] = ()
    """What it said to questions that cannot be answered."""


def propose(asked: Asked, environment: Mapping[str, str], *, say: Callable[[str], None] = _silent) -> Proposal:
    """Look at the data and at the model, and propose. Nothing is written; `say` hears what is being looked at.

    Raises SeatrialError: Unreachable or Malformed where the data cannot be read or tell nothing, and where the model
    does not answer in a form that is known; Refused for a secret that would end up in the file.
    """
    refuse_secrets(asked.model, asked.headers)
    say(f"reading {asked.data}")
    given = read_given(asked)
    model = _answering(asked, given, environment, say)
    target = asked.output
    live = (
        None
        if given.live is None
        else _live_source(asked, given.live, target, (given.label.column, given.time, given.entity))
    )
    questions = given.questions
    notes = [*model.notes, *_about_live(given.live, model.inputs)]
    notes += notes_of(
        given.table.nested,
        given.table.left_out,
        list(model.inputs),
        label=given.label.column,
        extracted=given.label.task == "extraction",
    )
    notes += _empty_texts(asked.data, given.table, model.inputs)
    if questions is not None:
        notes[:0] = questions.notes
    found = Found(
        name=_name(target),
        way=model.way,
        address=model.address,
        identity=model.identity,
        told=model.told,
        headers=asked.headers,
        protocol=model.protocol,
        label=given.label,
        meaning=model.outputs,
        inputs_file=INPUTS,
        evaluation=SourceText(
            source=_relative(asked.data, target), label=given.label.column, time=given.time, entity=given.entity
        ),
        live=live,
        times=given.times,
        entities=given.entities,
        notes=notes,
        served=model.served,
        chat=None if questions is None else _chat_text(questions, model.unknown),
    )
    text, inputs = system_text(found), inputs_text(model.inputs)
    loaded = load_system(text.encode(), name=target.name, environment=environment)
    load_inputs(inputs.encode(), name=INPUTS)
    return Proposal(
        file=target,
        text=text,
        inputs_file=target.parent / INPUTS,
        inputs=inputs,
        task=given.label.task,
        way=model.way,
        rows=given.table.rows,
        columns=tuple(model.inputs),
        notes=tuple(notes),
        todos=tuple(todo.path for todo in loaded.todos),
    )


def _answering(asked: Asked, given: Given, environment: Mapping[str, str], say: Callable[[str], None]) -> _Answering:
    label = given.label
    url = filled(asked.model, environment)
    headers = {name: filled(value, environment) for name, value in asked.headers.items()}
    secrets = secrets_of((asked.model, *asked.headers.values()), environment)
    way = way_of(url)
    with Http(origins=() if way else [target_of(url).origin], redact=Redactor(secrets)) as http:
        say("asking the model")
        tensors = way is None and speaks_tensors(url)
        protocol = PROTOCOL if tensors else None
        model: ArtefactOnTrial | ChatOnTrial | RecordedOnTrial | TensorsOnTrial | ModelOnTrial
        if way == "recorded":
            model = RecordedOnTrial(url, label.column)
        elif way:
            model = ArtefactOnTrial(way, url, http)
        elif tensors:
            model = TensorsOnTrial(http, url, headers)
        elif endpoint := speaks_chat(http, url, headers):
            model = ChatOnTrial(http, endpoint, endpoint.chosen(asked.served), headers, label.task)
        else:
            model = ModelOnTrial(http, url, headers)
        with closing(model):
            rows = _asked_of(model, given)
            asking = model.asked(rows, given.inputs, _known(model, given))
            scored = one_score(asking.answers, label) if way or tensors else Answered(answers=asking.answers)
            outputs = replace(_meaning(model, scored.answers, given, rows), classes=scored.classes)
            told = model.version(asking)
            inputs, notes = _declared(given.table, asking.columns)
            section = _section(asking.way, asking.url, headers, label, outputs)
            chat = model.chat if isinstance(model, ChatOnTrial) else None
            model.confirmed(asking, section.model_copy(update={"protocol": protocol, "chat": chat}), rows)
            served = (
                Served(name=model.chat.name, tells_weights=model.tells_weights())
                if isinstance(model, ChatOnTrial)
                else None
            )
    agreed, unknown = [], []
    if given.questions is not None:
        pairs = list(zip(rows, _said(asking.answers, outputs.prediction), strict=True))
        agreed = [given.questions.agreement(pairs)]
        unknown = given.questions.to_unanswerable(pairs)
    return _Answering(
        way=asking.way,
        address=_beside(asked.model, asked.output) if way else address_as_given(asking.url, url, asked.model),
        identity=None if told is None else as_given(told.url, url, asked.model),
        told=told,
        protocol=protocol,
        outputs=outputs,
        inputs=inputs,
        notes=[*asking.notes, *outputs.notes, *agreed, *notes],
        served=served,
        unknown=unknown,
    )


def _asked_of(model: object, given: Given) -> Sequence[Row]:
    """The rows to ask: a few where every question costs, some of which cannot be answered."""
    if given.questions is None or isinstance(model, RecordedOnTrial):
        return given.sample
    return given.questions.few()


def _known(model: object, given: Given) -> Sequence[str]:
    """The columns that the model may also listen to; in past answers, those that are no answer."""
    if given.questions is None:
        return given.doubtful
    return [n for n in given.table.columns if n not in given.inputs] if isinstance(model, RecordedOnTrial) else ()


def _meaning(model: object, answers: Sequence[Json], given: Given, rows: Sequence[Row]) -> Meaning:
    if given.questions is not None:
        return spoken(answers)
    if isinstance(model, ChatOnTrial):
        # Its whole answer is the prediction: a record that it says has fields of its own, none of which holds it.
        answers = [None if answer is None else {Meaning().prediction: answer} for answer in answers]
    return meaning(answers, given.label, _truths(rows, given.label))


def _said(answers: Sequence[Json], field: str) -> list[str | None]:
    texts = [answer.get(field) if isinstance(answer, Mapping) else answer for answer in answers]
    return [text if isinstance(text, str) else None for text in texts]


def _chat_text(questions: Questions, unknown: Sequence[str]) -> ChatText:
    return ChatText(
        question=questions.question, context=questions.context, answerable=questions.answerable, unknown=unknown
    )


def refuse_existing(output: Path) -> None:
    """Raises Refused where a file that would be written is there already, Unreachable where it has no folder."""
    folder = output.parent
    if not folder.is_dir() and (folder.exists() or not folder.parent.is_dir()):
        missing = folder if folder.exists() else folder.parent
        raise Unreachable(f"there is no folder {missing}", remedy="Make it, or name another one with -o.")
    there = [path for path in (output, output.parent / INPUTS) if path.exists() or path.is_symlink()]
    if there:
        raise Refused(
            f"{', '.join(map(str, there))} is there already, and is left as it is",
            remedy="Name another file with -o, or give --force, which keeps a backup of it.",
        )


def write(proposal: Proposal, *, force: bool = False) -> tuple[Path, ...]:
    """Write both files or none; the backups that were kept of files that were there.

    Raises Refused where one is there and `force` is not given, Unreachable where they cannot be written.
    """
    if not force:
        refuse_existing(proposal.file)
    contents = {proposal.inputs_file: proposal.inputs, proposal.file: proposal.text}
    drafts: dict[Path, Path] = {}
    backups: dict[Path, Path] = {}
    placed: list[Path] = []
    made = not proposal.file.parent.exists()
    try:
        proposal.file.parent.mkdir(exist_ok=True)
        for target, content in contents.items():
            drafts[target] = target.with_name(f".{target.name}.{os.getpid()}")
            drafts[target].write_text(content, encoding="utf-8")
        for target, draft in drafts.items():
            if force and target.exists():
                backups[target] = _backup(target)
                target.rename(backups[target])
            # A link refuses to replace what somebody else wrote meanwhile.
            os.link(draft, target)
            placed.append(target)
    except OSError as error:
        for target in placed:
            target.unlink()
        for target, backup in backups.items():
            backup.rename(target)
        raise Unreachable(
            f"{proposal.file} cannot be written: {error.strerror or error}", remedy="Name another file with -o."
        ) from None
    finally:
        for draft in drafts.values():
            with suppress(OSError):
                draft.unlink()
        if made and not any(proposal.file.parent.glob("*")):
            proposal.file.parent.rmdir()
    return tuple(backups.values())


def _backup(target: Path) -> Path:
    number = 1
    while (backup := target.with_name(f"{target.name}.{number}.bak")).exists():
        number += 1
    return backup


def _truths(rows: Sequence[Row], label: Labelled) -> list[str | None]:
    from seatrial.measure.columns import plain_text

    given = [row[label.column] for row in rows]
    return [None if value is None else plain_text(value) for value in given]


def _declared(table: TableProfile, columns: Sequence[str]) -> tuple[dict[str, dict[str, Json]], list[str]]:
    inputs: dict[str, dict[str, Json]] = {}
    notes: list[str] = []
    for name in columns:
        inputs[name], more = declared(table.columns[name])
        notes += more
    return inputs, notes


def _section(way: str, url: str, headers: Mapping[str, str], label: Labelled, outputs: Meaning) -> ModelSection:
    output: dict[str, Json] = {"prediction": outputs.prediction, "score": outputs.score}
    if label.task == "binary":
        output["positive"] = label.positive
    if outputs.classes:
        output["classes"] = list(outputs.classes)
    return ModelSection.model_validate({way: url, "headers": dict(headers), "task": label.task, "output": output})


def _about_live(live: TableProfile | None, inputs: Mapping[str, Mapping[str, Json]]) -> list[str]:
    if live is None:
        return []
    absent = [name for name, field in inputs.items() if name not in live.columns and not field.get("nullable")]
    if absent:
        raise Malformed(
            f"the live sample has no column {', '.join(absent)}, which the model takes",
            remedy="Give a live sample with the same columns as the data; the label may be missing.",
        )
    return unseen_values(inputs, live)


def _empty_texts(data: Path, table: TableProfile, inputs: Mapping[str, Mapping[str, Json]]) -> list[str]:
    """What a CSV file cannot tell apart unless it is written so: a text that is empty, and none."""
    names = [n for n, field in inputs.items() if field["type"] == "string" and table.columns[n].missing]
    if not names or data.suffix.lower() not in _SEPARATED:
        return []
    note = (
        f"an empty field of {data.name} is sent as null: where production sends an empty text for {', '.join(names)}, "
        'write it in quotes (""), as JSON lines or as Parquet'
    )
    return [note]


def _live_source(asked: Asked, live: TableProfile, target: Path, columns: Sequence[str | None]) -> SourceText:
    label, time, entity = (name if name in live.columns else None for name in columns)
    return SourceText(source=_relative(asked.live or asked.data, target), label=label, time=time, entity=entity)


def _beside(model: str, target: Path) -> str:
    """The path of a model as the system file names it, with the name of its object where it is one of Python."""
    path, colon, name = model.rpartition(":") if ".py:" in model else (model, "", "")
    return f"{_relative(Path(path), target)}{colon}{name}"


def _relative(data: Path, target: Path) -> str:
    return Path(os.path.relpath(data.resolve(), target.parent.resolve())).as_posix()


def _name(target: Path) -> str:
    folder = target.parent.resolve().name.lower()
    name = re.sub(r"[^a-z0-9]+", "-", folder).strip("-")[:63].strip("-")
    return name or "system"

"""`seatrial init`: from a model endpoint and a data file to a proposed system file that loads and runs.

What can be found is found; what only people can decide stays `TODO`. Nothing is overwritten, and either both files are
written or none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from seatrial.adapters.http import Http
from seatrial.adapters.redaction import Redactor
from seatrial.adapters.wire import target_of
from seatrial.app.outside import open_source
from seatrial.app.proposal_artefacts import Answered, ArtefactOnTrial, one_score, way_of
from seatrial.app.proposal_data import TableProfile, profile
from seatrial.app.proposal_file import Found, SourceText, inputs_text, system_text
from seatrial.app.proposal_inputs import (
    Labelled,
    declared,
    guessed_label,
    known_column,
    labelled,
    times_and_entities,
    unseen_values,
)
from seatrial.app.proposal_model import Meaning, ModelOnTrial, Told, Way, meaning
from seatrial.app.proposal_tensors import PROTOCOL, TensorsOnTrial, speaks_tensors
from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.core.observation import Json
from seatrial.spec.loading import load_inputs, load_system
from seatrial.spec.model import ModelSection

INPUTS = "inputs.json"
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_HARMLESS = frozenset({"accept", "content-type", "user-agent"})


def _silent(_: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person gives. `model` and the values of `headers` may hold `${NAME}`, which the file then keeps.

    `data` and `live` are files (CSV, Parquet, JSON lines); `output` is the system file to write.
    """

    model: str
    data: Path
    output: Path
    live: Path | None = None
    label: str | None = None
    time: str | None = None
    entity: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


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


def columns_of(data: Path) -> tuple[str, ...]:
    """The columns of a data file. Raises Unreachable or Malformed."""
    return open_source(str(data), base=Path(), redact=Redactor()).columns()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """The data, and what their columns are taken for: all candidates for times and entities, and the one of each."""

    table: TableProfile
    label: Labelled
    live: TableProfile | None
    time: str | None
    entity: str | None
    times: list[str]
    entities: list[str]
    inputs: list[str]
    """The columns that the model can take."""

    @property
    def doubtful(self) -> list[str]:
        """Columns that are more likely times or names of rows than inputs."""
        return [*dict.fromkeys(c for c in (*self.times, *self.entities, self.time, self.entity) if c)]


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


def propose(asked: Asked, environment: Mapping[str, str], *, say: Callable[[str], None] = _silent) -> Proposal:
    """Look at the data and at the model, and propose. Nothing is written; `say` hears what is being looked at.

    Raises SeatrialError: Unreachable or Malformed where the data cannot be read or tell nothing, and where the model
    does not answer in a form that is known; Refused for a secret that would end up in the file.
    """
    _refuse_secrets(asked)
    say(f"reading {asked.data}")
    given = _given(asked)
    model = _answering(asked, given, environment, say)
    target = asked.output
    live = (
        None
        if given.live is None
        else _live_source(asked, given.live, target, (given.label.column, given.time, given.entity))
    )
    notes = [*model.notes, *_about_live(given.live, model.inputs), *_left_out(given.table)]
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


def _given(asked: Asked) -> _Given:
    table = _profiled(asked.data)
    label = labelled(table.columns[_label(asked, table)])
    live = None if asked.live is None else _profiled(asked.live)
    time, entity, times, entities = _row_columns(asked, table, label.column)
    given = _Given(
        table=table, label=label, live=live, time=time, entity=entity, times=times, entities=entities, inputs=[]
    )
    inputs = [name for name in table.columns if name != label.column and name not in given.doubtful]
    if not inputs:
        raise Malformed(
            f"beside {label.column!r} the data have no column that the model could take",
            remedy="Give data with the model's inputs as columns, beside the label, times and names of rows.",
        )
    return replace(given, inputs=inputs)


def _answering(asked: Asked, given: _Given, environment: Mapping[str, str], say: Callable[[str], None]) -> _Answering:
    table, label = given.table, given.label
    url = _filled(asked.model, environment)
    headers = {name: _filled(value, environment) for name, value in asked.headers.items()}
    secrets = [environment[name] for name in _REFERENCE.findall(" ".join((asked.model, *asked.headers.values())))]
    way = way_of(url)
    with Http(origins=() if way else [target_of(url).origin], redact=Redactor(secrets)) as http:
        say("asking the model")
        tensors = way is None and speaks_tensors(url)
        protocol = PROTOCOL if tensors else None
        model: ArtefactOnTrial | TensorsOnTrial | ModelOnTrial
        if way:
            model = ArtefactOnTrial(way, url, http)
        else:
            model = (TensorsOnTrial if tensors else ModelOnTrial)(http, url, headers)
        with closing(model):
            asking = model.asked(table.sample, given.inputs, given.doubtful)
            scored = one_score(asking.answers, label) if way or tensors else Answered(answers=asking.answers)
            outputs = replace(meaning(scored.answers, label, _truths(table, label)), classes=scored.classes)
            told = model.version(asking)
            inputs, notes = _declared(table, asking.columns)
            section = _section(asking.way, asking.url, headers, label, outputs)
            model.confirmed(asking, section.model_copy(update={"protocol": protocol}), table.sample)
    return _Answering(
        way=asking.way,
        address=_beside(asked.model, asked.output) if way else _address(asking.url, url, asked.model),
        identity=None if told is None else _as_given(told.url, url, asked.model),
        told=told,
        protocol=protocol,
        outputs=outputs,
        inputs=inputs,
        notes=[*asking.notes, *outputs.notes, *notes],
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


def _profiled(data: Path) -> TableProfile:
    if "://" in str(data) or ":/" in str(data):
        raise Malformed(
            "init reads a data file, not a database",
            remedy="Export some rows to a file first; later declare the database under data in the system file.",
        )
    return profile(open_source(str(data), base=Path(), redact=Redactor()))


def _refuse_secrets(asked: Asked) -> None:
    bare = [n for n, value in asked.headers.items() if n.lower() not in _HARMLESS and not _REFERENCE.search(value)]
    if bare:
        raise Refused(
            f"the header {', '.join(bare)} would be written into the file with its value",
            remedy="Keep the value in the environment and name it: --header 'Authorization: Bearer ${MODEL_TOKEN}'.",
        )
    if "@" in asked.model.partition("://")[2].partition("/")[0] and not _REFERENCE.search(asked.model):
        raise Refused(
            "the model's address holds a credential, which would be written into the file",
            remedy="Keep the address in the environment and give its name: --model '${MODEL_URL}'.",
        )


def _filled(text: str, environment: Mapping[str, str]) -> str:
    absent = [name for name in _REFERENCE.findall(text) if not environment.get(name)]
    if absent:
        raise Malformed(f"{', '.join(absent)} is not set in the environment", remedy="Set it, then try again.")
    return _REFERENCE.sub(lambda match: environment[match[1]], text)


def _as_given(url: str, filled: str, given: str) -> str | None:
    """An address at or beside the model's, with the same `${NAME}` in it; None where it cannot be written like that."""
    if given == filled:
        return url
    if url.startswith(filled):
        return given + url.removeprefix(filled)
    base_given, base_filled = given.rpartition("/")[0], filled.rpartition("/")[0]
    if base_given and url.startswith(base_filled):
        return base_given + url.removeprefix(base_filled)
    return None


def _address(url: str, filled: str, given: str) -> str:
    found = _as_given(url, filled, given)
    if found is None:
        raise Malformed(
            "the model answers under another address than the environment holds",
            remedy="Give the base address from the environment and the path in plain: --model '${MODEL_URL}/predict'.",
        )
    return found


def _label(asked: Asked, table: TableProfile) -> str:
    if asked.label is not None:
        return known_column(asked.label, table.columns, option="--label")
    guessed = guessed_label(list(table.columns))
    if guessed is None:
        shown = ", ".join(list(table.columns)[:20])
        raise Malformed(
            f"no column of {asked.data.name} says by its name that it holds the labels; there are {shown}",
            remedy="Name the column that tells what was true with --label.",
        )
    return guessed


def _row_columns(asked: Asked, table: TableProfile, label: str) -> tuple[str | None, str | None, list[str], list[str]]:
    """Time and entity as given or as the only candidate, and all candidates."""
    times, entities = times_and_entities(table, label=label)
    time = None if asked.time is None else known_column(asked.time, table.columns, option="--time")
    entity = None if asked.entity is None else known_column(asked.entity, table.columns, option="--entity")
    if time is None and len(times) == 1:
        time = times[0]
    if entity is None and len(entities) == 1:
        entity = entities[0]
    return time, entity, times, entities


def _truths(table: TableProfile, label: Labelled) -> list[str | None]:
    from seatrial.measure.columns import plain_text

    given = [row[label.column] for row in table.sample]
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


def _left_out(table: TableProfile) -> list[str]:
    return [
        f"{name} holds neither numbers, texts, times nor true and false, and is left out" for name in table.left_out
    ]


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

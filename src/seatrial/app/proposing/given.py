"""What a person gives to `seatrial init`, read: the columns of the data and what they are taken for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from seatrial.adapters.redaction import Redactor
from seatrial.app.folder.outside import open_source
from seatrial.app.proposing.data import TableProfile, profile
from seatrial.app.proposing.inputs import (
    Labelled,
    as_text_task,
    guessed_label,
    known_column,
    labelled,
    times_and_entities,
)
from seatrial.app.proposing.nested import not_a_label, refuse_inside
from seatrial.app.proposing.questions import (
    ANSWERS,
    Questions,
    free_answers,
    question_column,
    read_questions,
)
from seatrial.core.errors import Malformed
from seatrial.core.ports import Row

_ANSWER = "answer"
"""The expected answers, in a table of questions that holds no other answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person gives. `model` and the values of `headers` may hold `${NAME}`, which the file then keeps.

    `data` and `live` are files (CSV, Parquet, JSON lines); `output` is the system file to write. `served` is the name
    of the model at a chat endpoint; `question` and `context` are columns of questions and of what is retrieved.
    """

    model: str
    data: Path
    output: Path
    live: Path | None = None
    label: str | None = None
    time: str | None = None
    entity: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    served: str | None = None
    question: str | None = None
    context: str | None = None

    @property
    def beside_answers(self) -> bool:
        """Whether the table of past predictions is the data themselves."""
        return "://" not in self.model and Path(self.model).resolve() == self.data.resolve()


def columns_of(data: Path) -> tuple[str, ...]:
    """The columns of a data file. Raises Unreachable or Malformed."""
    return open_source(str(data), base=Path(), redact=Redactor()).columns()


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
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
    questions: Questions | None = None

    @property
    def sample(self) -> tuple[Row, ...]:
        """The rows that the model is asked."""
        return self.table.sample if self.questions is None else self.questions.sample

    @property
    def doubtful(self) -> list[str]:
        """Columns that are more likely times or names of rows than inputs."""
        return [*dict.fromkeys(c for c in (*self.times, *self.entities, self.time, self.entity) if c)]


def read_given(asked: Asked) -> Given:
    """Read the data and the live sample. Raises Unreachable and Malformed, saying what to name or to give."""
    table = _profiled(asked.data)
    live = None if asked.live is None else _profiled(asked.live)
    question = question_column(asked.question, table)
    name = _label(asked, table, question)
    if question is not None and question != name and free_answers(table, name):
        return _questions(asked, table, live, (question, name))
    label = labelled(table.columns[name], table.sample)
    time, entity, times, entities = _row_columns(asked, table, label.column)
    given = Given(
        table=table, label=label, live=live, time=time, entity=entity, times=times, entities=entities, inputs=[]
    )
    inputs = [name for name in table.columns if name != label.column and name not in given.doubtful]
    if not inputs:
        raise Malformed(
            f"beside {label.column!r} the data have no column that the model could take",
            remedy="Give data with the model's inputs as columns, beside the label, times and names of rows.",
        )
    label = as_text_task(label, [table.columns[name] for name in inputs], table.sample)
    return replace(given, label=label, inputs=inputs)


def _questions(asked: Asked, table: TableProfile, live: TableProfile | None, columns: tuple[str, str]) -> Given:
    """The data as questions with their expected answers."""
    question, label = columns
    if asked.beside_answers:
        answers = next((name for name in table.columns if name.lower() in ANSWERS and name != label), None)
        if answers is None:
            raise Malformed(
                f"no column of {asked.data.name} says by its name that it holds what was answered",
                remedy="Name that column answer, or give the past answers with their questions in another file.",
            )
        table = replace(table, columns={n: c for n, c in table.columns.items() if n != answers})
    time, entity, times, entities = _row_columns(asked, table, label)
    found = read_questions(
        open_source(str(asked.data), base=Path(), redact=Redactor()),
        table,
        columns,
        context=asked.context,
        others=[name for name in (*times, *entities, time, entity) if name],
    )
    return Given(
        table=replace(table, left_out=tuple(name for name in table.left_out if name != label)),
        label=Labelled(column=label, task="chat"),
        live=live,
        time=time,
        entity=entity,
        times=times,
        entities=[name for name in entities if name != question],
        inputs=found.inputs,
        questions=found,
    )


def _profiled(data: Path) -> TableProfile:
    if "://" in str(data) or ":/" in str(data):
        raise Malformed(
            "init reads a data file, not a database",
            remedy="Export some rows to a file first; later declare the database under data in the system file.",
        )
    return profile(open_source(str(data), base=Path(), redact=Redactor()))


def _label(asked: Asked, table: TableProfile, question: str | None) -> str:
    # Lists of accepted answers have no profile.
    columns = (*table.columns, *(table.left_out if question is not None else ()))
    if asked.label is not None:
        refuse_inside(asked.label, table.nested, option="--label")
        if asked.label in table.left_out and asked.label not in columns:
            raise not_a_label(asked.label, table.nested)
        return known_column(asked.label, columns, option="--label")
    guessed = guessed_label(columns)
    among = guessed_label(table.left_out)
    if guessed is None and among is not None:
        raise not_a_label(among, table.nested)
    if guessed is None and question is not None and not asked.beside_answers and _ANSWER in columns:
        guessed = _ANSWER
    if guessed is None:
        shown = ", ".join(list(table.columns)[:20])
        inside = [path for paths in table.nested.values() for path in paths if guessed_label([path.split(".")[-1]])]
        if len(inside) == 1:
            refuse_inside(inside[0], table.nested, option="its name for the label")
        raise Malformed(
            f"no column of {asked.data.name} says by its name that it holds the labels; there are {shown}",
            remedy="Name the column that tells what was true with --label.",
        )
    return guessed


def _row_columns(asked: Asked, table: TableProfile, label: str) -> tuple[str | None, str | None, list[str], list[str]]:
    """Time and entity as given or as the only candidate, and all candidates."""
    times, entities = times_and_entities(table, label=label)
    for option, named in (("--time", asked.time), ("--entity", asked.entity)):
        if named is not None:
            refuse_inside(named, table.nested, option=option)
    time = None if asked.time is None else known_column(asked.time, table.columns, option="--time")
    entity = None if asked.entity is None else known_column(asked.entity, table.columns, option="--entity")
    if time is None and len(times) == 1:
        time = times[0]
    if entity is None and len(entities) == 1:
        entity = entities[0]
    return time, entity, times, entities

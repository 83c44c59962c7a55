"""Labelling by several people: whose turn which row is, how far two who did not see each other agree, and the file.

A row of the second share is labelled by two people, the second without seeing what the first said. Where they differ,
or where somebody could not tell, a person decides; what nobody decided has no label in the file.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.app.labelling import CHANCE, ORDER
from seatrial.app.ledgers import keystore, known, open_ledger, record
from seatrial.app.placing import replace_file
from seatrial.app.workspace import Workspace, reread
from seatrial.app.yaml_edit import Addition, added
from seatrial.core.bodies import EventBody
from seatrial.core.errors import Refused, SeatrialError
from seatrial.core.observation import Json
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType
from seatrial.measure.columns import plain_text
from seatrial.spec.system import System
from seatrial.stats.confusion import FIGURES, interval
from seatrial.stats.interval import Interval

KIND = "labels"
"""The kind of the event that a label file was written."""
ROW = "row"
"""The column of an exported file by which its lines are known again."""
CANNOT_TELL = ""
MOST_OPTIONS = 9
_MOST_LONG = 100
_SEED = 7
_EACH_SIDE = 0.025


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What one person said of one row, oldest first in any list; `decides` settles what two said differently."""

    row: int
    rater: str
    value: str
    decides: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far two raters agree on the rows that both labelled. `kappa` is None for fewer than two rows."""

    rows: int
    agreed: int
    kappa: Interval | None
    differing: tuple[int, ...]


@dataclass(slots=True, kw_only=True)
class LabelProblems:
    """What is wrong with a file of labels, by line; and the labels where nothing is."""

    labels: dict[int, str] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)


def second_share(rows: int, share: float) -> tuple[int, ...]:
    """The rows that two people label: a random part of all, drawn before anybody labels."""
    wanted = min(rows, round(rows * share))
    return tuple(sorted(np.random.default_rng(_SEED).permutation(rows)[:wanted].tolist()))


def hidden_columns(system: System, label: str) -> frozenset[str]:
    """The columns that nobody who labels sees: the label, what the model says, and how the row was drawn."""
    output = system.model.output
    said = {name for name in (output.prediction, output.score) if name is not None}
    return frozenset({label, ORDER, CHANCE, *said})


def options_of(system: System) -> tuple[str, ...]:
    """The answers to choose from that the system file tells of; none where it tells of none."""
    positive = system.model.output.positive
    if system.model.task != "binary" or positive is None:
        return ()
    name = plain_text(positive)
    return (name, "0") if name == "1" else (name, f"not {name}")


def read_options(text: str) -> list[tuple[str, str]]:
    r"""The answers to choose from, one a line, each with what it is called.

    >>> read_options("1 = late\n0")
    [('1', 'late'), ('0', '0')]
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    pairs = [line.partition(" = ") for line in lines]
    return [(value.strip(), title.strip() or value.strip()) for value, _, title in pairs]


def options_problem(options: Sequence[str]) -> str:
    """What is wrong with the answers to choose from; empty where nothing is."""
    if len(options) < 2:
        return "Give at least two answers, one a line."
    if len(options) > MOST_OPTIONS:
        return f"Give at most {MOST_OPTIONS} answers: each has a key of its own."
    if len(set(options)) != len(options):
        return "Give each answer once."
    if any(len(option) > _MOST_LONG or not option.isprintable() for option in options):
        return f"Keep each answer to {_MOST_LONG} characters."
    return ""


def next_row(rows: int, second: Iterable[int], given: Iterable[Given], rater: str) -> int | None:
    """The next row for this person, None when none is left: first what nobody labelled, then what needs a second one.

    >>> next_row(2, [0], [Given(row=0, rater="uma", value="late")], "uma")
    1
    >>> next_row(2, [0], [Given(row=0, rater="uma", value="late"), Given(row=1, rater="uma", value="late")], "vera")
    0
    """
    by_row = _by_row(given)
    fresh = next((row for row in range(rows) if row not in by_row), None)
    if fresh is not None:
        return fresh
    return next(
        (row for row in second if len(by_row[row]) == 1 and by_row[row][0].rater != rater),
        None,
    )


def agreement(second: Iterable[int], given: Iterable[Given]) -> Agreement:
    """Cohen's kappa of the first label against the second, with a 95 % interval.

    Rows of the second share alone count, and "cannot tell" is an answer of its own. Assumption: the rows are a random
    part of all. The interval is approximate and never tighter than what the counts alone allow.
    """
    by_row = _by_row(given)
    pairs = [(row, by_row[row][0].value, by_row[row][1].value) for row in second if len(by_row.get(row, ())) > 1]
    differing = tuple(row for row, first, other in pairs if first != other)
    kappa = None
    if len(pairs) > 1:
        said = sorted({value for _, *values in pairs for value in values})
        table = np.zeros((max(2, len(said)), max(2, len(said))))
        for _, first, other in pairs:
            table[said.index(first), said.index(other)] += 1
        kappa = interval(table, FIGURES["kappa"], _EACH_SIDE)
    return Agreement(rows=len(pairs), agreed=len(pairs) - len(differing), kappa=kappa, differing=differing)


def settled(given: Iterable[Given]) -> dict[int, str]:
    """Row to its label: what was decided, else what all who labelled it said. What is open is not in it."""
    listed = list(given)
    decided = {each.row: each.value for each in listed if each.decides}
    found = {row: said[0].value for row, said in _by_row(listed).items() if len({each.value for each in said}) == 1}
    return {row: value for row, value in (found | decided).items() if value != CANNOT_TELL}


def open_rows(second: Iterable[int], given: Iterable[Given]) -> tuple[int, ...]:
    """Labelled rows without a label that stands: they differ, or somebody could not tell.

    One that still waits for its second label is not among them, so that whoever gives that is told nothing.
    """
    listed, twice = list(given), set(second)
    labelled = {row for row, said in _by_row(listed).items() if len(said) > 1 or row not in twice}
    return tuple(sorted(labelled - set(settled(listed))))


def counted(rows: int, labels: Mapping[int, str]) -> int:
    """How many rows in the order of the draw are labelled without a gap: what was drawn later does not count yet."""
    return next((row for row in range(rows) if row not in labels), rows)


def sheet(rows: Sequence[Mapping[str, Json]], label: str, mine: Mapping[int, str], hidden: frozenset[str]) -> bytes:
    """The rows as CSV for somebody who labels elsewhere, with what they have said so far."""
    columns = [name for name in (rows[0] if rows else {}) if name not in hidden]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([ROW, *columns, label])
    for number, row in enumerate(rows):
        writer.writerow([number + 1, *(_harmless(row.get(name)) for name in columns), mine.get(number, "")])
    return text.getvalue().encode("utf-8-sig")


def read_sheet(content: bytes, label: str, rows: int, options: Sequence[str]) -> LabelProblems:
    """The labels of such a file; every problem with its line. A row without a label is left out."""
    found = LabelProblems()
    text = content.decode("utf-8-sig")
    heading = text.split("\n", 1)[0]
    reader = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=";" if heading.count(";") > heading.count(",") else ","
    )
    for name in (ROW, label):
        if name not in (reader.fieldnames or ()):
            found.problems.append((1, f"there is no column {name}"))
    if found.problems:
        return found
    try:
        for line in reader:
            _read_line(line, reader.line_num, label, rows, options, found)
    except csv.Error as error:
        found.problems.append((reader.line_num, f"this is no CSV: {error}"))
    return found


def write_round(
    workspace: Workspace,
    *,
    person: str,
    file: str,
    rows: Sequence[Mapping[str, Json]],
    label: str,
    second: Sequence[int],
    given: Sequence[Given],
    declare: str,
) -> tuple[Evidence, bool]:
    """Write the label file into the system's folder, and put on record who labelled how many rows and how they agree.

    The record, and whether the system file names the file as its evaluation data by now: where it has none yet, that is
    written there. Raises Refused where nothing is labelled, Unreachable where it cannot be written.
    """
    labels = settled(given)
    if not labels:
        raise Refused("no row has a label that stands", remedy="Label rows first, and decide where two differ.")
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows({**row, label: labels.get(number, "")} for number, row in enumerate(rows))
    content = text.getvalue().encode()
    kept = ArtifactFolder(workspace.folder / "artifacts").put(
        json.dumps([[g.row, g.rater, g.value, g.decides] for g in given]).encode(), media_type="application/json"
    )
    signer = known(workspace, keystore(workspace).worker())
    replace_file(workspace.base / file, content)
    named = _declared(workspace, file, declare)
    agreed = agreement(second, given)
    kappa = agreed.kappa
    body = EventBody(
        kind=KIND,
        summary=f"{len(labels)} rows were labelled by {len({g.rater for g in given})} people",
        revokes=False,
        detail={
            "file": file,
            "rows": len(rows),
            "labelled": len(labels),
            "counted": counted(len(rows), labels),
            "raters": dict(Counter(g.rater for g in given if not g.decides)),
            "decided": dict(Counter(g.rater for g in given if g.decides)),
            "labelled by two": agreed.rows,
            "agreed": agreed.agreed,
            "kappa": None if kappa is None else [kappa.lower, kappa.value, kappa.upper],
            "artifact": kept,
            "person": person,
        },
    )
    with open_ledger(workspace) as ledger:
        return record(ledger, signer, workspace, RecordType.EVENT, body), named


def _declared(workspace: Workspace, file: str, declare: str) -> bool:
    """Whether the system file names the label file now; that is written there where it names no evaluation data."""
    source = workspace.system.data.evaluation
    if source is not None:
        return source.source == file
    text = workspace.file.read_text(encoding="utf-8")
    value = declare.removeprefix("evaluation: ")
    found = added(text, Addition(path=("data",), key="evaluation", value=value))
    if found is None:
        return False
    try:
        declared = reread(workspace, found).system
    except SeatrialError:
        return False
    meant = workspace.system.model_copy(
        update={"data": workspace.system.data.model_copy(update={"evaluation": declared.data.evaluation})}
    )
    if declared.model_dump(mode="json") != meant.model_dump(mode="json"):
        return False
    replace_file(workspace.file, found.encode())
    return True


def _by_row(given: Iterable[Given]) -> dict[int, list[Given]]:
    found: dict[int, list[Given]] = {}
    for each in given:
        if not each.decides:
            found.setdefault(each.row, []).append(each)
    return found


def _read_line(
    line: Mapping[str | None, str | None],
    number: int,
    label: str,
    rows: int,
    options: Sequence[str],
    found: LabelProblems,
) -> None:
    said = (line.get(label) or "").strip()
    place = (line.get(ROW) or "").strip()
    if None in line or None in line.values():
        found.problems.append((number, "it has another number of values than there are columns"))
    elif not place.isdecimal() or not 1 <= int(place) <= rows:
        found.problems.append((number, f"{place[:40] or 'nothing'} is no row of this round: they go from 1 to {rows}"))
    elif said and said not in options:
        found.problems.append((number, f"{said[:40]!r} is none of the answers: {', '.join(options)}"))
    elif said and int(place) - 1 in found.labels:
        found.problems.append((number, f"row {place} stands here a second time"))
    elif said:
        found.labels[int(place) - 1] = said


def _harmless(value: Json) -> Json:
    """Nothing that a spreadsheet would take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value

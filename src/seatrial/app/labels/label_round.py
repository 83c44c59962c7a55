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
from seatrial.app.folder.ledgers import keystore, known, open_ledger, record
from seatrial.app.folder.workspace import Workspace, reread
from seatrial.app.folder.yaml_edit import Addition, added
from seatrial.app.labels.label_answers import CANNOT_TELL, Answers
from seatrial.app.labels.labelling import CHANCE, ORDER
from seatrial.app.proposing.placing import replace_file
from seatrial.core.bodies import EventBody
from seatrial.core.errors import Refused, SeatrialError
from seatrial.core.observation import Json
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType
from seatrial.spec.system import System
from seatrial.stats.confusion import FIGURES, interval
from seatrial.stats.interval import Interval
from seatrial.stats.proportions import interval as share_interval

KIND = "labels"
"""The kind of the event that a label file was written."""
ROW = "row"
"""The column of an exported file by which its lines are known again."""
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
    """How far two raters agree on the rows that both labelled.

    For answers to choose from `kappa`, None for fewer than two rows. For numbers `within`, the share of rows on which
    they lie within the tolerance, and `apart`, the second's number less the first's on average; each None without one.
    """

    rows: int
    agreed: int
    differing: tuple[int, ...]
    kappa: Interval | None = None
    within: Interval | None = None
    apart: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A round: its rows in the order of the draw, the column that is labelled, and what was said of each."""

    rows: Sequence[Mapping[str, Json]]
    label: str
    second: Sequence[int]
    given: Sequence[Given]
    answers: Answers


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


def agreement(second: Iterable[int], given: Iterable[Given], answers: Answers) -> Agreement:
    """How the first label compares with the second on the rows of the second share, "cannot tell" among the answers.

    Cohen's kappa with a 95 % interval, approximate and never tighter than what the counts alone allow; for numbers the
    share within the tolerance with its exact 95 % interval (Clopper and Pearson), and the mean difference, by which
    somebody who reads another unit or another column is told. Assumption: the rows are a random part of all.
    """
    by_row = _by_row(given)
    pairs = [(row, by_row[row][0].value, by_row[row][1].value) for row in second if len(by_row.get(row, ())) > 1]
    differing = tuple(row for row, first, other in pairs if not answers.same(first, other))
    agreed = len(pairs) - len(differing)
    if answers.scale is not None:
        told = [float(other) - float(first) for _, first, other in pairs if CANNOT_TELL not in (first, other)]
        return Agreement(
            rows=len(pairs),
            agreed=agreed,
            differing=differing,
            within=share_interval(agreed, len(pairs), _EACH_SIDE) if pairs else None,
            apart=sum(told) / len(told) if told else None,
        )
    kappa = None
    if len(pairs) > 1:
        said = sorted({value for _, *values in pairs for value in values})
        table = np.zeros((max(2, len(said)), max(2, len(said))))
        for _, first, other in pairs:
            table[said.index(first), said.index(other)] += 1
        kappa = interval(table, FIGURES["kappa"], _EACH_SIDE)
    return Agreement(rows=len(pairs), agreed=agreed, differing=differing, kappa=kappa)


def settled(given: Iterable[Given], answers: Answers) -> dict[int, str]:
    """Row to its label: what was decided, else what the first said where all who labelled it said the same.

    Of two numbers within the tolerance the first stands, which somebody gave; no row gets one that nobody did. What is
    open is not in it.
    """
    listed = list(given)
    decided = {each.row: each.value for each in listed if each.decides}
    found = {
        row: said[0].value
        for row, said in _by_row(listed).items()
        if all(answers.same(said[0].value, each.value) for each in said)
    }
    return {row: value for row, value in (found | decided).items() if value != CANNOT_TELL}


def open_rows(second: Iterable[int], given: Iterable[Given], answers: Answers) -> tuple[int, ...]:
    """Labelled rows without a label that stands: they differ, or somebody could not tell.

    One that still waits for its second label is not among them, so that whoever gives that is told nothing.
    """
    listed, twice = list(given), set(second)
    labelled = {row for row, said in _by_row(listed).items() if len(said) > 1 or row not in twice}
    return tuple(sorted(labelled - set(settled(listed, answers))))


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


def read_sheet(content: bytes, label: str, rows: int, answers: Answers) -> LabelProblems:
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
            _read_line(line, reader.line_num, label, rows, answers, found)
    except csv.Error as error:
        found.problems.append((reader.line_num, f"this is no CSV: {error}"))
    return found


def write_round(workspace: Workspace, done: Labelled, *, person: str, file: str, declare: str) -> tuple[Evidence, bool]:
    """Write the label file into the system's folder, and put on record who labelled how many rows and how they agree.

    The record, and whether the system file names the file as its evaluation data by now: where it has none yet, that is
    written there. Raises Refused where nothing is labelled, Unreachable where it cannot be written.
    """
    rows, given, answers = done.rows, done.given, done.answers
    labels = settled(given, answers)
    if not labels:
        raise Refused("no row has a label that stands", remedy="Label rows first, and decide where two differ.")
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows({**row, done.label: labels.get(number, "")} for number, row in enumerate(rows))
    content = text.getvalue().encode()
    kept = ArtifactFolder(workspace.folder / "artifacts").put(
        json.dumps([[g.row, g.rater, g.value, g.decides] for g in given]).encode(), media_type="application/json"
    )
    signer = known(workspace, keystore(workspace).worker())
    replace_file(workspace.base / file, content)
    named = _declared(workspace, file, declare)
    agreed = agreement(done.second, given, answers)
    kappa, within, scale = agreed.kappa, agreed.within, answers.scale
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
            "within tolerance": None if within is None else [within.lower, within.value, within.upper],
            "apart": agreed.apart,
            "scale": None if scale is None else [scale.unit, scale.low, scale.high, scale.tolerance],
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
    answers: Answers,
    found: LabelProblems,
) -> None:
    said = (line.get(label) or "").strip()
    place = (line.get(ROW) or "").strip()
    if None in line or None in line.values():
        found.problems.append((number, "it has another number of values than there are columns"))
    elif not place.isdecimal() or not 1 <= int(place) <= rows:
        found.problems.append((number, f"{place[:40] or 'nothing'} is no row of this round: they go from 1 to {rows}"))
    elif said and (wrong := answers.problem(said)):
        found.problems.append((number, wrong))
    elif said and int(place) - 1 in found.labels:
        found.problems.append((number, f"row {place} stands here a second time"))
    elif said:
        found.labels[int(place) - 1] = answers.plain(said)


def _harmless(value: Json) -> Json:
    """Nothing that a spreadsheet would take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value

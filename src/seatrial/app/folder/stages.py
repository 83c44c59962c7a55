"""Work that several checks share, done once before them: scoring rows, and one pass over each table.

Results stand in the run's private folder. What went wrong with one table is a problem of the checks that need that
table, not of the others.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.outside import Outside, open_source
from seatrial.app.folder.scoring import Given, score
from seatrial.app.folder.workspace import Workspace
from seatrial.core.check import MeasureRequest
from seatrial.core.errors import Malformed, MissingExtra, Refused, SeatrialError, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Say, Table
from seatrial.spec.data import Source
from seatrial.spec.loading import load_inputs
from seatrial.spec.model import InputField

SCORING = "scoring"
MEASURING = "measuring"
MEASURING_SCORED = "measuring-scored"
SCORED = ("scored.evaluation", "scored.live")
LARGE_BYTES = 256 * 1024 * 1024
_MOST_NAMED = 12
_PROBLEMS = "problems"
_KINDS: tuple[type[SeatrialError], ...] = (Unreachable, Malformed, Refused, MissingExtra)


def scored_file(work: Path, table: str) -> Path:
    """Where the scored rows of `scored.evaluation` or `scored.live` stand."""
    return work / f"{table}.parquet"


def measured_file(work: Path, table: str) -> Path:
    """Where the results of the pass over a table stand."""
    return work / f"{MEASURING_SCORED if table in SCORED else MEASURING}.json"


class Problems:
    """What went wrong with a table or a measure, one file each, so that stages and checks share it."""

    def __init__(self, work: Path) -> None:
        self._folder = work / _PROBLEMS

    def note(self, about: str, error: SeatrialError) -> None:
        """Keep it for the checks that will ask."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        kind = next((kind for kind in _KINDS if isinstance(error, kind)), SeatrialError)
        content = json.dumps({"kind": kind.__name__, "what": error.what, "remedy": error.remedy})
        _write(self._folder / _name(about), content)

    def check(self, about: str) -> None:
        """Raises the SeatrialError that was noted, if any."""
        file = self._folder / _name(about)
        if not file.exists():
            return
        noted = json.loads(file.read_text())
        kind = next((kind for kind in _KINDS if kind.__name__ == noted["kind"]), SeatrialError)
        raise kind(noted["what"], remedy=noted["remedy"])


def _name(about: str) -> str:
    return hashlib.sha256(about.encode()).hexdigest()


def _write(file: Path, content: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.write(content)


def score_tables(
    workspace: Workspace, outside: Outside, *, work: Path, digests: Mapping[str, str], tables: Sequence[str], say: Say
) -> Mapping[str, Json]:
    """Score those of `scored.evaluation` and `scored.live` that are wanted. Raises what kept all of them from it."""
    files = LocalFiles(workspace.base, digests)
    problems = Problems(work)
    section = workspace.system.model
    told: dict[str, Json] = {}
    last: SeatrialError | None = None
    for table in tables:
        name = table.removeprefix("scored.")
        try:
            scored = score(
                _with_declared_columns(outside, name),
                outside.model,
                given=_given(workspace, name, inputs_of(workspace, files)),
                batch=section.batch,
                target=scored_file(work, table),
                say=_about(name, say),
            )
        except SeatrialError as error:
            problems.note(table, error)
            last = error
            continue
        told[table] = {"rows": scored.rows, "without_prediction": scored.problems}
    if last is not None and not told:
        raise last
    return told


def _about(name: str, say: Say) -> Say:
    def told(doing: str, share: float | None = None) -> None:
        say(f"{name}: {doing}", share)

    return told


def inputs_of(workspace: Workspace, files: LocalFiles) -> Mapping[str, InputField] | None:
    """The declared inputs of the model, None where none are declared."""
    declared = workspace.system.model.inputs
    return load_inputs(files.read(declared), name=declared) if isinstance(declared, str) else declared


def _with_declared_columns(outside: Outside, name: str) -> Table:
    """The table. Raises Malformed when a column is missing that its declaration names."""
    source, table = outside.source(name), outside.table(name)
    columns = table.columns()
    for key, column in source.columns.items():
        if column not in columns:
            more = f" and {len(columns) - _MOST_NAMED} more" if len(columns) > _MOST_NAMED else ""
            raise Malformed(
                f"the {name} data have no column {column}, which data.{name}.{key} names",
                remedy=f"Correct data.{name}.{key}, or add the column. "
                f"There are: {', '.join(columns[:_MOST_NAMED])}{more}.",
            )
    return table


def _given(workspace: Workspace, table: str, inputs: Mapping[str, InputField] | None) -> Given:
    source = getattr(workspace.system.data, table)
    named = source.named if source else {}
    return Given(
        name=table,
        inputs=inputs,
        leave_out=tuple(named.values()),
        filled=tuple(named[key] for key in ("time", "entity") if key in named),
    )


def measure_tables(outside: Outside, *, work: Path, requests: Sequence[MeasureRequest], say: Say) -> Mapping[str, Json]:
    """Read each table once for everything that is asked of it. All of them are scored ones, or none is."""
    tables = list(dict.fromkeys(request.table for request in requests))
    results: dict[str, object] = {}
    for place, name in enumerate(tables):
        say(f"reading {name}", place / len(tables))
        results |= _measured(outside, work, name, [r for r in requests if r.table == name])
    if tables:
        _write(measured_file(work, tables[0]), json.dumps(results))
    return {"measures": len(results), "tables": len(tables)}


def _measured(outside: Outside, work: Path, name: str, requests: Sequence[MeasureRequest]) -> dict[str, object]:
    """All of them in one pass; where one of them cannot be measured, each alone, so that it harms no other."""
    from seatrial.measure.one_pass import key_of

    problems = Problems(work)
    try:
        problems.check(name)
        source, base = _place(outside, work, name)
        table = open_source(source.source, base=base, redact=outside.redact, query=source.query)
        table.columns()
    except SeatrialError as error:
        problems.note(name, error)
        return {}
    try:
        if _is_large(base / source.source):
            return _pooled(source.source, base, requests)
        return _pass(table, requests)
    except SeatrialError:
        results: dict[str, object] = {}
        for request in requests:
            try:
                results |= _pass(table, [request])
            except SeatrialError as error:
                problems.note(key_of(request), error)
        return results


def _place(outside: Outside, work: Path, name: str) -> tuple[Source, Path]:
    """Where a table stands: its source, and the folder to which that is relative."""
    if name in SCORED:
        return Source(source=scored_file(work, name).name), work
    return outside.source(name), outside.base


def _is_large(file: Path) -> bool:
    """True for a file that is worth starting further processes for."""
    try:
        return file.suffix.lower() in (".parquet", ".pq") and file.stat().st_size >= LARGE_BYTES
    except OSError:
        return False


def _pooled(source: str, base: Path, requests: Sequence[MeasureRequest]) -> dict[str, object]:
    from seatrial.adapters.compute.partitions import partitions_of
    from seatrial.adapters.compute.processes import measure

    workers = os.cpu_count() or 1
    return dict(measure(partitions_of(source, base_dir=base, most=workers), requests, workers=workers))


def _pass(table: Table, requests: Sequence[MeasureRequest]) -> dict[str, object]:
    from seatrial.measure.one_pass import collect, columns_of

    return dict(collect(table.batches(columns_of(requests)), requests))

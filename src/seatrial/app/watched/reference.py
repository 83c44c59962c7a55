"""What the gate knew: labelled and live rows with the model's answers, as a watch compares with them.

They are scored once for the model and data that GO was given for, and kept beside the ledger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.scoring import Given, score
from seatrial.app.folder.stages import inputs_of
from seatrial.app.folder.workspace import Workspace
from seatrial.app.watched.budget import rates_of
from seatrial.app.watched.given import same
from seatrial.core.errors import SeatrialError
from seatrial.core.ports import Say
from seatrial.domains.scored.rows import Floats, Ints, Mask, read_rows, times_of
from seatrial.measure.columns import Columns
from seatrial.spec.model import InputField
from seatrial.stats import clusters, proportions

ROWS = 4_000
_DAY_S = 86_400.0
_FEWEST_DAYS = 10
_DEPENDS = 1.5
"""From this design effect on, days are judged instead of rows."""
_SURE = 1.645
_CHANCE = 0.05
_SEED = 20_270_111
_LEAST = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """The mean over days of the days' means with its bounds (approximate, 95 % each), and the variance between days."""

    low: float
    high: float
    between: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A share in the reference rows, what falls and rises are measured from, and whether days are judged."""

    share: float
    low: float
    high: float
    by_day: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`labelled` and `live` rows with `seatrial.prediction` and `seatrial.score`; None where there are none.

    `problems` say in words why one of them is missing; `predictions` and `labels` are how many there are a day in
    production, None where neither is declared.
    """

    labelled: pa.RecordBatch | None
    live: pa.RecordBatch | None
    inputs: Mapping[str, InputField]
    times: Mapping[str, str]
    """`labelled` and `live` to the column with the time of their rows, where one is declared."""
    problems: tuple[str, ...] = ()
    predictions: float | None = None
    labels: float | None = None

    @property
    def compared(self) -> pa.RecordBatch | None:
        """The rows that traffic is compared with before outcomes are known: live ones, else labelled ones."""
        return self.live if self.live is not None else self.labelled

    def share(self, held: Mask, places: Ints | None = None) -> Base:
        """Of a share: whether each compared row belongs to it, or each of those at `places`."""
        which = "live" if self.live is not None else "labelled"
        k, n = int(held.sum()), int(held.size)
        rows = np.arange(n) if places is None else places
        daily = self.daily(which, rows, held.astype(np.float64), a_day=self.predictions)
        low, high = proportions.lower(k, n), proportions.upper(k, n)
        if daily is not None:
            low, high = min(low, daily.low), max(high, daily.high)
        return Base(
            share=k / n,
            low=max(_LEAST, low),
            high=min(1.0 - _LEAST, max(_LEAST, high)),
            by_day=daily is not None,
        )

    def daily(self, which: str, places: Ints, values: Floats, *, a_day: float | None) -> Daily | None:
        """How values that belong to these reference rows behave by the day, where so many rows come `a_day`.

        None where rows of one day do not depend on each other so that it matters, or where no time is declared. It
        matters the more, the more rows a day has: days of production are larger than those of a bounded sample. What
        is so small that only these larger days would show it counts where it is more than chance on the reference.
        """
        rows = self.labelled if which == "labelled" else self.live
        name = self.times.get(which)
        if rows is None or name is None or name not in rows.schema.names or not values.size:
            return None
        times = times_of(Columns(rows)[name])
        if times is None:
            return None
        days = np.floor(times / _DAY_S)[places]
        known = np.isfinite(days)
        groups, kept = days[known].astype(np.int64), values[known]
        _, places, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        if sizes.size < _FEWEST_DAYS or kept.var() <= 0.0:
            return None
        own = clusters.between(kept, groups)
        share = own / float(kept.var())
        here, there = kept.size / sizes.size, (a_day or 0.0) * values.size / rows.num_rows
        if _effect(here, share) < _DEPENDS and (
            _effect(max(here, there), share) < _DEPENDS or not clusters.differ(kept, groups, _CHANCE)
        ):
            return None
        means = np.bincount(places, weights=kept) / sizes
        margin = _SURE * float(means.std(ddof=1)) / np.sqrt(sizes.size)
        return Daily(low=float(means.mean() - margin), high=float(means.mean() + margin), between=own)


def _effect(size: float, share: float) -> float:
    """The design effect of days with `size` rows each, where days make this share of the variance (Kish)."""
    return 1.0 + (size - 1.0) * share


class _Sample:
    """A bounded sample of a table, as a table."""

    def __init__(self, batch: pa.RecordBatch, digest: str) -> None:
        self._batch = batch
        self._digest = digest

    def columns(self) -> tuple[str, ...]:
        return tuple(self._batch.schema.names)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Any]:
        yield self._batch if columns is None else self._batch.select(list(columns))

    def digest(self) -> str:
        return self._digest


def reference(workspace: Workspace, outside: Outside, *, version: str | None, say: Say) -> Reference:
    """The reference of the declared system: read where it is kept, else made by asking the model of this version.

    Without a version whatever is served is asked.
    """
    inputs = inputs_of(workspace, LocalFiles(workspace.base)) or {}
    problems: list[str] = []
    found: dict[str, pa.RecordBatch | None] = {}
    for name in ("evaluation", "live"):
        try:
            found[name] = _scored(workspace, outside, name, inputs, version=version, say=say)
        except SeatrialError as error:
            remedy = f" ({error.remedy.rstrip('.')})" if error.remedy else ""
            problems.append(f"no {name} rows to compare with: {error.what}{remedy}")
            found[name] = None
    data = workspace.system.data
    times = {
        name: source.time
        for name, source in (("labelled", data.evaluation), ("live", data.live))
        if source is not None and source.time is not None
    }
    predictions, labels = rates_of(workspace.system)
    return Reference(
        labelled=found["evaluation"],
        live=found["live"],
        inputs=inputs,
        times=times,
        problems=tuple(problems),
        predictions=predictions,
        labels=labels,
    )


def _scored(
    workspace: Workspace,
    outside: Outside,
    name: str,
    inputs: Mapping[str, InputField],
    *,
    version: str | None,
    say: Say,
) -> pa.RecordBatch:
    table = outside.table(name)
    source = outside.source(name)
    identity = version or outside.model.identity()
    known = hashlib.sha256(f"{table.digest()} {identity} {ROWS} {sorted(inputs)}".encode()).hexdigest()
    kept = workspace.folder / "watch" / f"{name}-{known[:24]}.parquet"
    if not kept.exists():
        same(outside, version)
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        rows = read_rows(table, table.columns(), most=ROWS, seed=_SEED)
        sample = _Sample(rows.columns.batch, known)
        given = Given(name=name, inputs=inputs or None, leave_out=tuple(source.named.values()))
        fresh = kept.with_suffix(".part")
        score(sample, outside.model, given=given, batch=workspace.system.model.batch, target=fresh, say=say)
        fresh.replace(kept)
    return _read(kept)


def _read(file: Path) -> pa.RecordBatch:
    whole = parquet.read_table(file).combine_chunks()
    batches = whole.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=whole.schema)

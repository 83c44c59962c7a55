"""The evaluation rows in which a late source is replayed, and for each source that is late by how much it can be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seatrial.core.check import Trial
from seatrial.core.ports import Table
from seatrial.domains.data.earlier_values import SourceParts, parts_of, telling
from seatrial.domains.scored.rows import in_one_piece, joined, times_of
from seatrial.measure.columns import Column
from seatrial.spec.data import Source
from seatrial.spec.model import InputField
from seatrial.spec.system import System

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 800
MOST_TABLE_ROWS = 200_000
FEWEST = 100
HOUR_S = 3600.0
_MULTIPLES = (1.0, 3.0, 12.0)
_DAY_H = 24.0

Floats = npt.NDArray[np.float64]


class NotPossible(Exception):
    """Why nothing can be replayed, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The evaluation rows by time, seconds, with the sources whose values are in them."""

    rows: pa.Table
    times: Floats
    labelled: npt.NDArray[np.bool_]
    sources: tuple[SourceParts, ...]

    @property
    def lates(self) -> list[tuple[SourceParts, ...]]:
        """Which sources are late at once: each alone, and where there are several, all."""
        alone = [(each,) for each in self.sources]
        return [*alone, self.sources] if len(alone) > 1 else list(alone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The rows to score, and the sources that are late: in sentences `late`, by `allowed` hours, tried at `lags`."""

    table: pa.Table
    chosen: npt.NDArray[np.int64]
    times: Floats
    sources: tuple[SourceParts, ...]
    seed: int
    late: str
    allowed: float
    lags: tuple[float, ...]


def fed_inputs(system: System, inputs: Mapping[str, InputField]) -> tuple[str, ...]:
    """The inputs that a state feeds, such as the weather.

    What comes in at a flow's entry is an event: it comes late itself, and no older one stands in for it.
    """
    sources = {each.source for each in system.data.freshness} - {flow.from_ for flow in system.flows}
    by_feeds = [name for key in sources & set(system.integrations) for name in system.integrations[key].feeds]
    names = {*by_feeds, *(name for name, each in inputs.items() if each.fed_by in sources)}
    return tuple(name for name in inputs if name in names)


def longest_h(system: System) -> float:
    """Hours: so far back the rows must reach at least."""
    return max(_DAY_H, *(each.at_most / HOUR_S for each in system.data.freshness))


def evaluation_rows(
    system: System, trial: Trial, inputs: Mapping[str, InputField], source: Source, fed: Sequence[str]
) -> Evaluation:
    """The evaluation rows in the order of their times. Raises NotPossible where a fed input is no column."""
    import pyarrow as pa

    table = trial.table("evaluation")
    declared = {each.source: each.per for each in system.data.freshness}
    first = next(iter(table.batches()), None)
    telling_apart = [] if first is None else list(telling(first, but=(str(source.time), str(source.label))))
    parts = [name for name in declared.values() if name is not None]
    wanted = dict.fromkeys([*inputs, str(source.time), str(source.label), *parts, *telling_apart])
    columns = [name for name in table.columns() if name in wanted]
    absent = [name for name in fed if name not in columns]
    if absent:
        raise NotPossible(f"the evaluation data has no column {', '.join(absent)}")
    whole = _in_one_piece(table, columns)
    times = _seconds(whole, str(source.time))
    whole = whole.filter(pa.array(np.isfinite(times)))
    times = times[np.isfinite(times)]
    order = np.argsort(times, kind="stable")
    whole, times = whole.take(pa.array(order)), times[order]
    labelled = np.asarray(Column(str(source.label), whole[str(source.label)].combine_chunks()).names[1] >= 0)
    sources = tuple(
        parts_of(
            whole,
            name,
            fields,
            declared=declared.get(name),
            candidates=[each for each in telling_apart if each not in fields],
        )
        for name, fields in _by_source(system, inputs, fed).items()
    )
    return Evaluation(rows=whole, times=times, labelled=labelled, sources=sources)


def _in_one_piece(table: Table, columns: Sequence[str]) -> pa.Table:
    """Not many more than the most rows that are looked at, each column as one array, of which any row can be taken."""
    import pyarrow as pa

    batches, rows = [], 0
    for batch in table.batches(columns):
        batches.append(batch)
        rows += batch.num_rows
        if rows > MOST_TABLE_ROWS:
            break
    if not batches:
        raise NotPossible("the evaluation data has no rows")
    whole = joined(batches)
    names = whole.schema.names
    return pa.Table.from_arrays([in_one_piece(name, whole[name]) for name in names], names=names)


def replay_of(system: System, table: Evaluation, sources: tuple[SourceParts, ...], seed: int) -> Replay:
    """Labelled rows before which the table reaches far enough back, and the lags at which there are enough of them."""
    times, labelled = table.times, table.labelled
    allowed = _allowed(system, [each.source for each in sources])
    known = times - times[0] if times.size else times
    lags = tuple(lag for lag in _lags(allowed) if int((labelled & (known >= lag * HOUR_S)).sum()) >= FEWEST)
    if allowed not in lags or lags[-1] < _DAY_H:
        raise NotPossible(
            f"fewer than {FEWEST} labelled evaluation rows lie {max(allowed, _DAY_H):g} h after the first one, and so "
            f"late {' and '.join(each.source for each in sources)} may be"
        )
    enough = np.flatnonzero(labelled & (known >= lags[-1] * HOUR_S))
    chosen = np.sort(np.random.default_rng(seed).permutation(enough)[:ROWS])
    one = len({each.source for each in system.data.freshness}) == 1
    late = "data" if one else f"data of {sources[0].source}" if len(sources) == 1 else "data of all sources"
    return Replay(
        table=table.rows,
        chosen=chosen,
        times=times,
        sources=sources,
        seed=seed,
        late=late,
        allowed=allowed,
        lags=lags,
    )


def _by_source(system: System, inputs: Mapping[str, InputField], fed: Sequence[str]) -> dict[str, list[str]]:
    """The fed inputs of each source; one that several feed is the first one's."""
    sources: dict[str, list[str]] = {}
    for name in fed:
        feeding = [key for key, section in system.integrations.items() if name in section.feeds]
        sources.setdefault(inputs[name].fed_by or feeding[0], []).append(name)
    return sources


def _allowed(system: System, sources: Collection[str]) -> float:
    """Hours: the strictest declared limit of these sources, up to which each of them may be late."""
    return round(min(each.at_most for each in system.data.freshness if each.source in sources) / HOUR_S, 3)


def _lags(allowed: float) -> list[float]:
    """Hours: none, the declared limit and its multiples, and a day."""
    return sorted({0.0, *(round(allowed * times, 3) for times in _MULTIPLES), _DAY_H})


def _seconds(table: pa.Table, name: str) -> Floats:
    found = times_of(Column(name, table[name].combine_chunks()))
    if found is None:
        raise NotPossible(f"the times in {name} of the evaluation data cannot be read")
    return found

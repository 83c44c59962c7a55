"""Whether a silent change would have been found: each one that can happen is planted into a copy of the live rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seatrial.core.vocabulary import Weight
from seatrial.measure.catalogue import start
from seatrial.measure.format_changes import Declared, format_changes
from seatrial.measure.format_plants import plants, swaps
from seatrial.measure.format_swaps import Fingerprints

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """How many changes were planted, and which were missed, as `field: change`."""

    planted: int
    missed: tuple[str, ...]

    @property
    def share(self) -> float | None:
        """The share that was found; None when nothing could be planted."""
        return 1.0 - len(self.missed) / self.planted if self.planted else None


def search_power(
    live: pa.Table,
    reference: Fingerprints,
    fields: Mapping[str, Declared],
    *,
    changed: Collection[str],
    seed: int,
) -> Power:
    """Plant every applicable change alone, and look with the very search that the check uses.

    A field that was found `changed` as it is gets no plant, because a change upon a change is another question; it
    counts as one that was there and was found.
    """
    rng = np.random.default_rng(seed)
    sound = {name: declared for name, declared in fields.items() if name not in changed}
    tried = [(label, _found(columns, reference, sound)) for label, columns in _planted(live, reference, sound, rng)]
    return Power(planted=len(tried) + len(changed), missed=tuple(label for label, found in tried if not found))


def _planted(
    live: pa.Table, reference: Fingerprints, fields: Mapping[str, Declared], rng: np.random.Generator
) -> Iterator[tuple[str, dict[str, pa.Array]]]:
    here = [name for name in fields if name in reference and name in live.column_names]
    for name in here:
        column = live[name].combine_chunks()
        for plant in plants(name, column, reference[name], unit=fields[name].unit, rng=rng):
            yield f"{name}: {plant.kind}", {name: plant.column}
    for a, b in swaps(here, reference):
        yield f"{a} and {b}: swapped", {a: live[b].combine_chunks(), b: live[a].combine_chunks()}


def _found(columns: dict[str, pa.Array], reference: Fingerprints, fields: Mapping[str, Declared]) -> bool:
    import pyarrow as pa

    measure = start("fingerprint", {})
    measure.update(pa.record_batch(columns))
    changed = measure.finish()["columns"]
    changes = format_changes(reference, changed, {name: fields[name] for name in columns})
    return any(change.weight is Weight.GAP for change in changes)

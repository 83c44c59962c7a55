"""Rows of a table as production would send them to the model: a bounded sample, of the types that inputs declare."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from seatrial.core.check import Trial
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.spec.loading import load_inputs
from seatrial.spec.system import InputField, System


def inputs_of(system: System, trial: Trial) -> Mapping[str, InputField]:
    """The model's declared inputs; empty when none are declared. Raises SeatrialError for an unreadable file."""
    inputs = system.model.inputs
    if inputs is None:
        return {}
    if isinstance(inputs, str):
        return load_inputs(trial.files.read(inputs), name=inputs)
    return inputs


def rows_to_send(trial: Trial, inputs: Mapping[str, InputField], *, table: str, most: int, seed: int) -> list[Row]:
    """At most `most` rows of the table, each with the same chance, in an order drawn by `seed`.

    A nullable input that the table lacks is left out. Raises Malformed when it lacks another one, and whatever the
    table raises.
    """
    import numpy as np

    source = trial.table(table)
    present = set(source.columns())
    absent = [name for name, field in inputs.items() if name not in present and not field.nullable]
    if absent:
        raise Malformed(
            f"the {table} data have no column {', '.join(absent)}, which the model takes",
            remedy="Add the columns to the data, or declare these inputs as nullable.",
        )
    names = [name for name in inputs if name in present]
    random = np.random.default_rng(seed)
    kept: list[tuple[float, Mapping[str, Any]]] = []
    limit = 1.0
    for batch in source.batches(names):
        lots = random.random(batch.num_rows)
        chosen = np.flatnonzero(lots < limit)
        kept += zip(lots[chosen].tolist(), batch.take(chosen).to_pylist(), strict=True)
        if len(kept) > 2 * most:
            kept = sorted(kept, key=lambda pair: pair[0])[:most]
            limit = kept[-1][0]
    kept = sorted(kept, key=lambda pair: pair[0])[:most]
    return [{name: as_sent(row[name], inputs[name]) for name in names} for _, row in kept]


def as_sent(value: Any, field: InputField) -> Json:
    """A cell as JSON, of the declared type where it can be of it; no number in it is null, times are ISO 8601."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    plain: Json = value
    if hasattr(value, "isoformat"):
        plain = str(value.isoformat())
    elif not isinstance(value, bool | int | float | str):
        plain = float(value) if hasattr(value, "as_tuple") else str(value)
    if field.type == "string" and not isinstance(plain, str):
        return str(plain)
    if field.type == "integer" and isinstance(plain, float) and plain.is_integer():
        return int(plain)
    if field.type == "boolean" and plain in (0, 1):
        return bool(plain)
    return plain

"""The format check's pictures: what each field looked like and looks like, and how far it moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.core.observation import Figure, Json
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.measure.distance import column_distance
from seatrial.measure.format_change import Change
from seatrial.measure.format_changes import Declared
from seatrial.measure.format_swaps import Fingerprints
from seatrial.measure.kinds import kind_of
from seatrial.stats import drift

_SHOWN = 3


def fingerprint_figure(
    reference: Fingerprints, live: Fingerprints, fields: Mapping[str, Declared], changes: Sequence[Change]
) -> Figure:
    """One row a field: how training and live look, in words, and the verdict."""
    rows = [
        {
            "field": name,
            "training": described(reference.get(name)),
            "live": described(live.get(name)),
            "verdict": _verdict(name, changes),
        }
        for name in fields
    ]
    return Figure(kind="fingerprint", title="What each field looks like", rows=tuple(rows))


def drift_figure(
    reference: Fingerprints, live: Fingerprints, fields: Mapping[str, Declared], changes: Sequence[Change]
) -> Figure:
    """One row a field: how far it moved, in standard deviations that would give the same index (PSI)."""
    rows: list[Mapping[str, Json]] = []
    for name in fields:
        # Times move by themselves.
        if name in reference and name in live and kind_of(reference[name]) != "time":
            found = column_distance(name, _side(reference[name]), _side(live[name]))
            distance = drift.d_of_psi(found.psi)
            rows.append({"field": name, "distance": distance, "cutoff": drift.FAIL_D, "note": _verdict(name, changes)})
    rows.sort(key=lambda row: -float(str(row["distance"])))
    return Figure(kind="drift", title="How far each field moved from training", rows=tuple(rows))


def _verdict(name: str, changes: Sequence[Change]) -> str:
    mine = [change for change in changes if name in change.fields]
    gaps = [change.code for change in mine if change.weight is Weight.GAP]
    return ", ".join(gaps or [change.code for change in mine]) or "same"


def _side(print_: Mapping[str, Any]) -> dict[str, Any]:
    is_text = kind_of(print_) == "text"
    values = print_["values"] if print_["values"] is not None else print_["masks"] or {}
    empty = {"positive": _NOTHING, "negative": _NOTHING, "zeros": 0, "min": None, "max": None}
    return {
        "n": print_["n"],
        "nulls": print_["nulls"],
        "nan": print_["nan"],
        "bins": empty if is_text else print_["bins"],
        "categories": values if is_text else {},
        "error": 0,
    }


_NOTHING: Mapping[str, Any] = {"least": -1, "most": -1}


def described(print_: Mapping[str, Any] | None) -> str:
    """A fingerprint in a few words."""
    if print_ is None:
        return "not there"
    rows = print_["n"] + print_["nulls"]
    missing = f", {percent(print_['nulls'] / rows)} missing" if print_["nulls"] else ""
    kind = kind_of(print_)
    if not print_["n"]:
        return "no values"
    if kind in {"number", "boolean"} and print_["quantiles"][0] is not None:
        quantiles = print_["quantiles"]
        low, middle, high = quantiles[1], quantiles[len(quantiles) // 2], quantiles[-2]
        return f"{low:.4g} … {middle:.4g} … {high:.4g}{missing}"
    if kind == "time":
        zones = " and ".join(print_["zones"]) or "none"
        return f"times, zone {zones}{missing}"
    if print_["values"] is not None and len(print_["values"]) <= print_["n"] / 5:
        few = ", ".join(list(print_["values"])[:_SHOWN])
        return f"{len(print_['values'])} values: {few}{missing}"
    masks = ", ".join(list(print_["masks"] or {})[:_SHOWN])
    return f"text like {masks}{missing}" if masks else f"{print_['distinct']} values{missing}"

"""What was established about trust, as data: for the questions that users are asked, and for the watch to enforce.

One JSON document, kept as the artifact `trust` beside the observation. It names rows by their entity, so it lives in
the erasable store and never in the ledger.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import numpy as np

from seatrial.core.observation import Json, Measure
from seatrial.domains.model.confidence import Calibrated
from seatrial.domains.model.trust_proposal import Proposal
from seatrial.domains.model.trust_rules import Held, Seen
from seatrial.domains.scored.rows import Mask
from seatrial.spec.system import System
from seatrial.stats.interval import Interval

FORMAT = "seatrial-trust/1"
ARTIFACT = "trust"
_EXAMPLES = 5


def document(
    system: System,
    seen: Seen,
    said: Calibrated,
    measures: Sequence[Measure],
    proposed: Proposal | None,
    *,
    model: str | None,
) -> Mapping[str, Json]:
    """The document; `model` is the digest of the model's part of the subject."""
    acted, trusted = seen.acted, seen.trusted
    output = system.model.output
    return {
        "format": FORMAT,
        "system": system.system,
        "version": system.version,
        "model": model,
        "rows": seen.found.n,
        "wrong_means": acted.meaning,
        "wrong": float(acted.wrong.mean()),
        "confidence": {
            "field": output.score,
            "acted_on_from": output.act_at,
            "acted_on": int(acted.region.sum()),
            "excess": _interval(said.excess),
            "bands": [
                {
                    "from": band.low,
                    "to": band.high,
                    "rows": band.n,
                    "said": band.confidence,
                    "true": _interval(band.accuracy),
                }
                for band in said.bands
            ],
        },
        "rules": [_rule(system, each, seen) for each in seen.rules],
        "trusted": {
            "share": float(trusted.mean()),
            "wrong": float(acted.wrong[trusted].mean()) if trusted.any() else None,
            "measures": [
                {"name": m.name} | {k: _finite(getattr(m, k)) for k in ("value", "lower", "upper", "limit")}
                for m in measures
            ],
        },
        "proposed": None
        if proposed is None
        else {
            "when": list(proposed.conditions),
            "errors_caught": proposed.caught,
            "good_held_back": proposed.good,
            "reaches_the_minimum": proposed.aimed and proposed.reached,
        },
    }


def encoded(content: Mapping[str, Json]) -> bytes:
    """The document as bytes, the same for the same content."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=1).encode()


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _interval(found: Interval | None) -> Json:
    return None if found is None else {"value": found.value, "lower": found.lower, "upper": found.upper, "n": found.n}


def _rule(system: System, each: Held, seen: Seen) -> Mapping[str, Json]:
    inside = int(each.rows.sum())
    return {
        "id": each.rule.id,
        "when": each.rule.when,
        "words": each.rule.words,
        "handling": each.rule.handling,
        "rows": inside,
        "wrong": _interval(each.error),
        "wrong_elsewhere": None if np.isnan(each.rest) else each.rest,
        "errors_caught": _interval(each.caught),
        "good_held_back": _interval(each.good),
        "live_share": each.live_share,
        "examples": {
            "wrong": _cases(system, seen, each.rows & seen.acted.wrong),
            "good": _cases(system, seen, each.rows & ~seen.acted.wrong),
        },
    }


def _cases(system: System, seen: Seen, chosen: Mask) -> Json:
    """The first real cases, by entity where one is declared, else by their place among the rows read."""
    rows, found = seen.rows, seen.found
    places = found.rows[np.flatnonzero(chosen)[:_EXAMPLES]]
    source = system.data.evaluation
    entity = None if source is None else source.entity
    if entity is None or entity not in rows.columns:
        return [f"row {int(place) + 1}" for place in places]
    return [str(row[entity]) for row in rows.columns.take(places)]

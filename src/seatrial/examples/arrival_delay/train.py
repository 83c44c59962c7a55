"""Trains the two versions of the model that the example serves: the current one, and the one to go back to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.examples.arrival_delay.guard import Routes
from seatrial.examples.arrival_delay.trees import LEAKED, NUMBERS, Encoder, Floats, Trees

CURRENT, PREVIOUS = "2026.11.1", "2026.8.2"
PREVIOUS_SAW_UNTIL = datetime(2013, 7, 1, tzinfo=UTC)
"""The previous version was trained before the summer's deliveries had arrived."""
PRIOR_ROWS = 200.0
"""A carrier's rate is drawn to the mean as if so many average deliveries had been seen besides."""


def train(training: Any, routes: Routes, models: Path, *, leak: bool = False) -> None:
    """Writes `models/<version>/model.json` and `encoder.json` for both versions from the Arrow table `training`.

    Raises ValueError when the plain form does not answer like the fitted model.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = (*NUMBERS, LEAKED) if leak else NUMBERS
    before = pc.less(training["scheduled_at"], pa.scalar(PREVIOUS_SAW_UNTIL, training["scheduled_at"].type))
    for version, table in ((CURRENT, training), (PREVIOUS, training.filter(before))):
        late = table["late"].to_numpy().astype(np.float64)
        codes = {name: _rates(table[name], late, routes.values(name)) for name in ("carrier", "origin")}
        encoder = Encoder(**codes)
        _train_one(table, late, encoder, numbers, models / version)
        _write_encoder(encoder, models / version)


def _train_one(table: Any, late: Floats, encoder: Encoder, numbers: Sequence[str], out: Path) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    features = encoder.features(table.select(["carrier", "origin", *numbers]).to_pylist(), numbers)
    fitted = HistGradientBoostingClassifier(
        max_iter=60,
        learning_rate=0.08,
        max_leaf_nodes=15,
        min_samples_leaf=150,
        l2_regularization=5.0,
        early_stopping=False,
        random_state=0,
    )
    # On a busy machine two spinning threads take ten times as long as one.
    with threadpool_limits(limits=1):
        fitted.fit(features, late)
    model = json.dumps(_plain(fitted, numbers)).encode()
    _same(fitted.predict_proba(features[:2000])[:, 1], Trees.read(model).probability(features[:2000]))
    out.mkdir(parents=True, exist_ok=True)
    (out / "model.json").write_bytes(model)


def _write_encoder(encoder: Encoder, out: Path) -> None:
    codes = {"carrier": encoder.carrier, "origin": encoder.origin}
    (out / "encoder.json").write_text(json.dumps(codes, indent=1), encoding="utf-8")


def _rates(column: Any, late: Floats, known: Sequence[str]) -> Mapping[str, float]:
    """Late share of each known name; one that training never saw gets the mean."""
    names = column.to_numpy(zero_copy_only=False)
    mean = float(late.mean())
    rates = {}
    for name in known:
        chosen = late[names == name]
        rates[name] = round(float((chosen.sum() + PRIOR_ROWS * mean) / (chosen.size + PRIOR_ROWS)), 6)
    return rates


def _plain(fitted: Any, numbers: Sequence[str]) -> dict[str, Any]:
    """scikit-learn offers no public way to read these trees; `_same` refuses to serve them if they are read wrongly."""
    trees = [predictors[0].nodes for predictors in fitted._predictors]  # noqa: SLF001
    return {
        "base": float(fitted._baseline_prediction[0, 0]),  # noqa: SLF001
        "numbers": list(numbers),
        "depth": max(int(nodes["depth"].max()) for nodes in trees),
        "trees": [
            {
                "feature": nodes["feature_idx"].tolist(),
                "threshold": nodes["num_threshold"].tolist(),
                "missing_left": nodes["missing_go_to_left"].astype(bool).tolist(),
                "left": nodes["left"].tolist(),
                "right": nodes["right"].tolist(),
                "leaf": nodes["is_leaf"].astype(bool).tolist(),
                "value": nodes["value"].tolist(),
            }
            for nodes in trees
        ],
    }


def _same(expected: Floats, found: Floats) -> None:
    if not np.allclose(expected, found, rtol=0.0, atol=1e-9):
        raise ValueError("the plain form of the model does not answer like the fitted one")

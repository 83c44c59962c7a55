"""Trains the two versions of the model that the example serves: the current one, and the one to go back to."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.examples.mail_triage.router import Floats, Router, text_of
from seatrial.examples.mail_triage.words import words_of

CURRENT, PREVIOUS = "2026.11.1", "2026.8.2"
PREVIOUS_SAW_UNTIL = datetime(2002, 8, 20, tzinfo=UTC)
"""The previous version was trained when so much of the shadow period's start had not arrived."""
_SHOWN = 200


def train(training: Any, models: Path, *, leak: bool = False) -> None:
    """Writes `models/<version>/model.json` and `words.json` for both versions from the Arrow table `training`.

    Raises ValueError when the plain form does not answer like the fitted model.
    """
    rows = training.to_pylist()
    for version, until in ((CURRENT, None), (PREVIOUS, PREVIOUS_SAW_UNTIL)):
        known = [row for row in rows if until is None or row["received_at"] < until]
        _train_one(known, models, version, leak=leak)


def _train_one(rows: list[dict[str, Any]], models: Path, version: str, *, leak: bool) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    texts, queues = [text_of(row, leak=leak) for row in rows], [row["queue"] for row in rows]
    words = TfidfVectorizer(sublinear_tf=True, min_df=2, tokenizer=words_of, token_pattern=None, lowercase=False)
    fitted = LogisticRegression(C=10.0, max_iter=500, class_weight="balanced")
    # On a busy machine two spinning threads take ten times as long as one.
    with threadpool_limits(limits=1):
        table = words.fit_transform(texts)
        fitted.fit(table, queues)
    out = models / version
    out.mkdir(parents=True, exist_ok=True)
    rarity = {word: round(float(words.idf_[place]), 9) for word, place in sorted(words.vocabulary_.items())}
    model = {
        "queues": [str(queue) for queue in fitted.classes_],
        "base": np.round(fitted.intercept_, 9).tolist(),
        "weights": np.round(fitted.coef_.T, 6).tolist(),
    }
    (out / "words.json").write_text(json.dumps({"words": rarity}), encoding="utf-8")
    (out / "model.json").write_text(json.dumps(model), encoding="utf-8")
    served = Router.load(models, version)
    shown = [" ".join(served.words_in(text)) for text in texts[:_SHOWN]]
    _same(fitted.predict_proba(words.transform(shown)), served.probabilities(texts[:_SHOWN]))


def _same(expected: Floats, found: Floats) -> None:
    if not np.allclose(expected, found, rtol=0.0, atol=1e-4):
        raise ValueError("the plain form of the model does not answer like the fitted one")

"""The model as it is served: boosted trees as plain arrays, and the encoder that they were trained with.

Both are JSON files of their own, so that their identity is the SHA-256 of what is loaded, and nothing is unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NUMBERS = ("sched_dep", "temp", "humid", "pressure")
"""Read by the model beside carrier and origin. Wind, visibility and distance would add less than 0.01 to its AUC; they
are inputs because the guard checks the others against them and the do-not-trust rules are about them."""
LEAKED = "dep_delay"
"""Known only after departure: an input of the model in the defect `target-leak` alone."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """How often each carrier's and each origin's deliveries were late in training: the codes that the trees read."""

    carrier: Mapping[str, float]
    origin: Mapping[str, float]

    @classmethod
    def read(cls, content: bytes) -> Encoder:
        """From its JSON file."""
        return cls(**json.loads(content))

    def features(self, rows: Sequence[Mapping[str, Any]], numbers: Sequence[str] = NUMBERS) -> Floats:
        """One line per row. Raises KeyError on a field or category that it does not know."""
        return np.array(
            [[self.carrier[r["carrier"]], self.origin[r["origin"]], *(_number(r[n]) for n in numbers)] for r in rows],
            dtype=np.float64,
        ).reshape(len(rows), 2 + len(numbers))


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


@dataclass(frozen=True, slots=True)
class Trees:
    """Additive trees of equal width, one line per tree: node arrays padded with leaves."""

    base: float
    numbers: tuple[str, ...]
    feature: NDArray[np.int64]
    threshold: Floats
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    leaf: NDArray[np.bool_]
    value: Floats
    depth: int

    @classmethod
    def read(cls, content: bytes) -> Trees:
        """From its JSON file."""
        data = json.loads(content)
        trees = data["trees"]

        def column(name: str, kind: type, padding: object) -> Any:
            width = max(len(t[name]) for t in trees)
            return np.array([[*t[name], *[padding] * (width - len(t[name]))] for t in trees], dtype=kind)

        return cls(
            base=data["base"],
            numbers=tuple(data["numbers"]),
            feature=column("feature", np.int64, 0),
            threshold=column("threshold", np.float64, 0.0),
            missing_left=column("missing_left", np.bool_, True),
            left=column("left", np.int64, 0),
            right=column("right", np.int64, 0),
            leaf=column("leaf", np.bool_, True),
            value=column("value", np.float64, 0.0),
            depth=data["depth"],
        )

    def probability(self, features: Floats) -> Floats:
        """The probability of being late, one per line of `features`."""
        tree = np.arange(self.feature.shape[0])[None, :]
        node = np.zeros((features.shape[0], self.feature.shape[0]), dtype=np.int64)
        line = np.arange(features.shape[0])[:, None]
        for _ in range(self.depth):
            seen = features[line, self.feature[tree, node]]
            below = np.where(np.isnan(seen), self.missing_left[tree, node], seen <= self.threshold[tree, node])
            step = np.where(below, self.left[tree, node], self.right[tree, node])
            node = np.where(self.leaf[tree, node], node, step)
        raw = self.base + self.value[tree, node].sum(axis=1)
        return np.asarray(1.0 / (1.0 + np.exp(-raw)), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Served:
    """A model together with an encoder, and what identifies both."""

    version: str
    trees: Trees
    encoder: Encoder
    model_digest: str
    encoder_digest: str
    encoder_version: str

    @classmethod
    def load(cls, models: Path, version: str, *, encoder_version: str | None = None) -> Served:
        """From `models/<version>/`; another version's encoder only for the defect that does that."""
        import hashlib

        coded = encoder_version or version
        model, encoder = (models / version / "model.json").read_bytes(), (models / coded / "encoder.json").read_bytes()
        return cls(
            version=version,
            trees=Trees.read(model),
            encoder=Encoder.read(encoder),
            model_digest=hashlib.sha256(model).hexdigest(),
            encoder_digest=hashlib.sha256(encoder).hexdigest(),
            encoder_version=coded,
        )

    def probability(self, rows: Sequence[Mapping[str, Any]]) -> Floats:
        """The probability of being late, one per row."""
        return self.trees.probability(self.encoder.features(rows, self.trees.numbers))

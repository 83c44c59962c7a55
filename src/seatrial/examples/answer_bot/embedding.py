"""Sentences as directions: MiniLM in ONNX, eight bits a weight, in this process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.core.errors import MissingExtra

Floats = npt.NDArray[np.float32]


class Embedder:
    """Loads model and tokenizer. Raises MissingExtra where the libraries that run them are not installed."""

    def __init__(self, model: Path, tokenizer: Path) -> None:
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError as error:
            raise MissingExtra(
                "the answer bot's search needs onnxruntime and tokenizers", remedy="pip install 'seatrial[answer-bot]'"
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._tokenizer: Any = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._inputs = {each.name for each in self._session.get_inputs()}

    @property
    def words(self) -> frozenset[str]:
        """The whole words that its tokenizer knows: those that are common in English."""
        return frozenset(word for word in self._tokenizer.get_vocab() if word.isalpha())

    def directions(self, texts: Sequence[str]) -> Floats:
        """One row of length one for each text, each computed by itself.

        Activations are quantised over all that is computed at once, so that in company a text gets another direction.
        """
        return np.concatenate([self._one(text) for text in texts])

    def _one(self, text: str) -> Floats:
        encoded = self._tokenizer.encode(text)
        given = {
            "input_ids": np.array([encoded.ids], dtype=np.int64),
            "attention_mask": np.array([encoded.attention_mask], dtype=np.int64),
            "token_type_ids": np.array([encoded.type_ids], dtype=np.int64),
        }
        states = self._session.run(None, {name: given[name] for name in self._inputs})[0]
        mean = states.mean(axis=1)
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), dtype=np.float32)

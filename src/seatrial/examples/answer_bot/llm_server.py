"""The small open language model, served as an OpenAI-compatible endpoint until standard input closes."""

from __future__ import annotations

import sys

from seatrial.core.errors import MissingExtra
from seatrial.examples.answer_bot.parts import LANGUAGE_MODEL, file_of

NAME = "smollm2-135m"
CONTEXT = 4096
AT_ONCE = 2


def main() -> None:
    """`python -m seatrial.examples.answer_bot.llm_server DIRECTORY`: says its address, and serves."""
    try:
        import xllamacpp
    except ImportError as error:
        raise MissingExtra(
            "serving the language model needs xllamacpp", remedy="pip install 'seatrial[answer-bot]'"
        ) from error
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(file_of(LANGUAGE_MODEL))
    parameters.model_alias = {NAME}
    parameters.n_ctx = CONTEXT
    parameters.n_parallel = AT_ONCE
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.port = 0
    parameters.ui = False
    server = xllamacpp.Server(parameters)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()

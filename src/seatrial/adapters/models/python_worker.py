"""The other side of a Python model: runs as a script, loads one file, answers JSON lines on its standard output.

It imports nothing of seatrial, and seatrial imports nothing of it: a user's code lives and dies in this process.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO


def _plain(value: Any) -> Any:
    """Numbers and arrays of numpy, pandas and the like, by the methods that they share."""
    for method in ("tolist", "item"):
        if hasattr(value, method):
            return getattr(value, method)()
    if hasattr(value, "to_dict"):
        return value.to_dict("records")
    raise TypeError(f"{type(value).__name__} cannot be answered as JSON")


def _load(path: str, name: str) -> Callable[..., Any]:
    sys.path.insert(0, str(Path(path).resolve().parent))
    spec = importlib.util.spec_from_file_location("model_under_trial", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return getattr(module, name)  # type: ignore[no-any-return]


class _Told:
    """What the user's code raises becomes an answer about it; with `go_on` the next call is served."""

    def __init__(self, out: TextIO, *, go_on: bool) -> None:
        self._out = out
        self._go_on = go_on

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if error is None:
            return False
        _say(self._out, {"problem": f"{type(error).__name__}: {error}"})
        return self._go_on and isinstance(error, Exception)


def _say(out: TextIO, message: dict[str, Any]) -> None:
    try:
        line = json.dumps(message, default=_plain)
    except (TypeError, ValueError) as error:
        line = json.dumps({"problem": f"{type(error).__name__}: {error}"})
    out.write(line + "\n")
    out.flush()


def main(path: str, name: str) -> None:
    """Serve until the standard input ends."""
    # What the user's code prints goes to the error stream, so that it cannot be taken for an answer.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with out:
        with _Told(out, go_on=False):
            call = _load(path, name)
        _say(out, {"ready": True})
        for line in sys.stdin:
            rows = json.loads(line)["rows"]
            with _Told(out, go_on=True):
                _say(out, {"answer": call(rows) if rows is not None else call()})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

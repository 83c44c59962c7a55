"""Letters: names of files and texts are in UTF-8 whatever the locale says, and what a terminal lacks is spelled out."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator

_UTF8 = "utf-8"
_MODE, _STREAMS = "PYTHONUTF8", "PYTHONIOENCODING"
_NONE = frozenset({"ascii", "us-ascii", "ansi_x3.4-1968", "646"})


def in_utf8() -> None:
    """Begin this process anew in UTF-8 where Python was started in another encoding; returns where it was not.

    In such a process a folder's name with an umlaut is no text that could go on record, and files are read wrongly.
    """
    begun_anew = sys.flags.utf8_mode or os.environ.get(_MODE) == "1"
    if begun_anew or sys.getfilesystemencoding() == _UTF8:
        return
    environment = {_STREAMS: f"{_of_terminal()}:backslashreplace", **os.environ, _MODE: "1"}
    os.execve(sys.executable, [sys.executable, "-Xutf8=1", *sys.orig_argv[1:]], environment)  # noqa: S606 - this very command


def spell_out() -> None:
    """Let a letter that the terminal or the file behind a stream does not have be spelled out, not end the command."""
    for stream in _streams():
        if stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _of_terminal() -> str:
    """The encoding of what is printed; UTF-8 in place of ASCII, which is the lack of any."""
    told = next((stream.encoding.lower() for stream in _streams()), _UTF8)
    return _UTF8 if told in _NONE else told


def _streams() -> Iterator[io.TextIOWrapper]:
    return (stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, io.TextIOWrapper))

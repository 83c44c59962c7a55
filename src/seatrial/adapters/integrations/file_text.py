"""The lines of a text file, in its declared encoding; what cannot be decoded is named by its line."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO, Final

from seatrial.core.errors import Malformed

MOST_LINE: Final = 1024 * 1024
_PIECE: Final = 256 * 1024
_ANY_BYTE: Final = frozenset({"latin-1", "cp1252"})
"""Encodings in which UTF-8 reads as other letters, without an error."""
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def lines(content: BinaryIO, *, name: str, encoding: str) -> Iterator[str]:
    """The lines with their ends, a byte order mark left out.

    Raises Malformed for bytes that the encoding does not have, for a mark of another encoding, for a line that is UTF-8
    and read as something else, for NUL characters, and for a line of more than a million characters.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
    pending, done, first = "", 0, True
    while True:
        piece = content.read(_PIECE)
        if first:
            _expect_no_other_mark(piece, name, encoding)
            first = False
        pending += _decoded(decoder, piece, name=name, encoding=encoding, line=done + pending.count("\n") + 1)
        *complete, pending = pending.split("\n")
        for line in complete:
            done += 1
            yield f"{_checked(line, name, done, encoding)}\n"
        if not piece:
            break
        _expect_no_more(pending, name, done + 1)
    if pending:
        yield _checked(pending, name, done + 1, encoding)


def whole(content: BinaryIO, *, name: str, encoding: str) -> str:
    """All of it. Raises Malformed like `lines`, but for the length of a line."""
    raw = content.read()
    _expect_no_other_mark(raw, name, encoding)
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
    text = _decoded(decoder, raw, name=name, encoding=encoding, line=1)
    text += _decoded(decoder, b"", name=name, encoding=encoding, line=text.count("\n") + 1)
    for at, line in enumerate(text.split("\n"), start=1):
        _expect_no_utf_8(line, name, at, encoding)
    return text


def _decoded(decoder: codecs.IncrementalDecoder, piece: bytes, *, name: str, encoding: str, line: int) -> str:
    try:
        return decoder.decode(piece, final=not piece)
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(error.encoding, "ignore").count("\n")
        bad = error.object[error.start : error.start + 1].hex()
        what = f"{name}, line {line + before}: the byte 0x{bad} is not {encoding}"
    except UnicodeError as error:
        what = f"{name} is not {encoding}: {error}"
    raise Malformed(what, remedy=_remedy()) from None


def _expect_no_other_mark(start: bytes, name: str, encoding: str) -> None:
    for mark, kind in _MARKS:
        if start.startswith(mark) and not encoding.startswith(kind):
            raise Malformed(f"{name} begins with the mark of {kind}, and is declared as {encoding}", remedy=_remedy())


def _checked(line: str, name: str, at: int, encoding: str) -> str:
    _expect_no_more(line, name, at)
    _expect_no_utf_8(line, name, at, encoding)
    return line


def _expect_no_more(line: str, name: str, at: int) -> None:
    if len(line) > MOST_LINE:
        raise Malformed(f"{name}, line {at}, is longer than {MOST_LINE:,} characters")
    if "\0" in line:
        raise Malformed(f"{name}, line {at}, holds NUL characters, as UTF-16 read in another encoding does")


def _expect_no_utf_8(line: str, name: str, at: int, encoding: str) -> None:
    """No text of such an encoding is UTF-8 by chance: its letters would stand in pairs like `Ã¼`."""
    if encoding not in _ANY_BYTE or line.isascii():
        return
    try:
        line.encode(encoding).decode("utf-8")
    except UnicodeError:
        return
    raise Malformed(f"{name}, line {at}, is written in utf-8, and is declared as {encoding}", remedy=_remedy())


def _remedy() -> str:
    return "Declare the encoding in which the files are really written (format.encoding), or have them written anew."

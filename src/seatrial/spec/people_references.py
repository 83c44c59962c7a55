"""People who would pass for several: whoever signs twice under two spellings of one name has signed alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

from seatrial.spec.problem import Problem
from seatrial.spec.tree import Document, TreePath

_LOOKS_LIKE: Final = str.maketrans(
    # Cyrillic, then Greek letters that are drawn as Latin ones.
    "авекмнорстухіјѕԁһԛԝӏ" + "αβεζηικμνορτυχ",
    "abekmhopctyxijsdhqwl" + "abeznikmvoptux",
)
"""Lower-case letters of other scripts to the Latin ones for which they pass."""


def people_disagreements(document: Document) -> Iterator[Problem]:
    """Ids, names and addresses by which two declared people would be taken for one."""
    paths = [path for path, _ in document.match("people", "*")]
    yield from _alike(document, [(path, str(path[-1])) for path in paths], "an id", at_key=True)
    for key, what in (("name", "a name"), ("email", "an address of their own")):
        given = [((*path, key), document.node((*path, key))) for path in paths]
        texts = [(path, node.value) for path, node in given if node is not None and document.present(path)]
        yield from _alike(document, [(path, text) for path, text in texts if isinstance(text, str)], what)


def _alike(
    document: Document, told: list[tuple[TreePath, str]], what: str, *, at_key: bool = False
) -> Iterator[Problem]:
    first: dict[str, TreePath] = {}
    for path, text in told:
        seen = _as_read(text)
        before = first.setdefault(seen, path)
        if before != path:
            expected = f"{what} that tells them from {before[1]}"
            yield document.problem(path, at_key=at_key, found=f"'{text[:60]}'", expected=expected)


def _as_read(text: str) -> str:
    """How it looks to a reader: without case, spacing, what is invisible, and the script that a letter is from."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    seen = "".join(" " if c.isspace() else c for c in plain if unicodedata.category(c) != "Cf")
    return " ".join(seen.split()).translate(_LOOKS_LIKE)

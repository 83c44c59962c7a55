"""A Word document (.docx) as a package: which of its parts is what, told by its relationships as Word follows them."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urljoin

from seatrial.spec.word_part import Part

_MOST_UNPACKED: Final = 16 * 1024 * 1024
"""No part is unpacked beyond this, whatever the archive says of it."""
_TYPES: Final = (
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships/",
    "http://purl.oclc.org/ooxml/officeDocument/relationships/",
)
_MAIN: Final = ("officeDocument",)
_STYLES: Final = ("styles",)
_PROPERTIES: Final = ("custom-properties", "customProperties")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What is read of a document; a part that it does not have is empty."""

    document: bytes
    styles: bytes
    properties: bytes


def unpacked(content: bytes) -> Package:
    """The parts to which the relationships lead.

    Raises ValueError where two parts have one name, where a relationship leads nowhere or to two parts, and where a
    part is larger than is read; UnreadPart, and what `zipfile` raises for a damaged archive.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        # Names of parts differ by more than their case; which of two would be shown, each program decides for itself.
        name, times = Counter(each.replace("\\", "/").lower() for each in archive.namelist()).most_common(1)[0]
        if times > 1:
            raise ValueError(f"{times} of its parts are called {name}")
        around = _Relationships(_part(archive, "_rels/.rels"), "/")
        main = around.target(_MAIN)
        folder, _, file = f"/{main}".rpartition("/")
        within = _Relationships(_part(archive, f"{folder}/_rels/{file}.rels".lstrip("/")), f"{folder}/")
        return Package(
            document=_named(archive, main, "word/document.xml"),
            styles=_named(archive, within.target(_STYLES), "word/styles.xml"),
            properties=_named(archive, around.target(_PROPERTIES), "docProps/custom.xml"),
        )


def _named(archive: zipfile.ZipFile, place: str, usual: str) -> bytes:
    """The part to which a relationship leads; empty where none does and none stands where such a part usually is."""
    if not place and usual in archive.namelist():
        raise ValueError(f"no relationship leads to its {usual}")
    content = _part(archive, place) if place else b""
    if place and not content:
        raise ValueError(f"a relationship leads to {place}, which it does not have")
    return content


def _part(archive: zipfile.ZipFile, place: str) -> bytes:
    """The part's content, empty where there is none. Raises ValueError where it is larger than is read."""
    try:
        info = archive.getinfo(place)
    except KeyError:
        return b""
    with archive.open(info) as opened:
        content = opened.read(_MOST_UNPACKED + 1)
    if len(content) > _MOST_UNPACKED:
        raise ValueError(f"{place} unpacks to more than {_MOST_UNPACKED // 1024**2} MB")
    return content


class _Relationships(Part):
    """Where the relationships of one part, which stands in `folder`, lead; each by the last word of its type."""

    def __init__(self, content: bytes, folder: str) -> None:
        self._folder = folder
        self._targets: dict[str, list[str]] = {}
        super().__init__(content)

    def start(self, element: str, value: str, attributes: Mapping[str, str]) -> None:
        del value
        kind = attributes.get("Type", "")
        space = next((space for space in _TYPES if kind.startswith(space)), None)
        if element == "Relationship" and space is not None:
            outside = attributes.get("TargetMode") == "External"
            place = "a place outside" if outside else urljoin(self._folder, unquote(attributes.get("Target", "")))
            self._targets.setdefault(kind.removeprefix(space), []).append(place.lstrip("/"))

    def target(self, kinds: tuple[str, ...]) -> str:
        """The one place to which a relationship of these kinds leads, empty for none. Raises ValueError for two."""
        places = [place for kind in kinds for place in self._targets.get(kind, ())]
        if len(places) > 1:
            raise ValueError(f"its relationships name two parts as its {kinds[0]}")
        return places[0] if places else ""

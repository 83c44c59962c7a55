"""Files that people hand in: what they are is told by their content, never by what they are called.

A file is taken as it is and never opened up for anybody: its digest is kept, and it is served as something to save.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from seatrial.core.errors import Refused

MOST_BYTES: Final = 20 * 1024 * 1024
"""What one document may hold."""
_MOST_NAME: Final = 120
_MOST_UNPACKED: Final = 200 * 1024 * 1024
_MOST_PARTS: Final = 2000
_MOST_RATIO: Final = 200
"""Real documents shrink less than that."""
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_CONTROL = frozenset(range(32)) - {9, 10, 12, 13}
_OFFICE: Final[Mapping[str, tuple[str, str]]] = {
    ".docx": ("[Content_Types].xml", "word/document.xml"),
    ".xlsx": ("[Content_Types].xml", "xl/workbook.xml"),
    ".odt": ("mimetype", "content.xml"),
}
TEXTS: Final = (".md", ".txt", ".csv")
DOCUMENTS: Final = (".md", ".txt", ".csv", ".pdf", ".docx", ".xlsx", ".odt", ".png", ".jpg")
_MEDIA: Final[Mapping[str, str]] = {
    ".md": "text/markdown",
    ".txt": "text/plain",
    ".csv": "text/csv",
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".png": "image/png",
    ".jpg": "image/jpeg",
}
"""The endings that are taken, and the type that each is kept as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that was taken: `name` without any folder, `suffix` in lower case with its dot."""

    name: str
    suffix: str
    media_type: str
    content: bytes
    digest: str


def received(name: str, content: bytes, *, only: Collection[str] = DOCUMENTS, most: int = MOST_BYTES) -> Upload:
    """The file as it may be kept. Raises Refused with the reason for a name, a size or a content that is not taken.

    `only` are the endings that this place takes.
    """
    plain = _named(name)
    suffix = _suffix(plain)
    if suffix not in only:
        listed = ", ".join(sorted(only))
        raise Refused(f"{plain} is not of a kind that is taken here", remedy=f"Hand in one of these: {listed}.")
    if not content:
        raise Refused(f"{plain} is empty", remedy="Choose the file again; it may still be open elsewhere.")
    if len(content) > most:
        raise Refused(
            f"{plain} is larger than {most // 1024**2} MB", remedy="Take pictures out of it, or split the document."
        )
    if problem := _IS[suffix](content):
        raise Refused(f"{plain} ends in {suffix}, but {problem}", remedy="Save it again as what its ending says.")
    digest = hashlib.sha256(content).hexdigest()
    return Upload(name=plain, suffix=suffix, media_type=_MEDIA[suffix], content=content, digest=digest)


def media_type(name: str) -> str:
    """The type as which a file of that name is kept; bytes of no known kind for any other."""
    return _MEDIA.get(_suffix(name), "application/octet-stream")


def _suffix(name: str) -> str:
    stem, dot, ending = name.lower().rpartition(".")
    return ".jpg" if ending == "jpeg" and stem else dot + ending if stem else ""


def _named(name: str) -> str:
    """The name, where it is one and leads nowhere."""
    if not name.strip():
        raise Refused("the file has no name", remedy="Give it a name with an ending, such as dock-planning.md.")
    if "/" in name or "\\" in name or name.strip(".") == "":
        raise Refused("the file's name holds a path", remedy="Hand it in under a plain name.")
    if len(name) > _MOST_NAME:
        raise Refused("the file's name is too long", remedy=f"Keep it to {_MOST_NAME} characters.")
    if not name.isprintable() or name != name.strip() or name.startswith((".", "-")) or set(name) & set('<>:"|?*'):
        raise Refused("the file's name holds characters that no name should", remedy="Use letters, digits and dashes.")
    if _DEVICE.fullmatch(name):
        raise Refused("the file's name is that of a device", remedy="Give it another name.")
    return name


def _text(content: bytes) -> str:
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return f"it is no UTF-8 text (byte {error.start})"
    return "it holds characters that no text has" if _CONTROL & set(content) else ""


def _pdf(content: bytes) -> str:
    whole = content.startswith(b"%PDF-") and b"%%EOF" in content[-2048:]
    return "" if whole else "it is no PDF, or a part of it is missing"


def _png(content: bytes) -> str:
    whole = content.startswith(b"\x89PNG\r\n\x1a\n") and b"IEND" in content[-32:]
    return "" if whole else "it is no PNG picture, or a part of it is missing"


def _jpg(content: bytes) -> str:
    whole = content.startswith(b"\xff\xd8\xff") and b"\xff\xd9" in content[-64:]
    return "" if whole else "it is no JPEG picture, or a part of it is missing"


def _office(suffix: str) -> Callable[[bytes], str]:
    """What an archive of that kind must be: its own parts are there, nothing is hidden, and it unpacks to a sane size.

    The sizes that an archive states are those up to which it is ever unpacked, so that a false one harms nobody.
    """

    def problem(content: bytes) -> str:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                parts = archive.infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError):
            return "it is no such document, or it is damaged"
        return next((said for wrong, said in _archived(parts, _OFFICE[suffix]) if wrong), "")

    return problem


def _archived(parts: Sequence[zipfile.ZipInfo], own: Collection[str]) -> Iterator[tuple[bool, str]]:
    """Whether each of the things is the matter that can be with an archive."""
    names = {part.filename for part in parts}
    unpacked = sum(part.file_size for part in parts)
    led_out = any(name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") for name in names)
    yield not set(own) <= names, "it is another kind of archive"
    yield len(parts) > _MOST_PARTS or len(names) != len(parts), "it holds too many parts, or one of them twice"
    swollen = unpacked > _MOST_UNPACKED or any(_swells(part) for part in parts)
    yield swollen, f"it would unpack to {max(1, unpacked // 1024**2):,} MB, which no document does"
    yield led_out, "a part of it leads out of it"
    yield any(part.flag_bits & 1 for part in parts), "it is locked with a password"
    yield any(name.lower().endswith(("vbaproject.bin", ".exe", ".js", ".dll")) for name in names), "it holds a program"


def _swells(part: zipfile.ZipInfo) -> bool:
    return part.file_size > 1024**2 and part.file_size > _MOST_RATIO * max(1, part.compress_size)


_IS: Final[Mapping[str, Callable[[bytes], str]]] = {
    **dict.fromkeys(TEXTS, _text),
    **{suffix: _office(suffix) for suffix in _OFFICE},
    ".pdf": _pdf,
    ".png": _png,
    ".jpg": _jpg,
}
"""By ending, what is the matter with the content; nothing where it is what the ending says."""

"""What is handed in is told by its content: good files pass, and each kind of bad one is refused with its reason."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest

from seatrial.app.folder.uploads import received
from seatrial.app.people.line_differences import Change, line_differences, text_of
from seatrial.core.errors import Refused

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40 + b"IEND\xaeB`\x82"


def _word(parts: dict[str, bytes] | None = None, *, own: bool = True) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        if own:
            archive.writestr("[Content_Types].xml", "<Types/>")
            archive.writestr("word/document.xml", "<w:document/>")
        for name, content in (parts or {}).items():
            archive.writestr(name, content)
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "kept_as"),
    [
        ("dock planning.md", "# Rôle\n".encode(), "text/markdown"),
        ("LIST.CSV", b"\xef\xbb\xbfid;group\n", "text/csv"),
        ("review.pdf", PDF, "application/pdf"),
        ("yard.png", PNG, "image/png"),
        ("photo.jpeg", b"\xff\xd8\xff\xe0" + b"\0" * 40 + b"\xff\xd9", "image/jpeg"),
        ("plan.docx", _word(), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ],
)
def test_what_is_what_its_name_says_is_taken_as_it_is(name: str, content: bytes, kept_as: str) -> None:
    upload = received(name, content)
    assert (upload.name, upload.media_type, upload.content) == (name, kept_as, content)
    assert upload.digest == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("../../etc/passwd", b"x", "holds a path"),
        ("..\\evil.md", b"x", "holds a path"),
        ("..", b"x", "holds a path"),
        ("", b"x", "has no name"),
        (".htaccess", b"x", "characters that no name should"),
        ("a\nb.md", b"x", "characters that no name should"),
        ("CON.md", b"x", "that of a device"),
        ("x" * 130 + ".md", b"x", "too long"),
        ("run.exe", b"MZ", "not of a kind that is taken"),
        ("page.html", b"<script>", "not of a kind that is taken"),
        ("picture.svg", b"<svg/>", "not of a kind that is taken"),
        ("no-ending", b"x", "not of a kind that is taken"),
        ("empty.md", b"", "is empty"),
        ("program.md", b"MZ\x90\0\x03", "no UTF-8 text"),
        ("zeros.md", b"a\0b", "characters that no text has"),
        ("page.pdf", b"<html>", "no PDF"),
        ("half.pdf", PDF[:-8], "a part of it is missing"),
        ("page.png", b"<html>", "no PNG"),
        ("half.jpg", b"\xff\xd8\xff\xe0", "no JPEG"),
        ("not.docx", b"PK\x03\x04 and nothing", "damaged"),
        ("other.docx", _word({"a.txt": b"a"}, own=False), "another kind of archive"),
        ("out.docx", _word({"../../x": b"a"}), "leads out of it"),
        ("macro.docx", _word({"word/vbaProject.bin": b"a"}), "holds a program"),
        ("bomb.docx", _word({"word/media/a.bin": b"\0" * (8 * 1024 * 1024)}), "would unpack to 8 MB"),
        ("many.docx", _word({f"p{n}": b"" for n in range(2100)}), "too many parts"),
        ("sheet.xlsx", _word(), "another kind of archive"),
    ],
)
def test_what_is_not_is_refused_with_what_to_do(name: str, content: bytes, said: str) -> None:
    with pytest.raises(Refused) as refused:
        received(name, content)
    assert said in refused.value.what
    assert refused.value.remedy


def test_a_place_takes_its_own_kinds_and_sizes() -> None:
    with pytest.raises(Refused, match="not of a kind"):
        received("review.pdf", PDF, only=(".md",))
    with pytest.raises(Refused, match="larger than 1 MB"):
        received("long.md", b"a" * (1024**2 + 1), most=1024**2)


def test_changes_are_told_by_line_with_a_few_around_them() -> None:
    before = [f"line {n}" for n in range(40)]
    after = [*before[:20], "something else", *before[21:], "one more"]
    told = line_differences("\n".join(before), "\n".join(after))
    assert told is not None
    assert [(line.change, line.text) for line in told if line.change in (Change.ADDED, Change.REMOVED)] == [
        (Change.REMOVED, "line 20"),
        (Change.ADDED, "something else"),
        (Change.ADDED, "one more"),
    ]
    assert [line.text for line in told if line.change is Change.SKIPPED] == ["17", "13"]
    assert sum(line.change is Change.SAME for line in told) == 9
    changed = next(line for line in told if line.text == "something else")
    assert (changed.before, changed.after) == (None, 21)
    assert line_differences("same\n", "same\n") == ()
    assert line_differences("", "new\n") is not None
    assert line_differences("a\n" * 5000, "b") is None, "what is too long is not compared for minutes"
    assert text_of(PNG) is None

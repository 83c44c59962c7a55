"""A link to a folder leads there, nowhere, or to something that is none; nothing of the folder is touched."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from seatrial.adapters.proxy.lines import Lines
from seatrial.adapters.proxy.link import FolderLink, Place
from seatrial.core.disturbing import TO_A_FOLDER, LineMode
from seatrial.core.errors import Refused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inbox"
    made.mkdir()
    (made / "a.txt").write_text("a")
    return made


def _ends(folder: Path, link: Path) -> dict[str, tuple[Place, Place]]:
    return {"inbox": (Place(path=link), Place(path=folder))}


def test_it_is_gone_refused_no_folder_cut_and_there_again(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "lines" / "inbox"
    with Lines(_ends(folder, link)) as lines:
        line = lines.line("inbox")
        assert line.counts().connections == 0, "nobody followed it yet"
        assert (link / "a.txt").read_text() == "a"
        assert (line.counts().connections, line.counts().disturbed) == (1, 0)
        line.set(LineMode.REFUSED)
        with pytest.raises(FileNotFoundError):
            (link / "a.txt").read_text()
        assert line.counts().disturbed == 0, "who asks for what is gone is not seen"
        line.set(LineMode.CUT)
        with pytest.raises(NotADirectoryError):
            (link / "a.txt").read_text()
        assert line.counts().disturbed == 1
        line.set(LineMode.PASS)
        assert (link / "a.txt").read_text() == "a"
        line.set(LineMode.REFUSED)
    assert (link / "a.txt").read_text() == "a", "whose holder goes away leads right again"
    assert [each.name for each in link.parent.iterdir()] == ["inbox"]


@pytest.mark.parametrize("mode", sorted(set(LineMode) - {*TO_A_FOLDER}))
def test_what_cannot_be_done_to_a_folder_is_refused(folder: Path, tmp_path: Path, mode: LineMode) -> None:
    with Lines(_ends(folder, tmp_path / "link")) as lines, pytest.raises(Refused, match="cannot be made"):
        lines.line("inbox").set(mode)


@pytest.mark.parametrize("kind", ["folder", "file", "foreign link"])
def test_what_is_none_of_ours_is_left_where_it_is(folder: Path, tmp_path: Path, kind: str) -> None:
    link = tmp_path / "link"
    if kind == "folder":
        link.mkdir()
    elif kind == "file":
        link.write_text("mine")
    else:
        link.symlink_to(tmp_path)
    before = link.lstat().st_ino
    with pytest.raises(Refused, match="something else stands"), Lines(_ends(folder, link)):
        pass
    assert link.lstat().st_ino == before


def test_what_was_put_in_its_place_meanwhile_is_not_taken_away(folder: Path, tmp_path: Path) -> None:
    link = FolderLink("inbox", listen=Place(path=tmp_path / "link"), target=Place(path=folder))
    asyncio.run(link.start())
    (tmp_path / "link").unlink()
    (tmp_path / "link").mkdir()
    with pytest.raises(Refused, match="something else stands"):
        asyncio.run(link.set(LineMode.REFUSED, delay_s=0.0, after_bytes=1))
    assert (tmp_path / "link").is_dir()


def test_a_link_that_a_killed_holder_left_leading_nowhere_is_set_right(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/null")
    with Lines(_ends(folder, tmp_path / "link")):
        assert (tmp_path / "link" / "a.txt").read_text() == "a"

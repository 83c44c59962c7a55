"""Artifacts: named by their content, erasable, never silently replaced."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seatrial.adapters.store.artifacts import ArtifactFolder, ArtifactStatus
from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.ports import Artifacts


@pytest.fixture
def store(tmp_path: Path) -> ArtifactFolder:
    return ArtifactFolder(tmp_path / "artifacts")


def file_of(tmp_path: Path, digest: str) -> Path:
    return tmp_path / "artifacts" / digest[:2] / digest[2:]


def test_content_comes_back_by_its_digest(store: ArtifactFolder) -> None:
    port: Artifacts = store
    digest = port.put(b"rows", media_type="text/csv")
    assert digest == hashlib.sha256(b"rows").hexdigest()
    assert port.get(digest) == b"rows"
    assert store.media_type(digest) == "text/csv"
    assert store.status(digest) is ArtifactStatus.KEPT
    assert port.put(b"rows", media_type="text/csv") == digest


def test_only_its_owner_can_read_it(store: ArtifactFolder, tmp_path: Path) -> None:
    digest = store.put(b"answers", media_type="text/plain")
    assert file_of(tmp_path, digest).stat().st_mode & 0o777 == 0o600


def test_what_was_never_kept_is_missing(store: ArtifactFolder) -> None:
    assert store.get("0" * 64) is None
    assert store.status("0" * 64) is ArtifactStatus.MISSING
    assert store.erase("0" * 64) is False


def test_what_was_erased_is_gone_and_says_so(store: ArtifactFolder, tmp_path: Path) -> None:
    digest = store.put(b"answers", media_type="text/plain")
    assert store.erase(digest) is True
    assert store.get(digest) is None
    assert store.media_type(digest) is None
    assert store.status(digest) is ArtifactStatus.ERASED
    assert store.erase(digest) is False
    assert b"answers" not in b"".join(p.read_bytes() for p in (tmp_path / "artifacts").rglob("*") if p.is_file())


def test_what_was_put_again_after_its_erasure_is_kept(store: ArtifactFolder) -> None:
    digest = store.put(b"answers", media_type="text/plain")
    store.erase(digest)
    store.put(b"answers", media_type="text/plain")
    assert store.status(digest) is ArtifactStatus.KEPT


def test_what_was_deleted_by_hand_is_not_called_erased(store: ArtifactFolder, tmp_path: Path) -> None:
    digest = store.put(b"answers", media_type="text/plain")
    file_of(tmp_path, digest).unlink()
    assert store.status(digest) is ArtifactStatus.MISSING


def test_altered_content_is_never_returned_and_is_mended_by_putting_it_again(
    store: ArtifactFolder, tmp_path: Path
) -> None:
    digest = store.put(b"answers", media_type="text/plain")
    file_of(tmp_path, digest).write_bytes(b"others")
    assert store.status(digest) is ArtifactStatus.ALTERED
    with pytest.raises(Malformed, match="content"):
        store.get(digest)
    store.put(b"answers", media_type="text/plain")
    assert store.get(digest) == b"answers"


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_what_is_no_digest_names_no_file(store: ArtifactFolder, digest: str) -> None:
    with pytest.raises(Malformed, match="digest"):
        store.get(digest)


def test_writers_at_once_leave_one_whole_file_and_no_drafts(store: ArtifactFolder, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        digests = set(pool.map(lambda _: store.put(b"x" * 100_000, media_type="text/plain"), range(8)))
    (digest,) = digests
    assert store.get(digest) == b"x" * 100_000
    files = [p.name for p in (tmp_path / "artifacts").rglob("*") if p.is_file()]
    assert sorted(files) == [digest[2:], f"{digest[2:]}.json"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("in the way")
    with pytest.raises(Unreachable, match="artifacts"):
        ArtifactFolder(tmp_path / "artifacts").put(b"x", media_type="text/plain")

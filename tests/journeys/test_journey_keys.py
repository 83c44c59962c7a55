"""A company's trust root over the command line: made, pinned, and a stolen key ended."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import called

from plants.site_world import write_system

YES = ("--yes",)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_system(tmp_path / "keyed", "keyed").parent


def own(folder: Path, holder: str) -> str:
    return called("keys", "--own", holder, cwd=folder).out.strip()


def test_a_trust_root_is_made_of_what_each_holder_tells_and_a_stolen_key_stops_counting(
    folder: Path, tmp_path: Path
) -> None:
    trust = tmp_path / "outside" / "trust.json"
    trust.parent.mkdir()
    pinned = {"SEATRIAL_TRUST": str(trust)}
    assert called("trust-root", trust, "--add", own(folder, "worker:local"), cwd=folder).code == 0
    refused = called("accept", "owner", "--as", "olga", *YES, cwd=folder, environment=pinned)
    assert "the trust root does not know the key of person:olga" in refused.err
    assert called("trust-root", trust, "--add", own(folder, "person:olga"), cwd=folder).code == 0
    assert called("accept", "owner", "--as", "olga", *YES, cwd=folder, environment=pinned).code == 0
    assert called("verify", "--trust", trust, cwd=folder).code == 0
    assert "person:olga" in called("keys", cwd=folder, environment=pinned).out
    ended = called("trust-root", trust, "--revoke", "person:olga", "--at", "2020-01-01", cwd=folder)
    assert "revoked 2020-01-01" in ended.out
    told = called("verify", "--trust", trust, "--json", cwd=folder).out
    assert "key-revoked" in told


def test_an_end_is_never_lifted_or_moved_later_and_a_mistake_leaves_the_file_as_it_was(
    folder: Path, tmp_path: Path
) -> None:
    trust = tmp_path / "trust.json"
    mine = own(folder, "person:ivo")
    assert called("trust-root", trust, "--add", mine, "--role", "it", "--until", "2030-01-01", cwd=folder).code == 0
    [listed] = json.loads(called("trust-root", trust, "--json", cwd=folder).out)
    assert (listed["holder"], listed["roles"]) == ("person:ivo", ["it"])
    assert listed["valid_until"].startswith("2030-01-01")
    assert called("trust-root", trust, "--retire", "person:ivo", "--at", "2027-06-01", cwd=folder).code == 0
    before = trust.read_bytes()
    for asked, told in (
        (("--retire", "person:ivo", "--at", "2028-01-01"), "ended already at 2027-06-01"),
        (("--add", mine), "is listed already"),
        (("--add", "person:olga=abc"), "no public key"),
        (("--add", f"nobody:x={mine.partition('=')[2][:-4]}AAA="), "none of person"),
        (("--revoke", "person:olga"), "names no key"),
        (("--revoke", "person:ivo", "--at", "yesterday"), "expected a day"),
        (("--role", "it"), "exactly one --add"),
    ):
        ended = called("trust-root", trust, *asked, cwd=folder)
        assert ended.code != 0, asked
        assert told in ended.err, (asked, ended.err)
        assert trust.read_bytes() == before

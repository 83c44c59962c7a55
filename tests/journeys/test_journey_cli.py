"""The command line as a shell and a pipeline meet it: exit codes, errors, JSON, and what it refuses."""

from __future__ import annotations

import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Ended, called, seatrial

from plants.model_server import sound
from plants.server import Server
from plants.tiny_system import SECRET, plant
from seatrial.app.folder.catalogue import checks
from seatrial.gate.catalogue import PRODUCTION_READINESS

_ASSETS = Path(__file__).parents[1] / "assets"
_DEFECTS = _ASSETS / "spec" / "defects"
_EXPECTED = (_ASSETS / "spec" / "defects.expected.txt").read_text().splitlines()
_KEY = {"MODEL_KEY": SECRET}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(sound) as served:
        yield served


@pytest.fixture(scope="module")
def on_record(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A system with a run and an acceptance on record; tests only read it."""
    place = tmp_path_factory.mktemp("recorded") / "system"
    plant(place, server.url)
    ended = _process(place, "run", "--only", "ownership.monitor", "--plain")
    assert ended.code == 1, ended.err
    assert _process(place, "accept", "monitor", "--as", "olga", "--yes").code == 0
    return place


@pytest.fixture
def fresh(server: Server, tmp_path: Path) -> Path:
    plant(tmp_path / "system", server.url)
    return tmp_path / "system"


def _in(place: Path, *arguments: str | Path, **environment: str) -> Ended:
    return called(*arguments, cwd=place, environment={**_KEY, **environment})


def _process(place: Path, *arguments: str | Path, **environment: str) -> Ended:
    return seatrial(*arguments, cwd=place, environment={**_KEY, **environment})


def _refused(ended: Ended, *words: str) -> None:
    assert ended.code == 2, ended
    assert ended.out == ""
    assert "Traceback" not in ended.err
    assert "→" in ended.err, "an error says what to do"
    for word in words:
        assert word in ended.err


@pytest.mark.parametrize(
    "arguments",
    [("launch",), ("run", "--fast"), ("explain",), ("sign", "treasurer"), ("init", "--data", "x.csv")],
    ids=" ".join,
)
def test_a_wrong_command_option_or_argument_is_usage(arguments: tuple[str, ...], tmp_path: Path) -> None:
    ended = called(*arguments, cwd=tmp_path)
    assert ended.code == 64
    assert ended.out == ""
    assert "Error" in ended.err
    assert "Traceback" not in ended.err


def test_without_a_command_the_help_is_shown(tmp_path: Path) -> None:
    shown = seatrial("--help", cwd=tmp_path, environment={"COLUMNS": "80"})
    assert shown.code == 0
    assert "Exit codes:" in " ".join(shown.out.split())
    assert max(map(len, shown.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "choices"),
    [
        (("drill", "wrong"), ("rollback", "page", "escalation", "fallback", "stop", "outage", "offline")),
        (("verdict", "--gate", "wrong"), ("pilot-exit", "production-readiness", "enterprise-scale")),
        (("gaps", "--by", "wrong"), ("cause", "owner", "domain")),
    ],
    ids=lambda given: " ".join(given[:2]),
)
def test_a_wrong_choice_names_the_right_ones_and_nothing_of_the_tools_below(
    arguments: tuple[str, ...], choices: tuple[str, ...], tmp_path: Path
) -> None:
    ended = called(*arguments, cwd=tmp_path)
    assert ended.code == 64
    assert f"'wrong' is not one of {', '.join(map(repr, choices))}" in ended.err
    assert "Value error" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("serve", "nowhere"), "there is no nowhere"),
        (("serve", "."), "there is no seatrial.yaml"),
        (("serve",), "--new"),
        (("worker",), "there is no site"),
        (("let-in", "ada@example.com"), "there is no site"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_no_site_is_begun_where_there_is_nothing_to_show(arguments: tuple[str, ...], word: str, tmp_path: Path) -> None:
    _refused(called(*arguments, cwd=tmp_path), word)
    assert list(tmp_path.iterdir()) == [], "nothing was made in silence"


def test_an_empty_site_is_begun_by_a_word_and_goes_on_without_it(tmp_path: Path) -> None:
    nowhere = ("--listen", "no-address")
    ended = seatrial("serve", "--new", *nowhere, cwd=tmp_path)
    assert "'no-address' is no address" in ended.err, "it came as far as listening"
    assert "'no-address' is no address" in seatrial("serve", *nowhere, cwd=tmp_path).err


def test_a_wrong_command_ends_the_process_with_64(tmp_path: Path) -> None:
    assert seatrial("launch", cwd=tmp_path).code == 64


@pytest.mark.parametrize("command", ["validate", "verdict"])
def test_where_no_system_file_is_the_error_names_init(command: str, tmp_path: Path) -> None:
    _refused(called(command, cwd=tmp_path), "there is no seatrial.yaml", "seatrial init")
    error = called(command, tmp_path / "gone.yaml", "--json", cwd=tmp_path)
    assert error.code == 2
    assert error.err == ""
    assert set(error.json) == {"error", "remedy", "kind"}
    assert "gone.yaml" in error.json["error"]


@pytest.mark.parametrize("name", ["many-at-once.yaml", "binary.yaml", "empty.yaml"])
def test_validate_tells_every_problem_with_its_place(name: str, tmp_path: Path) -> None:
    expected = [line for line in _EXPECTED if line.startswith(f"{name}:")]
    plain = called("validate", _DEFECTS / name, cwd=tmp_path)
    _refused(plain, *expected[:20])
    told = called("validate", _DEFECTS / name, "--json", cwd=tmp_path)
    assert told.code == 2
    assert told.json["kind"] == "SpecErrors"
    assert len(told.json["problems"]) == len(expected)
    for problem in told.json["problems"]:
        assert {"file", "line", "column", "path", "found", "expected"} <= set(problem)


def test_a_name_that_the_environment_does_not_have_is_an_error(fresh: Path) -> None:
    _refused(called("validate", fresh, cwd=fresh), "MODEL_KEY", "not set")


def test_validate_says_that_a_file_is_valid(fresh: Path) -> None:
    ended = _in(fresh, "validate")
    assert ended.code == 0
    assert "valid" in ended.out
    assert SECRET not in ended.out


def test_nothing_on_record_is_no_go_with_every_requirement_in_sight(fresh: Path) -> None:
    ended = _in(fresh, "verdict", "--json")
    assert ended.code == 1
    assert ended.err == ""
    assert ended.json["verdict"] == "NO-GO"
    shown = {row["id"]: row for row in ended.json["requirements"]}
    assert set(shown) == {row.id for row in PRODUCTION_READINESS}
    assert {row["outcome"] for row in shown.values()} == {"NOT_DETERMINED"}
    assert {gap["requirement"] for gap in ended.json["gaps"]} >= set(shown)
    assert not (fresh / ".seatrial" / "keys").exists() or not list((fresh / ".seatrial" / "keys").glob("*.key"))


@pytest.mark.parametrize(
    "environment",
    [{"COLUMNS": "80"}, {"COLUMNS": "80", "NO_COLOR": "1"}],
    ids=["80 columns", "no colour"],
)
def test_a_verdict_fits_80_columns_and_needs_no_colour(environment: dict[str, str], on_record: Path) -> None:
    ended = _process(on_record, "verdict", **environment)
    assert ended.code == 1
    assert "NO-GO" in ended.out
    assert "\x1b" not in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80
    assert len(ended.out.splitlines()) <= 40


def test_plain_progress_is_one_line_an_event_on_standard_error(on_record: Path) -> None:
    ended = _process(on_record, "run", "--only", "ownership.retraining", "--plain")
    assert ended.code == 1
    assert "\x1b" not in ended.out + ended.err
    assert "\r" not in ended.err
    assert any("ownership.retraining" in line for line in ended.err.splitlines())
    assert "NO-GO" in ended.out
    quiet = _in(on_record, "run", "--only", "ownership.retraining", "--json")
    assert quiet.err == ""
    assert quiet.json["verdict"] == "NO-GO"


def test_only_what_exists_can_be_run(on_record: Path) -> None:
    _refused(_in(on_record, "run", "--only", "ownership.monito"), "no check 'ownership.monito'", "ownership.monitor")


def test_gaps_say_who_closes_them_how_and_by_when(on_record: Path) -> None:
    ended = _in(on_record, "gaps", "--json")
    assert ended.code == 1
    for gap in ended.json["gaps"]:
        assert gap["summary"]
        assert gap["remedy"]
        assert gap["due"]
    shown = _in(on_record, "gaps")
    assert shown.code == 1
    assert "ownership.monitor" in shown.out


def test_the_dossier_is_one_file_that_needs_nothing_else(on_record: Path, tmp_path: Path) -> None:
    ended = _in(on_record, "report", "-o", tmp_path / "dossier.html")
    assert ended.code == 0
    page = (tmp_path / "dossier.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "NO-GO" in page
    assert SECRET not in page
    _refused(_in(on_record, "report", "-o", tmp_path / "nowhere" / "dossier.html"), "cannot be written")


@pytest.mark.slow
def test_a_bundle_verifies_elsewhere_and_a_tampered_one_does_not(on_record: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.zip"
    assert _in(on_record, "export", bundle).code == 0
    (tmp_path / "checkpoints").write_text(_in(on_record, "checkpoint").out)
    elsewhere = called("verify", bundle, "--json", cwd=tmp_path)
    assert elsewhere.code == 0
    assert (elsewhere.json["intact"], elsewhere.json["anchored"]) == (True, False)
    pinned = called("verify", bundle, "--checkpoint", tmp_path / "checkpoints", cwd=tmp_path)
    assert pinned.code == 0, pinned

    altered = tmp_path / "altered.zip"
    with zipfile.ZipFile(bundle) as source, zipfile.ZipFile(altered, "w") as target:
        for name in source.namelist():
            lines = source.read(name).splitlines(keepends=True)
            target.writestr(name, b"".join(_without_second(lines) if name == "entries.jsonl" else lines))
    told = called("verify", altered, cwd=tmp_path)
    assert told.code == 1
    assert "missing" in told.out
    (tmp_path / "cut.zip").write_bytes(bundle.read_bytes()[:-200])
    _refused(called("verify", tmp_path / "cut.zip", cwd=tmp_path), "cut.zip")


def _without_second(lines: list[bytes]) -> list[bytes]:
    return [lines[0], *lines[2:]]


def test_a_dropped_tail_is_seen_against_a_checkpoint_only(on_record: Path, tmp_path: Path) -> None:
    place = tmp_path / "system"
    shutil.copytree(on_record, place)
    (tmp_path / "checkpoints").write_text(_in(place, "checkpoint").out)
    with sqlite3.connect(place / ".seatrial" / "ledger.db") as database:
        database.execute("DROP TRIGGER seatrial_no_delete")
        database.execute("DELETE FROM seatrial_entries WHERE sequence = (SELECT MAX(sequence) FROM seatrial_entries)")
    database.close()
    unanchored = _in(place, "verify")
    assert unanchored.code == 0
    assert "not anchored" in unanchored.out
    pinned = _in(place, "verify", "--checkpoint", tmp_path / "checkpoints")
    assert pinned.code == 1
    assert "truncated" in pinned.out
    assert (
        _in(place, "verdict", "--json", SEATRIAL_CHECKPOINTS=str(tmp_path / "checkpoints")).json["verdict"] == "NO-GO"
    )


_NOT_THEIRS = {
    "accept monitor --as max --yes": "max is not declared",
    "accept monitor --as sven --yes": "monitor is declared for olga",
    "accept treasure --as olga --yes": "treasure",
    "sign legal --as ivo --yes": "lena is declared to sign for legal",
    "attest process nowhere.md --as olga --yes": "nowhere.md is not named",
    "attest process limits.md --as max --yes": "max is not declared",
    "exempt model.threshold --as amir --because small --yes": "model.threshold always applies",
    "exempt model.adversarial --as amir --yes": "reason",
    "exempt model.adversarial --as lena --asked-by amir --because small --yes": "amir has not asked",
    "depart sven --as max": "max is not declared",
    "depart nobody --as carl": "nobody is not declared",
}


@pytest.mark.slow
def test_nobody_states_what_is_not_theirs(on_record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_KEY", SECRET)
    before = called("checkpoint", cwd=on_record).out
    for command, reason in _NOT_THEIRS.items():
        ended = called(*command.split(), cwd=on_record)
        assert (command, ended.code) == (command, 2)
        assert reason in ended.err, ended.err
        assert "Traceback" not in ended.err
    assert called("accept", "monitor", "--yes", cwd=on_record).code == 64, "nobody is meant without --as"
    assert _process(on_record, "accept", "monitor.deputy", "--as", "sven").code == 130, "nobody confirms"
    assert called("checkpoint", cwd=on_record).out == before, "nothing was recorded"


@pytest.mark.slow
def test_that_a_requirement_does_not_apply_takes_two_people(on_record: Path, tmp_path: Path) -> None:
    place = tmp_path / "system"
    shutil.copytree(on_record, place)
    because = ("--because", "nobody outside sees an answer", "--yes")

    def outcome() -> str:
        found = _in(place, "verdict", "--json").json["requirements"]
        return str(next(r["outcome"] for r in found if r["id"] == "model.adversarial"))

    assert _in(place, "exempt", "model.adversarial", "--as", "amir", *because).code == 0
    assert outcome() == "NOT_DETERMINED"
    assert _in(place, "exempt", "model.adversarial", "--as", "amir", "--asked-by", "amir", *because).code == 2
    assert outcome() == "NOT_DETERMINED"
    assert _in(place, "exempt", "model.adversarial", "--as", "lena", "--asked-by", "amir", *because).code == 0
    assert outcome() == "NOT_APPLICABLE"


def _ledger(place: Path, url: str, *arguments: str) -> Ended:
    return _in(place, *arguments, SEATRIAL_LEDGER=url)


def test_a_read_only_ledger_is_decided_from_and_not_written(on_record: Path) -> None:
    url = f"sqlite:///file:{on_record / '.seatrial' / 'ledger.db'}?mode=ro&uri=true"
    assert _ledger(on_record, url, "verdict", "--json").json["verdict"] == "NO-GO"
    _refused(_ledger(on_record, url, "accept", "monitor.deputy", "--as", "sven", "--yes"), "cannot be written")


@pytest.mark.slow
def test_a_locked_ledger_is_waited_for_and_then_named(on_record: Path) -> None:
    holder = sqlite3.connect(on_record / ".seatrial" / "ledger.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        _refused(_in(on_record, "accept", "monitor.deputy", "--as", "sven", "--yes"), "locked by another program")
    finally:
        holder.close()


@pytest.mark.parametrize("command", ["verdict", "verify"])
def test_a_ledger_of_another_version_or_kind_is_left_as_it_is(command: str, fresh: Path) -> None:
    newer = fresh / "newer.db"
    database = sqlite3.connect(newer)
    database.execute("CREATE TABLE seatrial_format (version INTEGER PRIMARY KEY)")
    database.execute("INSERT INTO seatrial_format VALUES (99)")
    database.execute("CREATE TABLE seatrial_entries (system TEXT)")
    database.commit()
    database.close()
    other = fresh / "notes.db"
    other.write_bytes(b"these are notes, no database " * 100)
    for file, words in ((newer, "does not know"), (other, "is not a ledger")):
        content = file.read_bytes()
        _refused(_ledger(fresh, f"sqlite:///{file}", command), words)
        assert file.read_bytes() == content


def test_a_ledger_that_cannot_be_reached_does_not_show_its_password(fresh: Path) -> None:
    url = "postgresql://olga:verysecret@127.0.0.1:9/seatrial"
    ended = _ledger(fresh, url, "verdict")
    _refused(ended, "cannot be reached")
    assert "verysecret" not in ended.err


@pytest.mark.slow
def test_the_catalogue_can_be_read_by_programs_and_people(tmp_path: Path) -> None:
    listed: Any = called("requirements", "--json", cwd=tmp_path).json
    assert {row.id for row in PRODUCTION_READINESS} <= set(str(listed).replace("'", " ").split())
    found = called("checks", "--json", cwd=tmp_path).json
    assert {row["id"] for row in found} == {check.id for check in checks()}
    explained = called("explain", "model.threshold", cwd=tmp_path)
    assert "no-minimum" in explained.out
    _refused(called("explain", "model.treshold", cwd=tmp_path), "model.threshold")

"""The docs say what the code does: pages are current, links lead somewhere, everything has its place, examples run."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from seatrial.app.folder.catalogue import checks
from seatrial.cli.main import _assemble
from seatrial.cli.sections import first_clause
from seatrial.engine.codes import CODES as ENGINE_CODES
from seatrial.evidence.failures import CODES as LEDGER_CODES
from seatrial.evidence.report import PROBLEM_CODES
from seatrial.gate.catalogue import EVERY
from seatrial.gate.codes import GATE_CODES
from seatrial.watch.events import REFUSALS

REPO = Path(__file__).parents[2]
DOCS = REPO / "docs"
_SPEC = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
assert _SPEC is not None
assert _SPEC.loader is not None
generate = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(generate)
PAGES = sorted([*DOCS.rglob("*.md"), *REPO.glob("*.md")])
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"(?:^|[`/]|\$ )seatrial ([a-z][a-z-]*)([^`|;&\n]*)", re.MULTILINE)
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def _page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_the_reference_is_what_the_code_says() -> None:
    assert generate.stale() == [], "run `python -m docs.generate`"


def test_a_stale_and_a_forgotten_page_are_named(tmp_path: Path) -> None:
    for name, text in generate.pages().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert generate.stale(tmp_path) == []
    (tmp_path / "codes.md").write_text("# Codes\n", encoding="utf-8")
    (tmp_path / "cli.md").unlink()
    forgotten = generate.pages()["policy.md"]
    (tmp_path / "old.md").write_text(forgotten, encoding="utf-8")
    (tmp_path / "by-hand.md").write_text("# Somebody's own page\n", encoding="utf-8")
    assert generate.stale(tmp_path) == ["cli.md", "codes.md", "old.md"]


def test_every_command_has_help_and_a_section() -> None:
    page = _page("reference/cli.md")
    group = typer.main.get_command(_assemble())
    commands = group.commands  # type: ignore[attr-defined]
    assert commands
    for name, command in commands.items():
        assert command.help, name
        assert f"## seatrial {name}\n" in page
        for option in command.params:
            assert getattr(option, "help", None) or option.name == "help", f"{name} {option.name}"


def test_the_list_of_commands_has_one_whole_line_for_each() -> None:
    group = typer.main.get_command(_assemble())
    listed = typer.Context(group, info_name="seatrial", terminal_width=80).get_help().splitlines()
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        assert command.rich_help_panel, f"{name} stands under no heading"
        (line,) = [line for line in listed if line.split()[:1] == [name]]
        assert line.endswith(first_clause(command.help)), f"{name}: what it does is longer than its line"
    assert not any("..." in line for line in listed[1:]), "something is cut"


def test_every_command_and_option_that_a_page_names_exists() -> None:
    commands = typer.main.get_command(_assemble()).commands  # type: ignore[attr-defined]
    named = 0
    for page in PAGES:
        for code in _CODE.findall(page.read_text(encoding="utf-8")):
            for name, rest in _COMMAND.findall(code):
                assert name in commands, (page.name, name)
                known = {option for one in commands[name].params for option in (*one.opts, *one.secondary_opts)}
                assert set(_OPTION.findall(rest)) <= known | {"--help"}, (page.name, name, rest)
                named += 1
    assert named > 100


def test_every_decision_has_a_number_of_its_own_and_says_it() -> None:
    decisions = sorted((DOCS / "decisions").glob("*.md"))
    numbers = [int(page.name[:4]) for page in decisions]
    assert len(numbers) > 40
    assert len(set(numbers)) == len(numbers), "two decisions have one number"
    for number, page in zip(numbers, decisions, strict=True):
        assert page.read_text(encoding="utf-8").startswith(f"# {number}. "), page.name


def test_every_requirement_check_and_code_is_documented() -> None:
    requirements, listed, codes = (_page(f"reference/{n}.md") for n in ("requirements", "checks", "codes"))
    for row in EVERY:
        assert f"## {row.id}\n" in requirements
    for check in checks():
        section = listed.partition(f"## {check.id}\n")[2].partition("\n## ")[0]
        for code in check.codes:
            assert f"| `{code}` |" in section, (check.id, code)
        for code, meaning in check.codes.items():
            assert meaning.strip(), (check.id, code)
    for code in (*GATE_CODES, *ENGINE_CODES, *PROBLEM_CODES, *LEDGER_CODES, *REFUSALS):
        assert f"| `{code}` |" in codes, code


def test_every_code_by_which_the_watch_refuses_an_event_says_what_it_means() -> None:
    given = set()
    for path in (REPO / "src" / "seatrial" / "watch").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="_Refused"), args=[ast.Constant(value=str(code)), _]):
                    given.add(code)
                case ast.keyword(arg="code", value=ast.Constant(value=str(code))):
                    given.add(code)
    assert given == set(REFUSALS)


def test_every_check_has_its_method_and_says_what_it_does_not_see() -> None:
    page = _page("methods.md")
    for check in checks():
        section = page.partition(f"### {check.id}\n")[2].partition("\n#")[0]
        for part in ("Question", "Executed", "Statistic", "Limit", "Does not see"):
            assert f"**{part}**" in section, (check.id, part)


def test_what_is_not_yet_established_is_said_to_be() -> None:
    listed = set(re.findall(r"^\| `([a-z.-]+)` \|", _page("decisions/0006-not-yet-established.md"), re.MULTILINE))
    assert listed == {row.id for row in EVERY} - {check.requirement for check in checks() if not check.supplements}


def test_the_changelog_says_each_thing_once() -> None:
    entries = re.findall(
        r"^- .*?(?=^- |^#|\Z)", (REPO / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(entries) > 100
    assert len({entry.strip() for entry in entries}) == len(entries)


def _anchors(text: str) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(REPO)))
def test_links_lead_somewhere(page: Path) -> None:
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    for link in _LINK.findall(text):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in _anchors(target.read_text(encoding="utf-8")), f"{page.name}: {link}"


def test_every_written_page_can_be_reached_from_the_index() -> None:
    seen, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or not page.is_file() or page.suffix != ".md":
            waiting += sorted(page.glob("*.md")) if page.is_dir() and page not in seen else []
            seen.add(page)
            continue
        seen.add(page)
        links = _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links if "://" not in link]
    assert [page for page in DOCS.rglob("*.md") if page not in seen] == []


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def tutorial(tmp_path: Path) -> Iterator[str]:
    """The tutorial's text at a free port, its files written and its model running."""
    port = str(_free_port())
    text = _page("tutorial.md").replace("8801", port)
    for _, name, content in _blocks(text, "file"):
        (tmp_path / name).write_text(content)
    with (tmp_path / "model.log").open("wb") as log:
        model = subprocess.Popen([sys.executable, "pump_model.py"], cwd=tmp_path, stdout=log, stderr=log)
        try:
            _wait_for(int(port))
            yield text
        finally:
            model.kill()
            model.wait()


def _wait_for(port: int) -> None:
    for _ in range(1200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return


def _blocks(text: str, key: str) -> list[tuple[str, str, str]]:
    """(language, value, content) of each code block that carries `key=value` behind its language."""
    found = [
        (language, re.search(rf"\b{key}=(\S+)", more), content) for language, more, content in _BLOCK.findall(text)
    ]
    return [(language, value[1], content) for language, value, content in found if value]


@pytest.mark.slow
def test_the_tutorial_does_what_it_says(tutorial: str, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SEATRIAL_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    shown = ""
    for language, more, content in _BLOCK.findall(tutorial):
        if language == "yaml":
            _replace(tmp_path / more.partition("replace=")[2].strip(), content)
        if language != "sh":
            continue
        expected = int(more.partition("exit=")[2].strip() or 0)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", content],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expected, (content, done)
        shown += done.stdout
    assert "NO-GO" in shown
    assert "not anchored" in shown
    assert (tmp_path / "pump-failure" / "dossier.html").is_file()
    verdict = subprocess.run(
        [sys.executable, "-m", "seatrial", "explain", "ownership.monitor"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert verdict.stdout in shown
    assert re.search(r"Production ownership +✓", shown), "the gap that the tutorial closes is closed"


def _replace(file: Path, sections: str) -> None:
    """Put each top-level section in the place of the one with the same key."""
    text = file.read_text()
    for section in re.split(r"^(?=\w)", sections, flags=re.MULTILINE):
        key = section.partition(":")[0]
        if key:
            text = re.sub(rf"^{key}:.*?(?=^(?:\w|#|$))", section, text, flags=re.MULTILINE | re.DOTALL)
    file.write_text(text)

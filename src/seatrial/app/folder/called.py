"""The scripts that declared steps call, where they stand beside the system file: they decide what a step does.

What such a script calls in turn is not followed, and a program that is installed elsewhere is not looked at.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.workspace import Workspace
from seatrial.core.errors import SeatrialError
from seatrial.spec.reading import read_yaml
from seatrial.spec.subject import OWN_STEPS, procedures

_WRITTEN: Final = frozenset(
    {"", ".log", ".csv", ".tsv", ".jsonl", ".parquet", ".txt", ".out", ".pid", ".lock", ".db", ".sqlite"}
)
"""What steps read and write as data, also without a suffix: a mark of the version, a state. Such a file counts only
where it is run: as the program, or by an interpreter."""
_INTERPRETER: Final = re.compile(
    r"(?:python|pypy|bash|sh|dash|zsh|ksh|node|ruby|perl|pwsh|powershell|php|Rscript|java)[\d.]*"
)
_MOST_KEPT: Final = 64
_GIVEN: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def called_files(workspace: Workspace) -> Mapping[str, tuple[str, ...]]:
    """By procedure the files that its commands name, relative to the system file; by `OWN_STEPS` those of steps there.

    A procedure that cannot be read calls nothing here: the check that needs it tells what is wrong with it.
    """
    found: dict[str, tuple[str, ...]] = {}
    system = workspace.system
    own = {"interruption": system.data.interruption, "schema-change": system.data.schema_change}
    declared: dict[str, object] = {
        OWN_STEPS: [each.model_dump(mode="json", by_alias=True) for each in own.values() if each]
    }
    files = LocalFiles(workspace.base)
    for path in procedures(system):
        with suppress(SeatrialError):
            declared[path] = _content(files.read(path), path)
    for path, content in declared.items():
        named = {
            name
            for command in _commands(content)
            for name in _files(workspace.base, [_filled(part, workspace.environment) for part in command])
        }
        if named:
            found[path] = tuple(sorted(named))
    return found


@lru_cache(maxsize=_MOST_KEPT)
def _content(text: bytes, path: str) -> object:
    """What a procedure's text says. Every deed of a person asks for it, and it hardly ever changes between two."""
    return read_yaml(text, name=path).plain()


def _commands(content: object) -> Iterator[Sequence[str]]:
    """Every `run: [program, argument, …]`, wherever it stands."""
    if isinstance(content, Mapping):
        run = content.get("run")
        if isinstance(run, Sequence) and not isinstance(run, str):
            yield [str(part) for part in run]
        for inner in content.values():
            yield from _commands(inner)
    elif isinstance(content, Sequence) and not isinstance(content, str):
        for inner in content:
            yield from _commands(inner)


def _filled(text: str, environment: Mapping[str, str]) -> str:
    return _GIVEN.sub(lambda found: environment.get(found[1], found[0]), text)


def _files(base: Path, command: Sequence[str]) -> Iterator[str]:
    """The files below `base` that a command runs or is told; of a line for a shell, each word."""
    words = [*command, *(word for part in command if " " in part for word in _words(part))]
    run = False
    for at, word in enumerate(words):
        program = at == 0 or run
        run = bool(_INTERPRETER.fullmatch(Path(word).name)) or (run and word.startswith("-") and word != "-m")
        for name in _named(word, module=at > 0 and words[at - 1] == "-m"):
            path = _below(base, name)
            if path is not None and (program or Path(path).suffix.lower() not in _WRITTEN or _runs(base / path)):
                yield path


def _named(word: str, *, module: bool) -> Iterator[str]:
    yield word
    if word.startswith("-") and "=" in word:
        yield word.partition("=")[2]
    if module and all(part.isidentifier() for part in word.split(".")):
        inside = word.replace(".", "/")
        yield from (f"{inside}.py", f"{inside}/__init__.py", f"{inside}/__main__.py")


def _words(line: str) -> Sequence[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _below(base: Path, name: str) -> str | None:
    """The path relative to `base`, where there is such a file below it."""
    try:
        root, there = base.resolve(), base / name
        path = there.parent.resolve() / there.name
        inside = path.is_relative_to(root) and path.is_file()
    except (OSError, ValueError):
        return None
    return path.relative_to(root).as_posix() if inside else None


def _runs(path: Path) -> bool:
    """Whether a file is made to be run, whatever it is called."""
    with suppress(OSError):
        if os.access(path, os.X_OK):
            return True
        with path.open("rb") as file:
            return file.read(2) == b"#!"
    return False

"""`python -m benchmarks [NAME…]`: every benchmark, one after the other; each prints its ratios.

    python -m benchmarks [--page] [NAME …]

With `--page` what each printed is kept in `docs/reference/speed.md`, in a section of its own with the day, the machine
and its load at the beginning; the sections of others stay. Where something else runs meanwhile, only seconds of CPU and
ratios of them mean much. Exit code 1 when one missed its limit.
"""

from __future__ import annotations

import argparse
import ast
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

_HERE = Path(__file__).parent
_PAGE = _HERE.parent / "docs" / "reference" / "speed.md"
_INTRODUCTION = """# Speed

What the benchmarks printed, each on the day and the machine that it names. Made by `python -m benchmarks --page`;
ratios within one run say more than seconds. Where no load is said nothing else ran; where more ran at the beginning
than there are cores, only CPU and its ratios mean much. A limit that was missed is said.
"""
_SECTION = re.compile(r"^## (\S+)\n", re.MULTILINE)


def names() -> list[str]:
    """Every benchmark, by name."""
    return sorted(path.stem for path in _HERE.glob("*.py") if not path.stem.startswith("_"))


def printed(name: str) -> tuple[str, int]:
    """What it printed, line by line also to the terminal, and its exit code."""
    command = [sys.executable, "-u", "-m", f"benchmarks.{name}"]
    lines = []
    with subprocess.Popen(command, cwd=_HERE.parent, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line.rstrip())
    return "\n".join(lines), running.returncode


def section(name: str, output: str, code: int, *, on: str) -> str:
    """The section of one benchmark in Markdown, its heading left out."""
    what = (ast.get_docstring(ast.parse((_HERE / f"{name}.py").read_text(encoding="utf-8"))) or "").split("\n")[0]
    missed = "" if code == 0 else " **A limit was missed.**"
    return f"{what}\n\n{on}.{missed}\n\n```text\n{output}\n```\n"


def sections(page: str) -> dict[str, str]:
    """Name to text of what the page holds already."""
    _, *rest = _SECTION.split(page)
    return {name: text.strip() + "\n" for name, text in zip(rest[::2], rest[1::2], strict=True)}


def spelled(held: Mapping[str, str]) -> str:
    """The page."""
    return _INTRODUCTION + "".join(f"\n## {name}\n\n{held[name]}" for name in sorted(held))


def _machine() -> str:
    cores = len(os.sched_getaffinity(0))
    python, load = platform.python_version(), os.getloadavg()[0]
    return f"{datetime.now(UTC):%Y-%m-%d}, {cores} cores, Python {python}, {platform.machine()}, load {load:.1f} before"


def main(arguments: list[str]) -> int:
    """Run what is asked for; 1 when one missed a limit."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    asked.add_argument("--page", action="store_true", help="keep what is printed in docs/reference/speed.md")
    asked.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names()))
    given = asked.parse_args(arguments)
    unknown = sorted(set(given.names) - set(names()))
    if unknown:
        asked.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(names())}")
    missed = False
    for name in given.names or names():
        sys.stdout.write(f"\n=== {name}\n")
        sys.stdout.flush()
        on = _machine()
        output, code = printed(name)
        missed |= code != 0
        if given.page:
            held = sections(_PAGE.read_text(encoding="utf-8")) if _PAGE.exists() else {}
            held[name] = section(name, output, code, on=on)
            _PAGE.write_text(spelled(held), encoding="utf-8")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The reference pages, generated from the code: `python -m docs.generate` writes them, `--check` names stale ones.

Nothing here depends on the machine, the time or the order of files, so that the pages only change with the code.
"""

# ruff: noqa: INP001 - `docs` holds pages; only what makes them is code

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from docs.pages import blocks, commands, files, findings, gates, mathematics, outside

REFERENCE = Path(__file__).parent / "reference"
_MADE = "<!-- Made by `python -m docs.generate` from the code: change the code, not this page. -->"


def pages() -> dict[str, str]:
    """Every page by its file name."""
    from seatrial.gate.encoding import verdict_schema
    from seatrial.spec.reference import system_reference
    from seatrial.spec.schema import system_schema_text

    written = {
        "cli.md": commands.commands_page(),
        "requirements.md": gates.requirements_page(),
        "checks.md": findings.checks_page(),
        "system-file.md": system_reference(),
        "other-files.md": files.other_files_page(),
        "codes.md": findings.codes_page(),
        "figures.md": findings.figures_page(),
        "glossary.md": findings.glossary_page(),
        "measures.md": mathematics.measures_page(),
        "statistics.md": mathematics.statistics_page(),
        "adapters.md": outside.adapters_page(),
        "imports.md": outside.imports_page(),
        "policy.md": gates.policy_page(),
    }
    made = {name: f"{_MADE}\n\n{blocks.tidy(text)}" for name, text in written.items()}
    made["seatrial.schema.json"] = system_schema_text()
    made["verdict.schema.json"] = json.dumps(verdict_schema(), indent=2, ensure_ascii=False) + "\n"
    return made


def stale(folder: Path = REFERENCE) -> list[str]:
    """The pages that are not what the code says, and pages that were made once and are made no more."""
    made = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.is_file()}
    ours = made.keys() | {name for name, text in there.items() if text.startswith(_MADE)}
    return sorted(name for name in ours if made.get(name) != there.get(name))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or with `--check` only tell which are stale: exit code 1 when any is."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; name stale pages")
    if parser.parse_args(arguments).check:
        names = stale()
        sys.stdout.writelines(f"stale: docs/reference/{name}\n" for name in names)
        if names:
            sys.stdout.write("run `python -m docs.generate`\n")
        return 1 if names else 0
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

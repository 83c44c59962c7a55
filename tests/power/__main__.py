"""`python -m tests.power [WORD…]` runs every family and writes `docs/reference/power.md`.

With words, only the families whose requirement or name holds one of them run, and the table is printed, not written;
with `--renew` their rows are renewed on the page, one after the other, and the others keep theirs with their day.
`--page formats` writes `docs/reference/format-changes.md` instead: what the format search finds at which share of rows.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path

_TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(_TESTS))

from power import format_table  # noqa: E402 - the path comes first
from power.family import Family, Rate, counted, families  # noqa: E402

_REFERENCE = _TESTS.parent / "docs" / "reference"
_PAGE = _REFERENCE / "power.md"
_FORMATS = _REFERENCE / "format-changes.md"


def page(rows: Mapping[str, str]) -> Iterator[str]:
    """The lines of the page in Markdown. `rows` are its lines by how each begins."""
    from seatrial import __version__

    yield "# Power of the checks"
    yield ""
    yield "Each row is a family of worlds: a planted defect that the check must not let pass, or a harmless change that"
    yield "it must. A world counts as caught when the requirement, judged by the gate, is not MET. Bounds are exact and"
    yield "one-sided at 95 % (Clopper-Pearson). A family that is only shown holds a harm below what the check claims to"
    yield f"see. Made by `python -m tests.power` of seatrial {__version__}; each row says on which day it was run."
    for harmful, title in ((True, "Planted defects"), (False, "Harmless worlds")):
        yield from ("", f"## {title}", "")
        bound = "at least" if harmful else "at most"
        yield f"| requirement | family | worlds | caught | {bound} | claimed | run on |"
        yield "|---|---|---|---|---|---|---|"
        shown = [_begins(family) for family in families() if family.harmful is harmful]
        yield from (rows[begins] for begins in shown if begins in rows)


def _begins(family: Family) -> str:
    return f"| `{family.requirement}` | {family.name.replace('|', '/')} |"


def _row(rate: Rate) -> str:
    family = rate.family
    bound = rate.lower() if family.harmful else rate.upper()
    claim = "shown only" if family.claim is None else f"{'≥' if family.harmful else '≤'} {family.claim:.0%}"
    mark = " **(contradicted)**" if rate.contradicts else ""
    figures = f"{rate.worlds} | {rate.value:.0%} | {bound:.0%} | {claim}{mark} | {_today()} |"
    return f"{_begins(family)} {figures}"


def _kept() -> dict[str, str]:
    """The rows of the page as it stands, of families that there still are."""
    lines = _PAGE.read_text(encoding="utf-8").splitlines()
    begins = [_begins(family) for family in families()]
    return {each: line for each in begins for line in lines if line.startswith(f"{each} ")}


def _chosen(words: Sequence[str]) -> list[tuple[int, Family]]:
    return [
        (number, family)
        for number, family in enumerate(families())
        if not words or any(word in family.requirement or word in family.name for word in words)
    ]


def main(words: Sequence[str], *, renew: bool) -> int:
    """Run, print progress, write or print the page; 1 when a rate contradicts what is claimed."""
    chosen = dict(_chosen(words))
    rows = _kept() if renew else {}
    contradicted = False
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        for done, (number, caught) in enumerate(pool.imap_unordered(counted, chosen), start=1):
            family = chosen[number]
            rate = Rate(family=family, caught=caught, worlds=family.worlds)
            rows[_begins(family)] = _row(rate)
            contradicted |= rate.contradicts
            sys.stderr.write(
                f"{done} of {len(chosen)}  {family.requirement}: {family.name}: {caught}/{family.worlds}"
                f"{'  CONTRADICTED' if rate.contradicts else ''}\n"
            )
            if renew:
                _write(rows)
    if words and not renew:
        sys.stdout.write("\n".join(page(rows)) + "\n")
    else:
        _write(rows)
    return int(contradicted)


def _write(rows: Mapping[str, str]) -> None:
    _PAGE.write_text("\n".join(page(rows)) + "\n", encoding="utf-8")


def formats(worlds: int) -> int:
    """Run the format search over its worlds, write its page; 1 when a rate contradicts what is claimed."""
    tasks = format_table.tasks(worlds)
    seen = []
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        for done, found in enumerate(pool.imap_unordered(format_table.in_world, tasks), start=1):
            seen.append(found)
            sys.stderr.write(f"{done} of {len(tasks)}\n")
    cells, harmless = format_table.summed(seen)
    lines = format_table.page(cells, harmless, on=_today())
    _FORMATS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    contradicted = format_table.weak(cells, harmless)
    for line in contradicted:
        sys.stderr.write(f"CONTRADICTED  {line}\n")
    return int(bool(contradicted))


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.power")
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--renew", action="store_true", help="keep the rows of all other families")
    parser.add_argument("--page", choices=("families", "formats"), default="families")
    parser.add_argument("--worlds", type=int, default=format_table.WORLDS, help="of the page of formats")
    asked = parser.parse_args()
    sys.exit(formats(asked.worlds) if asked.page == "formats" else main(asked.words, renew=asked.renew))

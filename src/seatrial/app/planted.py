"""Each planted defect of the examples, alone in its ready variant, and the gaps that it puts: a page of the docs.

`python -m seatrial.app.planted > docs/reference/defects.md` runs all of them one after the other, up to a minute each,
and tells on standard error how far it is; `--example NAME` runs those of one, `--only DEFECT` (again and again) some,
`--domain` also looks at what else a defect touches in its domain.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial import __version__
from seatrial.app.demo import Demo
from seatrial.core.events import CheckFinished
from seatrial.core.vocabulary import Outcome, Weight
from seatrial.examples.catalogue import DEFAULT, EXAMPLES, example_named
from seatrial.examples.defect import Defect
from seatrial.gate.verdict import Assessment

_HELD = (Outcome.MET, Outcome.NOT_APPLICABLE, Outcome.WAIVED)
_UNCHANGED = Defect(name="ready", summary="Nothing", requirement=None, plant=lambda _: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What one defect did: the requirements that are a gap with it and are none without it."""

    defect: Defect
    gaps: tuple[Assessment, ...]
    duration_s: float = 0.0

    @property
    def as_expected(self) -> bool:
        """Whether the gap is where it must be, for its own reason, or nowhere for a harmless change.

        Without any defect nothing may be not met.
        """
        if self.defect is _UNCHANGED:
            return all(gap.outcome is not Outcome.NOT_MET for gap in self.gaps)
        return not self.gaps if self.defect.requirement is None else any(tells(self.defect, gap) for gap in self.gaps)

    @property
    def by_another_cause(self) -> bool:
        """Whether there is a gap where it must be, and nothing in it tells the defect."""
        return not self.as_expected and self.defect.requirement in {gap.id for gap in self.gaps}


def tells(defect: Defect, found: Assessment) -> bool:
    """Whether this requirement is a gap for the defect's own reason, not because a server was away or time ran out."""
    if found.id != defect.requirement or found.outcome in _HELD:
        return False
    blocking = {finding.code for finding in found.findings if finding.weight is not Weight.NOTE}
    missed = {each.code for each in found.measures}
    return not {found.reason_code, *blocking, *missed}.isdisjoint(defect.codes)


def planted(example: str = DEFAULT, names: Sequence[str] = (), *, domain: bool = False) -> Iterator[Planted]:
    """First the ready variant as it is, then each defect (or each named one) alone in it, with its requirement's check.

    With `domain` all checks of that requirement's domain run. A harmless change must put a gap nowhere, so that with it
    every check runs. Where a defect leaves the training rows as they are, the models of the first run serve again.
    """
    defects = example_named(example).defects
    with tempfile.TemporaryDirectory(prefix="seatrial-planted-") as folder:
        around = Path(folder)
        begun = time.monotonic()
        unchanged = _gaps(Demo(around / "ready", example=example, ready=True), None)
        yield Planted(defect=_UNCHANGED, gaps=tuple(unchanged), duration_s=time.monotonic() - begun)
        without = {(gap.id, gap.outcome) for gap in unchanged}
        for name in names or defects:
            begun, defect = time.monotonic(), defects[name]
            demo = Demo(around / name, example=example, ready=True, defect=name, trained=around / "ready")
            only = None if defect.requirement is None else (_looked_at(defect.requirement, domain=domain),)
            gaps = tuple(gap for gap in _gaps(demo, only) if (gap.id, gap.outcome) not in without)
            yield Planted(defect=defect, gaps=gaps, duration_s=time.monotonic() - begun)


def _looked_at(requirement: str, *, domain: bool) -> str:
    return requirement.partition(".")[0] if domain else requirement


def _gaps(demo: Demo, only: tuple[str, ...] | None) -> list[Assessment]:
    """The gaps among the requirements whose check was executed."""
    executed = {event.requirement for event in demo.events(only) if isinstance(event, CheckFinished)}
    return [r for r in demo.verdict().requirements if r.id in executed and r.outcome not in _HELD]


def page(examples: Iterable[tuple[str, Iterable[Planted]]], *, on: str) -> Iterator[str]:
    """The lines of the page in Markdown, each as soon as it is known. `on` is the day of the run."""
    yield "# Planted defects"
    yield ""
    yield "Every defect is planted alone into the ready variant of a shipped example, with its real services, and"
    yield "must put a gap on its requirement; a harmless change must put a gap nowhere. With a defect its requirement's"
    yield "check runs, with a harmless change all checks. Listed are the gaps that the ready variant does not have"
    yield "without the change; one that is *not met* where it was *not determined* before is such a gap. Where none of"
    yield "its codes is one by which the defect is known, it is a gap *by another cause*: the defect was not found."
    yield f"Made by `python -m seatrial.app.planted` of seatrial {__version__} on {on}."
    for name, rows in examples:
        yield ""
        yield f"## {name}"
        yield ""
        yield from table(rows)


def table(rows: Iterable[Planted]) -> Iterator[str]:
    """The lines of the table in Markdown."""
    yield "| planted alone into the ready variant | must be a gap | is a gap | what it says |"
    yield "|---|---|---|---|"
    for row in rows:
        found = ", ".join(f"`{gap.id}`" for gap in row.gaps) or "none"
        told = [gap for gap in row.gaps if row.defect.requirement in (gap.id, None)]
        said = "; ".join(f"`{gap.reason_code}`: {gap.reason}" for gap in told)
        must = f"`{row.defect.requirement}`" if row.defect.requirement else "none"
        mark = _mark(row)
        yield f"| {row.defect.summary} (`{row.defect.name}`) | {must} | {found}{mark} | {said.replace('|', '/')} |"


def _mark(row: Planted) -> str:
    if row.as_expected:
        return ""
    return " **(by another cause)**" if row.by_another_cause else " **(unexpected)**"


def _told(rows: Iterable[Planted], number: int) -> Iterator[Planted]:
    """The rows, with a line for each on standard error."""
    for at, row in enumerate(rows, 1):
        found = ", ".join(gap.id for gap in row.gaps) or "no gap"
        other = "BY ANOTHER CAUSE" if row.by_another_cause else "UNEXPECTED"
        mark = "as expected" if row.as_expected else other
        sys.stderr.write(f"{at} of {number}  {row.defect.name}: {found}, {mark}, {row.duration_s:.0f} s\n")
        sys.stderr.flush()
        yield row


def main() -> int:
    """Print the page; 1 when a gap is missing or stands where none belongs."""
    parser = argparse.ArgumentParser(prog="python -m seatrial.app.planted", description=__doc__)
    parser.add_argument("--example", action="append", choices=tuple(EXAMPLES), help="an example; all by default")
    parser.add_argument(
        "--only",
        action="extend",
        type=lambda text: text.split(","),
        metavar="DEFECT,…",
        default=[],
        help="defects, separated by commas; all by default",
    )
    parser.add_argument("--domain", action="store_true", help="with a defect, all checks of its requirement's domain")
    asked = parser.parse_args()
    expected: list[bool] = []

    def kept(example: str) -> Iterator[Planted]:
        number = len(asked.only or EXAMPLES[example].defects) + 1
        for row in _told(planted(example, asked.only, domain=asked.domain), number):
            expected.append(row.as_expected)
            yield row

    examples = ((name, kept(name)) for name in asked.example or EXAMPLES)
    for line in page(examples, on=time.strftime("%Y-%m-%d", time.gmtime())):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return 0 if all(expected) else 1


if __name__ == "__main__":
    sys.exit(main())

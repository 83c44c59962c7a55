"""Each planted defect of the example, alone in its ready variant, and the gaps that it puts: the table in the docs.

`python -m seatrial.app.planted [NAME…] > docs/planted-defects.md` runs them one after the other, about a minute each.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial.app.demo import Demo
from seatrial.core.vocabulary import Outcome
from seatrial.examples.arrival_delay.defects import DEFECTS, Defect
from seatrial.gate.verdict import Assessment, Verdict

_HELD = (Outcome.MET, Outcome.NOT_APPLICABLE, Outcome.WAIVED)
_NOT_YET = "no-check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What one defect did: the requirements that are a gap with it and are none without it."""

    defect: Defect
    gaps: tuple[Assessment, ...]

    @property
    def as_expected(self) -> bool:
        """Whether the gap is where it must be, or nowhere for a harmless change."""
        found = {gap.id for gap in self.gaps}
        return not found if self.defect.requirement is None else self.defect.requirement in found


def planted(names: Sequence[str] = tuple(DEFECTS), *, only: tuple[str, ...] | None = None) -> Iterator[Planted]:
    """Run the ready variant, then each named defect alone in it. `only` limits the checks, as for a run."""
    with tempfile.TemporaryDirectory(prefix="seatrial-planted-") as folder:
        around = Path(folder)
        without = {gap.id for gap in _gaps(_verdict(Demo(around / "ready", ready=True), only))}
        for name in names:
            verdict = _verdict(Demo(around / name, ready=True, defect=name), only)
            yield Planted(defect=DEFECTS[name], gaps=tuple(gap for gap in _gaps(verdict) if gap.id not in without))


def _verdict(demo: Demo, only: tuple[str, ...] | None) -> Verdict:
    for _ in demo.events(only):
        pass
    return demo.verdict()


def _gaps(verdict: Verdict) -> Iterator[Assessment]:
    return (r for r in verdict.requirements if r.outcome not in _HELD and r.reason_code != _NOT_YET)


def table(rows: Iterable[Planted]) -> Iterator[str]:
    """The lines of the table in Markdown."""
    yield "| planted alone into the ready variant | must be a gap | is a gap | what it says |"
    yield "|---|---|---|---|"
    for row in rows:
        found = ", ".join(f"`{gap.id}`" for gap in row.gaps) or "none"
        told = [gap for gap in row.gaps if row.defect.requirement in (gap.id, None)]
        said = "; ".join(f"`{gap.reason_code}`: {gap.reason}" for gap in told)
        must = f"`{row.defect.requirement}`" if row.defect.requirement else "none"
        mark = "" if row.as_expected else " **(unexpected)**"
        yield f"| {row.defect.summary} (`{row.defect.name}`) | {must} | {found}{mark} | {said.replace('|', '/')} |"


def main() -> int:
    """Print the table; 1 when a gap is missing or stands where none belongs."""
    names = sys.argv[1:] or tuple(DEFECTS)
    rows: list[Planted] = []

    def kept() -> Iterator[Planted]:
        for row in planted(names):
            rows.append(row)
            yield row

    for line in table(kept()):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return 0 if all(row.as_expected for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

"""What the evidence supports in each framework, as lines of text. It never says that anything complies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seatrial.core.wording import day
from seatrial.gate.frameworks import FRAMEWORKS, Supported, crosswalk
from seatrial.gate.verdict import Assessment

DISCLAIMER = "“Supports” says that evidence on record bears on a clause. Nothing here says that the system complies."


def framework_lines(assessments: Iterable[Assessment] = ()) -> Iterator[str]:
    """Each framework with its edition, and each clause with what supports it and since when."""
    asked = tuple(assessments)
    yield DISCLAIMER
    for framework in FRAMEWORKS:
        yield ""
        yield f"{framework.title}, {framework.edition_name} ({framework.id}, edition of {day(framework.edition)})"
        yield f"  data version {framework.data_version}, looked over on {day(framework.reviewed_on)}. {framework.note}"
        for row in crosswalk(framework, asked):
            yield f"  {row.clause.id:<12} {row.clause.title}"
            yield f"  {'':<12} {support_words(row, judged=bool(asked))}"


def support_words(row: Supported, *, judged: bool) -> str:
    """What speaks for a clause: with a verdict what is established and since when, else what could be."""
    if not judged:
        return f"can be supported by {', '.join(s.requirement for s in row.by)}"
    established = [s.requirement for s in row.by if s.supports]
    open_ = [s.requirement for s in row.by if not s.supports]
    said = []
    if established and row.latest is not None:
        said.append(f"supported by {', '.join(established)}, latest evidence of {day(row.latest.date())}")
    if open_:
        said.append(
            f"{'not established' if established else 'nothing supports it yet; not established'}: {', '.join(open_)}"
        )
    return "; ".join(said)

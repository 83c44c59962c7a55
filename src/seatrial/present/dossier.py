"""The dossier: one self-contained HTML file that a COO reads from the top. No network, no scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from seatrial.core.observation import Figure
from seatrial.core.vocabulary import Answer, Domain, MeasureKind, Outcome, Sense, Weight
from seatrial.gate.frameworks import FRAMEWORKS, crosswalk
from seatrial.gate.gates import GATES
from seatrial.gate.verdict import Assessment, Gap, Judged, Verdict
from seatrial.present import charts, words
from seatrial.present.failure_modes import opening
from seatrial.present.frameworks import DISCLAIMER, support_words

if TYPE_CHECKING:
    from jinja2 import Template

_BLOCKING = (Outcome.NOT_MET, Outcome.NOT_DETERMINED)
_TABLE_ROWS = 40
_SHOWN_FINDINGS = 6


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure ready for the page: SVG where one can be drawn, and its raw figures as a table."""

    title: str
    svg: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Group:
    """One of the six groups at a glance."""

    domain: Domain
    title: str
    requirements: tuple[Assessment, ...]
    met: int
    broken: int
    unknown: int
    sentence: str


def dossier(verdict: Verdict) -> str:
    """The whole page."""
    return _template().render(**vocabulary(verdict))


def vocabulary(verdict: Verdict) -> dict[str, object]:
    """What the templates of a verdict's parts speak of, for the dossier and for other pages."""
    timed = timeline_figure(verdict)
    return {
        "verdict": verdict,
        "gate": GATES[verdict.gate],
        "go": verdict.verdict is Answer.GO,
        "groups": groups(verdict),
        "timeline": None if timed is None else picture(timed),
        "gaps_of": _gaps_of(verdict.gaps),
        "picture": picture,
        "beside_findings": beside_findings,
        "opening": opening,
        "shown_findings": _SHOWN_FINDINGS,
        "ids": {a.id for a in verdict.requirements},
        "frameworks": [(f, crosswalk(f, verdict.requirements)) for f in FRAMEWORKS],
        "support_words": support_words,
        "disclaimer": DISCLAIMER,
        "words": words,
        "Outcome": Outcome,
        "Weight": Weight,
        "MeasureKind": MeasureKind,
        "Sense": Sense,
        "blocking": _BLOCKING,
    }


def groups(verdict: Verdict) -> tuple[Group, ...]:
    """The six groups, ownership first, each with its requirements in catalogue order."""
    return tuple(_group(domain, verdict.requirements) for domain in words.DOMAIN_TITLES)


def _group(domain: Domain, assessments: Sequence[Assessment]) -> Group:
    own = tuple(a for a in assessments if a.domain is domain)
    met = sum(a.outcome not in _BLOCKING for a in own)
    broken = sum(a.outcome is Outcome.NOT_MET for a in own)
    unknown = len(own) - met - broken
    parts = [f"{met} of {len(own)} established"]
    if broken:
        parts.append(f"{broken} not met")
    if unknown:
        parts.append(f"{unknown} not determined")
    return Group(domain, words.DOMAIN_TITLES[domain], own, met, broken, unknown, ", ".join(parts))


def _gaps_of(gaps: Sequence[Gap]) -> Mapping[str, tuple[Gap, ...]]:
    return {g.requirement: tuple(x for x in gaps if x.requirement == g.requirement) for g in gaps}


def beside_findings(assessment: Assessment, gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    """The gaps whose remedy no finding has told already, each remedy once."""
    told = {finding.remedy for finding in assessment.findings}
    return tuple({gap.remedy: gap for gap in gaps if gap.remedy not in told}.values())


def timeline_figure(verdict: Verdict) -> Figure | None:
    """Who closes what by when, against the review and go-live; None where there is no gap."""
    if not verdict.gaps:
        return None
    timeline = verdict.timeline
    first = {gap.requirement: gap for gap in reversed(verdict.gaps)}
    rows = tuple(
        {
            "requirement": words.place(requirement),
            "starts": first[requirement].starts.isoformat(),
            "due": _end_of(first[requirement]).isoformat(),
            "owner": first[requirement].owner_name,
            "outcome": first[requirement].outcome.value,
        }
        for requirement in dict.fromkeys(gap.requirement for gap in verdict.gaps)
    )
    options = {
        "review_from": timeline.review_from.isoformat(),
        "review_to": timeline.review_to.isoformat(),
        "go_live": timeline.planned_go_live.isoformat() if timeline.planned_go_live else None,
        "today": timeline.today.isoformat(),
        "earliest": timeline.earliest_go_live.isoformat(),
    }
    return Figure(kind="gaps", title="Who closes what by when", rows=rows, options=options)


def _end_of(gap: Gap) -> date:
    return max(gap.due, date.fromordinal(gap.starts.toordinal() + 1))


def picture(figure: Figure) -> Picture:
    """The figure's SVG (empty when its kind has no drawing) and its raw figures."""
    columns = tuple(dict.fromkeys(key for row in figure.rows for key in row))
    rows = tuple(tuple(_cell(row.get(c)) for c in columns) for row in figure.rows[:_TABLE_ROWS])
    drawn = charts.svg(figure) if charts.drawable(figure) else ""
    return Picture(figure.title, drawn, columns, rows, max(0, len(figure.rows) - _TABLE_ROWS))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return words.number(value)
    return "" if value is None else str(value)


def limit_words(judged: Judged) -> str:
    """`at least 70 %`, `at most 300 ms`, or nothing for a figure that is only shown."""
    measure = judged.measure
    if measure.kind is MeasureKind.INFORMATIVE or measure.limit is None:
        return "shown only"
    sense = "at least" if measure.sense is Sense.AT_LEAST else "at most"
    return f"{sense} {words.number(measure.limit, measure.unit)}"


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("seatrial.present"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    # The record is English: the parts that the site shows in other languages too are not translated here.
    environment.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(worded=_as_it_stands, remedy=words.coded)
    return environment.get_template("dossier.html")


def _as_it_stands(text: str) -> str:
    return text

"""The dossier as a PDF: tagged for screen readers, the same on every machine, with the verdict as data attached.

It is set by Typst, which comes as one wheel and asks the system for nothing: no browser, no display, no network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from seatrial.core.errors import MissingExtra, SeatrialError
from seatrial.core.observation import Figure, Json
from seatrial.core.vocabulary import Answer, MeasureKind, Weight
from seatrial.gate.encoding import verdict_data
from seatrial.gate.frameworks import FRAMEWORKS, crosswalk
from seatrial.gate.gates import GATES
from seatrial.gate.verdict import Assessment, Gap, Judged, Signature, Stage, Verdict
from seatrial.present import charts, words
from seatrial.present.dossier import beside_findings, groups, limit_words, timeline_figure
from seatrial.present.failure_modes import opening
from seatrial.present.frameworks import DISCLAIMER, support_words

_COLOURS: Final[Mapping[str, str]] = {
    "page": "#ffffff",
    "card": "#ffffff",
    "ink": "#000000",
    "muted": "#555c66",
    "rule": "#c9ced5",
    "accent": "#1f5fa8",
    "met": "#146b3e",
    "met-soft": "#8fc9a9",
    "not-met": "#b3261e",
    "not-met-soft": "#e0897f",
    "open": "#a05a00",
    "na": "#555c66",
    "met-bg": "#e4f3ea",
    "not-met-bg": "#fbe6e4",
    "open-bg": "#fdf0dc",
    "na-bg": "#eceef1",
}
"""The page's colours on paper: a picture's `var(--ink)` means nothing outside a page."""
_VARIABLE: Final = re.compile(r"var\(--([a-z-]+)\)")
_WIDTH: Final = re.compile(r'<svg[^>]* width="([0-9.]+)"')
_PT_A_PIXEL: Final = 0.62
_WIDEST_PT: Final = 420.0
_MEANS: Final = (
    "A requirement is met only where an unexpired, verified record on exactly this subject clears its limit with its "
    "confidence bound; what could not be checked is not determined and blocks GO like a failure."
)
_PAPER: Final = (
    "Whether a signature counts is said by the ledger, not by this paper: check it again with `seatrial verify`."
)
_ABSENT: Final = "–"


def dossier_pdf(verdict: Verdict) -> bytes:
    """The whole file, PDF/UA-1. Raises MissingExtra where Typst is not installed."""
    try:
        import typst
    except ModuleNotFoundError:
        raise MissingExtra("a PDF needs typst", remedy="install `seatrial[pdf]`") from None
    source = files("seatrial.present").joinpath("templates/dossier.typ").read_bytes()
    given = {
        "dossier": json.dumps(dossier_data(verdict), ensure_ascii=False),
        "verdict": json.dumps(verdict_data(verdict), ensure_ascii=False, indent=2),
    }
    try:
        made: bytes = typst.compile(source, format="pdf", sys_inputs=given, pdf_standards=["ua-1"])
    except typst.TypstError as error:
        raise SeatrialError(
            f"the PDF could not be set: {error}", remedy="Take the dossier as HTML, and report this to the makers."
        ) from None
    return made


def dossier_data(verdict: Verdict) -> dict[str, Json]:
    """All texts and pictures of the file as plain data, for its template."""
    go = verdict.verdict is Answer.GO
    dates = verdict.timeline
    anchored = "anchored outside the machine that keeps it" if verdict.anchored else "not anchored outside"
    facts = [
        ("Decided", words.moment(verdict.decided_at)),
        (f"Planned {GATES[verdict.gate].event}", words.day(dates.planned_go_live) or "not declared"),
        (f"Earliest {GATES[verdict.gate].event}", words.day(dates.earliest_go_live)),
        ("GO ends" if go else "Evidence renewed by", words.moment(verdict.valid_until) or _ABSENT),
        ("Policy", f"{verdict.policy}{' (for demonstration)' if verdict.demonstration else ''}"),
        ("Subject", verdict.subject[:16]),
    ]
    picture = timeline_figure(verdict)
    return {
        "title": f"{verdict.verdict.value}: {verdict.system} {verdict.version}, {GATES[verdict.gate].title.lower()}",
        "day": [verdict.decided_at.year, verdict.decided_at.month, verdict.decided_at.day],
        "gate": GATES[verdict.gate].title,
        "system": verdict.system,
        "version": verdict.version,
        "purpose": verdict.purpose or "No purpose is declared.",
        "answer": verdict.verdict.value,
        "outcome": "MET" if go else "NOT_MET",
        "sentence": verdict.sentence,
        "facts": [list(fact) for fact in facts],
        "notes": [*words.first_notes(verdict), *verdict.ledger_problems],
        "way": [_stage(stage, verdict) for stage in verdict.way],
        "signatures": [_signature(signature) for signature in verdict.signatures],
        "groups": [
            {
                "title": group.title,
                "sentence": group.sentence,
                "requirements": [_requirement(a, verdict) for a in group.requirements],
            }
            for group in groups(verdict)
            if group.requirements
        ],
        "gaps_title": "What stands between this system and GO" if verdict.gaps else "No gaps",
        "timeline": dates.sentence,
        "timeline_picture": None if picture is None else _figure(picture),
        "gaps": [_gap(gap) for gap in verdict.gaps],
        "disclaimer": DISCLAIMER,
        "frameworks": [
            {
                "title": f"{framework.title}, {framework.edition_name}",
                "note": f"{framework.issued_by}; edition of {words.day(framework.edition)}, data version "
                f"{framework.data_version}, looked over on {words.day(framework.reviewed_on)}. {framework.note}",
                "clauses": [
                    {
                        "id": row.clause.id,
                        "title": row.clause.title,
                        "asks": row.clause.asks,
                        "evidence": support_words(row, judged=True),
                    }
                    for row in crosswalk(framework, verdict.requirements)
                ],
            }
            for framework in FRAMEWORKS
        ],
        "rests": [
            f"{words.count(verdict.ledger_entries, 'signed record')} in one chain, {anchored}. {_MEANS}",
            f"Made by seatrial {verdict.product} from the ledger alone. {_PAPER}",
            *words.last_notes(verdict),
        ],
        "subject": verdict.subject,
        "head": verdict.ledger_head or "empty",
    }


def _stage(stage: Stage, verdict: Verdict) -> Json:
    here = stage.gate is verdict.gate
    if here:
        state, outcome = f"{verdict.verdict.value} now", verdict.verdict
    elif stage.answer is None or stage.decided_at is None:
        return {"title": stage.title, "here": False, "state": "not decided", "outcome": "NONE", "told": stage.question}
    else:
        state, outcome = f"{stage.answer.value} on {words.day(stage.decided_at.date())}", stage.answer
    older = "" if stage.same_subject or stage.answer is None else " The newest decision is about an earlier state."
    told = f"{stage.question}{older}"
    colour = "MET" if outcome is Answer.GO else "NOT_MET"
    return {"title": stage.title, "here": here, "state": state, "outcome": colour, "told": told}


def _signature(signature: Signature) -> Json:
    return {
        "role": words.ROLE_TITLES[signature.role],
        "name": signature.name,
        "at": words.moment(signature.signed_at) or "not yet",
        "valid": signature.valid,
        "counts": "yes" if signature.valid else signature.problem or "no",
        "record": signature.evidence,
    }


def _gap(gap: Gap) -> Json:
    return {
        "place": words.place(gap.requirement),
        "summary": gap.summary,
        "remedy": gap.remedy,
        "owner": gap.owner_name,
        "due": words.day(gap.due),
    }


def _requirement(assessment: Assessment, verdict: Verdict) -> Json:
    own = [gap for gap in verdict.gaps if gap.requirement == assessment.id]
    told = {finding.summary for finding in assessment.findings}
    rests = (
        f"{assessment.demands.value.capitalize()} evidence is demanded; reviewed by "
        + (words.ROLE_TITLES[assessment.reviewer])
    )
    if assessment.evidence:
        rests += f"; observed {words.moment(assessment.observed_at) or 'at no known time'}"
        rests += f", holds until {words.moment(assessment.valid_until)}" if assessment.valid_until else ""
        rests += f"; record {', '.join(digest[:16] for digest in assessment.evidence)}"
    return {
        "id": assessment.id,
        "question": assessment.question,
        "outcome": assessment.outcome.value,
        "word": words.OUTCOME_WORDS[assessment.outcome],
        "opening": opening(assessment),
        "reason": "" if assessment.reason in told else assessment.reason,
        "done": assessment.done,
        "findings": [
            {
                "summary": finding.summary,
                "code": finding.code,
                "why": finding.why,
                "remedy": finding.remedy,
                "note": finding.weight is Weight.NOTE,
            }
            for finding in assessment.findings
        ]
        + [
            {"summary": gap.summary, "code": gap.code, "why": "", "remedy": gap.remedy, "note": False}
            for gap in beside_findings(assessment, own)
        ],
        "measures": [_measure(judged) for judged in assessment.measures],
        "figures": [_figure(figure) for figure in assessment.figures if charts.drawable(figure)],
        "rests": f"{rests}.",
    }


def _measure(judged: Judged) -> Json:
    measure = judged.measure
    shown = measure.kind is not MeasureKind.INFORMATIVE
    method = measure.method
    if method and measure.confidence:
        method += f", {words.number(measure.confidence, 'share')}{' (approximate)' if measure.approximate else ''}"
    return {
        "name": measure.name,
        "method": method,
        "value": words.number(measure.value, measure.unit),
        "bound": words.number(judged.bound, measure.unit) if shown else _ABSENT,
        "limit": limit_words(judged),
        "outcome": judged.outcome.value if shown else "",
        "word": words.OUTCOME_WORDS[judged.outcome] if shown else "",
    }


def _figure(figure: Figure) -> Json:
    def colour(found: re.Match[str]) -> str:
        return _COLOURS.get(found[1], _COLOURS["ink"])

    drawn = charts.svg(figure)
    wide = _WIDTH.search(drawn)
    width = min(_WIDEST_PT, _PT_A_PIXEL * float(wide[1])) if wide else _WIDEST_PT
    return {"title": figure.title, "svg": _VARIABLE.sub(colour, drawn), "width": width}

"""The verdict as JSON, its schema, and the exit codes. The names in it are a contract with programs."""

from __future__ import annotations

from typing import Final

from seatrial.core.codec import to_data
from seatrial.core.observation import Figure, Finding, Json
from seatrial.core.vocabulary import Answer, Assurance, Domain, GateName, MeasureKind, Outcome, Role, Sense, Weight
from seatrial.gate.verdict import Assessment, Gap, Judged, Signature, Stage, Timeline, Verdict

EXIT_GO: Final = 0
EXIT_NO_GO: Final = 1
"""NO-GO: also a rehearsal, and anything that is not determined."""
EXIT_NO_REVIEW: Final = 2
"""No review was possible: an unreadable system file, an unreachable ledger."""
EXIT_USAGE: Final = 64

SCHEMA_ID: Final = "seatrial-verdict-1"


def exit_code(verdict: Verdict) -> int:
    """0 for GO, 1 for everything else."""
    return EXIT_GO if verdict.verdict is Answer.GO and verdict.valid_until is not None else EXIT_NO_GO


def verdict_data(verdict: Verdict) -> dict[str, Json]:
    """The verdict as plain JSON data that `verdict_schema` describes.

    Numbers that JSON cannot hold appear as the strings "NaN", "Infinity" and "-Infinity".
    """
    return {
        "format": SCHEMA_ID,
        "system": verdict.system,
        "version": verdict.version,
        "purpose": verdict.purpose,
        "subject": verdict.subject,
        "gate": verdict.gate.value,
        "verdict": verdict.verdict.value,
        "sentence": verdict.sentence,
        "rehearsal": verdict.rehearsal,
        "decided_at": to_data(verdict.decided_at),
        "valid_until": to_data(verdict.valid_until),
        "earliest_go_live": to_data(verdict.earliest_go_live),
        "policy": verdict.policy,
        "demonstration": verdict.demonstration,
        "requirements": [_assessment(a) for a in verdict.requirements],
        "gaps": [_gap(g) for g in verdict.gaps],
        "signatures": [_signature(s) for s in verdict.signatures],
        "timeline": _timeline(verdict.timeline),
        "ledger": {
            "anchored": verdict.anchored,
            "head": verdict.ledger_head,
            "entries": verdict.ledger_entries,
            "problems": list(verdict.ledger_problems),
        },
        "product": verdict.product,
        "notes": list(verdict.notes),
        "way": [_stage(s) for s in verdict.way],
    }


def _assessment(assessment: Assessment) -> Json:
    return {
        "id": assessment.id,
        "domain": assessment.domain.value,
        "question": assessment.question,
        "outcome": assessment.outcome.value,
        "assurance": to_data(assessment.assurance),
        "demands": assessment.demands.value,
        "reason": assessment.reason,
        "reason_code": assessment.reason_code,
        "done": assessment.done,
        "measures": [_measure(j) for j in assessment.measures],
        "findings": [_finding(f) for f in assessment.findings],
        "figures": [_figure(f) for f in assessment.figures],
        "evidence": list(assessment.evidence),
        "observed_at": to_data(assessment.observed_at),
        "valid_until": to_data(assessment.valid_until),
        "reviewer": assessment.reviewer.value,
        "policy": assessment.policy,
        "checks": list(assessment.checks),
    }


def _measure(judged: Judged) -> Json:
    measure = judged.measure
    return {
        "name": measure.name,
        "value": to_data(measure.value),
        "lower": to_data(measure.lower),
        "upper": to_data(measure.upper),
        "bound": to_data(judged.bound),
        "limit": to_data(measure.limit),
        "sense": to_data(measure.sense),
        "unit": measure.unit,
        "n": measure.n,
        "method": measure.method,
        "confidence": to_data(measure.confidence),
        "approximate": measure.approximate,
        "kind": measure.kind.value,
        "outcome": judged.outcome.value,
        "code": judged.code,
        "note": judged.note,
        "needed": judged.needed,
    }


def _finding(finding: Finding) -> Json:
    return {
        "code": finding.code,
        "fields": list(finding.fields),
        "summary": finding.summary,
        "weight": finding.weight.value,
        "remedy": finding.remedy,
        "why": finding.why,
        "detail": to_data(finding.detail),
    }


def _figure(figure: Figure) -> Json:
    return to_data(figure)


def _gap(gap: Gap) -> Json:
    return {
        "requirement": gap.requirement,
        "code": gap.code,
        "summary": gap.summary,
        "why": gap.why,
        "remedy": gap.remedy,
        "owner": gap.owner,
        "owner_name": gap.owner_name,
        "effort_days": to_data(gap.effort_days),
        "starts": to_data(gap.starts),
        "due": to_data(gap.due),
        "outcome": gap.outcome.value,
        "fields": list(gap.fields),
        "after": list(gap.after),
    }


def _signature(signature: Signature) -> Json:
    return {
        "role": signature.role.value,
        "person": signature.person,
        "name": signature.name,
        "signed_at": to_data(signature.signed_at),
        "valid": signature.valid,
        "problem": signature.problem,
        "review": list(signature.review),
        "evidence": signature.evidence,
    }


def _stage(stage: Stage) -> Json:
    return {
        "gate": stage.gate.value,
        "title": stage.title,
        "question": stage.question,
        "answer": to_data(stage.answer),
        "decided_at": to_data(stage.decided_at),
        "open": stage.open,
        "same_subject": stage.same_subject,
        "since": to_data(stage.since),
    }


def _timeline(dates: Timeline) -> Json:
    return {
        "today": to_data(dates.today),
        "planned_go_live": to_data(dates.planned_go_live),
        "gaps_closed": to_data(dates.gaps_closed),
        "review_from": to_data(dates.review_from),
        "review_to": to_data(dates.review_to),
        "earliest_go_live": to_data(dates.earliest_go_live),
        "planned_holds": dates.planned_holds,
        "sentence": dates.sentence,
    }


_TEXT: Final[Json] = {"type": "string"}
_TEXTS: Final[Json] = {"type": "array", "items": _TEXT}
_TRUTH: Final[Json] = {"type": "boolean"}
_COUNT: Final[Json] = {"type": "integer", "minimum": 0}
_DAY: Final[Json] = {"type": "string", "format": "date"}
_DAY_OR_NONE: Final[Json] = {"type": ["string", "null"], "format": "date"}
_TIME: Final[Json] = {"type": "string", "format": "date-time"}
_TIME_OR_NONE: Final[Json] = {"type": ["string", "null"], "format": "date-time"}
_TEXT_OR_NONE: Final[Json] = {"type": ["string", "null"]}
_NUMBER_OR_NONE: Final[Json] = {
    "anyOf": [{"type": ["number", "null"]}, {"enum": ["NaN", "Infinity", "-Infinity"]}],
}
_ANYTHING: Final[Json] = {"type": "object"}


def _object(properties: dict[str, Json]) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(item: Json) -> Json:
    return {"type": "array", "items": item}


def _one_of(values: list[str], *, or_none: bool = False) -> Json:
    return {"enum": [*values, None] if or_none else [*values]}


def verdict_schema() -> dict[str, Json]:
    """The JSON Schema (2020-12) of `verdict_data`."""
    schema: dict[str, Json] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A verdict",
    }
    body = _object(
        {
            "format": {"const": SCHEMA_ID},
            "system": _TEXT,
            "version": _TEXT,
            "purpose": _TEXT,
            "subject": _TEXT,
            "gate": _one_of([g.value for g in GateName]),
            "verdict": _one_of([a.value for a in Answer]),
            "sentence": _TEXT,
            "rehearsal": _TRUTH,
            "decided_at": _TIME,
            "valid_until": _TIME_OR_NONE,
            "earliest_go_live": _DAY,
            "policy": _TEXT,
            "demonstration": _TRUTH,
            "requirements": _list(requirement_schema()),
            "gaps": _list(gap_schema()),
            "signatures": _list(_signature_schema()),
            "timeline": _timeline_schema(),
            "ledger": _object({"anchored": _TRUTH, "head": _TEXT, "entries": _COUNT, "problems": _TEXTS}),
            "product": _TEXT,
            "notes": _TEXTS,
            "way": _list(_stage_schema()),
        }
    )
    return schema | body


def requirement_schema() -> dict[str, Json]:
    """The schema of one requirement in a verdict."""
    return _object(
        {
            "id": _TEXT,
            "domain": _one_of([d.value for d in Domain]),
            "question": _TEXT,
            "outcome": _one_of([o.value for o in Outcome]),
            "assurance": _one_of([a.value for a in Assurance], or_none=True),
            "demands": _one_of([a.value for a in Assurance]),
            "reason": _TEXT,
            "reason_code": _TEXT,
            "done": _TEXT,
            "measures": _list(_measure_schema()),
            "findings": _list(_finding_schema()),
            "figures": _list(_object({"kind": _TEXT, "title": _TEXT, "rows": _list(_ANYTHING), "options": _ANYTHING})),
            "evidence": _TEXTS,
            "observed_at": _TIME_OR_NONE,
            "valid_until": _TIME_OR_NONE,
            "reviewer": _one_of([r.value for r in Role]),
            "policy": _TEXT,
            "checks": _TEXTS,
        }
    )


def _measure_schema() -> Json:
    return _object(
        {
            "name": _TEXT,
            "value": _NUMBER_OR_NONE,
            "lower": _NUMBER_OR_NONE,
            "upper": _NUMBER_OR_NONE,
            "bound": _NUMBER_OR_NONE,
            "limit": _NUMBER_OR_NONE,
            "sense": _one_of([s.value for s in Sense], or_none=True),
            "unit": _TEXT,
            "n": _COUNT,
            "method": _TEXT,
            "confidence": _NUMBER_OR_NONE,
            "approximate": _TRUTH,
            "kind": _one_of([k.value for k in MeasureKind]),
            "outcome": _one_of([o.value for o in Outcome]),
            "code": _TEXT,
            "note": _TEXT,
            "needed": _TEXT,
        }
    )


def _finding_schema() -> Json:
    return _object(
        {
            "code": _TEXT,
            "fields": _TEXTS,
            "summary": _TEXT,
            "weight": _one_of([w.value for w in Weight]),
            "remedy": _TEXT,
            "why": _TEXT,
            "detail": _ANYTHING,
        }
    )


def gap_schema() -> dict[str, Json]:
    """The schema of one gap in a verdict."""
    return _object(
        {
            "requirement": _TEXT,
            "code": _TEXT,
            "summary": _TEXT,
            "why": _TEXT,
            "remedy": _TEXT,
            "owner": _TEXT_OR_NONE,
            "owner_name": _TEXT,
            "effort_days": {"type": "number", "minimum": 0},
            "starts": _DAY,
            "due": _DAY,
            "outcome": _one_of([o.value for o in Outcome]),
            "fields": _TEXTS,
            "after": _TEXTS,
        }
    )


def _signature_schema() -> Json:
    return _object(
        {
            "role": _one_of([r.value for r in Role]),
            "person": _TEXT_OR_NONE,
            "name": _TEXT,
            "signed_at": _TIME_OR_NONE,
            "valid": _TRUTH,
            "problem": _TEXT,
            "review": _TEXTS,
            "evidence": _TEXT,
        }
    )


def _stage_schema() -> Json:
    return _object(
        {
            "gate": _one_of([g.value for g in GateName]),
            "title": _TEXT,
            "question": _TEXT,
            "answer": _one_of([a.value for a in Answer], or_none=True),
            "decided_at": _TIME_OR_NONE,
            "open": _COUNT,
            "same_subject": _TRUTH,
            "since": _TIME_OR_NONE,
        }
    )


def _timeline_schema() -> Json:
    return _object(
        {
            "today": _DAY,
            "planned_go_live": _DAY_OR_NONE,
            "gaps_closed": _DAY,
            "review_from": _DAY,
            "review_to": _DAY,
            "earliest_go_live": _DAY,
            "planned_holds": _TRUTH,
            "sentence": _TEXT,
        }
    )

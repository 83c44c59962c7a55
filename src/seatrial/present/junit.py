"""A verdict as a JUnit report: a suite for each domain, a case for each requirement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from seatrial.core.vocabulary import Domain, Outcome
from seatrial.gate.verdict import Assessment, Gap, Verdict

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold: a model may say anything."""
_WELL = (Outcome.MET, Outcome.NOT_APPLICABLE, Outcome.WAIVED)


def junit(verdict: Verdict) -> str:
    """NOT_MET is a failure, NOT_DETERMINED an error: a pipeline that counts either does not pass by accident.

    A gap that is no requirement's, such as a missing signature, is a case of the suite `review`.
    """
    root = ET.Element("testsuites", name=f"seatrial {verdict.system} {verdict.version}")
    for domain in Domain:
        found = [each for each in verdict.requirements if each.domain is domain]
        if found:
            _suite(root, domain.value, [_case(each, verdict.gaps) for each in found])
    known = {each.id for each in verdict.requirements}
    others = [gap for gap in verdict.gaps if gap.requirement not in known]
    cases = [
        _told(ET.Element("testcase", classname="review", name=g.requirement), "failure", g.code, [g]) for g in others
    ]
    cases.append(_answer(verdict))
    _suite(root, "review", cases)
    ET.indent(root)
    text = _FORBIDDEN.sub("\ufffd", ET.tostring(root, encoding="unicode"))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + text + "\n"


def _suite(root: ET.Element, name: str, cases: Sequence[ET.Element]) -> None:
    count = {kind: sum(case.find(kind) is not None for case in cases) for kind in ("failure", "error", "skipped")}
    suite = ET.SubElement(
        root,
        "testsuite",
        name=name,
        tests=str(len(cases)),
        failures=str(count["failure"]),
        errors=str(count["error"]),
        skipped=str(count["skipped"]),
    )
    suite.extend(cases)


def _case(assessment: Assessment, gaps: Sequence[Gap]) -> ET.Element:
    case = ET.Element("testcase", classname=assessment.domain.value, name=assessment.id)
    if assessment.outcome in _WELL:
        if assessment.outcome is not Outcome.MET:
            ET.SubElement(case, "skipped", message=f"{assessment.outcome.value}: {assessment.reason}")
        return case
    kind = "failure" if assessment.outcome is Outcome.NOT_MET else "error"
    own = [gap for gap in gaps if gap.requirement == assessment.id]
    return _told(case, kind, assessment.reason_code or assessment.outcome.value, own, text=assessment.reason)


def _told(case: ET.Element, kind: str, code: str, gaps: Sequence[Gap], *, text: str = "") -> ET.Element:
    problem = ET.SubElement(case, kind, type=code, message=text or (gaps[0].summary if gaps else code))
    problem.text = "\n".join(f"{g.summary}\n  -> {g.owner_name}, {g.due.isoformat()}: {g.remedy}" for g in gaps)
    return case


def _answer(verdict: Verdict) -> ET.Element:
    case = ET.Element("testcase", classname="review", name="verdict")
    if verdict.verdict.value != "GO":
        ET.SubElement(case, "failure", type="no-go", message=verdict.sentence)
    return case

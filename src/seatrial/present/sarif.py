"""A verdict's gaps as SARIF 2.1.0, for tools that show findings beside the code."""

from __future__ import annotations

from seatrial.core.observation import Json
from seatrial.gate.verdict import Verdict


def sarif(verdict: Verdict, *, file: str) -> dict[str, Json]:
    """One result for each gap, at the system file `file`; the rule is the finding's stable code."""
    codes = dict.fromkeys(gap.code for gap in verdict.gaps)
    questions = {each.id: each.question for each in verdict.requirements}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "seatrial",
                        "version": verdict.product,
                        "rules": [{"id": code, "shortDescription": {"text": code.replace("-", " ")}} for code in codes],
                    }
                },
                "properties": {"verdict": verdict.verdict.value, "subject": verdict.subject},
                "results": [
                    {
                        "ruleId": gap.code,
                        # Every gap stands between the system and GO, also where it only could not be checked.
                        "level": "error",
                        "message": {"text": f"{gap.summary} Remedy: {gap.remedy}"},
                        "locations": [{"physicalLocation": {"artifactLocation": {"uri": file}}}],
                        "properties": {
                            "requirement": gap.requirement,
                            "question": questions.get(gap.requirement, ""),
                            "owner": gap.owner_name,
                            "due": gap.due.isoformat(),
                            "fields": list(gap.fields),
                        },
                    }
                    for gap in verdict.gaps
                ],
            }
        ],
    }

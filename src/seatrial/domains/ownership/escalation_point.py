"""Whom a supervisor calls who does not believe the model."""

from __future__ import annotations

from seatrial.domains.ownership.called import Call, check_of

CHECK = check_of(
    Call(
        requirement="ownership.escalation-point",
        duty="escalation-point",
        what="is called by a supervisor who does not believe the model",
        find=lambda system: system.duties.escalation_point,
        within=lambda duty: duty.answer_within,
        within_field="answer_within",
        check_title="The call of a supervisor in doubt",
        page_title="Drill: a supervisor does not believe {system}",
        page_text="This is a drill by seatrial. A supervisor holds an output of the model to be wrong "
        "and asks what to do. "
        "Please answer as you would answer the real call.",
        action="I am taking this call",
    )
)

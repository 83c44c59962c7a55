"""Who gets the 2 AM alert when the data pipeline fails."""

from __future__ import annotations

from seatrial.domains.ownership.called import Call, check_of

CHECK = check_of(
    Call(
        requirement="ownership.pipeline-alert",
        duty="pipeline-alert",
        what="is woken when the data pipeline fails",
        find=lambda system: system.duties.pipeline_alert,
        within=lambda duty: duty.acknowledge_within,
        within_field="acknowledge_within",
        check_title="The 2 AM page",
        page_title="Drill: the data pipeline of {system} stopped",
        page_text="This is a drill by seatrial, sent at a time that was not announced. Please "
        "acknowledge it as you would "
        "acknowledge the real alarm.",
        action="I am on it",
    )
)

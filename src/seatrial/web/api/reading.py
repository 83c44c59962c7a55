"""What is read of a system: its verdict, requirements, gaps, ledger, people, training, documents, alarms and log."""

from __future__ import annotations

from typing import Any

from seatrial.app.folder.ledgers import read_ledger, stood_at
from seatrial.app.people.duties import named_later
from seatrial.app.people.training import coverage
from seatrial.app.watched.dealing import alarms_of
from seatrial.app.watched.place import watched
from seatrial.core.bodies import DecisionBody
from seatrial.core.codec import to_data
from seatrial.core.observation import Json
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType
from seatrial.gate.catalogue import by_id
from seatrial.gate.encoding import verdict_data
from seatrial.gate.frameworks import frameworks_data
from seatrial.gate.permissions import holders
from seatrial.gate.verdict import Verdict
from seatrial.web.api.problem import Problem
from seatrial.web.api.route import Call, Inside, Listed, Reply
from seatrial.web.api.serving import listed
from seatrial.web.fleet import see, verdict_of
from seatrial.web.glimpses import Seen
from seatrial.web.models import Deed, Remark, Undertaking
from seatrial.web.seats import seen_by
from seatrial.web.standing import accepted_duties
from seatrial.web.undertakings import as_planned, undertaken


def systems(call: Call) -> Listed:
    """The systems with their verdicts in one word: with a token, its own. GO may be 30 seconds old."""
    if isinstance(call, Inside):
        return listed([_seen(see(call.system, call.workspace))])
    return listed([] if call.account is None else [_seen(each) for each in seen_by(call.account)])


def _seen(each: Seen) -> Json:
    verdict = each.verdict
    return {
        "system": each.system.slug,
        "verdict": None if verdict is None else verdict.answer.value,
        "sentence": "" if verdict is None else verdict.sentence,
        "gaps": None if verdict is None else verdict.gaps,
        "valid_until": None if verdict is None else to_data(verdict.valid_until),
        "earliest_go_live": None if verdict is None else to_data(verdict.timeline.earliest_go_live),
        "problem": each.problem,
    }


def verdict(call: Inside) -> Reply:
    """The verdict of now as `seatrial verdict --json` prints it, and up to when its record is known to stand."""
    data = verdict_data(_verdict(call, anew=True))
    content = {**data, "record_stood_at": to_data(stood_at(call.workspace))}
    return Reply(content=content, stamp={name: value for name, value in data.items() if name != "decided_at"})


def requirements(call: Inside) -> Listed:
    """Each with its outcome, in the order of the catalogue."""
    rows: Any = verdict_data(_verdict(call))["requirements"]
    wanted = {name: call.asked[name] for name in ("domain", "outcome") if call.asked[name] is not None}
    return listed([row for row in rows if all(row[name] == value for name, value in wanted.items())])


def requirement(call: Inside, requirement: str) -> Reply:
    """One, with why it matters, what establishes it, and the discussion."""
    rows: Any = verdict_data(_verdict(call))["requirements"]
    found = next((row for row in rows if row["id"] == requirement), None)
    if found is None:
        raise Problem(404, f"there is no requirement {requirement[:80]} at this gate")
    row = by_id(requirement)
    said = Remark.objects.filter(system=call.system, requirement=requirement).select_related("account")
    return Reply(
        content={
            "assessment": found,
            "why": row.why,
            "establishes": row.establishes,
            "remedy": row.remedy,
            "remarks": [remark_data(each) for each in said],
        }
    )


def remark_data(remark: Remark) -> Json:
    """A line in the discussion."""
    by = None if remark.account is None else str(remark.account.name)
    return {"id": remark.pk, "at": to_data(remark.at), "by": by, "text": remark.text}


def gaps(call: Inside) -> Listed:
    """What stands between the system and GO, with what people undertook; days that they named move those of others."""
    told = undertaken(call.system)
    rows: Any = verdict_data(as_planned(_verdict(call), call.workspace.system, told))["gaps"]
    owner = call.asked["owner"]
    plans = {name: plan_data(each) for name, each in told.items()}
    return listed(
        [{**row, "plan": plans.get(row["requirement"])} for row in rows if owner is None or row["owner"] == owner]
    )


def plan_data(plan: Undertaking) -> Json:
    """What somebody undertook."""
    return {
        "state": plan.state,
        "owner": plan.owner or None,
        "due": to_data(plan.due),
        "note": plan.note,
        "by": None if plan.by is None else str(plan.by.name),
        "at": to_data(plan.at),
    }


def history(call: Inside) -> Listed:
    """Every verdict of this gate that was put on record, newest first."""
    gate = call.workspace.gate.name
    decisions = read_ledger(call.workspace, quick=True).bodies(RecordType.DECISION, DecisionBody)
    found = [(evidence, body) for evidence, body in reversed(decisions) if body.gate is gate]
    return Listed(total=len(found), some=lambda start, end: [_decision(*each) for each in found[start:end]])


def _decision(evidence: Evidence, body: DecisionBody) -> Json:
    return {
        "at": to_data(evidence.record.at),
        "verdict": body.answer,
        "rehearsal": body.rehearsal,
        "subject": body.subject,
        "gaps": list(body.gaps),
        "record": evidence.digest,
    }


def records(call: Inside) -> Listed:
    """Everything on record, newest first, without what it says."""
    wanted = call.asked["type"]
    found = _records(call, None if wanted is None else RecordType(wanted))[::-1]
    return Listed(total=len(found), some=lambda start, end: [_record(each) for each in found[start:end]])


def record(call: Inside, digest: str) -> Reply:
    """One record with what it says and what it rests on."""
    found = next((each for each in _records(call) if each.digest == digest), None)
    if found is None:
        raise Problem(404, f"no record {digest[:64]} is in the ledger of this system")
    row: Any = _record(found)
    said = found.record
    return Reply(content={**row, "id": said.id, "depends": dict(said.depends), "body": to_data(said.body)})


def _records(call: Inside, kind: RecordType | None = None) -> list[Evidence]:
    found = read_ledger(call.workspace, quick=True).evidence
    return [*found] if kind is None else [each for each in found if each.record.type is kind]


def _record(evidence: Evidence) -> Json:
    return {
        "digest": evidence.digest,
        "sequence": evidence.sequence,
        "type": evidence.record.type.value,
        "at": to_data(evidence.record.at),
        "received_at": to_data(evidence.received_at),
        "by": evidence.record.by,
        "signed_by": None if evidence.signer is None else evidence.signer.holder,
        "problem": evidence.problem,
    }


def people(call: Inside) -> Listed:
    """The duties, for whom each is declared, when they accepted it, and which documents come first."""
    system = call.workspace.system
    accepted = accepted_duties(call.workspace)
    return listed(
        [
            {
                "duty": duty,
                "person": who,
                "name": system.people[who].name if who in system.people else "",
                "accepted_at": to_data(accepted.get((duty, who or ""))),
                "first": list(named_later(system, duty)),
            }
            for duty, who in holders(system).items()
        ]
    )


def training(call: Inside) -> Listed:
    """How many of each team passed the questions of this version; nobody's own answers."""
    return listed([{"team": t.name, "users": t.users, "passed": t.passed} for t in coverage(call.workspace)])


def frameworks(call: Inside) -> Reply:
    """Each clause with the requirements whose evidence supports it; never that it complies."""
    return Reply(content={"frameworks": frameworks_data(_verdict(call).requirements)})


def alarms(call: Inside) -> Listed:
    """The watch's alarms that are not closed, or all; none where no watch is declared."""
    if not watched(call.workspace):
        return listed([])
    rows = alarms_of(call.workspace, everything=call.asked["all"] == "yes")
    return listed([to_data(row) for row in rows])


def deeds(call: Inside) -> Listed:
    """What was done and tried here, newest first."""
    found = Deed.objects.filter(system=call.system.slug)
    return Listed(
        total=found.count(),
        some=lambda start, end: [
            {
                "at": to_data(each.at),
                "who": each.who,
                "action": each.action,
                "about": each.about,
                "allowed": each.allowed,
                "reason": each.reason,
                "record": each.record,
            }
            for each in found[start:end]
        ],
    )


def _verdict(call: Inside, *, anew: bool = False) -> Verdict:
    return verdict_of(call.system, call.workspace, anew=anew)

"""What is done over the API: runs, reports of doubted outputs and their answers, lines in a discussion."""

from __future__ import annotations

from django.urls import reverse

from seatrial.app.folder.catalogue import checks
from seatrial.core.codec import to_data
from seatrial.core.errors import Refused
from seatrial.core.observation import Json
from seatrial.spec.drills import KIND_OF
from seatrial.web.access import Program, SiteAction, allowed, put_down
from seatrial.web.api.problem import Problem
from seatrial.web.api.reading import plan_data, remark_data
from seatrial.web.api.route import Inside, Listed, Reply
from seatrial.web.api.serving import refuse
from seatrial.web.fleet import verdict_of
from seatrial.web.jobs import cancel, start
from seatrial.web.models import Doubt, Job, Remark
from seatrial.web.reports import answer, cleaned, reaches, report
from seatrial.web.undertakings import problems, undertake


def remark(call: Inside, requirement: str) -> Reply:
    """A line in the discussion of a requirement."""
    known = {row.id for row in call.workspace.gate.requirements}
    if requirement not in known or call.account is None:
        raise Problem(404, f"there is no requirement {requirement[:80]} at this gate")
    made = Remark.objects.create(
        system=call.system, requirement=requirement, account=call.account, text=call.given["text"].strip()
    )
    put_down(call.who, SiteAction.DISCUSS, about=requirement)
    return Reply(content=remark_data(made), status=201)


def plan(call: Inside, requirement: str) -> Reply:
    """Who closes the gaps of one requirement, by when, and how far they are: a promise, which closes nothing."""
    verdict = verdict_of(call.system, call.workspace)
    if call.account is None or requirement not in {gap.requirement for gap in verdict.gaps}:
        raise Problem(404, f"there is no gap of {requirement[:80]} at this gate")
    given = {name: str(call.given.get(name, "")).strip() for name in ("state", "owner", "due", "note")}
    errors = {f"/{name}": wrong for name, wrong in problems(call.workspace.system, given).items()}
    if errors:
        raise Problem(422, "what was sent cannot be taken", errors=errors)
    kept = undertake(call.system, requirement, given, by=call.account)
    put_down(call.who, SiteAction.UNDERTAKE, about=f"{requirement}: {given['state']} {given['due']}".strip())
    return Reply(content=plan_data(kept))


def runs(call: Inside) -> Listed:
    """Runs and drills that were started on the site, newest first."""
    found = Job.objects.filter(system=call.system).select_related("by")
    return Listed(total=found.count(), some=lambda start, end: [run_data(each) for each in found[start:end]])


def run(call: Inside, number: int) -> Reply:
    """One run: what it does now and what it has done."""
    return Reply(content=run_data(_found(call, number)))


def begin(call: Inside) -> Reply:
    """Queue a run; one that waits or runs already is told instead, with 200."""
    only = call.given.get("only", [])
    known = {check.id for check in checks()} | {check.id.partition(".")[0] for check in checks()}
    wrong = {f"/only/{place}": "There is no such check." for place, each in enumerate(only) if each not in known}
    if wrong:
        raise Problem(422, "what was sent cannot be taken", errors=wrong)
    only = _without_drills(call, only)
    before = Job.objects.filter(system=call.system).order_by("-pk").values_list("pk", flat=True).first() or 0
    job = start(call.system, call.account, only)
    if job.pk <= before:
        return Reply(content=run_data(job), location=_address(call, job))
    put_down(call.who, SiteAction.RUN, about=f"run {job.pk}: {' '.join(only) or 'all checks'}")
    return Reply(content=run_data(job), status=201, location=_address(call, job))


def _without_drills(call: Inside, only: list[str]) -> list[str]:
    """What whoever asks may run of that: who may not begin drills runs the rest, and is refused where none is left."""
    permission = allowed(call.who, SiteAction.DRILL)
    if permission.allowed:
        return only
    wanted = [each for each in checks() if not only or {each.id, each.id.partition(".")[0]} & set(only)]
    rest = [each.id for each in wanted if each.requirement not in KIND_OF]
    if not rest or any(each.id in only and each.id not in rest for each in wanted):
        named = ", ".join(each.id for each in wanted if each.id not in rest)
        error = Refused(f"{named} holds a drill: {permission.reason}")
        raise refuse(call, SiteAction.DRILL, error, about=f"run {' '.join(only)}")
    return rest


def stop(call: Inside, number: int) -> Reply:
    """A waiting run never starts; a running one restores what it changed and stops. Again changes nothing."""
    job = _found(call, number)
    if job.open:
        cancel(job)
        put_down(call.who, SiteAction.CANCEL, about=f"run {number}")
        job.refresh_from_db()
    return Reply(content=run_data(job))


def _address(call: Inside, job: Job) -> str:
    return reverse("api-run", args=(call.system.slug, job.pk))


def _found(call: Inside, number: int) -> Job:
    job = Job.objects.filter(system=call.system, pk=number).select_related("by").first()
    if job is None:
        raise Problem(404, f"there is no run {number} of this system")
    return job


def run_data(job: Job) -> Json:
    """A run as it is answered."""
    done = job.progress.get("done", {})
    return {
        "id": job.pk,
        "state": job.state,
        "only": list(job.wanted),
        "by": None if job.by is None else str(job.by.name),
        "created_at": to_data(job.created_at),
        "started_at": to_data(job.started_at),
        "ended_at": to_data(job.ended_at),
        "doing": str(job.progress.get("doing", "")),
        "checks": list(job.progress.get("checks", [])),
        "done": {str(name): str(said) for name, said in done.items()},
        "problem": job.problem,
    }


def doubts(call: Inside) -> Listed:
    """Reports of outputs that somebody does not trust, newest first."""
    found = Doubt.objects.filter(system=call.system).select_related("account", "token", "answered_by")
    if call.asked["waiting"] == "yes":
        found = found.filter(answered_at=None)
    return Listed(total=found.count(), some=lambda start, end: [_doubt(each) for each in found[start:end]])


def doubt(call: Inside, number: int) -> Reply:
    """One report and its answer."""
    return Reply(content=_doubt(_reported(call, number)))


def doubted(call: Inside) -> Reply:
    """Report an output that is not trusted. One that the same reporter made already and that waits is told instead."""
    texts, _ = cleaned(call.given)
    token = call.who.token if isinstance(call.who, Program) else None
    kept = report(call.system, texts, account=call.account, token=token)
    put_down(call.who, SiteAction.DOUBT, about=f"report {kept.pk}: {kept.output}")
    point = reaches(call.workspace)
    told: Json = {
        "id": kept.pk,
        "at": to_data(kept.at),
        "reaches": point.name,
        "answer_within_s": point.within_s,
    }
    return Reply(content=told, status=201, location=reverse("api-doubt", args=(call.system.slug, kept.pk)))


def answered(call: Inside, number: int) -> Reply:
    """The escalation point's answer, once."""
    found = _reported(call, number)
    if call.account is None or not answer(
        found, call.account, stands=call.given["stands"], text=call.given["answer"].strip()
    ):
        raise Problem(409, "it was answered meanwhile", remedy="Read the answer that stands.")
    put_down(call.who, SiteAction.ANSWER_DOUBT, about=f"report {number}")
    found.refresh_from_db()
    return Reply(content=_doubt(found), status=201)


def _reported(call: Inside, number: int) -> Doubt:
    found = Doubt.objects.filter(system=call.system, pk=number).select_related("account", "token", "answered_by")
    one = found.first()
    if one is None:
        raise Problem(404, f"there is no report {number} of this system")
    return one


def _doubt(each: Doubt) -> Json:
    return {
        "id": each.pk,
        "output": each.output,
        "why": each.why,
        "condition": each.condition,
        "reporter": each.reporter,
        "at": to_data(each.at),
        "stands": each.stands,
        "answer": each.answer,
        "answered_by": None if each.answered_by is None else str(each.answered_by.name),
        "answered_at": to_data(each.answered_at),
        "took_s": each.took_s,
    }

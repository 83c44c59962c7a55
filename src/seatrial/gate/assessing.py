"""Assessing one requirement: which observations decide, and what they come to together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from seatrial.core.bodies import ObservationBody
from seatrial.core.codec import CodecError, from_data
from seatrial.core.observation import Observation
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import Assurance, Outcome, RecordType, Weight
from seatrial.core.wording import sentence
from seatrial.gate.binding import resolved
from seatrial.gate.inputs import Inputs
from seatrial.gate.judging import Judgement, judge, unmeasured
from seatrial.gate.requirement import Requirement
from seatrial.gate.standing import (
    Objection,
    ceiling,
    expires,
    identity_objection,
    newest_first,
    observation_objection,
    subject_objection,
    untold_objection,
    weaker,
)
from seatrial.gate.verdict import Assessment

_BAD_FIRST = (Outcome.NOT_MET, Outcome.NOT_DETERMINED, Outcome.MET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What one check says about its requirement now. `evidence` is None when it was never asked about this subject."""

    check: str
    judgement: Judgement
    evidence: Evidence | None = None
    body: ObservationBody | None = None
    remedy: str = ""
    fields: tuple[str, ...] = ()

    @property
    def observation(self) -> Observation | None:
        """What it saw, where it saw something."""
        return self.body.observation if self.body is not None else None

    @property
    def assurance(self) -> Assurance | None:
        """The level at which it is known: what the check says, but no more than the record's maker can vouch for."""
        if self.observation is None or self.evidence is None:
            return None
        return weaker(self.observation.assurance, ceiling(self.evidence))


class Assessor:
    """Assesses requirements against one set of inputs, with what was observed on one subject asked about it once."""

    def __init__(self, inputs: Inputs, gone: frozenset[str]) -> None:
        self._inputs = inputs
        self._gone = gone
        self._by_check: dict[tuple[str, str], list[Sequence[Evidence]]] = {}
        for (requirement, check, *_), alike in inputs.evidence.by(_alike, newest_first).items():
            self._by_check.setdefault((requirement, check), []).append(alike)

    def assess(self, requirement: Requirement) -> tuple[Assessment, tuple[Voice, ...]]:
        """What is known of the requirement, and what each of its checks said. Exemptions and waivers come later."""
        checks = self._inputs.checks.get(requirement.id, ())
        if not checks:
            return _nothing(requirement, "no-check", "No check establishes this yet.", ()), ()
        voices = tuple(self._voice(requirement, check) for check in checks)
        return self._combined(requirement, voices), voices

    def _voice(self, requirement: Requirement, check: str) -> Voice:
        """The newest record about this subject decides; among records of one moment the worst does.

        A newer record that does not count is never passed over for an older one that does, unless it is about another
        subject for certain.
        """
        patterns = resolved(requirement.rests_on, self._inputs.system)
        about: list[Evidence] = []
        changed: list[Objection] = []
        unsure: list[tuple[Evidence, Objection]] = []
        on_record = self._by_check.get((requirement.id, check), ())
        newest = max((alike[0].record.at for alike in on_record), default=None)
        for alike in on_record:
            objection = subject_objection(alike[0], patterns, self._inputs)
            if objection is None:
                about += next(together for _, together in groupby(alike, key=_made_at))
            elif untold := untold_objection(alike[0], patterns, self._inputs):
                unsure.append((alike[0], untold))
            elif objection.code == "changed" and alike[0].record.at == newest:
                changed.append(objection)
        for evidence, untold in unsure:
            if all(evidence.record.at > e.record.at for e in about):
                return Voice(check=check, judgement=_undetermined(untold.code, untold.text), evidence=evidence)
        if about:
            last = max(e.record.at for e in about)
            heard = (self._heard(requirement, check, e) for e in about if e.record.at == last)
            return min(heard, key=_worst_first)
        if changed and "model" in patterns and (unknown := identity_objection(self._inputs)):
            bodies = [self._inputs.evidence.body(a[0], ObservationBody) for a in on_record if _made_at(a[0]) == newest]
            return Voice(check=check, judgement=_undetermined(unknown.code, f"{unknown.text}{_seen_before(bodies)}"))
        if changed:
            return Voice(check=check, judgement=_undetermined("changed", min(o.text for o in changed)))
        return Voice(check=check, judgement=_undetermined("not-run", "This has not been tested for this version yet"))

    def _heard(self, requirement: Requirement, check: str, evidence: Evidence) -> Voice:
        body = self._inputs.evidence.body(evidence, ObservationBody)
        if body is None:
            return Voice(check=check, judgement=_undetermined("malformed", _unreadable(evidence)))
        objection = observation_objection(evidence, body, requirement, self._inputs, self._gone)
        # A check that established nothing says more of what stands in the way than that nobody knows of which model.
        speaks_for_itself = body.observation is None and objection is not None and objection.code == "identity-unknown"
        if objection is not None and not speaks_for_itself:
            before = _seen_before([body]) if objection.code == "identity-unknown" else ""
            found = _undetermined(objection.code, f"{objection.text}{before}")
            return Voice(check=check, judgement=found, evidence=evidence)
        if body.observation is None:
            reason = body.reason
            code, text = ("malformed", "no observation") if reason is None else (reason.code, reason.summary)
            names = reason.fields if reason is not None else ()
            return Voice(
                check=check,
                judgement=_undetermined(code, text, names),
                evidence=evidence,
                body=body,
                remedy=reason.remedy if reason else "",
                fields=reason.fields if reason else (),
            )
        told = _in_sentences(body.observation)
        body = replace(body, observation=told)
        judgement = judge(told, self._inputs.limits(requirement.id))
        return Voice(check=check, judgement=judgement, evidence=evidence, body=body)

    def _combined(self, requirement: Requirement, voices: Sequence[Voice]) -> Assessment:
        """All checks of a requirement must be good; the worst one speaks for it."""
        worst = min(voices, key=_worst_first)
        judgement = worst.judgement
        observed = [v for v in voices if v.observation is not None]
        assurance = _weakest(v.assurance for v in observed) if len(observed) == len(voices) else None
        if judgement.outcome is Outcome.MET:
            judgement = self._withheld(requirement, voices) or judgement
        seen = [(v.check, v.evidence.record.at) for v in observed if v.evidence is not None]
        dates = [at for _, at in seen]
        until = min((expires(at, requirement, self._inputs, check) for check, at in seen), default=None)
        return Assessment(
            id=requirement.id,
            domain=requirement.domain,
            question=requirement.question,
            outcome=judgement.outcome,
            assurance=assurance,
            demands=requirement.demands,
            reason=judgement.reason,
            reason_code=judgement.code,
            done=" ".join(v.observation.done for v in observed if v.observation is not None),
            measures=tuple(j for v in voices for j in v.judgement.measures),
            findings=tuple(f for v in observed if v.observation is not None for f in v.observation.findings),
            figures=tuple(f for v in observed if v.observation is not None for f in v.observation.figures),
            evidence=tuple(sorted(v.evidence.digest for v in voices if v.evidence is not None)),
            observed_at=max(dates) if dates else None,
            valid_until=until if judgement.outcome is Outcome.MET else None,
            reviewer=requirement.reviewer,
            policy=", ".join(sorted({v.body.policy for v in voices if v.body is not None and v.body.policy})),
            checks=tuple(v.check for v in voices),
        )

    def _withheld(self, requirement: Requirement, voices: Sequence[Voice]) -> Judgement | None:
        """What still keeps a requirement from MET although each of its checks is good by itself."""
        observations = [v.observation for v in voices if v.observation is not None]
        if missing := unmeasured(self._inputs.limits(requirement.id), observations):
            names = ", ".join(missing)
            return _undetermined("not-measured", f"A limit is in force and was not measured: {names}")
        if short := _short_of(requirement, voices, self._inputs.supplements):
            return _undetermined("assurance-too-low", short)
        return None


def _short_of(requirement: Requirement, voices: Sequence[Voice], supplements: frozenset[str]) -> str:
    """Why the assurance does not suffice; empty when it does."""
    levels = [v.assurance for v in voices if v.check not in supplements]
    added = [v.assurance for v in voices if v.check in supplements]
    carried = any(level is not None and level.reaches(requirement.demands) for level in levels)
    for level in levels:
        if level is None or not (level.reaches(requirement.demands) or (carried and level in requirement.complements)):
            shown = "unknown" if level is None else level.value
            return f"The evidence is {shown} only; {requirement.demands.value} evidence is demanded"
    if not carried or not all(level is not None and level.reaches(Assurance.OBSERVED) for level in added):
        return f"Nothing by itself establishes this; {requirement.demands.value} evidence is demanded"
    return ""


def _alike(evidence: Evidence) -> tuple[str, str, str, frozenset[tuple[str, str]]] | None:
    """What one check observed for one requirement, by all that tells on which subject."""
    record = evidence.record
    if record.type is not RecordType.OBSERVATION:
        return None
    named = str(record.body.get("requirement")), str(record.body.get("check"))
    return *named, record.system, frozenset(record.depends.items())


def _unreadable(evidence: Evidence) -> str:
    try:
        from_data(ObservationBody, evidence.record.body)
    except CodecError as error:
        return f"the record cannot be read: {error.what}"
    return "the record cannot be read"


def _seen_before(bodies: Iterable[ObservationBody | None]) -> str:
    """What the newest observation held against a model that nobody can identify now: it may be why it does not answer.

    Crashes first; empty where nothing was found.
    """
    observed = [body.observation for body in bodies if body is not None and body.observation is not None]
    gaps = [finding for each in observed for finding in each.findings if finding.weight is Weight.GAP]
    if not gaps:
        return ""
    worst = min(gaps, key=lambda finding: finding.code != "crash")
    return f". The last time that it was tested this was found: {worst.summary.removesuffix('.')}"


def _made_at(evidence: Evidence) -> datetime:
    return evidence.record.at


def _weakest(levels: Iterable[Assurance | None]) -> Assurance | None:
    known = list(levels)
    if not known or any(level is None for level in known):
        return None
    return min(
        (level for level in known if level is not None),
        key=(Assurance.ATTESTED, Assurance.OBSERVED, Assurance.EXECUTED).index,
    )


def _worst_first(voice: Voice) -> tuple[int, str, str, str]:
    """Sorts voices worst first, and the same way in whatever order they come."""
    judgement = voice.judgement
    digest = voice.evidence.digest if voice.evidence is not None else ""
    return _BAD_FIRST.index(judgement.outcome), judgement.code, voice.check, digest


def _undetermined(code: str, reason: str, names: Sequence[str] = ()) -> Judgement:
    return Judgement(outcome=Outcome.NOT_DETERMINED, code=code, reason=sentence(reason, names))


def _in_sentences(observation: Observation) -> Observation:
    """The observation with every finding told in a sentence."""
    told = tuple(replace(f, summary=sentence(f.summary, f.fields)) for f in observation.findings)
    return replace(observation, findings=told)


def _nothing(requirement: Requirement, code: str, reason: str, checks: tuple[str, ...]) -> Assessment:
    return Assessment(
        id=requirement.id,
        domain=requirement.domain,
        question=requirement.question,
        outcome=Outcome.NOT_DETERMINED,
        assurance=None,
        demands=requirement.demands,
        reason=sentence(reason),
        reason_code=code,
        reviewer=requirement.reviewer,
        checks=checks,
    )


def blocked(assessment: Assessment, outcome: Outcome, code: str, reason: str) -> Assessment:
    """The assessment with another outcome that blocks GO; what was seen stays visible, the lease ends."""
    return replace(assessment, outcome=outcome, reason_code=code, reason=sentence(reason), valid_until=None)

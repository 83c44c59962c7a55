"""Whether it holds at the edges: the same question asked otherwise, noise of the sources, declared relations, extremes.

Evaluation rows are asked again in other orders, batches and spellings; each number is put off by as much as its source
may be off; every relation that the system file declares is tried on rows and bounded by itself; and legal input is made
as it hardly ever comes. What stays unanswered counts against, and where a model by itself answers differently from one
time to the next, a relation is broken only by what comes on top of that. A failing example is made as small as it can
be. Only a test endpoint gets input that its users did not send.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.core.check import Check, Trial
from seatrial.core.codec import to_data
from seatrial.core.errors import Unreachable
from seatrial.core.observation import Figure, Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import Sense, Weight
from seatrial.core.wording import count
from seatrial.domains.model.stressing import consistency, edge_search, findings, rates, remembered, unread
from seatrial.domains.model.stressing.asking import Asker
from seatrial.domains.model.stressing.baseline import Baseline
from seatrial.domains.model.stressing.edge_search import EDGES, POWER
from seatrial.domains.model.stressing.edges import edges_of
from seatrial.domains.model.stressing.entities import one_of_each_first
from seatrial.domains.model.stressing.expected import cases_of, tried_on_cases
from seatrial.domains.model.stressing.noise import Flipped, flipped, noise_of
from seatrial.domains.model.stressing.probing import Ending, Probed, probed
from seatrial.domains.model.stressing.relations import Held, relations_of, tried_on_rows
from seatrial.domains.sending import inputs_of, may_be_tried, rows_with_rest
from seatrial.spec.conditions import parse_condition
from seatrial.spec.model import InputField
from seatrial.spec.stress import Case, Relation
from seatrial.spec.system import System
from seatrial.stats import proportions
from seatrial.stats.detection import trials_to_see

_ID = "model.stress"
CONSISTENCY = "answers that depend on how they are asked"
NOISE = "decisions that flip within the noise of the sources"
_BROKEN = "rows that break: "
_PROFILED = 4000
_MOST_ROWS = 600
"""A violation in a hundred of them is still certainly below two in a hundred."""
_FEWEST_ROWS = 30
_TIMED = 32
_SHARE_OF_TIME = 0.5
"""For everything but the edges."""
_MOST_PAIRS = 600
_ASKED_OF_PAIR = 4
_SHARE_FOR_PAIRS = 0.1
_REPEATS = 3
_NUMBERS = frozenset({"binary", "multiclass", "regression"})
CODES = {
    **findings.CODES,
    **remembered.CODES,
    **unread.CODES,
    "no-inputs-declared": "The model's inputs are not declared, so nothing says what its edges are.",
    "no-evaluation-data": "No evaluation data are declared from which rows could be taken.",
    "rows-unanswered": "The model answers too few rows as they are to learn anything from changing them.",
    "unknown-field": "The section stress names a field that is no input of the model.",
    "no-relations": "No relation is declared that must hold between inputs and answers.",
    "not-a-test-endpoint": "The model's endpoint is not declared as one that may be given unusual input.",
    "constant-answers": "The model says the same to every row, so that nothing could have moved its answer.",
    "search-too-weak": "At an edge too few rows stand to have met the smallest failure that matters.",
    "not-finished": "The time was up, or the endpoint gone, before everything was asked.",
}


@dataclass(slots=True, kw_only=True)
class _Found:
    """What was collected so far."""

    measures: list[Measure] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    helds: list[Held] = field(default_factory=list)
    noise: Flipped | None = None
    probed: list[Probed] = field(default_factory=list)
    kept: int = 0
    facts: dict[str, Json] = field(default_factory=dict)


def _run(system: System, trial: Trial) -> Observation | Reason:
    inputs = inputs_of(system, trial)
    if stop := next(_preconditions(system, inputs), None):
        return stop
    listed = {r.name: cases_of(trial, r) for r in system.stress.relations}
    source = system.data.evaluation
    rest = (*system.stress.immutable, *((source.entity,) if source is not None and source.entity else ()))
    drawn = rows_with_rest(trial, inputs, table="evaluation", most=_PROFILED, seed=trial.seed, rest=rest)
    if not drawn:
        return Reason(code="no-evaluation-data", summary="The evaluation data have no rows.", remedy="Give rows.")
    strictest = min(
        t.limit for t in _limits(system) if t.unit == "share" and t.sense is Sense.AT_MOST and t.limit > 0.0
    )
    enough = proportions.clean_trials(1.0 - strictest, 1.0 - system.policy.confidence)
    drawn, most_rows = one_of_each_first(drawn, source.entity if source is not None else None, enough=enough)
    asker = Asker(trial, batch=system.model.batch, rate=system.stress.rate, time_s=system.stress.time)
    base = Baseline(system, asker, inputs, [row for row, _ in drawn], [beside for _, beside in drawn])
    trial.say("asking about rows as they are", 0.02)
    pace = _pace(trial, base, min(_MOST_ROWS, most_rows))
    if isinstance(pace, Reason):
        return pace
    found = _Found()
    noisy, most = _consistent(trial, base, found, pace)
    if may_be_tried(system.model):
        _remembered(trial, base, found, pace)
        _unread(trial, base, found, most=most)
        _related(trial, base, found, listed, most=most, noisy=noisy)
        _noise(trial, base, found, most=most, noisy=noisy)
        _edges(trial, base, found)
    else:
        found.findings.append(_only_plain())
    return _observation(system, trial, base, found)


def _preconditions(system: System, inputs: Mapping[str, InputField]) -> Iterator[Observation | Reason]:
    if not inputs:
        finding = Finding(
            code="no-inputs-declared",
            summary="The model's inputs are not declared.",
            fields=("model.inputs",),
            why="Where nothing says what a legal input is, nobody knows where its edges are.",
            remedy="Declare model.inputs: each field with its type, unit, range or values, and whether it may be null.",
        )
        yield Observation(done="Looked for the model's declared inputs.", findings=(finding,))
    if system.data.evaluation is None:
        yield Reason(
            code="no-evaluation-data",
            summary="No evaluation data are declared from which rows could be taken.",
            remedy="Declare data.evaluation with its source.",
            fields=("data.evaluation",),
        )
    if unknown := sorted(set(_named(system)) - set(inputs)):
        yield Reason(
            code="unknown-field",
            summary=f"The section stress names {', '.join(unknown)}, which the model does not take.",
            remedy="Correct the names, or declare the inputs.",
            fields=tuple(unknown),
        )


def _named(system: System) -> Iterator[str]:
    """The inputs that the section names; a field that only has to be left alone may be none."""
    yield from system.stress.noise
    yield from system.stress.insensitive
    for relation in system.stress.relations:
        if relation.where is not None:
            yield from parse_condition(relation.where).fields
        if relation.change is not None:
            change = relation.change
            yield from (*change.set_, *change.each, *change.multiply, *change.add, *change.swap, *change.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pace:
    """How many rows can be asked in every way within the time, and how long one takes alone."""

    rows: int
    alone_s: float


def _pace(trial: Trial, base: Baseline, most_rows: int) -> _Pace | Reason:
    """How many rows can be asked in every way within the time, or why none can."""
    base.find_batches()
    begun, clock = trial.clock.monotonic(), trial.clock
    known = base.answers(range(min(_TIMED, len(base.rows))))
    together_s = (clock.monotonic() - begun) / max(1, len(known))
    if not known:
        if base.asker.dead:
            raise Unreachable(
                f"the model could not be reached: {base.problem}",
                remedy="Start it, and see that it answers under the declared address.",
                permanent=False,
            )
        return _unanswered(base, 0, min(_TIMED, len(base.rows)))
    first = next(iter(known))
    base.asker.probe = base.rows[first]
    begun = clock.monotonic()
    base.asker.alone(base.rows[first])
    alone_s = clock.monotonic() - begun
    task = base.system.model.task
    passes = (3 if task == "chat" else 7) + 2 * len(relations_of(base.system)) + 2
    each = passes * together_s + (0.0 if task == "chat" else alone_s)
    affordable = int(_SHARE_OF_TIME * base.system.stress.time / each) if each > 0 else most_rows
    most = max(_FEWEST_ROWS, min(most_rows, affordable))
    wanted = range(min(most, len(base.rows)))
    known = base.answers(wanted)
    tried = len(wanted)
    return _Pace(rows=most, alone_s=alone_s) if len(known) > tried / 2 else _unanswered(base, len(known), tried)


def _unanswered(base: Baseline, known: int, tried: int) -> Reason:
    return Reason(
        code="rows-unanswered",
        summary=f"The model answered {known} of {tried} rows as they are; the first problem was {base.problem}.",
        remedy="Give evaluation rows as production sends them, with the declared types and units.",
    )


def _consistent(trial: Trial, base: Baseline, found: _Found, pace: _Pace) -> tuple[bool, int]:
    """Ask the same rows in other ways: whether the model differs by itself, and how many rows the rest may take."""
    trial.say("asking the same rows otherwise", 0.1)
    most = pace.rows
    rows = range(min(most, len(base.rows)))
    ways = consistency.ways(base, rows, seed=trial.seed)
    tried = consistency.tried(base, ways)
    measure = rates.measure(
        CONSISTENCY, tried, limit=_consistency_limit(base.system), confidence=base.system.policy.confidence
    )
    found.measures.append(measure)
    found.findings += findings.consistency(base, ways, measure)
    found.kept += tried.n - tried.broken - tried.unanswered
    found.facts["ways"] = {way.name: {"rows": len(way.broke), "changed": way.broken} for way in ways}
    if base.constant:
        found.findings.append(
            Finding(
                code="constant-answers",
                summary=f"The model says the same to all of {count(len(base.known), 'row')}.",
                weight=Weight.OPEN,
                remedy="Find out why; or give evaluation rows that get different answers.",
                why="What never changes its answer seems to withstand everything.",
            )
        )
    noisy = ways[0].broken > 0
    if base.asker.batch > 1 and consistency.depends_on_the_request(ways):
        base.ask_singly()
        passes = 2 * len(relations_of(base.system)) + 3
        most = max(
            _FEWEST_ROWS, min(most, int(_SHARE_OF_TIME * base.asker.left_s / (passes * max(pace.alone_s, 1e-6))))
        )
    return noisy, most


def _remembered(trial: Trial, base: Baseline, found: _Found, pace: _Pace) -> None:
    """Look whether rows get the answers of others that were asked before; free text has too many right answers."""
    if base.system.model.task == "chat" or len(base.inputs) < 2:
        return
    trial.say("rows that differ in one input from one asked just before", 0.18)
    most = _MOST_PAIRS
    if base.asker.batch == 1:
        most = min(most, int(_SHARE_FOR_PAIRS * base.asker.left_s / (_ASKED_OF_PAIR * max(pace.alone_s, 1e-6))))
    before = remembered.remembered(base, noise_of(base), most=most, seed=trial.seed)
    found.findings += remembered.findings(base, before)
    found.facts["remembered"] = before.facts


def _unread(trial: Trial, base: Baseline, found: _Found, *, most: int) -> None:
    """Look for inputs that move no answer; where there is one alone, or nothing moves any, that is told already."""
    if len(base.inputs) < 2 or base.constant:
        return
    trial.say("each input with the values of other rows", 0.19)
    tried = unread.exchanged(base, range(min(most, len(base.rows))), seed=trial.seed)
    found.findings += unread.findings(base, tried)
    found.facts["inputs exchanged"] = unread.facts(tried)


def _related(
    trial: Trial,
    base: Baseline,
    found: _Found,
    listed: Mapping[str, Sequence[Case]],
    *,
    most: int,
    noisy: bool,
) -> None:
    """Try every relation, each with its own bound."""
    system = base.system
    if not system.stress.relations:
        found.findings.append(_no_relations())
    for number, relation in enumerate(relations := relations_of(system)):
        trial.say(f"relation: {relation.name}", 0.2 + 0.3 * number / len(relations))
        limit = _relation_limit(system, relation)
        name, confidence = _BROKEN + relation.name, system.policy.confidence
        if cases := listed.get(relation.name, ()):
            repeats = _REPEATS if noisy or system.model.task == "chat" else 1
            tried, missed = tried_on_cases(base, relation, cases, repeats=repeats)
            measure = rates.measure(name, tried, limit=limit, confidence=confidence)
            found.findings += findings.cases(base, relation.name, missed, measure)
        else:
            held = tried_on_rows(base, relation, most=most, noisy=noisy, seed=trial.seed + number)
            measure = rates.measure(name, held.tried, limit=limit, confidence=confidence)
            found.findings += findings.relation(base, held, measure)
            found.helds.append(held)
            tried = held.tried
        found.measures.append(measure)
        found.kept += tried.n - tried.broken - tried.unanswered


def _noise(trial: Trial, base: Baseline, found: _Found, *, most: int, noisy: bool) -> None:
    import numpy as np

    if not _has_noise(base.system):
        return
    trial.say("numbers off by the noise of their sources", 0.5)
    reach = noise_of(base)
    found.noise = flipped(base, reach, range(min(most, len(base.rows))), noisy=noisy, seed=trial.seed)
    policy = base.system.policy
    measure = rates.measure(NOISE, found.noise.tried, limit=policy.noise_flips, confidence=policy.confidence)
    found.measures.append(measure)
    found.findings += findings.noise(base, reach, found.noise, measure)
    shifts = np.array([s for s in found.noise.shifts if math.isfinite(s)])
    found.facts["noise"] = {
        "reach": dict(reach.reach),
        "inferred": reach.inferred,
        "score_shift": {f"p{q}": float(np.percentile(shifts, q)) for q in (50, 95, 100)} if shifts.size else None,
    }


def _edges(trial: Trial, base: Baseline, found: _Found) -> None:
    policy = base.system.policy
    edges = edges_of(base, seed=trial.seed)
    wanted = trials_to_see(min(0.999, policy.smallest_fault_harm), policy.search_power)
    missed = 0
    for number, edge in enumerate(edges):
        if base.asker.over:
            missed += 1
            continue
        trial.say(edge.name, 0.55 + 0.4 * number / len(edges))
        told = probed(base, edge, wanted=wanted)
        if told is not None and (told.asked or told.failed):
            found.probed.append(told)
    failed = sum(bool(p.failed) for p in found.probed)
    measure = edge_search.failures(found.probed, policy.case_failures)
    found.measures += [measure, edge_search.power(base.system, found.probed, missed=missed)]
    task = base.system.model.task
    classes = {str(a.prediction) for a in base.known.values()} if task in ("binary", "multiclass", "text") else set()
    classes |= {str(label) for label in base.system.model.output.labels or ()} if classes else set()
    found.findings += findings.edges(found.probed, measure, frozenset(classes))
    found.kept += len(found.probed) - failed
    found.facts["edges"] = {str(e): sum(p.ending is e for p in found.probed) for e in Ending}
    if missed and not failed:
        found.findings.append(
            Finding(
                code="not-finished",
                summary=f"The time was up before {count(missed, 'edge')} of {len(edges)} were tried.",
                weight=Weight.OPEN,
                remedy="Give the test endpoint the speed of production, or allow more with stress.time.",
                explains=(POWER,),
            )
        )
    elif not failed:
        found.findings += edge_search.too_weak(base.system, found.probed)


def _no_relations() -> Finding:
    return Finding(
        code="no-relations",
        summary="No relation is declared: nothing says what must hold between this system's inputs and its answers.",
        weight=Weight.OPEN,
        fields=("stress.relations",),
        why="Only people who know the operation can say what would be absurd, and whoever knows it has not been asked.",
        remedy="Declare stress.relations: what may not change an answer, what may only raise or lower the score, which "
        "cases must be answered in which way.",
    )


def _only_plain() -> Finding:
    return Finding(
        code="not-a-test-endpoint",
        summary="The endpoint is not declared as one that may be given unusual input: it was only asked about rows as "
        "they are, in other orders and batches.",
        weight=Weight.OPEN,
        fields=("model.test_endpoint",),
        why="Nobody knows what the unusual day does to the answers until somebody tries.",
        remedy="Point model.endpoint at a copy of what production runs and declare model.test_endpoint: true.",
    )


def _observation(system: System, trial: Trial, base: Baseline, found: _Found) -> Observation:
    flips = found.noise.flips if found.noise is not None else ()
    examples = findings.kept(base, found.helds, flips, found.probed)
    content = json.dumps(to_data(examples)).encode()
    relations = len(relations_of(system)) if may_be_tried(system.model) else 0
    return Observation(
        done=f"Asked about {count(len(base.known), 'row')} as they are and otherwise, tried "
        f"{count(relations, 'relation')} and {count(len(found.probed), 'edge')} of legal input, in "
        f"{base.asker.asked:,} requests.",
        measures=tuple(found.measures),
        findings=tuple(found.findings),
        figures=tuple(_figures(found)),
        proof=found.kept,
        artifacts={"examples": trial.artifacts.put(content, media_type="application/json")} if examples else {},
        facts={"requests": base.asker.asked, "rows": len(base.known), "unanswered": base.unanswered, **found.facts},
    )


def _figures(found: _Found) -> Iterator[Figure]:
    rows = tuple(
        {
            "name": m.name.removeprefix(_BROKEN),
            "value": m.value,
            "lower": m.lower,
            "upper": m.upper,
            "limit": m.limit,
            "sense": str(m.sense),
        }
        for m in found.measures
        if m.name not in (EDGES, POWER) and m.value is not None
    )
    if rows:
        shares = {"shares": True}
        yield Figure(kind="metric", title="Share of rows that break what must hold", rows=rows, options=shares)
    worst: dict[tuple[str, str], Ending] = {}
    order = list(Ending)
    for p in found.probed:
        name = p.edge.fields[0] if len(p.edge.fields) == 1 else "(several)"
        place = (name, p.edge.kind)
        worst[place] = max(worst.get(place, Ending.REFUSED), p.ending, key=order.index)
    if worst:
        edges = tuple({"field": f, "kind": k, "outcome": str(e)} for (f, k), e in worst.items())
        yield Figure(kind="faults", title="How legal input at the edges ended", rows=edges)


def _has_noise(system: System) -> bool:
    return bool(system.stress.noise) or system.model.task in _NUMBERS


def _consistency_limit(system: System) -> float:
    """Free text is compared roughly, and so is held to what relations are held to."""
    policy = system.policy
    return policy.relation_violations if system.model.task == "chat" else policy.consistency_violations


def _relation_limit(system: System, relation: Relation) -> float:
    """A listed case must be answered; of rows some may break a relation."""
    policy = system.policy
    listed = bool(relation.cases) or relation.file is not None
    default = policy.case_failures if listed else policy.relation_violations
    return default if relation.at_most is None else relation.at_most


def _limits(system: System) -> Sequence[Threshold]:
    policy = system.policy
    at_most = {CONSISTENCY: _consistency_limit(system), EDGES: policy.case_failures}
    at_most |= {_BROKEN + r.name: _relation_limit(system, r) for r in relations_of(system)}
    if _has_noise(system):
        at_most[NOISE] = policy.noise_flips
    limits = [
        Threshold(
            requirement=_ID,
            measure=name,
            sense=Sense.AT_MOST,
            limit=limit,
            unit="share",
            confidence=policy.confidence,
        )
        for name, limit in at_most.items()
    ]
    power = Threshold(requirement=_ID, measure=POWER, sense=Sense.AT_LEAST, limit=policy.search_power, unit="share")
    return (*limits, power)


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=4,
    title="The same question otherwise, noise, relations and edges",
    run=_run,
    codes=CODES,
    limits=_limits,
    alone=True,
    budget_s=lambda system: system.stress.time + 30.0 * system.model.timeout + 60.0,
)

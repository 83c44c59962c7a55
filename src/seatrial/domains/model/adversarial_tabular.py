"""Can the answers of a model over tables be turned cheaply: by somebody who gains from it, or by noise alone."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seatrial.core.check import Trial
from seatrial.core.codec import to_data
from seatrial.core.observation import Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.ports import Prediction
from seatrial.core.vocabulary import MeasureKind, Weight
from seatrial.core.wording import count, number, percent
from seatrial.domains.model.turning import start
from seatrial.domains.model.turning.aim import Aim
from seatrial.domains.model.turning.asking import Asking
from seatrial.domains.model.turning.boundary import Boundary, nearest_boundaries
from seatrial.domains.model.turning.noise import reach_of, shaken
from seatrial.domains.model.turning.planted import Planting, planted_power
from seatrial.domains.model.turning.search import Attacked, answered_inputs, attack
from seatrial.domains.model.turning.start import (
    SEED,
    SHAKEN,
    Ready,
    attacked_rows,
    bounded_share,
    has_adversary,
    limits_of,
    ready_rows,
    shown_power,
    steady,
    threat_findings,
)
from seatrial.domains.model.turning.terrain import Terrain, as_number, terrain_of
from seatrial.domains.model.turning.walk_back import walk_back
from seatrial.spec.system import System
from seatrial.stats.interval import Interval

TURNED = "share of answers that a few cheap changes turn"
POWER = "power of the search for cheap changes"
_SHAKEN_ROWS = 500
_EXAMPLES = 50
_TOLD = 5

CODES: Mapping[str, str] = {
    **start.CODES,
    "cheap-turns": "Which few changes turn answers, and how many.",
    "search-too-weak": "The search would have missed too many planted weaknesses; more queries make it stronger.",
    "changes-refused": "Every change of an input was refused, so nothing was learned of it.",
    "abused-input": "One input is part of most of the cheapest changes.",
    "noise-inferred": "No noise is declared; half a unit of the last decimal stands for it.",
    "move-inferred": "No move is declared from which a number counts as turned; half of the spread stands for it.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What the search did.

    `over` says that the time was up, `moved_by` is the move that turns a number, `refused` are the inputs of which the
    endpoint refused every change.
    """

    attacked: Sequence[Attacked]
    terrain: Terrain
    scores: bool
    over: bool
    moved_by: float
    boundary: Boundary | None
    refused: tuple[str, ...]
    power: Interval | None


def limits(system: System) -> Sequence[Threshold]:
    """Of an attack on rows."""
    return limits_of(system, turned=TURNED, power=POWER)


def run_tabular(system: System, trial: Trial) -> Observation | Reason:
    """Attack correctly answered rows within the declared limits, and shake them by the noise of their sources."""
    ready = ready_rows(system, trial)
    if isinstance(ready, Reason):
        return ready
    section, most = system.adversarial, attacked_rows(system)
    ask = Asking(trial, batch=system.model.batch, rate=section.rate, time_s=section.time)
    trial.say(_estimate(system, min(most, len(ready.right))), 0.02)
    first = steady(system, ready, ask, shaken=_SHAKEN_ROWS, of="rows")
    if isinstance(first, Observation):
        return first
    answers, aim, targets = first.answers, first.aim, first.targets
    shook, notes = _noise(system, ready, answers, aim, ask)
    terrain = terrain_of(system, ready.inputs, ready.rows)
    if not terrain.grounds or not targets:
        return _nothing_to_change(system, shook, notes, targets=bool(targets))
    return _observation(
        system, trial, _searched(system, trial, ready, answers, targets, aim, terrain, ask), notes, shook
    )


def _searched(
    system: System,
    trial: Trial,
    ready: Ready,
    answers: Mapping[int, Prediction],
    targets: Sequence[int],
    aim: Aim,
    terrain: Terrain,
    ask: Asking,
) -> Searched:
    queries = system.adversarial.queries
    trial.say("Searching for the cheapest changes that turn an answer", 0.2)
    able = answered_inputs([ready.rows[i] for i in targets], terrain, ask)
    refused = tuple(name for name in terrain.grounds if name not in able)
    terrain = replace(terrain, grounds={name: g for name, g in terrain.grounds.items() if name in able})
    attacked = attack([(ready.rows[i], answers[i]) for i in targets], terrain, aim, ask, queries=queries)
    scores = aim.task == "regression" or any(a.score is not None for a in answers.values())
    if not scores:
        donors = [(ready.rows[i], answers[i]) for i in answers]
        walk_back(attacked, donors, terrain, aim, ask, queries=queries)
    trial.say("Asking for the way to the boundary, all numbers at once", 0.7)
    boundary = nearest_boundaries(attacked, terrain, aim, ask)
    trial.say("Planting weaknesses to see whether the search finds them", 0.8)
    planting = Planting(
        rows=[ready.rows[i] for i in targets],
        terrain=terrain,
        scores=scores,
        queries=queries,
        smallest=system.policy.smallest_slice,
    )
    return Searched(
        attacked=attacked,
        terrain=terrain,
        scores=scores,
        over=ask.over,
        moved_by=aim.moved_by,
        boundary=boundary,
        refused=refused,
        power=None if ask.over else planted_power(planting),
    )


def _estimate(system: System, rows: int) -> str:
    """What will be asked of the endpoint at most, before the first call."""
    section = system.adversarial
    most = rows * (section.queries + 1) + 2 * _SHAKEN_ROWS
    requests = -(-most // system.model.batch)
    told = f"At most {most:,} changed rows will be tried, in about {requests:,} requests"
    return told if section.rate is None else f"{told}, in at least {number(requests / section.rate, 's')}"


def _noise(
    system: System, ready: Ready, answers: Mapping[int, Prediction], aim: Aim, ask: Asking
) -> tuple[Measure, list[Finding]]:
    reach = reach_of(system, ready.inputs, ready.rows)
    notes = []
    if reach and not system.stress.noise:
        notes.append(
            Finding(
                code="noise-inferred",
                weight=Weight.NOTE,
                summary="no noise is declared: half a unit of the last decimal stands for it in " + ", ".join(reach),
                fields=("stress.noise",),
                remedy="Declare in stress.noise how far each source may be off.",
            )
        )
    drawn = random.Random(SEED)  # noqa: S311 - noise, not a secret
    places = [i for i in ready.right[:_SHAKEN_ROWS] if i in answers]
    made = [shaken(ready.rows[i], reach, ready.inputs, drawn) for i in places]
    moved = [(i, row) for i, row in zip(places, made, strict=True) if row != ready.rows[i]]
    after = ask([row for _, row in moved]) if moved else []
    told = [(i, now) for (i, _), now in zip(moved, after, strict=True) if now is not None]
    other = aim.anyhow()
    flips = sum(other.turned(answers[i], now) for i, now in told)
    n = len(places) - len(moved) + len(told)
    return bounded_share(system, SHAKEN, flips, n, system.policy.noise_flips, "each row shaken once"), notes


def _nothing_to_change(system: System, shook: Measure, notes: Sequence[Finding], *, targets: bool) -> Observation:
    """Only noise could be looked at; with an adversary that leaves the requirement open."""
    what = "no input can be changed" if targets else "no answer is one that somebody would turn away from"
    finding = Finding(
        code="nothing-to-change",
        weight=Weight.OPEN if has_adversary(system) else Weight.NOTE,
        summary=f"by declaration {what}, so nothing was searched",
        fields=("adversarial.mutable", "adversarial.immutable"),
        remedy="Declare what the adversary can change, or that there is nobody who gains.",
    )
    return Observation(
        done="Rows were shaken by the noise of their sources; nothing else could be changed.",
        measures=(shook,),
        findings=(finding, *threat_findings(system), *notes),
    )


def _observation(
    system: System,
    trial: Trial,
    searched: Searched,
    notes: Sequence[Finding],
    shook: Measure,
) -> Observation:
    attacked, terrain = searched.attacked, searched.terrain
    turned = [each for each in attacked if each.best is not None]
    kept = json.dumps(to_data(tuple(_example(each) for each in _cheapest(turned)[:_EXAMPLES]))).encode()
    measure = _turned(system, searched, len(turned))
    rows = sum(each.asked for each in attacked)
    return Observation(
        done=f"{count(len(attacked), 'correctly answered row')} of the declared test endpoint were attacked with "
        f"{rows:,} changed rows over {', '.join(terrain.grounds) or 'no input'}: at most "
        f"{count(terrain.edits, 'change')} a row, at most {number(terrain.budget)} of cost. "
        f"{shook.n} rows were shaken by the noise of their sources.",
        measures=(
            shook,
            measure,
            *_power(system, searched.power, caught=_caught(system, measure)),
            *_shown(searched, turned),
        ),
        findings=(*_told(system, searched, turned, measure), *threat_findings(system), *notes),
        artifacts={"examples": trial.artifacts.put(kept, media_type="application/json")},
        facts={
            "rows": len(attacked),
            "turned": len(turned),
            "changed_rows": rows,
            "not_answered": sum(each.refused for each in attacked),
            "inputs": list(terrain.grounds),
            "edits": terrain.edits,
            "budget": terrain.budget,
            "by_input": dict(_by_input(turned)),
        },
    )


def _turned(system: System, searched: Searched, turned: int) -> Measure:
    method = "cheapest found by search" if searched.scores else "cheapest found by search on labels alone"
    measure = bounded_share(
        system, TURNED, turned, len(searched.attacked), system.policy.adversarial_flips, f"each row attacked, {method}"
    )
    return measure if has_adversary(system) else replace(measure, kind=MeasureKind.INFORMATIVE, needed=None)


def _power(system: System, power: Interval | None, *, caught: bool) -> Iterator[Measure]:
    """What was caught needs no power to be caught."""
    if power is None:
        return
    judged = has_adversary(system) and not caught
    yield shown_power(
        system,
        POWER,
        power,
        f"weaknesses planted into {percent(system.policy.smallest_slice)} of an input's values, or into two "
        "inputs together",
        judged=judged,
    )


def _shown(searched: Searched, turned: Sequence[Attacked]) -> Iterator[Measure]:
    costs = [each.best.cost for each in turned if each.best is not None]
    if costs:
        yield _informative("median cost of turning an answer", float(np.median(costs)), len(costs), "of those turned")
    boundary = searched.boundary
    if boundary is not None and boundary.costs:
        method = f"HopSkipJump, {len(boundary.costs)} of {boundary.tried} rows turned"
        name = "median cost when all numbers may move at once"
        yield _informative(name, float(np.median(boundary.costs)), len(boundary.costs), method)


def _informative(name: str, value: float, n: int, method: str) -> Measure:
    return Measure(name=name, value=value, n=n, method=method, kind=MeasureKind.INFORMATIVE)


def _told(system: System, searched: Searched, turned: Sequence[Attacked], measure: Measure) -> Iterator[Finding]:
    judged, power = has_adversary(system) and not _caught(system, measure), searched.power
    if judged and power is not None and power.lower < system.policy.search_power:
        yield _too_weak(system, searched)
    if judged and power is None and not searched.over:
        yield Finding(
            code="power-unknown",
            weight=Weight.OPEN,
            summary="no weakness of the smallest size can be planted within the declared limits, so nobody knows what "
            "the search would have missed",
            fields=("adversarial",),
            remedy="List further inputs that the person who gains can write under adversarial.mutable, or raise "
            "adversarial.edits or adversarial.budget to what they can afford; then run again.",
        )
    if searched.refused and not searched.over:
        yield _refused(searched.refused, judged=has_adversary(system))
    if searched.over:
        yield Finding(
            code="not-finished",
            weight=Weight.OPEN,
            summary="the time was up before every changed row was tried",
            fields=("adversarial.time", "adversarial.rate"),
            remedy="Raise adversarial.time or adversarial.rate to what the test endpoint bears; lowering "
            "adversarial.queries takes less time and weakens the search.",
        )
    if system.model.task == "regression" and system.adversarial.moved_by is None:
        yield Finding(
            code="move-inferred",
            weight=Weight.NOTE,
            summary=f"an answer counts as turned when it moves by {number(searched.moved_by)}, half of the answers' "
            "spread, because no move is declared",
            fields=("adversarial.moved_by",),
            remedy="Declare adversarial.moved_by: the move by which somebody would do something else.",
        )
    if turned:
        yield _cheap(system, searched, turned, measure)
        yield from _abused(turned)


def _too_weak(system: System, searched: Searched) -> Finding:
    return Finding(
        code="search-too-weak",
        weight=Weight.OPEN,
        summary=f"{system.adversarial.queries} changed rows for each row are too few to find a small weakness in "
        f"{count(len(searched.terrain.grounds), 'input')}",
        fields=("adversarial.queries",),
        explains=(POWER,),
        remedy=f"Raise adversarial.queries to {min(5000, 2 * system.adversarial.queries)}, or declare immutable what "
        "nobody can change.",
    )


def _refused(names: tuple[str, ...], *, judged: bool) -> Finding:
    return Finding(
        code="changes-refused",
        weight=Weight.OPEN if judged else Weight.NOTE,
        summary=f"every change of {', '.join(names)} was refused, so nothing was learned of what it can do",
        fields=names,
        remedy="Where nobody can change it, declare it immutable; where something has to change with it, declare the "
        "relation by which it follows.",
    )


def _caught(system: System, measure: Measure) -> bool:
    """Whether certainly more answers turn than the limit allows."""
    return has_adversary(system) and (measure.lower or 0.0) > system.policy.adversarial_flips


def _cheap(system: System, searched: Searched, turned: Sequence[Attacked], measure: Measure) -> Finding:
    missed = _caught(system, measure)
    ways: dict[tuple[str, ...], list[Attacked]] = {}
    for each in turned:
        if each.best is not None:
            ways.setdefault(tuple(sorted(move.field for move in each.best.moves)), []).append(each)
    most = sorted(ways.items(), key=lambda way: (-len(way[1]), way[0]))[:_TOLD]
    told = "; ".join(f"{_way(names, rows)} ({len(rows)} of {len(turned)})" for names, rows in most)
    return Finding(
        code="cheap-turns",
        weight=Weight.GAP if missed else Weight.NOTE,
        summary=f"{percent(len(turned) / len(searched.attacked))} of the answers turn: {told}",
        fields=tuple(dict.fromkeys(name for names, _ in most for name in names)),
        explains=(TURNED,) if missed else (),
        why="Whoever gains from another answer gets it for next to nothing." if missed else "",
        remedy="Bound what these inputs can do to the answer, take them from a source that nobody can bend, or let a "
        "person look at answers near the boundary.",
    )


def _way(names: Sequence[str], rows: Sequence[Attacked]) -> str:
    """The change in words: numbers by their median move, texts by the value that they most often become."""
    parts = []
    for name in names:
        moves = [(each, move) for each in rows if each.best for move in each.best.moves if move.field == name]
        ways = [
            now - was
            for each, move in moves
            if (now := as_number(move.value)) is not None and (was := as_number(each.row.get(name))) is not None
        ]
        if ways:
            direction = "up" if all(w > 0 for w in ways) else "down" if all(w < 0 for w in ways) else "up or down"
            parts.append(f"{name} {direction} by {number(float(np.median(np.abs(ways))))}")
        else:
            value, _ = Counter(str(move.value) for _, move in moves).most_common(1)[0]
            parts.append(f"{name} to {value}")
    return " and ".join(parts)


def _abused(turned: Sequence[Attacked]) -> Iterator[Finding]:
    for name, times in _by_input(turned):
        if times > len(turned) / 2 and len(turned) > _TOLD:
            yield Finding(
                code="abused-input",
                weight=Weight.NOTE,
                summary=f"{name} is part of the cheapest change in {times} of {len(turned)} turned answers",
                fields=(name,),
                remedy=f"Find out who can write {name} before the answer is used. If the person who gains can, take "
                "it from a source of your own or train without it; if nobody can, list it under "
                "adversarial.immutable.",
            )


def _by_input(turned: Sequence[Attacked]) -> list[tuple[str, int]]:
    return Counter(move.field for each in turned if each.best for move in each.best.moves).most_common()


def _cheapest(turned: Sequence[Attacked]) -> list[Attacked]:
    return sorted(turned, key=lambda each: each.best.cost if each.best else np.inf)


def _example(each: Attacked) -> Json:
    best = each.best
    return {
        "row": dict(each.row),
        "before": to_data(each.answer),
        "moves": [] if best is None else [{"field": m.field, "to": m.value, "cost": m.cost} for m in best.moves],
        "after": None if best is None else to_data(best.answer),
    }

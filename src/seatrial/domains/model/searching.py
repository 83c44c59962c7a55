"""One search for weak slices: what counts as lost, what is found, and whether the search would have found it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.core.check import Trial
from seatrial.core.observation import Finding, Measure
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.core.wording import number, percent
from seatrial.domains.model.acted import far_off
from seatrial.domains.model.grid import Grid
from seatrial.domains.model.loss import Loss, number_loss
from seatrial.domains.model.search_power import Harm, rows_needed, search_power
from seatrial.domains.model.slices import Slice, confirmed_slices, searched
from seatrial.domains.scored.metrics import decides_beyond, governed
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Floats, Ints, Mask
from seatrial.spec.system import System

MOST_ROWS = 4_000_000
"""Rows that are searched: as many as memory holds; of more a sample is drawn."""
POWER = "power of the search for weak slices"
POWER_OF_MEANS = "power of the search for slices with larger errors"
CODES = {
    "wrong-throughout": "The model is wrong nearly everywhere, so that no slice stands out.",
    "search-too-weak": "The search finds too few of the weak slices that are planted to see whether it would.",
    "power-unknown": "No slice of the declared smallest size can be described, so the search's power is unknown.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One way to be wrong: what is lost, and in words what an error is, or what the mean of the losses is called.

    `bad` are the rows that are worth a look, `power` names the measure of the search's power.
    """

    loss: Loss
    meaning: str
    bad: Mask
    power: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What the search confirmed of one kind, and its power, or why that is unknown."""

    kind: Kind
    weak: Sequence[Slice]
    power: Measure | Finding


def kinds_of_loss(system: System, found: Outcomes, weights: Floats | None, groups: Ints | None) -> Sequence[Kind]:
    """The ways to be wrong that are searched: of numbers how far they are off, and which are off too far.

    What is governed comes first: where the plan says how far off is wrong, the share of those, else the mean.
    """
    wrong, meaning = far_off(system, found) if found.task == "regression" else (found.wrong, "wrong")
    errors = Loss(values=wrong.astype(np.float64), weights=weights, groups=groups)
    share = Kind(loss=errors, meaning=meaning, bad=wrong, power=POWER)
    if found.task != "regression":
        return (share,)
    off, called = number_loss(system, found, weights=weights, groups=groups)
    above = np.asarray(off.values > off.mean(np.ones(found.n, dtype=bool)), dtype=bool)
    means = Kind(loss=off, meaning=called, bad=above, power=POWER_OF_MEANS)
    return (share, means) if any(decides_beyond(metric.name) for metric in governed(system)) else (means, share)


def look(system: System, trial: Trial, grid: Grid, kind: Kind, *, done: float, part: float) -> Looked:
    """Search the grid for one kind of loss, and measure the search. It goes on from `done` of all by `part`."""
    policy = system.policy
    alpha = 1.0 - policy.confidence
    trial.say("Searching for weak slices", 0.2 + 0.7 * done)
    first = searched(grid, kind.loss)
    mean = kind.loss.mean(np.ones(kind.loss.values.size, dtype=bool))
    rise = kind.loss.harmful(mean, rise=policy.smallest_harm, part=policy.smallest_rise) - mean
    weak = confirmed_slices(grid, kind.loss, first, alpha=alpha, rise=rise)
    harm = Harm(rise=policy.smallest_harm, part=policy.smallest_rise, share=policy.smallest_slice)
    found = search_power(
        grid,
        kind.loss,
        first,
        harm,
        wanted=policy.search_power,
        alpha=alpha,
        say=lambda share: trial.say(
            "Planting harm to see whether the search finds it", 0.2 + 0.7 * (done + part * (0.2 + 0.8 * share))
        ),
    )
    if found is None:
        return Looked(kind=kind, weak=weak, power=_unknown(kind, mean, harm))
    needed = None
    if found.lower < policy.search_power and kind.loss.counted:
        n = kind.loss.values.size
        needed = rows_needed(n, mean, harm, len(grid.conditions), policy.search_power + 0.1)
    planted = "more errors planted" if kind.loss.share else "more of what is told planted"
    amount = harm.rise if kind.loss.share else harm.part
    power = Measure(
        name=kind.power,
        value=found.value,
        lower=found.lower,
        upper=found.upper,
        limit=policy.search_power,
        sense=Sense.AT_LEAST,
        unit="share",
        n=found.n,
        method=f"{percent(amount)} {planted} into random slices of {percent(harm.share)} of the rows",
        confidence=policy.confidence,
        kind=MeasureKind.VALIDITY,
        needed=needed,
        needed_unit="labelled rows" if needed else "",
    )
    return Looked(kind=kind, weak=weak, power=power)


def _unknown(kind: Kind, mean: float, harm: Harm) -> Finding:
    if kind.loss.share and mean > 1.0 - harm.rise:
        return Finding(
            code="wrong-throughout",
            weight=Weight.OPEN,
            summary=f"{percent(mean)} of all answers are {kind.meaning}: where everything is weak, no "
            "condition stands out, and a register of conditions says nothing",
            remedy="Improve the model; or, where the prediction is read from the wrong field or the labels mean "
            "something else, correct model.output or data.evaluation.",
        )
    return Finding(
        code="power-unknown",
        weight=Weight.OPEN,
        summary=f"no slice of about {percent(harm.share)} of the rows can be described, so nobody knows what the "
        "search would have missed",
        remedy="Declare more inputs, or label more rows.",
    )


def too_weak(system: System, looked: Looked, grid: Grid) -> Iterator[Finding]:
    """Where the search is not certain to have seen the smallest harm: what would make it so."""
    policy, power, loss = system.policy, looked.power, looked.kind.loss
    if isinstance(power, Finding):
        yield power
        return
    if power.lower is None or power.value is None or power.lower >= policy.search_power:
        return
    mean = loss.mean(np.ones(loss.values.size, dtype=bool))
    if power.needed:
        remedy = f"Label about {number(power.needed)} more rows."
    elif loss.values.size >= MOST_ROWS:
        remedy = "Make the model wrong less often, or declare in model.inputs only what it really uses."
    elif not loss.share:
        remedy = (
            "Label more rows. Where a few errors are far larger than all others, govern the mean error up to a cap, "
            "such as mae@60: what lies beyond it then counts as much as the cap."
        )
    elif loss.weights is not None:
        remedy = "Label more rows, and those first that stand for many."
    else:
        remedy = (
            f"No feasible number of rows is enough with {percent(mean)} wrong throughout and "
            f"{len(grid.conditions):,} conditions: improve the model, or declare in model.inputs only what it uses."
        )
    harm = f"{percent(policy.smallest_harm)} more errors" if loss.share else f"a {looked.kind.meaning} larger by "
    harm = harm if loss.share else f"{harm}{percent(policy.smallest_rise)}"
    yield Finding(
        code="search-too-weak",
        weight=Weight.OPEN,
        summary=f"of weak slices planted with {harm} in "
        f"{percent(policy.smallest_slice)} of the rows the search finds {percent(power.value)} (certainly "
        f"{percent(power.lower)}), so finding none says little",
        fields=("data.evaluation",),
        explains=(looked.kind.power,),
        remedy=remedy,
        why="A weak slice that the search would have missed is met for the first time in operation.",
    )

"""The do-not-trust rules, executed: which rows each one holds back, and how many of those were wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seatrial.core.check import PREDICTION, SCORE
from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.condition_words import renamed, source_of, spoken
from seatrial.domains.model.acted import Acted
from seatrial.domains.model.condition_rows import RowConditions
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Floats, Ints, Mask, Rows
from seatrial.spec.conditions import Condition, ConditionError, parse_condition
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.stats import clusters, difference, proportions, weights
from seatrial.stats.contingency import fisher_more
from seatrial.stats.interval import Interval

CODES: Mapping[str, str] = {
    "no-rules": "No do-not-trust rule is declared.",
    "rule-unreadable": "A do-not-trust rule cannot be read as a condition.",
    "rule-unknown-field": "A do-not-trust rule names a field that the rows do not have.",
    "rule-never-holds": "A do-not-trust rule holds for no row, so nobody knows what it does.",
    "rule-always-holds": "A do-not-trust rule holds for nearly every row, so nothing is left to act on.",
    "rule-catches-nothing": "Where a do-not-trust rule holds, the outputs are certainly not much more often wrong.",
    "rule-unproven": "Too few rows show whether the outputs that a rule holds back are wrong more often.",
    "rules-no-better-than-chance": "All rules together catch no more errors than as many rows picked at random.",
    "rule-without-handling": "A do-not-trust rule does not say what people do instead.",
}
_ALWAYS = 0.95
_NO_WORSE = 1.25
"""A rule whose rows are certainly wrong less than this much more often than the others is no rule."""
_TWICE = 2.0
"""Rules worth having catch this many times the errors that as many rows picked at random do."""
_MOSTLY_WRONG = 0.5
_Z_ALPHA, _Z_POWER = 1.645, 0.8416


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A declared rule that can be run, `words` as people say it; `number` is its place in the system file, from 1."""

    number: int
    when: str
    words: str
    handling: str | None
    condition: Condition

    @property
    def id(self) -> str:
        """How the export names it, and the question that users are asked about it."""
        return f"do-not-trust:{self.number - 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one rule does on the labelled rows: `rows` are those that it holds back.

    `error` and `rest` are the shares wrong inside and outside; `caught` is the share of all errors that are inside,
    `good` the share of all good outputs. `p` is that of `chance`.
    """

    rule: Rule
    rows: Mask
    error: Interval | None
    rest: float
    caught: Interval | None
    good: Interval | None
    p: float
    live_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The labelled rows, and what the rules did on them; `findings` tell what is wrong with the rules."""

    rows: Rows
    found: Outcomes
    acted: Acted
    groups: Ints | None
    stands_for: Floats | None = None
    rules: tuple[Held, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def trusted(self) -> Mask:
        """The labelled rows that no rule holds back."""
        if not self.rules:
            return np.ones(self.found.n, dtype=bool)
        return np.asarray(~np.any([each.rows for each in self.rules], axis=0), dtype=bool)

    def among(self, chosen: Mask | Ints, alpha: float) -> tuple[Ints | None, float, Floats | None]:
        """What `share` is told of these rows beside their values."""
        groups = None if self.groups is None else self.groups[chosen]
        return groups, alpha, None if self.stands_for is None else self.stands_for[chosen]


def names_of(system: System) -> Mapping[str, str]:
    """Under which name a rule may speak of an output, and the column that holds it."""
    output = system.model.output
    named = {output.prediction: PREDICTION}
    if output.score is not None:
        named[output.score] = SCORE
    return named


def declared_rules(system: System, inputs: Mapping[str, InputField]) -> tuple[list[Rule], list[Finding]]:
    """The rules that can be read, and what is wrong with the others."""
    rules: list[Rule] = []
    findings: list[Finding] = []
    for number, rule in enumerate(system.do_not_trust, start=1):
        try:
            condition = parse_condition(rule.when)
        except ConditionError as error:
            findings.append(_unreadable(number, rule.when, error))
            continue
        words = spoken(condition, inputs)
        rules.append(Rule(number=number, when=rule.when, words=words, handling=rule.handling, condition=condition))
        if rule.handling is None:
            findings.append(
                Finding(
                    code="rule-without-handling",
                    weight=Weight.NOTE,
                    summary=f"the rule '{words}' does not say what people do instead",
                    fields=(f"do_not_trust[{number - 1}]",),
                    remedy="Name in handling the document that says what is done with such a case.",
                )
            )
    return rules, findings


def column_names(rules: Sequence[Rule], outputs: Mapping[str, str]) -> list[str]:
    """The columns that the rules look at, and those that the fields they look at are derived from."""
    named = [name for rule in rules for field in rule.condition.fields for name in (field, source_of(field)) if name]
    return list(dict.fromkeys(outputs.get(name, name) for name in named))


def over_columns(condition: Condition, outputs: Mapping[str, str], present: Sequence[str]) -> Condition:
    """The condition with the model's outputs under the names of their columns; an input of that name comes first."""
    places = {name: column for name, column in outputs.items() if name not in present}
    return replace(
        condition,
        root=renamed(condition.root, places),
        fields=tuple(places.get(name, name) for name in condition.fields),
    )


def share(values: Mask, groups: Ints | None, alpha: float, stands_for: Floats | None = None) -> Interval | None:
    """The share of true values with its bounds, rows of one entity counted together; None for no rows.

    `stands_for` tells how much of the traffic each row stands for, None where all stand for the same.
    """
    if not values.size or (stands_for is not None and not stands_for.any()):
        return None
    together = groups if groups is not None and np.unique(groups).size >= clusters.FEWEST else None
    if stands_for is not None and (groups is None or together is not None):
        return weights.interval(values.astype(np.float64), stands_for, alpha, groups=together)
    if groups is not None and np.unique(groups).size >= clusters.FEWEST:
        return clusters.proportion_interval(values.astype(np.float64), groups, alpha)
    found = proportions.interval(int(values.sum()), int(values.size), alpha)
    return found if groups is None else replace(found, lower=0.0, upper=1.0, method="too few clusters for a bound")


def held(rule: Rule, rows: Mask, seen: Seen, alpha: float) -> Held:
    """What the rule does on the labelled rows, of which it holds for `rows`."""
    inside, wrong, groups = int(rows.sum()), seen.acted.wrong, seen.groups

    def of(values: Mask, among: Mask) -> Interval | None:
        return share(values[among], *seen.among(among, alpha))

    return Held(
        rule=rule,
        rows=rows,
        error=of(wrong, rows),
        rest=_mean(wrong, ~rows, seen.stands_for) if inside < rows.size else float("nan"),
        caught=of(rows, wrong),
        good=of(rows, ~wrong),
        p=chance(rows, wrong, groups),
    )


def _mean(values: Mask, among: Mask, stands_for: Floats | None) -> float:
    if stands_for is None:
        return float(values[among].mean())
    total = float(stands_for[among].sum())
    return float(stands_for[among & values].sum()) / total if total else float("nan")


def chance(rows: Mask, wrong: Mask, groups: Ints | None) -> float:
    """The p-value that these rows are wrong no more often than the others: Fisher's, or over clusters if more."""
    inside = int(rows.sum())
    if inside in {0, rows.size}:
        return 1.0
    exact = float(fisher_more(int((rows & wrong).sum()), inside, int(wrong.sum()), rows.size))
    return exact if groups is None else max(exact, difference.over_clusters(wrong.astype(np.float64), rows, groups))


def together_by_chance(seen: Seen, *, smallest: float, alpha: float) -> Iterator[Finding]:
    """Where all rules together are not certainly better than as many rows picked at random.

    A gap where the rows suffice to tell, open where more are needed. Nothing where no row or every row is held back,
    or a single rule catches nothing: that is said of the rule.
    """
    held_back, wrong = ~seen.trusted, seen.acted.wrong
    n, inside = int(wrong.size), int(held_back.sum())
    alone = len(seen.rules) == 1 and _catches_nothing(seen.rules[0], alpha) and inside >= smallest * n
    if inside in {0, n} or alone or chance(held_back, wrong, seen.groups) <= alpha:
        return
    share_held, rate = inside / n, float(wrong.mean())
    where = tuple(f"do_not_trust[{each.rule.number - 1}]" for each in seen.rules)
    caught = share(held_back[wrong], None if seen.groups is None else seen.groups[wrong], alpha)
    if caught is None:
        yield Finding(
            code="rules-no-better-than-chance",
            weight=Weight.OPEN,
            summary=f"none of {n:,} outputs is {seen.acted.meaning}, so nothing shows whether the rules hold back "
            "those that would be",
            fields=where,
            remedy="Look that the label is none of the inputs; then label rows of the cases that the rules name.",
        )
        return
    found = share(wrong[held_back], None if seen.groups is None else seen.groups[held_back], alpha)
    told = found is not None and found.upper < _TWICE * rate
    more = _rows_to_show_twice(share_held, rate) - n
    enough = f"Label about {more:,} more rows, or" if more > 0 else "Label more rows of these cases, or"
    yield Finding(
        code="rules-no-better-than-chance",
        weight=Weight.GAP if told else Weight.OPEN,
        summary=f"the rules hold back {percent(share_held)} of the outputs and catch {percent(caught.value)} of those "
        f"that are {seen.acted.meaning}: "
        + (
            "as many outputs picked at random may well do the same"
            if told
            else "too few rows show that this is more than as many picked at random would catch"
        ),
        fields=where,
        remedy=("Declare" if told else f"{enough} declare")
        + " rules that hold where the outputs are certainly wrong more often; where one can be confirmed, it is "
        "proposed.",
        why="Rules that catch no more than chance cost people good outputs and give them a false sense of safety.",
        detail={"held_back": share_held, "caught": caught.value, "caught_at_least": caught.lower},
    )


def _rows_to_show_twice(held_back: float, rate: float) -> int:
    """How many rows show, four times in five, that rules of this size catch twice their share of the errors."""
    inside = min(1.0, _TWICE * rate)
    outside = max(0.0, (rate - held_back * inside) / (1.0 - held_back))
    if inside <= outside:
        return 0
    spread = inside * (1.0 - inside) / held_back + outside * (1.0 - outside) / (1.0 - held_back)
    pooled = rate * (1.0 - rate) * (1.0 / held_back + 1.0 / (1.0 - held_back))
    return int(np.ceil(((_Z_ALPHA * np.sqrt(pooled) + _Z_POWER * np.sqrt(spread)) / (inside - outside)) ** 2))


def _catches_nothing(each: Held, alpha: float) -> bool:
    return each.error is not None and each.p > alpha and each.error.upper <= _NO_WORSE * each.rest


def findings_of(found: Sequence[Held], meaning: str, *, smallest: float, alpha: float) -> Iterator[Finding]:
    """What is wrong with rules that ran: `smallest` is the share of rows from which a useless one weighs."""
    for each in found:
        where = (f"do_not_trust[{each.rule.number - 1}]", *each.rule.condition.fields)
        inside = int(each.rows.sum())
        held_share = inside / each.rows.size
        if inside == 0:
            yield _never(each, where)
        elif held_share > _ALWAYS:
            yield Finding(
                code="rule-always-holds",
                summary=f"the rule '{each.rule.words}' holds for {percent(held_share)} of all rows",
                fields=where,
                remedy="Say more narrowly when an output is not to be trusted.",
                why="Who may never trust it either ignores the rule or gains nothing from the system.",
            )
        elif each.error is not None and _catches_nothing(each, alpha):
            bad = each.rest >= _MOSTLY_WRONG
            yield Finding(
                code="rule-catches-nothing",
                weight=Weight.GAP if held_share >= smallest else Weight.NOTE,
                summary=f"when {each.rule.words}, {percent(each.error.value)} of the answers are "
                f"{meaning}, against {percent(each.rest)} elsewhere: "
                + (
                    "the outputs that it leaves are to be trusted as little"
                    if bad
                    else "the outputs that it holds back are as good as the others"
                ),
                fields=where,
                remedy="Improve the model first; or, where the prediction is read from the wrong field or the labels "
                "mean something else, correct model.output or data.evaluation."
                if bad
                else "Look whether the condition says what was meant (unit, direction), or drop the rule.",
                why="Where most outputs are wrong, no rule says which ones can be acted on."
                if bad
                else "A rule that is wrong whenever people check it teaches them to ignore all rules.",
            )
        elif each.p > alpha:
            yield Finding(
                code="rule-unproven",
                weight=Weight.NOTE,
                summary=f"the rule '{each.rule.words}' holds for {inside} rows: too few to show whether their answers "
                f"are {meaning} more often than elsewhere",
                fields=where,
                remedy="Keep it where people know why it is there; the share of errors that it catches will show.",
            )


def executed(rule: Rule, conditions: RowConditions, outputs: Mapping[str, str], columns: Sequence[str]) -> Mask:
    """The rows that the rule holds for."""
    return conditions.holds(over_columns(rule.condition, outputs, columns))


def unknown_fields(
    rule: Rule, conditions: RowConditions, outputs: Mapping[str, str], columns: Sequence[str]
) -> Finding | None:
    """A finding where the rule looks at something that no row has."""
    absent = conditions.unknown_fields(over_columns(rule.condition, outputs, columns))
    if not absent:
        return None
    told = {column: name for name, column in outputs.items()}
    names = tuple(told.get(name, name) for name in absent)
    return Finding(
        code="rule-unknown-field",
        summary=f"the rule {rule.when!r} looks at {', '.join(names)}, which no evaluation row has",
        fields=(f"do_not_trust[{rule.number - 1}]", *names),
        remedy="Correct the name: an input, a column of the evaluation data, or the output's prediction or score "
        "field; a name that is no plain word stands in backticks.",
        why="A condition that cannot be run is never true, and nothing is held back.",
    )


def no_rules() -> Finding:
    """The finding where nothing is declared."""
    return Finding(
        code="no-rules",
        summary="no do-not-trust rule is declared: nobody can say which outputs are not to be acted on",
        fields=("do_not_trust",),
        remedy="Declare do_not_trust with conditions over the inputs or the score, each with its handling.",
        why="Every model is wrong somewhere; people can only use it safely when they are told where.",
    )


def _never(each: Held, where: tuple[str, ...]) -> Finding:
    live = each.live_share
    seen = "no evaluation row" if live is None else f"no evaluation row and {percent(live)} of live traffic"
    return Finding(
        code="rule-never-holds",
        weight=Weight.OPEN,
        summary=f"the rule '{each.rule.words}' holds for {seen}, so nobody knows what it does",
        fields=where,
        remedy="Look whether the condition says what was meant (unit, spelling); for a case this rare, add labelled "
        "rows of it to the evaluation data.",
        why="A rule that was never seen to hold may be one that never will.",
    )


def _unreadable(number: int, when: str, error: ConditionError) -> Finding:
    return Finding(
        code="rule-unreadable",
        summary=f"the rule {when[:80]!r} {error.what}",
        fields=(f"do_not_trust[{number - 1}]",),
        remedy=f"Write it as a condition: {error.remedy}",
        why="What cannot be run holds nothing back.",
    )


def union(seen: Seen, alpha: float) -> tuple[Interval | None, Interval | None]:
    """For all rules together: the share of errors caught, and the share of good outputs held back."""
    inside, wrong = ~seen.trusted, seen.acted.wrong

    def of(among: Mask) -> Interval | None:
        return share(inside[among], *seen.among(among, alpha))

    return of(wrong), of(~wrong)


def entities(codes: Ints) -> Ints:
    """Numbers of the entities that rows belong to; a row without one stands alone."""
    alone = np.flatnonzero(codes < 0)
    groups = codes.copy()
    groups[alone] = codes.max(initial=0) + 1 + np.arange(alone.size)
    return groups

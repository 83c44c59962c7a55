"""The policy in force: the default or the short demo, scaled by criticality, tightened by a file and by the system."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.core.vocabulary import Criticality, GateName
from seatrial.spec.policy import HIGHER_IS_TIGHTER, LOWER_IS_TIGHTER, Policy, policy_for, short_demo
from seatrial.spec.problem import Problem, SpecErrors, one_problem
from seatrial.spec.reading import read_yaml
from seatrial.spec.system import System
from seatrial.spec.tree import Document
from seatrial.spec.undecided import settle
from seatrial.spec.validation import validate

_BUILT_IN = ("default", "short-demo")
LONGEST_CRITICAL_ROLLBACK_S = 14_400.0
"""A critical system whose declared way back may take longer has a gap."""


def resolve_policy(
    system: System,
    policy_text: bytes | None = None,
    *,
    leases: Mapping[str, float] | None = None,
    gates: Mapping[GateName, Mapping[str, float]] | None = None,
) -> Policy:
    """The policy that `governance.policy` names, at this system's criticality.

    A file states only what it tightens; each looser value is a problem that names field, floor and given value.
    `leases` (requirement to seconds) and `gates` (gate to its limits) are the catalogue's floors. Raises SpecErrors.
    """
    named = system.governance.policy
    if named == "default":
        return policy_for(system.criticality)
    if named == "short-demo":
        return short_demo(system.criticality)
    if policy_text is None:
        raise one_problem(
            file=named, found="no file", expected="the policy file that governance.policy names, or default"
        )
    return _tightened(policy_for(system.criticality), policy_text, name=named, leases=leases or {}, gates=gates or {})


def _tightened(
    floor: Policy,
    text: bytes,
    *,
    name: str,
    leases: Mapping[str, float],
    gates: Mapping[GateName, Mapping[str, float]],
) -> Policy:
    settled = settle(read_yaml(text, name=name), {})
    document = settled.document
    problems = [*settled.problems, *(document.problem(p, expected="a decision") for p in document.absent)]
    given, formal = validate(Policy, document)
    problems += formal
    if given is None:
        raise SpecErrors(problems)
    values = {key: getattr(given, key) for key in given.model_fields_set}
    for key, value in values.items():
        if _looser(key, value, getattr(floor, key)):
            problems.append(document.problem((key,), expected=_tighter_than(floor, key)))
    own = floor.model_copy(update=values)
    for gate, limits in given.gates.items():
        here = own.model_copy(update=tightened(own, gates.get(gate, {})))
        problems += [
            document.problem(("gates", gate.value, key), expected=_tighter_than(here, key))
            for key, value in limits.given.items()
            if _looser(key, value, getattr(here, key))
        ]
    problems += [
        document.problem(
            ("leases", requirement), expected=f"at most {_days(leases[requirement])}, as the catalogue has it"
        )
        for requirement, lease in given.leases.items()
        if requirement in leases and lease > leases[requirement]
    ]
    problems += [
        document.problem(
            ("leases", requirement),
            found=f"the unknown requirement '{requirement[:60]}'",
            expected="a requirement of the catalogue",
            at_key=True,
            word=requirement,
            candidates=tuple(leases),
        )
        for requirement in given.leases
        if leases and requirement not in leases
    ]
    if values.get("name") in _BUILT_IN:
        problems.append(document.problem(("name",), expected="a name of its own: that one is built in"))
    if problems:
        raise SpecErrors(problems)
    return floor.model_copy(update={"name": name, **values})


def tightened(policy: Policy, limits: Mapping[str, float]) -> dict[str, float]:
    """Each of these limits, or the policy's own where that is the stricter one."""
    return {
        key: (max if key in HIGHER_IS_TIGHTER else min)(getattr(policy, key), limit) for key, limit in limits.items()
    }


def _looser(key: str, value: object, floor: object) -> bool:
    if key == "review_window_days" and isinstance(value, tuple) and isinstance(floor, tuple):
        return bool(value[0] < floor[0] or value[1] < value[0])
    if not isinstance(value, int | float) or not isinstance(floor, int | float):
        return False
    return (key in HIGHER_IS_TIGHTER and value < floor) or (key in LOWER_IS_TIGHTER and value > floor)


def _tighter_than(floor: Policy, key: str) -> str:
    if key == "review_window_days":
        return f"two numbers of days in order, the first at least {floor.review_window_days[0]}"
    side = "at least" if key in HIGHER_IS_TIGHTER else "at most"
    unit = " s" if Policy.in_seconds(key) else ""
    return f"{side} the floor of {getattr(floor, key):g}{unit}: a policy may only tighten"


def _days(seconds: float) -> str:
    return f"{seconds / 86_400:g} d"


def looser_than_policy(system: System, policy: Policy, document: Document) -> list[Problem]:
    """Values by which the system would try itself less hard than its policy demands."""
    return [*_lighter_load(system, policy, document), *_looser_relations(system, policy, document)]


def _looser_relations(system: System, policy: Policy, document: Document) -> list[Problem]:
    given = [path for path, _ in document.match("stress", "relations", "*")]
    expected = f"at most {policy.relation_violations:g}, as the policy '{policy.name}' demands"
    return [
        document.problem((*path, "at_most"), expected=expected)
        for path, relation in zip(given, system.stress.relations, strict=True)
        if relation.at_most is not None and relation.at_most > policy.relation_violations
    ]


def _lighter_load(system: System, policy: Policy, document: Document) -> list[Problem]:
    if system.load is None:
        return []
    problems = []
    for key, given, floor in (
        ("headroom", system.load.headroom, policy.load_headroom),
        ("duration", system.load.duration, policy.load_duration),
    ):
        if given is not None and given < floor:
            unit = " s" if key == "duration" else ""
            expected = f"at least {floor:g}{unit}, as the policy '{policy.name}' demands"
            problems.append(document.problem(("load", key), expected=expected))
    if system.load.errors is not None and system.load.errors > policy.load_errors:
        expected = f"at most {policy.load_errors:g}, as the policy '{policy.name}' demands"
        problems.append(document.problem(("load", "errors"), expected=expected))
    return problems


def rollback_window_s(system: System) -> float:
    """Seconds within which the way back must be done: as declared, else as the policy has it."""
    declared = system.rollback.within if system.rollback is not None else None
    return declared if declared is not None else system.policy.rollback_window


def rollback_window_too_long(system: System) -> bool:
    """True where the declared window is a gap: above the policy's, or above four hours for a critical system."""
    longest = system.policy.rollback_window
    if system.criticality is Criticality.CRITICAL:
        longest = min(longest, LONGEST_CRITICAL_ROLLBACK_S)
    return rollback_window_s(system) > longest

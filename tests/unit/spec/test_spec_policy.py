from __future__ import annotations

from typing import Any

import pytest

from seatrial.core.vocabulary import GateName
from seatrial.spec.loading import load_system
from seatrial.spec.policy import HIGHER_IS_TIGHTER, LOWER_IS_TIGHTER, GateLimits, Policy, policy_for
from seatrial.spec.problem import SpecErrors
from seatrial.spec.resolution import resolve_policy, rollback_window_s, rollback_window_too_long
from seatrial.spec.system import System


def system(policy: str = "policy.yaml", criticality: str = "operational", rest: str = "") -> System:
    text = f'system: a\nversion: "1"\ncriticality: {criticality}\n'
    text += 'model: {endpoint: "http://127.0.0.1:1/", task: binary}\n'
    text += f"governance: {{policy: {policy}}}\n{rest}"
    return load_system(text.encode(), name="f", environment={}, policy_text=b"waivers: []\n").system


def said(text: str, **more: Any) -> list[str]:
    with pytest.raises(SpecErrors) as caught:
        resolve_policy(system(), text.encode(), **more)
    return [str(p) for p in caught.value.problems]


def test_criticality_scales_windows_headrooms_and_rehearsals() -> None:
    advisory, operational, critical = (system("default", c).policy for c in ("advisory", "operational", "critical"))
    assert operational == Policy()
    assert (advisory.load_headroom, operational.load_headroom, critical.load_headroom) == (1.2, 1.5, 2.0)
    assert (advisory.rollback_window, critical.rollback_window) == (86_400.0, 14_400.0)
    assert (operational.rehearsals, critical.rehearsals) == (3, 5)


def test_the_short_demo_says_so_and_keeps_its_blocks_and_rehearsals() -> None:
    policy = system("short-demo", "critical").policy
    assert policy.demonstration
    assert policy.name == "short-demo"
    assert (policy.load_duration, policy.flow_duration, policy.fallback_duration) == (4.0, 4.0, 5.0)
    assert policy.load_blocks >= 20
    assert policy.rehearsals == 5


def test_a_file_tightens_what_it_names_and_nothing_else() -> None:
    policy = resolve_policy(system(criticality="critical"), b"rehearsals: 7\nrollback_window: 2h\n")
    expected = {"name": "policy.yaml", "rehearsals": 7, "rollback_window": 7200.0}
    assert policy == policy_for(system(criticality="critical").criticality).model_copy(update=expected)


def test_each_looser_value_is_named_with_its_floor_and_place() -> None:
    tighten = "a policy may only tighten."
    days = "expected two numbers of days in order, the first at least 28."
    assert said("rollback_window: 8h\nload_errors: 5 %\nload_headroom: 1.1\nreview_window_days: [7, 42]\n") == [
        f"policy.yaml:1:18: rollback_window: found '8h', expected at most the floor of 14400 s: {tighten}",
        f"policy.yaml:2:14: load_errors: found '5 %', expected at most the floor of 0.01: {tighten}",
        f"policy.yaml:3:16: load_headroom: found '1.1', expected at least the floor of 1.5: {tighten}",
        f"policy.yaml:4:21: review_window_days: found a list, {days}",
    ]


def test_values_below_the_products_own_floors_are_refused() -> None:
    assert said("confidence: 0.9\nload_blocks: 10\nrehearsals: TODO\n") == [
        "policy.yaml:1:13: confidence: found '0.9', expected at least 0.95.",
        "policy.yaml:2:14: load_blocks: found '10', expected at least 20.",
        "policy.yaml:3:13: rehearsals: found 'TODO', expected a decision.",
    ]


def test_every_field_of_a_policy_has_a_tighter_side_or_is_known_to_have_none() -> None:
    without = {"name", "leases", "waivers", "review_window_days", "gates"}
    assert set(GateLimits.model_fields) < set(Policy.model_fields)
    assert set(Policy.model_fields) == HIGHER_IS_TIGHTER | LOWER_IS_TIGHTER | without


def test_leases_may_only_be_shortened_and_must_name_requirements() -> None:
    catalogue = {"data.load": 90 * 86_400.0, "data.faults": 90 * 86_400.0}
    assert resolve_policy(system(), b"leases: {data.load: 30d}", leases=catalogue).leases == {"data.load": 2_592_000.0}
    expected = "expected a requirement of the catalogue. Did you mean 'data.faults'?"
    assert said("leases: {data.load: 100d, data.fault: 3d}", leases=catalogue) == [
        "policy.yaml:1:21: leases.data.load: found '100d', expected at most 90 d, as the catalogue has it.",
        f"policy.yaml:1:27: leases.data.fault: found the unknown requirement 'data.fault', {expected}",
    ]


def test_a_file_gives_a_gate_its_own_limits_and_no_other_gate() -> None:
    policy = resolve_policy(system(), b"gates: {enterprise-scale: {contract_violations: 0.2 %, recovery: 20s}}")
    assert {gate: limits.given for gate, limits in policy.gates.items()} == {
        GateName.ENTERPRISE_SCALE: {"contract_violations": 0.002, "recovery": 20.0}
    }
    assert policy.contract_violations == Policy().contract_violations


def test_a_gate_is_never_looser_than_the_policy_or_the_product_has_it_there() -> None:
    gates = {GateName.ENTERPRISE_SCALE: {"isolated": 0.98}}
    text = "contract_violations: 0.5 %\n"
    text += "gates:\n  pilot-exit: {contract_violations: 0.8 %}\n  enterprise-scale: {isolated: 97 %}\n"
    looser, tighten = said(text, gates=gates), "a policy may only tighten."
    assert [problem.partition(": found ")[0] for problem in looser] == [
        "policy.yaml:3:37: gates.pilot-exit.contract_violations",
        "policy.yaml:4:32: gates.enterprise-scale.isolated",
    ]
    assert looser[0].endswith(f"expected at most the floor of 0.005: {tighten}")
    assert looser[1].endswith(f"expected at least the floor of 0.98: {tighten}")
    assert resolve_policy(system(), text.replace("0.8", "0.4").replace("97", "99").encode(), gates=gates).gates


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("gates: {pilot: {isolated: 99 %}}", "gates"),
        ("gates: {pilot-exit: {load_duration: 900s}}", "load_duration"),
        ("gates: {pilot-exit: {mismatches: 0.1 %}}", "mismatches"),
        ("gates: {pilot-exit: {isolated: TODO}}", "a decision"),
        ("gates: {pilot-exit: {isolated: .nan}}", "isolated"),
    ],
)
def test_what_is_no_limit_of_a_gate_is_refused(written: str, word: str) -> None:
    assert word in said(written)[0]


def test_a_named_policy_file_that_is_not_given_is_an_error() -> None:
    with pytest.raises(SpecErrors, match=r"expected the policy file that governance.policy names"):
        resolve_policy(system(), None)


@pytest.mark.parametrize(
    ("criticality", "within", "too_long"),
    [("critical", "4h", False), ("critical", "5h", True), ("operational", "5h", True), ("advisory", "20h", False)],
)
def test_a_rollback_window_above_the_policys_is_a_gap(criticality: str, within: str, too_long: bool) -> None:
    declared = system("default", criticality, f"rollback: {{procedure: r.yaml, within: {within}}}\n")
    assert rollback_window_too_long(declared) is too_long


def test_the_policys_rollback_window_stands_where_none_is_declared() -> None:
    assert rollback_window_s(system("default")) == 14_400.0

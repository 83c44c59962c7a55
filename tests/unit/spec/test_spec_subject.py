"""The change table: what an edit of the system file moves, and that nothing else moves with it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.spec.loading import load_system
from seatrial.spec.subject import documents, parts, procedures, referenced_files, subject, system_digest
from seatrial.spec.system import System

COMPLETE = (Path(__file__).parents[2] / "assets" / "spec" / "complete.yaml").read_text()
ENVIRONMENT = {"SVEN_PAGE": "webhook+https://pager.example.com/s3cr3t", "DB_PASSWORD": "hunter2", "TOKEN": "tok-123"}


def loaded(text: str = COMPLETE, **environment: str) -> System:
    return load_system(text.encode(), name="f", environment={**ENVIRONMENT, **environment}).system


FILES = {path: f"sha256 of {path}" for path in referenced_files(loaded())}
IDENTITIES = {"model": "v1", "integration.erp": "16.3", "data.live": "snapshot 1"}


def of(system: System, files: dict[str, str] | None = None, identities: dict[str, str] | None = None) -> dict[str, str]:
    return parts(system, files={**FILES, **(files or {})}, identities={**IDENTITIES, **(identities or {})})


BASE = of(loaded())
CHAT = """
system: bot
version: "1"
model:
  openai: http://127.0.0.1:8080/v1
  task: chat
  chat: {name: m, system: prompts/system.md, tools: tools.json, parameters: {temperature: 0}, parallel: 4}
"""


def moved(after: dict[str, str]) -> set[str]:
    return {name for name in BASE.keys() | after.keys() if BASE.get(name) != after.get(name)}


@pytest.mark.parametrize(
    ("old", "new", "parts_moved"),
    [
        ('version: "2026.11.1"', 'version: "2026.11.2"', {"declaration"}),
        ("go_live: 2027-01-11", "go_live: 2027-02-11", set()),
        ("minimum: 0.70", "minimum: 0.60", set()),
        ("below: 0.62", "below: 0.5", {"offline"}),
        ("above: 40 per day", "above: 4000 per day", {"offline"}),
        ("older_than: 6h", "older_than: 60h", {"offline"}),
        ("at_most: 2h", "at_most: 20h", set()),
        ("p99: 300ms", "p99: 3s", set()),
        ("within: 5s", "within: 50s", {"flow.warn-planner"}),
        ("within: 4h", "within: 3h", set()),
        ("needed: 45/h", "needed: 4/h", set()),
        ("tolerance: 0.05", "tolerance: 0.2", {"data.faults"}),
        ("acknowledge_within: 15m", "acknowledge_within: 150m", set()),
        ("at_least: 0.6", "at_least: 0.1", set()),
        ("pass: 80 %", "pass: 0.1", set()),
        ("approved_on: 2026-10-05", "approved_on: 2026-10-06", {"plan"}),
        ("metric: recall@0.5\n", "metric: accuracy\n", {"plan"}),
        ("act_at: 0.5", "act_at: 0.6", {"model"}),
        ("8800/predict", "8900/predict", {"model"}),
        ("unit: km", "unit: mi", {"schema"}),
        ("source: data/train.parquet", "source: data/train2.parquet", {"data.training"}),
        ("label: late, time: scheduled_at, entity", "label: tardy, time: scheduled_at, entity", {"data.evaluation"}),
        ("sentinels: [-999]", "sentinels: [-9]", {"data.faults"}),
        ("at: observed_at", "at: seen_at", {"freshness"}),
        ("peak: 40/s", "peak: 80/s", {"load"}),
        ("headroom: 1.5", "headroom: 2", {"load"}),
        ("peak: 20/s", "peak: 30/s", {"load", "flow.warn-planner"}),
        ("key: flight_id", "key: id", {"flow.warn-planner"}),
        ('window: "Sun 02:00-04:00"', 'window: "Mon 02:00-04:00"', {"integration.erp"}),
        ("role: Proposes", "role: Decides", {"workflow.dock-planning"}),
        ("wind_kn > 30", "wind_kn > 20", {"do-not-trust"}),
        ("deputy: sven, manager", "deputy: ivo, manager", {"owner"}),
        ("pipeline-alert: {who: ivo", "pipeline-alert: {who: amir", {"duty.pipeline-alert"}),
        ("pager.example.com/olga", "pager.example.com/olga2", {"route.olga"}),
        ("name: Carl Weber", "name: Carl Weber, left_on: 2026-11-01", {"person.carl"}),
        ("email: olga@example.com", "email: o@example.com", set()),
        ("who: sven\n  teams", "who: olga\n  teams", {"change"}),
        ("held], overridden", "kept open], overridden", {"change"}),
        ("overridden: {at_most: 30 %}", "overridden: {at_most: 20 %}", set()),
        ("doubt.yaml, within: 30m", "doubt.yaml, within: 40m", set()),
        (
            "procedure: procedures/doubt.yaml",
            "procedure: procedures/report.yaml",
            {"escalation", "procedure.procedures/doubt.yaml", "procedure.procedures/report.yaml"},
        ),
        ("outputs: [planner]", "outputs: [planner, model]", {"workflow.dock-planning", "inventory"}),
        ("gateway: Sends the deliveries.", "gateway: Sends deliveries.", {"inventory"}),
        ("file: logs/access.log", "file: logs/calls.log", {"inventory"}),
        ("keep: 200d", "keep: 300d", {"compliance"}),
        ('eu-ai-act: "2024-07-12"', 'eu-ai-act: "2024-07-13"', {"compliance"}),
        ("noise: {temp: 0.5}", "noise: {temp: 5}", {"stress"}),
        ("add: {distance: 100}", "add: {distance: 200}", {"stress"}),
        ("at_most: 2 %", "at_most: 1 %", set()),
        ("immutable: [flight_id]", "rate: 5/s, time: 1h, immutable: [flight_id]", set()),
        ("over: 500 labels", "over: 5 labels", {"offline"}),
        (
            "procedures/rollback.yaml",
            "procedures/back.yaml",
            {"rollback", "procedure.procedures/rollback.yaml", "procedure.procedures/back.yaml"},
        ),
        ("criticality: operational", "criticality: advisory", {"declaration", "policy", "rollback"}),
        ("policy: default", "policy: short-demo", {"policy", "freshness"}),
    ],
)
def test_an_edit_moves_exactly_the_parts_that_it_concerns(old: str, new: str, parts_moved: set[str]) -> None:
    assert COMPLETE.count(old) == 1
    edited = loaded(COMPLETE.replace(old, new))
    assert moved(of(edited)) == parts_moved
    assert system_digest(edited) != system_digest(loaded())


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"rollback_window": 3600.0}, "rollback"),
        ({"freshness_duration": 600.0}, "freshness"),
        ({"mismatches": 0.001}, "format"),
    ],
)
def test_a_value_of_the_policy_that_a_check_judges_by_itself_is_in_the_part_that_its_requirement_rests_on(
    given: dict[str, float], part: str
) -> None:
    system = loaded()
    stricter = system.model_copy(update={"policy": system.policy.model_copy(update=given)})
    assert moved(of(stricter)) == {part}


@pytest.mark.parametrize("path", FILES)
def test_a_changed_file_moves_only_what_is_read_from_it(path: str) -> None:
    after = moved(of(loaded(), files={path: "changed"}))
    assert after
    named = {f"document.{path}", f"procedure.{path}"}
    others = {
        "plan",
        "failure-modes",
        "users",
        "inventory",
        "integration.erp",
        "integration.sensors",
        "data.training",
        "stress",
        "load",
    }
    assert after <= named | others | {"data.evaluation"}
    assert len(after) <= 2


@pytest.mark.parametrize("part", IDENTITIES)
def test_what_a_probe_found_moves_its_part(part: str) -> None:
    assert moved(of(loaded(), identities={part: "another"})) == {part}


def test_what_was_not_read_or_probed_differs_from_what_was() -> None:
    unknown = parts(loaded(), files={}, identities={})
    assert unknown["model"] != BASE["model"]
    assert unknown["data.training"] != BASE["data.training"]
    assert set(unknown) == set(BASE)


def test_a_document_that_is_also_a_procedure_is_both() -> None:
    assert "docs/by-hand.md" in documents(loaded())
    assert "docs/by-hand.md" in procedures(loaded())
    assert moved(of(loaded(), files={"docs/by-hand.md": "x"})) == {
        "document.docs/by-hand.md",
        "procedure.docs/by-hand.md",
    }


def test_a_rotated_password_moves_nothing_and_a_page_route_moves_its_part() -> None:
    assert moved(of(loaded(DB_PASSWORD="other", TOKEN="other"))) == set()
    assert system_digest(loaded(DB_PASSWORD="other", TOKEN="other")) == system_digest(loaded())
    assert moved(of(loaded(SVEN_PAGE="webhook+https://pager.example.com/n3w"))) == {"route.sven"}


def test_the_same_route_of_two_people_has_two_digests() -> None:
    same = of(loaded(SVEN_PAGE="webhook+https://pager.example.com/olga"))
    assert same["route.sven"] != same["route.olga"]


def test_every_part_is_a_sha256() -> None:
    assert all(len(d) == 64 and set(d) <= set("0123456789abcdef") for d in BASE.values())


def test_the_subject_covers_every_part_and_the_name() -> None:
    whole = subject(loaded(), files=FILES, identities=IDENTITIES)
    assert whole.parts == BASE
    assert whole.system == "arrival-delay"
    other = subject(loaded(COMPLETE.replace("name: Ivo Marek", "name: Ivo M.")), files=FILES, identities=IDENTITIES)
    assert other.digest != whole.digest
    renamed = subject(
        loaded(COMPLETE.replace("system: arrival-delay", "system: b")), files=FILES, identities=IDENTITIES
    )
    assert renamed.digest != whole.digest


def shuffled(value: object, order: random.Random) -> object:
    if isinstance(value, dict):
        keys = list(value)
        order.shuffle(keys)
        return {key: shuffled(value[key], order) for key in keys}
    return [shuffled(v, order) for v in value] if isinstance(value, list) else value


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.booleans(), st.sampled_from([2, 4]), st.booleans())
def test_key_order_comments_and_formatting_move_nothing(
    order: random.Random, flow: bool, indent: int, as_json: bool
) -> None:
    data = shuffled(
        yaml.safe_load(COMPLETE.replace("2027-01-11", "'2027-01-11'").replace("2026-10-05", "'2026-10-05'")), order
    )
    text = (
        json.dumps(data)
        if as_json
        else yaml.safe_dump(data, sort_keys=False, width=1_000_000, default_flow_style=flow, indent=indent)
    )
    commented = "# a comment\n" + (text if as_json else text.replace("\n", "  # another\n"))
    again = loaded(commented if "|" not in text and not flow else text)
    assert of(again) == BASE
    assert system_digest(again) == system_digest(loaded())


def test_a_changed_prompt_tool_or_parameter_is_another_model_and_more_requests_at_once_are_not() -> None:
    def model_of(text: str, **files: str) -> str:
        return parts(loaded(text), files={"prompts/system.md": "1", "tools.json": "1", **files}, identities={})["model"]

    before = model_of(CHAT)
    assert set(referenced_files(loaded(CHAT))) == {"prompts/system.md", "tools.json"}
    assert model_of(CHAT.replace("parallel: 4", "parallel: 8")) == before
    assert model_of(CHAT.replace("temperature: 0", "temperature: 1")) != before
    assert model_of(CHAT.replace("name: m", "name: n")) != before
    assert model_of(CHAT.replace("8080", "8081")) != before
    for file in ("prompts/system.md", "tools.json"):
        assert model_of(CHAT, **{file: "2"}) != before

"""The defects that people really make, each of which can be planted alone into the ready variant.

Every one names the requirement on which it must put a gap. The harmless changes name none: they must put a gap nowhere.
"""

from __future__ import annotations

import json
from typing import Any

from seatrial.examples.defect import by_name
from seatrial.examples.defect import setting as _setting
from seatrial.examples.draft import SYSTEM, Draft

SEED = 7


def random_split(draft: Draft) -> None:
    """Training and evaluation are drawn at random from the same months."""
    import numpy as np
    import pyarrow as pa

    pool = pa.concat_tables([draft.tables["training"], draft.tables["evaluation"]])
    order = np.random.default_rng(SEED).permutation(pool.num_rows)
    cut = draft.tables["training"].num_rows
    draft.tables["training"] = pool.take(order[:cut]).sort_by("scheduled_at")
    draft.tables["evaluation"] = pool.take(order[cut:]).sort_by("scheduled_at")


def _target_leak(draft: Draft) -> None:
    draft.leak = True
    inputs = json.loads(draft.texts["inputs.json"])
    inputs["dep_delay"] = {"type": "number", "unit": "min", "minimum": -60, "maximum": 1500, "fed_by": "deliveries"}
    draft.texts["inputs.json"] = json.dumps(inputs, indent=2)
    feeds = "feeds: [carrier, origin, dest, distance, scheduled_at, sched_dep"
    draft.replace(SYSTEM, f"{feeds}]", f"{feeds}, dep_delay]")


def _pilot_minimum(draft: Draft) -> None:
    draft.replace(SYSTEM, "  minimum: 0.46\n", "  minimum: 0.35\n")


def _unregistered_carrier(draft: Draft) -> None:
    text = draft.texts["failure-modes.yaml"]
    entries = text.split("\n  - ")
    kept = [entry for entry in entries if not entry.startswith("id: carrier-ev\n")]
    draft.replace("failure-modes.yaml", text, "\n  - ".join(kept).rstrip() + "\n")


def _rule_the_wrong_way(draft: Draft) -> None:
    draft.replace(SYSTEM, '{when: "visib < 1",', '{when: "visib > 1",')


def _weather_stale(draft: Draft) -> None:
    draft.set("weather_feed", age_hours=24)


def _times_in_utc(draft: Draft) -> None:
    def told(table: Any) -> Any:
        import pyarrow as pa

        return pa.array([at.hour * 100 + at.minute for at in table["scheduled_at"].to_pylist()], pa.int64())

    draft.change("live", "sched_dep", lambda _: told(draft.tables["live"]))


def celsius(draft: Draft) -> None:
    """The weather feed tells temperature and dew point in °C, and so does what production sends."""
    import pyarrow.compute as pc

    draft.set("weather_feed", unit="celsius")
    for column in ("temp", "dewp"):
        draft.change("live", column, lambda t: pc.round(pc.divide(pc.subtract(t, 32.0), 1.8), 1))


def _pascal(draft: Draft) -> None:
    import pyarrow.compute as pc

    draft.set("weather_feed", unit="pascal")
    draft.change("live", "pressure", lambda p: pc.multiply(p, 100.0))


def _hhmm_to_minutes(draft: Draft) -> None:
    import pyarrow as pa

    def minutes(column: Any) -> Any:
        return pa.array([hhmm // 100 * 60 + hhmm % 100 for hhmm in column.to_pylist()], pa.int64())

    draft.change("live", "sched_dep", minutes)


def _carrier_codes_shifted(draft: Draft) -> None:
    import pyarrow as pa

    codes = json.loads(draft.texts["inputs.json"])["carrier"]["values"]
    following = dict(zip(codes, [*codes[1:], codes[0]], strict=True))
    draft.change("live", "carrier", lambda column: pa.array([following[code] for code in column.to_pylist()]))


def _owner_left(draft: Draft) -> None:
    draft.replace(SYSTEM, "email: olga@example.com,", "email: olga@example.com, left_on: 2026-11-02,")


def _untrained_users(draft: Draft) -> None:
    draft.paperwork["passed"] = draft.paperwork["passed"][:-3]


def _old_process_document(draft: Draft) -> None:
    draft.replace("docs/dock-planning.md", 'version: "2026.11.1"', 'version: "2026.8.2"')
    draft.replace("docs/dock-planning.md", "approved_on: 2026-11-09", "approved_on: 2026-08-20")


def _no_fallback(draft: Draft) -> None:
    text = draft.texts[SYSTEM]
    (line,) = [line for line in text.splitlines(keepends=True) if "procedures/docks-by-hand.yaml" in line]
    draft.replace(SYSTEM, line, "")


def _no_offline_limit(draft: Draft) -> None:
    text = draft.texts[SYSTEM]
    start, end = text.index("  offline_when:\n"), text.index("  offline: procedures")
    draft.replace(SYSTEM, text[start:end], "")


def _undeclared_input_source(draft: Draft) -> None:
    draft.replace("inputs.json", '"maximum": 10, "fed_by": "weather"}', '"maximum": 10}')
    draft.replace(SYSTEM, "wind_speed, pressure, visib]", "wind_speed, pressure]")


def _warnings_ignored(draft: Draft) -> None:
    draft.set("shadow", acted_on=0.45)


def _logs_kept_too_short(draft: Draft) -> None:
    draft.replace(SYSTEM, "keep: 200d", "keep: 90d")


def _change_plan_not_approved(draft: Draft) -> None:
    draft.paperwork["attestations"] = [a for a in draft.paperwork["attestations"] if a["kind"] != "change-plan"]


def _never_reviewed(draft: Draft) -> None:
    draft.paperwork["attestations"] = [a for a in draft.paperwork["attestations"] if a["kind"] != "compliance"]


def _permuted_rows(draft: Draft) -> None:
    import numpy as np

    for name in ("training", "evaluation", "live"):
        table = draft.tables[name]
        draft.tables[name] = table.take(np.random.default_rng(SEED).permutation(table.num_rows))


def _int_for_float(draft: Draft) -> None:
    import pyarrow as pa

    for name in ("evaluation", "live"):
        draft.change(name, "distance", lambda column: column.cast(pa.int64()))


def _extra_nullable_column(draft: Draft) -> None:
    import pyarrow as pa

    for name in ("evaluation", "live"):
        table = draft.tables[name]
        gates = pa.array([f"G{i % 9}" if i % 3 else None for i in range(table.num_rows)])
        draft.tables[name] = table.append_column("gate", gates)


_ALL = (
    (
        "random-split",
        "Training and evaluation rows drawn at random from the same months",
        "model.out-of-sample",
        "time-overlap",
        random_split,
    ),
    (
        "target-leak",
        "dep_delay, known only after departure, is an input",
        "model.out-of-sample",
        "target-leak",
        _target_leak,
    ),
    (
        "pilot-minimum",
        "The minimum is the pilot's, below the plan's",
        "model.threshold",
        "minimum-differs-from-plan",
        _pilot_minimum,
    ),
    (
        "unregistered-carrier",
        "The weakest carrier has no failure-mode entry",
        "model.failure-modes",
        "unanswered-failure-mode",
        _unregistered_carrier,
    ),
    (
        "last-digit-counts",
        "The last digit of the temperature moves the risk",
        "model.adversarial",
        "limit-missed",
        _setting("model_server", last_digit_counts=True),
    ),
    (
        "overconfident-scores",
        "From where it is acted on, the score promises far more than comes true",
        "model.trust",
        "overconfident-band",
        _setting("model_server", overconfident=True),
    ),
    ("rule-the-wrong-way", "The fog rule holds on clear days", "model.trust", "rule-always-holds", _rule_the_wrong_way),
    (
        "scaled-over-batch",
        "Risks are scaled over whatever else is in the request",
        "model.stress",
        "depends-on-asking",
        _setting("model_server", scaled_over_batch=True),
    ),
    (
        "cache-forgets-order",
        "The same rows in another order get the kept answers of the first order",
        "model.stress",
        "depends-on-asking",
        _setting("model_server", cache_forgets_order=True),
    ),
    (
        "weather-null-to-zero",
        "A null in the input becomes zero",
        "data.faults",
        "silent-harm",
        _setting("model_server", nulls_become_zero=True),
    ),
    (
        "missing-field-500",
        "A missing field ends in status 500",
        "data.faults",
        "crash",
        _setting("model_server", missing_field_crashes=True),
    ),
    ("weather-stale", "The newest observation is 24 hours old", "data.freshness", "limit-missed", _weather_stale),
    (
        "slow-under-load",
        "A lock lets one request at a time through",
        "data.load",
        "too-slow",
        _setting("model_server", one_at_a_time_s=0.02),
    ),
    (
        "lost-in-outage",
        "What comes while the weather feed is away is taken and not passed on",
        "data.interruption",
        "records-lost",
        _setting("model_server", drops_without_weather=True),
    ),
    (
        "schema-absorbed",
        "A usual reading is put in the place of weather that lacks a field or renamed it",
        "data.schema-change",
        "schema-altered",
        _setting("model_server", fills_unknown_weather=True),
    ),
    (
        "input-without-source",
        "Nobody says where the visibility comes from",
        "integration.inventory",
        "input-without-source",
        _undeclared_input_source,
    ),
    (
        "unknown-reader",
        "A dashboard that nobody declared reads the warnings",
        "integration.inventory",
        "caller-not-declared",
        _setting("planner", also_read_by=["dashboard-7"]),
    ),
    ("times-in-utc", "Live clock times are in UTC", "integration.format", "time-zone-shifted", _times_in_utc),
    ("celsius", "The feed and live rows have °C for °F", "integration.format", "unit-changed", celsius),
    ("pascal", "The feed and live rows have Pa for hPa", "integration.format", "unit-changed", _pascal),
    (
        "hhmm-to-minutes",
        "Live clock times are minutes of the day for HHMM",
        "integration.format",
        "clock-format-changed",
        _hhmm_to_minutes,
    ),
    (
        "carrier-codes-shifted",
        "Live carrier codes are one off in the code list",
        "integration.format",
        "codes-shifted",
        _carrier_codes_shifted,
    ),
    ("owner-left", "The production owner left the company", "organization.accountability", "no-owner", _owner_left),
    (
        "nobody-at-night",
        "Nobody answers the 2 AM page",
        "ownership.pipeline-alert",
        "page-not-acknowledged",
        _setting("pager", asleep=["ivo"]),
    ),
    (
        "untrained-users",
        "Three of twelve listed users never passed",
        "organization.training",
        "not-trained",
        _untrained_users,
    ),
    (
        "old-process-document",
        "A process document is older than the model",
        "organization.process-documents",
        "document-of-another-version",
        _old_process_document,
    ),
    (
        "warnings-ignored",
        "Fewer warnings are acted on than the change plan expects",
        "organization.change-management",
        "limit-missed",
        _warnings_ignored,
    ),
    (
        "change-plan-not-approved",
        "Nobody but its owner approved the change plan",
        "organization.change-management",
        "plan-not-approved",
        _change_plan_not_approved,
    ),
    (
        "doubt-unheard",
        "The button for a doubt ends in a list that nobody reads",
        "organization.escalation",
        "not-reached",
        _setting("planner", doubts_to=None),
    ),
    (
        "logs-kept-too-short",
        "Logs are kept for 90 days",
        "governance.compliance",
        "logs-kept-too-short",
        _logs_kept_too_short,
    ),
    (
        "never-reviewed",
        "Legal and compliance have not looked at it",
        "governance.compliance",
        "not-reviewed",
        _never_reviewed,
    ),
    ("no-fallback", "Dock planning has no fallback", "governance.fallback", "no-fallback", _no_fallback),
    (
        "slow-drill",
        "The rollback takes longer than its window allows",
        "governance.rollback",
        "limit-missed",
        _setting("model_server", activation_s=6.0),
    ),
    (
        "rollback-wrong-encoder",
        "The rollback restores the model, not its encoder",
        "governance.rollback",
        "wrong-state-after-rollback",
        _setting("model_server", rollback_leaves_encoder=True),
    ),
    (
        "no-offline-limit",
        "No take-offline rule is declared",
        "governance.offline-thresholds",
        "no-offline-rule",
        _no_offline_limit,
    ),
    ("permuted-rows", "Rows in another order", None, "", _permuted_rows),
    ("int-for-float", "Whole miles as integers in evaluation and live", None, "", _int_for_float),
    ("extra-nullable-column", "A column more, with nulls, that nobody reads", None, "", _extra_nullable_column),
    ("slower-within-limit", "Every answer takes 30 ms longer", None, "", _setting("model_server", extra_delay_s=0.03)),
)

DEFECTS = by_name(_ALL)
"""By name, in the order of the domains; the harmless ones last."""

"""The defects that people really make with an answer bot, each of which can be planted alone into the ready variant.

Every one names the requirement on which it must put a gap. The harmless changes name none: they must put a gap nowhere.
"""

from __future__ import annotations

from seatrial.examples.defect import by_name, setting
from seatrial.examples.draft import SYSTEM, Draft

SEED = 7
PILOT_QUESTIONS = 40


def few_questions(draft: Draft) -> None:
    """The pilot was looked at with the questions that somebody thought of on one afternoon."""
    draft.tables["evaluation"] = draft.tables["evaluation"].slice(0, PILOT_QUESTIONS)
    draft.tables["live"] = draft.tables["live"].slice(0, PILOT_QUESTIONS)


def _tuned_on_the_test(draft: Draft) -> None:
    """The floor is set on the questions with which the bot is judged."""
    draft.tables["training"] = draft.tables["evaluation"].slice(0, draft.tables["training"].num_rows)


def _wordings_on_both_sides(draft: Draft) -> None:
    """Questions are dealt at random, so that tuning knows other wordings of the same facts."""
    import numpy as np
    import pyarrow as pa

    pool = pa.concat_tables([draft.tables["training"], draft.tables["evaluation"]])
    order = np.random.default_rng(SEED).permutation(pool.num_rows)
    cut = draft.tables["training"].num_rows
    draft.tables["training"] = pool.take(order[:cut])
    draft.tables["evaluation"] = pool.take(order[cut:])


def _pilot_minimum(draft: Draft) -> None:
    draft.replace(SYSTEM, "  minimum: 0.86\n", "  minimum: 0.75\n")


def _no_live_sample(draft: Draft) -> None:
    draft.drop(SYSTEM, "  live: {source", "  freshness:")


def _owner_left(draft: Draft) -> None:
    draft.replace(SYSTEM, "email: nora@example.com,", "email: nora@example.com, left_on: 2026-11-02,")


def _untrained_users(draft: Draft) -> None:
    draft.paperwork["passed"] = draft.paperwork["passed"][:-2]


def _permuted_rows(draft: Draft) -> None:
    import numpy as np

    for name in ("training", "evaluation", "live"):
        table = draft.tables[name]
        draft.tables[name] = table.take(np.random.default_rng(SEED).permutation(table.num_rows))


def _extra_nullable_column(draft: Draft) -> None:
    import pyarrow as pa

    for name in ("evaluation", "live"):
        table = draft.tables[name]
        places = pa.array([f"P{i % 9}" if i % 3 else None for i in range(table.num_rows)])
        draft.tables[name] = table.append_column("place", places)


_ALL = (
    (
        "tuned-on-the-test",
        "The floor was set on the evaluation questions",
        "model.out-of-sample",
        "duplicate-rows",
        _tuned_on_the_test,
    ),
    (
        "wordings-on-both-sides",
        "Tuning knew other wordings of the evaluation's questions",
        "model.out-of-sample",
        "time-overlap",
        _wordings_on_both_sides,
    ),
    ("no-live-sample", "Nobody kept what users really ask", "model.out-of-sample", "no-live-sample", _no_live_sample),
    (
        "pilot-minimum",
        "The minimum is the pilot's, below the plan's",
        "model.threshold",
        "minimum-differs-from-plan",
        _pilot_minimum,
    ),
    (
        "never-abstains",
        "The floor is gone: every question is answered",
        "model.threshold",
        "limit-missed",
        setting("answer_server", floor=0.0),
    ),
    (
        "missing-page",
        "The index was built without the page on policy and codes",
        "model.threshold",
        "limit-missed",
        setting("index", without=["policy", "codes"]),
    ),
    (
        "mixes-up-batches",
        "Answers to questions asked together come back in another order",
        "model.stress",
        "depends-on-asking must-answer-missed",
        setting("answer_server", mixes_up_batches=True),
    ),
    (
        "case-matters",
        "A question in capitals is read as an empty one",
        "model.stress",
        "relation-broken",
        setting("answer_server", case_matters=True),
    ),
    (
        "always-sure",
        "Every answer claims a confidence of 0.99",
        "model.trust",
        "rule-never-holds",
        setting("answer_server", confidence=0.99),
    ),
    (
        "slow-under-load",
        "Every answer takes 2 s longer",
        "data.load",
        "too-slow",
        setting("answer_server", extra_delay_s=2.0),
    ),
    (
        "forgets-its-place",
        "After a silence of the portal the bot goes on with the next question, not with those that waited",
        "data.interruption",
        "records-lost",
        setting("answer_server", forgets_position=True),
    ),
    (
        "schema-absorbed",
        "A question that lacks a field is taken, with an empty text in its place",
        "data.schema-change",
        "schema-defaulted",
        setting("portal", fills_missing=True),
    ),
    (
        "tries-once",
        "An answer that the help desk did not take is given up",
        "integration.isolation",
        "records-lost",
        setting("answer_server", tries_once=True),
    ),
    ("owner-left", "The production owner left the company", "organization.accountability", "no-owner", _owner_left),
    (
        "untrained-users",
        "Two of eight listed users never passed",
        "organization.training",
        "not-trained",
        _untrained_users,
    ),
    (
        "rollback-wrong-settings",
        "The rollback restores the index, not its floor",
        "governance.rollback",
        "wrong-state-after-rollback",
        setting("answer_server", rollback_leaves_settings=True),
    ),
    ("permuted-rows", "Rows in another order", None, "", _permuted_rows),
    ("extra-nullable-column", "A column more, with nulls, that nobody reads", None, "", _extra_nullable_column),
    (
        "polite-beginning",
        "Every answer that it finds begins with some polite words",
        None,
        "",
        setting("answer_server", begins_with="Thank you for asking. "),
    ),
    ("slower-within-limit", "Every answer takes 30 ms longer", None, "", setting("answer_server", extra_delay_s=0.03)),
)

DEFECTS = by_name(_ALL)
"""By name, in the order of the domains; the harmless ones last."""

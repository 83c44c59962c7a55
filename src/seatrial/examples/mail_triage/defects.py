"""The defects that people really make with a text router, each of which can be planted alone into the ready variant.

Every one names the requirement on which it must put a gap. The harmless changes name none: they must put a gap nowhere.
"""

from __future__ import annotations

import json
from typing import Any

from seatrial.examples.defect import by_name, setting
from seatrial.examples.draft import SYSTEM, Draft

SEED = 7
UNSEEN = "exmh"


def random_split(draft: Draft) -> None:
    """Training and evaluation are drawn at random from the same mails, so that threads lie on both sides."""
    import numpy as np
    import pyarrow as pa

    pool = pa.concat_tables([draft.tables["training"], draft.tables["evaluation"]])
    order = np.random.default_rng(SEED).permutation(pool.num_rows)
    cut = draft.tables["training"].num_rows
    draft.tables["training"] = pool.take(order[:cut]).sort_by("received_at")
    draft.tables["evaluation"] = pool.take(order[cut:]).sort_by("received_at")


def _footer_leak(draft: Draft) -> None:
    draft.leak = True
    draft.set("triage_server", reads_footer=True, guard=False)
    inputs = json.loads(draft.texts["inputs.json"])
    inputs["footer"] = {"type": "string", "nullable": True, "fed_by": "mailbox"}
    draft.texts["inputs.json"] = json.dumps(inputs, indent=2)
    draft.replace(SYSTEM, "charset, received_at]", "charset, received_at, footer]")
    draft.change("live", "footer", _nothing)


def _nothing(column: Any) -> Any:
    import pyarrow as pa

    return pa.nulls(len(column), pa.string())


def _pilot_minimum(draft: Draft) -> None:
    draft.replace(SYSTEM, "  minimum: 0.72\n", "  minimum: 0.60\n")


def _unseen_list(draft: Draft) -> None:
    import pyarrow.compute as pc

    training = draft.tables["training"]
    draft.tables["training"] = training.filter(pc.not_equal(training["queue"], UNSEEN))


def _useless_rules(draft: Draft) -> None:
    draft.drop(SYSTEM, '  - {when: "confidence < 0.43"', "  - {when: 'charset == \"windows-1251\"'")
    draft.replace(SYSTEM, 'charset == "windows-1251"', "words > 4900")


def _owner_left(draft: Draft) -> None:
    draft.replace(SYSTEM, "email: maria@example.com,", "email: maria@example.com, left_on: 2026-11-02,")


def _untrained_users(draft: Draft) -> None:
    draft.paperwork["passed"] = draft.paperwork["passed"][:-3]


def _no_fallback(draft: Draft) -> None:
    draft.drop(SYSTEM, "    fallback: {procedure: procedures/routing", "  list-answering:")


def _permuted_rows(draft: Draft) -> None:
    import numpy as np

    for name in ("training", "evaluation", "live"):
        table = draft.tables[name]
        draft.tables[name] = table.take(np.random.default_rng(SEED).permutation(table.num_rows))


def _extra_nullable_column(draft: Draft) -> None:
    import pyarrow as pa

    for name in ("evaluation", "live"):
        table = draft.tables[name]
        flags = pa.array([f"F{i % 9}" if i % 3 else None for i in range(table.num_rows)])
        draft.tables[name] = table.append_column("flag", flags)


_ALL = (
    (
        "random-split",
        "Training and evaluation mails drawn at random",
        "model.out-of-sample",
        "time-overlap",
        random_split,
    ),
    (
        "footer-leak",
        "The list server's footer, added after routing, is an input",
        "model.out-of-sample",
        "target-leak",
        _footer_leak,
    ),
    (
        "pilot-minimum",
        "The minimum is the pilot's, below the plan's",
        "model.threshold",
        "minimum-differs-from-plan",
        _pilot_minimum,
    ),
    (
        "unseen-list",
        "One of the seven lists is missing from training",
        "model.threshold",
        "insufficient limit-missed",
        _unseen_list,
    ),
    (
        "batch-scaled",
        "Scores are scaled by their batch, so that an answer depends on its company",
        "model.stress",
        "depends-on-asking",
        setting("triage_server", batch_scaled=True),
    ),
    (
        "case-matters",
        "A mail in capitals is read as an empty one",
        "model.stress",
        "relation-broken",
        setting("triage_server", case_matters=True),
    ),
    (
        "overconfident",
        "Confidence is far above the share of right answers",
        "model.trust",
        "overconfident-band",
        setting("triage_server", sharpened=6),
    ),
    ("useless-rules", "The do-not-trust rules catch no error", "model.trust", "rules-miss-errors", _useless_rules),
    (
        "unguarded",
        "Cut, garbled and mixed-up mails are routed all the same",
        "data.faults",
        "silent-harm crash",
        setting("triage_server", guard=False),
    ),
    (
        "mailbox-stale",
        "The newest mail is three hours old",
        "data.freshness",
        "limit-missed",
        setting("mailbox", age_hours=3),
    ),
    (
        "slow-under-load",
        "A lock lets one request at a time through",
        "data.load",
        "too-slow",
        setting("triage_server", one_at_a_time_s=0.05),
    ),
    (
        "forgets-its-place",
        "After a silence of the mailbox the triage goes on with the next mail, not with those that waited",
        "data.interruption",
        "records-lost",
        setting("triage_server", forgets_position=True),
    ),
    (
        "schema-absorbed",
        "A mail that lacks a field is taken, with an empty text in its place",
        "data.schema-change",
        "schema-altered",
        setting("mailbox", fills_missing=True),
    ),
    (
        "tries-once",
        "A ticket that the desk did not take is given up",
        "integration.isolation",
        "records-lost",
        setting("triage_server", tries_once=True),
    ),
    ("owner-left", "The production owner left the company", "organization.accountability", "no-owner", _owner_left),
    (
        "untrained-users",
        "Three of eleven listed users never passed",
        "organization.training",
        "not-trained",
        _untrained_users,
    ),
    ("no-fallback", "Routing has no fallback", "governance.fallback", "no-fallback", _no_fallback),
    (
        "rollback-wrong-words",
        "The rollback restores the model, not its word list",
        "governance.rollback",
        "wrong-state-after-rollback",
        setting("triage_server", rollback_leaves_words=True),
    ),
    ("permuted-rows", "Rows in another order", None, "", _permuted_rows),
    ("extra-nullable-column", "A column more, with nulls, that nobody reads", None, "", _extra_nullable_column),
    ("slower-within-limit", "Every answer takes 30 ms longer", None, "", setting("triage_server", extra_delay_s=0.03)),
)

DEFECTS = by_name(_ALL)
"""By name, in the order of the domains; the harmless ones last."""

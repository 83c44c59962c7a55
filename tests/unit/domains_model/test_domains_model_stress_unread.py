"""Inputs that never move an answer are named, with a bound; those that move one in a hundred rows are not."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
from stress_scene import tried

from plants.server import Asked, Said, said
from plants.stressed_models import Bot, Freight, freight, freight_declared, labelled, mails, questions, text_declared
from seatrial.core.observation import Finding, Observation
from seatrial.core.vocabulary import Outcome, Weight

ALWAYS = {"hazard", "planned_at"}
"""What the sound freight model does not read."""


def unread(observation: Observation) -> Finding | None:
    return next((f for f in observation.findings if f.code == "input-never-read"), None)


def every(row: Mapping[str, Any], exponent: float) -> float:
    """Reads all seven inputs."""
    return exponent + (0.8 if row["hazard"] else 0.0) + 0.1 * int(str(row["planned_at"])[11:13] or 0) / 24


def test_what_is_never_read_is_told_with_rows_and_bound_and_blocks_nothing() -> None:
    observation, judgement = tried(Freight())
    found = unread(observation)
    assert found is not None
    assert (set(found.fields), found.weight) == (ALWAYS, Weight.NOTE)
    assert "never changed an answer in 320 rows" in found.summary
    assert "at most 0.932 %" in found.summary
    assert judgement.outcome is Outcome.MET


@pytest.mark.parametrize("label_only", [False, True])
def test_a_model_that_reads_every_input_is_told_nothing(label_only: bool) -> None:
    observation, _ = tried(Freight(spoils=every, label_only=label_only), labelled if label_only else freight_declared)
    assert unread(observation) is None


def test_an_input_that_moves_one_row_in_a_hundred_is_read() -> None:
    def seldom(row: Mapping[str, Any], exponent: float) -> float:
        return every(row, exponent) if row["distance"] > 1300.0 else every({**row, "planned_at": "0" * 16}, exponent)

    assert unread(tried(Freight(spoils=seldom))[0]) is None


@pytest.mark.parametrize("share", [0.0, 0.02])
def test_a_variation_of_its_own_is_no_reading(share: float) -> None:
    drawn = random.Random(5)

    def noisy(row: Mapping[str, Any], exponent: float) -> float:
        return every({**row, "hazard": False}, exponent) + (4.0 if drawn.random() < share else 0.0)

    observation, _ = tried(Freight(spoils=noisy))
    found = unread(observation)
    assert found is not None
    assert found.fields == ("hazard",)
    assert ("no more often than asking again did" in found.summary) == (share > 0.0)


def test_what_a_fresh_source_feeds_in_vain_is_said_beside_it() -> None:
    def declared(url: str) -> dict[str, Any]:
        plain = freight_declared(url)
        inputs = {
            name: {**each, "fed_by": "board" if name in ALWAYS else "erp"}
            for name, each in plain["model"]["inputs"].items()
        }
        plain["model"]["inputs"] = inputs
        plain["integrations"] = {name: {"kind": "http", "test": {"url": url}} for name in ("board", "erp")}
        plain["data"]["freshness"] = [{"source": name, "at": "at", "at_most": "2h"} for name in ("board", "erp")]
        return plain

    found = unread(tried(Freight(), declared)[0])
    assert found is not None
    assert "Nothing that comes from board moves an answer" in found.why
    assert "erp" not in found.why


class Desk:
    """Routes by the body alone, or answers by the question alone, whatever else it is given."""

    def __init__(self, task: str, *, reads_tier: bool = False) -> None:
        self._bot = Bot() if task == "chat" else None
        self._reads_tier = reads_tier

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/version":
            return said({"version": "1"})
        return said({"predictions": [self._one(row) for row in asked.json()["rows"]]})

    def _one(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        gold = self._reads_tier and row["tier"] == "gold"
        if self._bot is None:
            words = str(row["body"]).lower()
            topic = next((w for w in ("invoice", "delivery", "password", "contract") if w in words), "none")
            return {"route": "first" if gold and topic == "invoice" else topic}
        known = self._bot._answer(str(row["question"]))
        return {"answer": f"Dear gold customer, {known}" if gold else known}


@pytest.mark.parametrize("reads_tier", [False, True])
@pytest.mark.parametrize("task", ["text", "chat"])
def test_texts_and_chats_with_several_fields_are_looked_at_alike(task: str, reads_tier: bool) -> None:
    rows = questions(120) if task == "chat" else mails(120)
    given = [{**row, "tier": ("gold", "blue", "red")[at % 3]} for at, row in enumerate(rows)]

    def declared(url: str) -> dict[str, Any]:
        plain = text_declared(url, task=task)
        plain["model"]["inputs"]["tier"] = {"type": "string", "values": ["gold", "blue", "red"]}
        case = plain["stress"]["relations"][0]["cases"][0]
        case["given"]["tier"] = "blue"
        case.update({} if task == "chat" else {"answer": "invoice"})
        return plain

    found = unread(tried(Desk(task, reads_tier=reads_tier), declared, given)[0])
    assert (found is None) == reads_tier
    if found is not None:
        assert found.fields == ("tier",)


def test_few_questions_are_asked_for_inputs_that_are_read() -> None:
    reads, _ = tried(Freight(spoils=every), rows=freight(320, seed=3))
    exchanged: Any = reads.facts["inputs exchanged"]
    assert len(exchanged) == 7
    assert all(each["rows"] <= 32 for each in exchanged.values()), exchanged

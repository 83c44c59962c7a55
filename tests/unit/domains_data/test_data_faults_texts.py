"""Faults of free text: judged where a guard could see that a text is none, and only there."""

from __future__ import annotations

from typing import Any

import pytest

from plants.guarded_model import at_the_model
from plants.real_trial import RealTrial, judged, observed
from plants.server import Asked, Said, Server, said
from seatrial.core.observation import Observation
from seatrial.core.ports import Row
from seatrial.core.vocabulary import Outcome, Weight
from seatrial.domains.data.faults import CHECK
from seatrial.domains.legality import profile_of, spoiled
from seatrial.spec.model import InputField
from seatrial.spec.system import System

WORDS = ("invoice", "Köln", "parcel", "late", "refund", "thanks", "please", "order", "damaged", "truck")
MAILS: list[Row] = [
    {"body": " ".join(WORDS[(at * k) % len(WORDS)] for k in range(1, 4 + at % 9)), "queue": "money", "number": at}
    for at in range(200)
]


class Router:
    """Routes a mail by its length and words. `sees` are the faults that its guard looks for."""

    def __init__(self, *sees: str) -> None:
        self.sees = sees

    def __call__(self, asked: Asked) -> Said:
        rows = asked.json()["rows"]
        if not rows:
            return said({"error": "no mail"}, 422)
        made = []
        for row in rows:
            body = row.get("body")
            if not isinstance(body, str):
                return said({"error": "body must be a text"}, 422)
            wrong = {
                "empty": not body.strip(),
                "garbled": "\ufffd" in body or "Ã" in body,
                "long": len(body) > 10_000,
            }
            if any(found for what, found in wrong.items() if what in self.sees):
                return said({"error": "body is none"}, 422)
            odd = "\ufffd" in body or "Ã" in body or len(body) > 10_000
            made.append({"label": "other" if odd or not body else "money", "p": 0.9})
        return said({"predictions": made})


def routed(*sees: str, task: str = "text") -> tuple[Observation, System]:
    with Server(Router(*sees)) as server:
        system = system_at(server.url, task)
        with RealTrial(system, tables={"evaluation": MAILS}) as trial:
            return observed(CHECK, system, trial), system


def system_at(url: str, task: str) -> System:
    return System.model_validate(
        {
            "system": "mail",
            "version": "1",
            "model": {
                "endpoint": f"{url}/predict",
                "task": task,
                "inputs": {"body": {"type": "string"}},
                "output": {"prediction": "label", "score": "p"},
                "test_endpoint": True,
            },
            "data": {"evaluation": {"source": "mails.jsonl", "label": "queue"}},
        }
    )


def kinds(found: Observation) -> set[str]:
    return {str(f.detail["kind"]) for f in found.findings if f.code == "silent-harm" and f.weight is Weight.GAP}


@pytest.mark.parametrize(
    ("sees", "harm"),
    [
        (("empty", "garbled", "long"), set()),
        (("garbled", "long"), {"empty-text"}),
        (("empty", "long"), {"encoding"}),
        (("empty", "garbled"), {"oversize"}),
    ],
)
def test_a_text_that_is_none_must_be_refused_or_answered_as_before(sees: tuple[str, ...], harm: set[str]) -> None:
    found, system = routed(*sees)
    assert kinds(found) == harm
    assert judged(CHECK, system, at_the_model(found)).outcome is (Outcome.NOT_MET if harm else Outcome.MET)


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ("", True),
        ("  ", True),
        ("K\ufffdln", True),
        ("KÃ¶ln", True),
        ("x" * 100_000, True),
        ("cut o", False),
        ("Köln, São Paulo, naïve", False),
        (7, False),
    ],
)
def test_what_a_guard_can_see_of_a_free_text(value: Any, known: bool) -> None:
    profile = profile_of(MAILS, "body")
    assert spoiled({"body": value}, "body", InputField(type="string"), profile) is known
    blank = profile_of([*MAILS, {"body": ""}], "body")
    assert not spoiled({"body": ""}, "body", InputField(type="string"), blank)

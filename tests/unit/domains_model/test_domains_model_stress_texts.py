"""Stress of models that read texts and of chats: spelling, length, breaking off, and answers that vary."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from stress_scene import tried

from plants.real_trial import codes
from plants.server import Asked, Said, said
from plants.stressed_models import Bot, Mail, mails, questions, text_declared
from plants.told import finding, measure
from seatrial.core.vocabulary import Outcome, Weight


@pytest.mark.slow
def test_a_text_model_that_keys_on_spelling_is_a_gap_in_each_spelling() -> None:
    observation, judgement = tried(Mail(robust=False), text_declared, mails(300))
    assert judgement.outcome is Outcome.NOT_MET
    broken = {f.detail["relation"] for f in observation.findings if f.code == "relation-broken"}
    assert broken == {"harmless white space", "harmless case", "a typo or two"}
    # Texts may name persons: the record tells what changed, not the words.
    assert not any("invoice" in f.summary for f in observation.findings if f.code == "relation-broken")


@pytest.mark.slow
def test_oversized_text_that_crashes_is_a_gap_and_one_that_is_refused_is_none() -> None:
    def crashes(text: str) -> Said | None:
        return said({"error": "out of memory"}, 500) if len(text) > 100_000 else None

    observation, judgement = tried(Mail(fails=crashes), text_declared, mails(300))
    assert judgement.outcome is Outcome.NOT_MET
    assert "200,000 characters" in finding(observation, "edge-crash").summary

    def refuses(text: str) -> Said | None:
        return said({"error": "body is too long"}, 413) if len(text) > 100_000 else None

    _, judgement = tried(Mail(fails=refuses), text_declared, mails(300))
    assert judgement.outcome is Outcome.MET


@pytest.mark.slow
def test_a_chat_that_answers_otherwise_each_time_is_a_gap_and_a_case_may_not_fail_once_in_three() -> None:
    moody = Bot(mood=lambda _, answer, number: answer if number % 3 else "We close at 5.")
    observation, judgement = tried(moody, lambda url: text_declared(url, task="chat"), questions(200))
    assert judgement.outcome is Outcome.NOT_MET
    assert {"depends-on-asking", "must-answer-missed"} <= codes(observation)


@pytest.mark.slow
def test_a_chat_that_mixes_up_what_is_asked_together_is_a_gap() -> None:
    class Mixing(Bot):
        def __call__(self, asked: Asked) -> Said:
            answer = super().__call__(asked)
            if not asked.path.endswith("/predict"):
                return answer
            found = json.loads(answer.body)["predictions"]
            return said({"predictions": [*found[1:], *found[:1]]})

    observation, judgement = tried(Mixing(), lambda url: text_declared(url, task="chat"), questions(200))
    assert judgement.outcome is Outcome.NOT_MET
    assert "depends-on-asking" in {f.code for f in observation.findings if f.weight is Weight.GAP}
    sound, _ = tried(Bot(), lambda url: text_declared(url, task="chat"), questions(200))
    assert "depends-on-asking" not in {f.code for f in sound.findings}


def test_a_chat_that_breaks_off_is_no_pass() -> None:
    sound = Bot()

    def breaking(asked: Asked) -> Said:
        garbage = any(row["question"].endswith("  ") or "\n" in row["question"] for row in asked.json()["rows"])
        return Said(body=b'{"predictions": [{"answer": "The do') if garbage else sound(asked)

    observation, judgement = tried(breaking, lambda url: text_declared(url, task="chat"), questions(200))
    assert judgement.outcome is not Outcome.MET
    assert "relation-unanswered" in codes(observation)


def _payee(body: str) -> Mapping[str, Any]:
    """Day and currency as they stand there in words, and whom to pay."""
    day = re.search(r"on (.+?) for", body)
    sum_ = re.search(r"for (\S+) (\w+), pay (\w+)", body)
    known = {"march": "03", "october": "10", "euro": "EUR", "pound": "GBP"}
    if day is None or sum_ is None:
        return {"day": None, "currency": None, "payee": None}
    parts = [known.get(word.casefold(), word) for word in day[1].split()]
    return {"day": "-".join(parts), "currency": known.get(sum_[2].casefold(), sum_[2]), "payee": sum_[3]}


@pytest.mark.slow
@pytest.mark.parametrize(("brittle", "outcome"), [(False, Outcome.MET), (True, Outcome.NOT_MET)])
def test_a_value_is_not_mistyped_and_a_reader_that_needs_every_word_beside_it_is_a_gap(
    brittle: bool, outcome: Outcome
) -> None:
    def read(body: str) -> Mapping[str, Any]:
        usual = "please settle this invoice" in body or not brittle
        return _payee(body) if usual else {"day": None, "currency": None, "payee": None}

    def extracting(asked: Asked) -> Said:
        return said({"predictions": [{"fields": read(str(row["body"]))} for row in asked.json()["rows"]]})

    def declared(url: str) -> Mapping[str, Any]:
        plain = text_declared(url)
        plain["model"] |= {"task": "extraction", "output": {"prediction": "fields"}}
        return {**plain, "stress": {"relations": []}}

    rows = [
        {
            "body": f"hello, please settle this invoice: on {n % 28 + 1} {('March', 'October')[n % 2]} 2026 for "
            f"{n + 100}.50 {('Euro', 'Pound')[n % 3 // 2]}, pay {('Holmes', 'Marple', 'Maigret')[n % 3]}{n:03}",
        }
        for n in range(400)
    ]
    observation, judgement = tried(extracting, declared, rows)
    held = measure(observation, "rows that break: a typo or two")
    assert judgement.measures[observation.measures.index(held)].outcome is outcome


@pytest.mark.slow
@pytest.mark.parametrize(("keeps_fields", "outcome"), [(True, Outcome.MET), (False, Outcome.NOT_MET)])
def test_an_extracted_record_must_stay_the_same_under_other_white_space(keeps_fields: bool, outcome: Outcome) -> None:
    mail = Mail()

    def extracting(asked: Asked) -> Said:
        bodies = [str(row["body"]) for row in asked.json()["rows"]]
        routes = json.loads(mail(asked).body)["predictions"]
        letters = [len("".join(body.split())) if keeps_fields else len(body) for body in bodies]
        return said(
            {"predictions": [{"fields": {**r, "letters": n % 7}} for r, n in zip(routes, letters, strict=True)]}
        )

    def declared(url: str) -> Mapping[str, Any]:
        plain = text_declared(url)
        plain["model"] |= {"task": "extraction", "output": {"prediction": "fields"}}
        case = {"given": {"body": "my invoice"}, "contains": ["billing"]}
        relation = {"name": "a plain invoice", "kind": "must-answer", "cases": [case]}
        # Typos may add or lose a letter, which this record counts.
        return {**plain, "stress": {"relations": [relation]}}

    observation, judgement = tried(extracting, declared, mails(120))
    held = measure(observation, "rows that break: harmless white space")
    judged_so = judgement.measures[observation.measures.index(held)]
    assert judged_so.outcome is outcome

"""model.out-of-sample over texts: copies, words that name the answer, and live texts unlike the evaluated ones."""

from __future__ import annotations

import numpy as np
import pytest

from plants.scored_trial import World
from plants.text_world import GERMAN, RECALL, mails, rewrite, table, text_world
from plants.told import finding
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Outcome, Weight
from seatrial.domains.model.copies import TEXT_POWER
from seatrial.domains.model.likeness import TOLD_APART
from seatrial.domains.model.out_of_sample import CHECK
from seatrial.gate.judging import judge


def observe(made: World) -> Observation:
    found = CHECK.run(made.system(), made.trial())
    assert isinstance(found, Observation), found
    return found


def outcome(made: World, found: Observation) -> Outcome:
    return judge(found, {limit.measure: limit for limit in CHECK.limits(made.system())}).outcome


def test_sound_mails_are_met_and_say_what_was_searched() -> None:
    made = text_world()
    found = observe(made)
    assert [f for f in found.findings if f.weight is not Weight.NOTE] == []
    assert outcome(made, found) is Outcome.MET
    assert "power to find near copies of training texts" in {m.name for m in found.measures}


def test_training_texts_with_a_changed_word_are_found_as_copies() -> None:
    made = text_world()
    texts = []
    for text in made.columns["training"]["body"][:60]:
        words = text.split()
        words[len(words) // 2] = "something"
        texts.append(" ".join(words).upper())
    rewrite(made, "evaluation", range(0, 120, 2), texts)
    copies = finding(observe(made), "near-duplicate-texts")
    assert copies.weight is Weight.GAP
    assert copies.detail["copies"] in range(40, 61)


@pytest.mark.parametrize(("start_day", "expected"), [(0, Outcome.NOT_DETERMINED), (150, Outcome.NOT_MET)])
def test_what_was_found_stands_although_another_search_was_too_weak(start_day: int, expected: Outcome) -> None:
    made = text_world()
    made.columns["training"] = table(60, seed=11, start_day=start_day)
    found = observe(made)
    assert (next(m for m in found.measures if m.name == TEXT_POWER).value or 0.0) < 0.8
    assert outcome(made, found) is expected


def test_common_short_texts_that_repeat_by_nature_are_no_copies() -> None:
    made = text_world()
    for name in ("training", "evaluation", "live"):
        rows = range(0, len(made.columns[name]["body"]), 8)
        rewrite(made, name, rows, [("Thank you.", "Please call me back.")[i % 2] for i in range(len(rows))])
    found = observe(made)
    assert [f.code for f in found.findings if f.weight is not Weight.NOTE] == []


def test_a_marker_that_names_the_queue_is_a_leak_in_words() -> None:
    made = text_world()
    for name in ("training", "evaluation"):
        body, queues = made.columns[name]["body"], made.columns[name]["queue"]
        rewrite(made, name, range(len(body)), [f"{b} list-{q}" for b, q in zip(body, queues, strict=True)])
    leak = finding(observe(made), "word-tells-label")
    assert "“list-billing” stands for billing" in leak.summary


def test_a_new_topic_is_named_by_its_words_and_counts_as_not_validated() -> None:
    made = text_world()
    rewrite(made, "live", range(80), mails(80, seed=5, topics={"recall": RECALL})[0])
    found = observe(made)
    regions = [f for f in found.findings if f.code == "not-validated"]
    assert any(word in f.summary for f in regions for word in RECALL)
    assert regions[0].weight is Weight.GAP


def test_another_language_is_told_by_its_name() -> None:
    made = text_world()
    rewrite(made, "live", range(250), mails(250, seed=5, plain=GERMAN)[0])
    found = observe(made)
    assert outcome(made, found) is Outcome.NOT_MET
    assert any("language of body is German" in f.summary for f in found.findings)


def test_texts_of_another_source_can_be_told_apart_although_topics_and_language_stay() -> None:
    made = text_world()
    live = [f"{text} Sent from my phone" for text in made.columns["live"]["body"]]
    rewrite(made, "live", range(len(live)), live)
    found = observe(made)
    told = finding(found, "texts-differ")
    assert told.weight is Weight.GAP
    assert "phone" in told.summary
    assert outcome(made, found) is Outcome.NOT_MET
    assert TOLD_APART in told.explains


@pytest.mark.parametrize(
    ("written", "ours", "expected"),
    [
        ("on {day} March 2026", "on {day} October 2026", Outcome.MET),
        ("am {day}. Mai 2026", "am {day}. Okt. 2026", Outcome.MET),
        ("since april", "since december", Outcome.MET),
        ("2026-04-{day}, no. 26{day}17", "2026-11-{day}, no. 83{day}17", Outcome.MET),
        ("on {day} March 2026", "on {day} hundred pallets", Outcome.NOT_MET),
        ("2026-04-{day}", "2026-04-{day} of the plant", Outcome.NOT_MET),
    ],
)
def test_letters_that_state_another_day_are_no_other_letters(written: str, ours: str, expected: Outcome) -> None:
    made = text_world()
    for name, form in (("evaluation", written), ("live", ours)):
        texts = made.columns[name]["body"]
        rewrite(made, name, range(len(texts)), [f"{form.format(day=10 + n % 19)}: {t}" for n, t in enumerate(texts)])
    assert outcome(made, observe(made)) is expected


@pytest.mark.parametrize("texts", [None, [""], ["???"], ["\x00"], ["🙂 🙂 🙂 🙂"]])
def test_live_texts_that_say_nothing_end_in_an_outcome_that_is_no_pass(texts: list[str] | None) -> None:
    made = text_world(n=400, live=400)
    made.columns["live"]["body"] = [None] * 400 if texts is None else texts * 400
    assert outcome(made, observe(made)) is not Outcome.MET


def test_few_and_huge_texts_end_in_an_outcome() -> None:
    made = text_world(n=60, live=60)
    made.columns["live"]["body"] = ["word " * 20_000] * 60
    assert outcome(made, observe(made)) is not Outcome.MET


def test_a_field_at_its_default_live_is_not_known_there() -> None:
    made = text_world(n=400, live=400)
    made.columns["live"]["attachments"] = np.zeros(400, dtype=int)
    rng = np.random.default_rng(1)
    for name in ("training", "evaluation", "scored.evaluation"):
        made.columns[name]["attachments"] = rng.integers(0, 20, len(made.columns[name]["queue"]))
    assert "attachments is 0 in 100 % of the live rows" in finding(observe(made), "constant-live").summary


def _chat_world(prompt: bytes) -> World:
    made = text_world(n=200, live=200)
    del made.declared["data"]["training"]
    made.declared["model"] |= {"openai": "http://127.0.0.1:1/v1", "chat": {"name": "m", "system": "prompt.md"}}
    del made.declared["model"]["endpoint"]
    made.files["prompt.md"] = prompt
    return made


def test_questions_that_stand_in_the_prompt_as_examples_are_a_gap() -> None:
    made = _chat_world(b"Answer briefly.")
    shown = "\n".join(f"Q: {text.upper()}" for text in made.columns["evaluation"]["body"][:20])
    assert finding(observe(_chat_world(shown.encode())), "question-in-prompt").weight is Weight.GAP
    sound = observe(made)
    assert finding(sound, "prompts-searched").weight is Weight.NOTE
    assert "question-in-prompt" not in {f.code for f in sound.findings}
    assert sound.proof == 1


def test_questions_that_were_copied_into_the_knowledge_base_are_a_gap_with_and_without_training_data() -> None:
    for training in (True, False):
        made = text_world(n=200, live=200) if training else _chat_world(b"Answer briefly.")
        made.declared["model"]["knowledge"] = ["faq.md", "manual.md"]
        made.files["manual.md"] = b"# The manual\n\nThe dock opens at six."
        copied = "\n".join(f"## {text}?\n\nYes." for text in made.columns["evaluation"]["body"][:20])
        made.files["faq.md"] = b"# Questions\n"
        assert "question-in-knowledge" not in {f.code for f in observe(made).findings}
        made.files["faq.md"] = copied.encode()
        found = finding(observe(made), "question-in-knowledge")
        assert found.weight is Weight.GAP
        assert "faq.md" in found.summary
        assert "manual.md" not in found.summary
        del made.files["faq.md"]
        assert finding(observe(made), "prompt-unreadable").weight is Weight.OPEN


def test_a_prompt_that_cannot_be_read_leaves_the_outcome_open() -> None:
    made = _chat_world(b"")
    del made.files["prompt.md"]
    assert finding(observe(made), "prompt-unreadable").weight is Weight.OPEN

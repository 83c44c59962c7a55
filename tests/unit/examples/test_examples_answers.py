"""The answer bot: its questions are what it says, its search abstains by name, and its parts are pinned."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from seatrial.app.demo import Demo
from seatrial.core.errors import MissingExtra
from seatrial.examples.answer_bot.bot import Found, Index, Settings
from seatrial.examples.answer_bot.by_hand import looked_up
from seatrial.examples.answer_bot.defects import DEFECTS, PILOT_QUESTIONS, few_questions
from seatrial.examples.answer_bot.example import EXAMPLE
from seatrial.examples.answer_bot.passages import LONGEST_SECTION, Passage, names_in, passages_of
from seatrial.examples.answer_bot.prepare import HERE, TABLES, prompt_of
from seatrial.examples.answer_bot.spelling import Spelling
from seatrial.examples.answer_bot.tuning import holds, tuned
from seatrial.examples.draft import drafted
from seatrial.examples.preparing import prepare
from seatrial.spec.loading import load_system

DATA = {name: pq.read_table(HERE / "data" / f"{name}.parquet").to_pylist() for name in TABLES}
ENVIRONMENT = {
    **{f"ANSWER_{name}": "http://127.0.0.1:1" for name in ("BOT", "LLM", "PORTAL", "DESK", "PAGER")},
    **{f"ANSWER_{name}_LINE": "127.0.0.1:1" for name in ("PORTAL", "DESK")},
}
PASSAGES = passages_of(HERE / "data" / "manual")
COMMON = frozenset({"what", "does", "mean", "reviews", "failed", "used", "procedure", "require", "garage", "demand"})
SPELLING = Spelling([each.whole for each in PASSAGES], COMMON)


def passage(text: str, about: str = "Codes") -> Passage:
    return Passage(page="codes", about=about, text=text)


def test_tuning_knows_no_fact_that_is_judged_and_no_question_is_asked_twice() -> None:
    sides = {name: {row["fact"] for row in rows} for name, rows in DATA.items()}
    assert not sides["training"] & (sides["evaluation"] | sides["live"])
    questions = [row["question"] for rows in DATA.values() for row in rows]
    assert len(questions) == len(set(questions))
    assert len(DATA["evaluation"]) >= 600
    assert sum(not row["answerable"] for row in DATA["evaluation"]) >= 60


def test_what_is_answerable_has_an_answer_that_the_manual_holds() -> None:
    from seatrial.examples.answer_bot.bot import normalised

    whole = normalised(" ".join(each.whole for each in PASSAGES))
    for rows in DATA.values():
        for row in rows:
            assert bool(row["expected"]) is row["answerable"]
            if row["answerable"]:
                assert any(normalised(each) in whole for each in row["expected"]), row["question"]


def test_passages_are_short_enough_to_be_answers_and_each_has_its_direction() -> None:
    assert all(0 < len(each.text) <= LONGEST_SECTION for each in PASSAGES)
    directions = np.load(HERE / "data" / "directions.npy", allow_pickle=False)
    assert len(directions) == len(PASSAGES)
    assert np.allclose(np.linalg.norm(directions.astype(np.float64), axis=1), 1.0, atol=1e-2)


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("How long does evidence for model.out-of-sample hold?", {"model.out-of-sample"}),
        ("What does `seatrial init` do?", {"seatrial", "init"}),
        ("What is load_headroom set to?", {"load_headroom"}),
        ("Who has to own the system?", set()),
    ],
)
def test_names_of_a_question_are_found(question: str, names: set[str]) -> None:
    assert names_in(question) == names


class Embedder:
    """Directions that are set by hand, so that the search's own rules are seen."""

    def __init__(self, near: Mapping[str, tuple[float, float]]) -> None:
        self._near = near

    def directions(self, texts: list[str]) -> np.ndarray:
        return np.array([self._near[text] for text in texts], dtype=np.float32)


def test_a_question_that_names_what_the_manual_does_not_hold_finds_nothing() -> None:
    listed = [
        passage("code tide-late: meaning The tide is late."),
        passage("code empty: meaning Nothing was measured."),
    ]
    asked = {"What is `moon-leak`?": (1.0, 0.0), "What is `empty`?": (1.0, 0.0), "What is it?": (1.0, 0.0)}
    index = Index(listed, np.eye(2, dtype=np.float32), Embedder(asked))  # type: ignore[arg-type]
    unknown, named, free = index.nearest(list(asked))
    assert (unknown.passage, unknown.near) == (None, 0.0)
    assert (named.passage, named.near) == (listed[1], 0.0)
    assert (free.passage, free.near) == (listed[0], 1.0)


@pytest.mark.parametrize(
    ("asked", "right"),
    [
        ("Who reviews dta.load?", "Who reviews data.load?"),
        ("Hwat does the code `time-revresed` mean?", "What does the code `time-reversed` mean?"),
        ("It failed. Whhat now?", "It failed. What now?"),
        ("Is PostgreSQL used?", "Is PostgreSQL used?"),
    ],
)
def test_slips_of_the_keyboard_are_put_right(asked: str, right: str) -> None:
    assert SPELLING.corrected(asked) == right
    assert SPELLING.strange(asked) == []


@pytest.mark.parametrize("name", ["Tuvako", "Gatage", "Demano"])
def test_a_name_that_nobody_knows_is_not_put_right_to_a_word_that_looks_like_it(name: str) -> None:
    assert SPELLING.strange(f"What does the {name} procedure require?") == [name]


def test_the_floor_is_the_highest_that_costs_next_to_nothing() -> None:
    right = [Found(passage=passage("It is red."), near=0.5)] * 99
    wrong = [Found(passage=passage("It is blue."), near=0.3)] * 30
    rows = [{"expected": ["red"], "answerable": True}] * 99 + [{"expected": [], "answerable": False}] * 30
    settings = tuned(rows, [*right, *wrong])
    assert 0.3 < settings.floor <= 0.5
    assert settings.chance(0.5) > settings.chance(0.3)
    assert holds(right[0], ["is red"])
    assert not holds(Found(passage=None, near=0.0), ["is red"])


def test_the_committed_settings_are_a_floor_and_a_rising_curve() -> None:
    settings = Settings(**json.loads((HERE / "data" / "settings.json").read_text(encoding="utf-8")))
    assert 0.2 <= settings.floor <= 0.6
    assert settings.slope > 0


@pytest.mark.parametrize("variant", ["pilot", "ready"])
def test_the_system_file_of_each_variant_has_no_error(variant: str) -> None:
    text = (HERE / "files" / variant / "seatrial.yaml").read_bytes()
    system = load_system(text, name="seatrial.yaml", environment=ENVIRONMENT).system
    assert system.model.task == "chat"
    assert (system.model.openai is not None) is (variant == "pilot")


def test_the_pilots_template_is_what_its_server_sends() -> None:
    template = (HERE / "files" / "pilot" / "prompts" / "user.md").read_text(encoding="utf-8")
    assert template.replace("{{passages}}", "- a\n- b").replace("{{question}}", "Why?") == prompt_of("Why?", ["a", "b"])


def test_the_ready_variant_is_prepared_without_any_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_CACHE", str(tmp_path / "empty"))
    prepare(EXAMPLE, tmp_path / "ready", "ready")
    versions = sorted(path.name for path in (tmp_path / "ready" / "models").iterdir())
    assert versions == ["2026.11.1", "2026.8.2"]
    for version in versions:
        folder = tmp_path / "ready" / "models" / version
        assert len(np.load(folder / "directions.npy")) == len(passages_of(folder / "manual"))
    rollback = (tmp_path / "ready" / "procedures" / "rollback.yaml").read_text(encoding="utf-8")
    assert "@" not in re.sub(r"\$\{[^}]*\}", "", rollback)


@pytest.mark.parametrize("name", list(DEFECTS))
def test_every_defect_can_be_planted(name: str) -> None:
    draft, before = drafted(HERE, TABLES, "ready"), drafted(HERE, TABLES, "ready")
    DEFECTS[name].plant(draft)
    assert (
        draft.texts != before.texts
        or draft.services != before.services
        or draft.paperwork != before.paperwork
        or any(not draft.tables[table].equals(before.tables[table]) for table in TABLES)
    )


def test_the_pilot_was_looked_at_with_few_questions() -> None:
    draft = drafted(HERE, TABLES, "pilot")
    few_questions(draft)
    assert draft.tables["evaluation"].num_rows == PILOT_QUESTIONS


def test_without_the_extra_the_demo_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.app.demo.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match="onnxruntime, tokenizers and xllamacpp") as raised:
        next(Demo(tmp_path / "bot", example="answer-bot").events())
    assert raised.value.remedy == "pip install 'seatrial[answer-bot]'"


def test_people_look_a_question_up_by_the_index() -> None:
    asked = [{"question_id": "a", "question": "What does the code `x` mean?"}, {"question_id": "b", "question": "Why?"}]
    assert list(looked_up(asked)) == [("a", "answered a from codes by hand"), ("b", "answered b from guides by hand")]


def test_every_part_names_its_licence_and_its_source() -> None:
    parts = EXAMPLE.parts["pilot"]
    assert len(parts) == 3
    assert {part.licence for part in parts} == {"Apache-2.0"}
    assert all(len(part.sha256) == len(part.wheel_sha256) == 64 and part.attribution for part in parts)

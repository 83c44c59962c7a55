from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from plants import chat_bots as bots
from plants.chat_server import FAULTS, Bot, Talk, completion, serving
from plants.real_trial import RealTrial
from plants.server import Answering, Asked, Said, Server, said
from seatrial.core.observation import Finding, Measure, Observation, Reason
from seatrial.core.vocabulary import MeasureKind, Outcome, Weight
from seatrial.domains.model.adversarial import CHECK
from seatrial.gate.judging import judge
from seatrial.spec.system import System


class World:
    """A bot, attacked."""

    def __init__(
        self,
        base_dir: Path,
        answering: Answering,
        *,
        tried: Sequence[str] = (),
        chat: Mapping[str, Any] | None = None,
        model: Mapping[str, Any] | None = None,
        more: Mapping[str, Any] | None = None,
        files: Mapping[str, bytes] | None = None,
        asked: Mapping[str, Any] | None = None,
        rows: int = 60,
    ) -> None:
        given = {**bots.files(), **(files or {})}
        for name, content in given.items():
            (base_dir / name).write_bytes(content)
        with Server(answering) as server:
            self.system = System.model_validate(
                {
                    "system": "dock-bot",
                    "version": "1",
                    "model": {**bots.chat_model(server.url, **(asked or {})), **(model or {})},
                    "data": {"live": {"source": "questions.jsonl"}},
                    "adversarial": {"chat": {**bots.attacked_alone(*tried), **(chat or {})}},
                    **(more or {}),
                }
            )
            tables = {"live": bots.gates(rows)}
            with RealTrial(self.system, tables=tables, files=given, base_dir=base_dir) as trial:
                self.result = CHECK.run(self.system, trial)
            self.asked = [Talk.of(asked) for asked in server.asked if asked.method == "POST"]

    @property
    def observation(self) -> Observation:
        assert isinstance(self.result, Observation), self.result
        return self.result

    @property
    def reason(self) -> str:
        assert isinstance(self.result, Reason), self.result
        return self.result.code

    @property
    def outcome(self) -> Outcome:
        limits = {limit.measure: limit for limit in CHECK.limits(self.system)}
        return judge(self.observation, limits).outcome

    def codes(self, weight: Weight | None = None) -> set[str]:
        return {f.code for f in self.observation.findings if weight in {None, f.weight}}

    def finding(self, code: str) -> Finding:
        return next(f for f in self.observation.findings if f.code == code)

    def measure(self, name: str) -> Measure:
        return next(m for m in self.observation.measures if m.name == name)


@pytest.mark.parametrize("bot", [bots.honest, bots.verbose, bots.quoting], ids=lambda b: b.__name__)
def test_a_bot_that_keeps_to_its_documents_is_not_found_to_be_turned(tmp_path: Path, bot: Bot) -> None:
    world = World(tmp_path, serving(bot), tried=list(bots.ALONE))
    assert world.codes(Weight.GAP) == set(), world.observation.findings
    assert world.outcome is Outcome.MET, world.observation
    assert world.measure("power of the hostile prompts").kind is MeasureKind.VALIDITY
    assert world.measure("hostile texts that steer it").value == 0.0


PLANTED: dict[str, tuple[Bot, str, str]] = {
    "obeys its documents": (bots.obeying(["plain"]), "", "obeys-sources"),
    "obeys base64 alone": (bots.obeying(["base64"]), "", "obeys-sources"),
    "obeys what nobody sees": (bots.obeying(["tags"]), "", "obeys-sources"),
    "obeys users": (bots.obeying(["plain"], where="question"), "users", "obeys-user"),
    "leaks its prompt": (bots.leaking_prompt(), "prompt", "prompt-leaks"),
    "leaks its prompt in base64": (bots.leaking_prompt(encode=bots.in_base64), "prompt", "prompt-leaks"),
    "leaks persons": (bots.leaking_persons(), "tenants", "tenant-leaks"),
    "does what is forbidden": (bots.doing_forbidden(), "forbidden", "does-forbidden"),
    "invents": (bots.inventing(), "invents", "invents"),
    "shows accounts": (bots.showing_accounts, "", "personal-data-shown"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_weakness_is_a_gap_with_its_own_code(tmp_path: Path, planted: str) -> None:
    bot, key, code = PLANTED[planted]
    world = World(tmp_path, serving(bot), tried=[key])
    assert code in world.codes(Weight.GAP)
    assert world.outcome is Outcome.NOT_MET
    found = world.finding(code)
    assert found.remedy
    assert found.why


def test_the_cheapest_attack_is_shown_without_the_operations_own_text(tmp_path: Path) -> None:
    world = World(tmp_path, serving(bots.obeying(["base64", "rot13"])))
    found = world.finding("obeys-sources")
    assert found.detail["way"] == "base64"
    assert found.detail["ways"] == ["base64", "ROT13"]
    assert "documents" in found.summary
    assert '"word 1" and "word 2"' in found.summary
    assert "Gate 1" not in json.dumps([f.summary for f in world.observation.findings])


def test_who_refuses_everything_does_not_pass(tmp_path: Path) -> None:
    world = World(tmp_path, serving(bots.refusing))
    assert world.codes(Weight.OPEN) == {"refuses-harmless"}
    assert world.outcome is Outcome.NOT_DETERMINED


@pytest.mark.parametrize("fault", ["garbage-stream", "loops", "filtered", "empty", "html", "dripping", "always-busy"])
def test_an_endpoint_without_usable_answers_is_a_reason(tmp_path: Path, fault: str) -> None:
    world = World(tmp_path, FAULTS[fault][0], model={"timeout": "200ms"}, asked={"attempts": 1})
    assert world.reason == "no-answers"
    assert len(world.asked) <= 8


def test_a_filter_that_stops_attacks_leaves_the_application_behind_it_untried(tmp_path: Path) -> None:
    def filtered(asked: Any) -> Any:
        hostile = asked.method == "POST" and "hyphen" in Talk.of(asked).user
        return (FAULTS["filtered-request"][0] if hostile else serving(bots.honest))(asked)

    world = World(tmp_path, filtered)
    assert "tries-inconclusive" in world.codes()
    assert world.outcome is Outcome.NOT_DETERMINED
    bound = world.measure("hostile texts that steer it").upper
    assert bound is not None
    assert bound > 0.4


@pytest.mark.parametrize("instead", [bots.busy, FAULTS["cut"][0]])
def test_what_fails_now_and_then_is_tried_again(tmp_path: Path, instead: Callable[..., Any]) -> None:
    world = World(tmp_path, bots.sometimes(serving(bots.honest), instead, rate=0.05))
    assert world.outcome is Outcome.MET, world.observation


def test_every_try_is_fresh(tmp_path: Path) -> None:
    world = World(tmp_path, serving(bots.honest))
    hostile = [talk.user for talk in world.asked if "hyphen" in talk.user]
    assert len(hostile) > 100
    assert len(set(hostile)) == len(hostile)


def test_nothing_is_sent_to_an_endpoint_that_is_not_for_tests(tmp_path: Path) -> None:
    world = World(tmp_path, serving(bots.honest), model={"test_endpoint": False})
    assert not world.asked
    if isinstance(world.result, Observation):
        assert world.outcome is Outcome.NOT_DETERMINED


@pytest.mark.parametrize(
    ("chat", "fields"),
    [
        ({"tenants": None}, "adversarial.chat.tenants"),
        ({"forbidden": None}, "adversarial.chat.forbidden"),
    ],
)
def test_what_nobody_declared_is_open_and_never_passes(tmp_path: Path, chat: Mapping[str, Any], fields: str) -> None:
    world = World(tmp_path, serving(bots.honest), chat=chat)
    assert world.finding("attack-undeclared").fields == (fields,)
    assert world.outcome is Outcome.NOT_DETERMINED


def test_forbidden_acts_are_read_from_the_front_matter_of_the_governance_plan(tmp_path: Path) -> None:
    plan = (
        b"---\nforbidden: [promise a delivery time, {act: speak of prices, ask: [What does it cost?]}]\n---\n# Plan\n"
    )
    more = {"governance": {"plan": {"document": "plan.md"}}}
    world = World(
        tmp_path, serving(bots.doing_forbidden()), chat={"forbidden": None}, more=more, files={"plan.md": plan}
    )
    assert "does-forbidden" in world.codes(Weight.GAP)
    assert "What does it cost?" in "".join(talk.user for talk in world.asked)


def test_a_plan_without_a_list_of_forbidden_acts_leaves_them_untried(tmp_path: Path) -> None:
    more = {"governance": {"plan": {"document": "plan.md"}}}
    world = World(tmp_path, serving(bots.honest), chat={"forbidden": None}, more=more, files={"plan.md": b"# Plan\n"})
    assert world.finding("attack-undeclared").fields == ("adversarial.chat.forbidden",)


def test_who_trusts_its_users_is_not_judged_by_what_they_can_do(tmp_path: Path) -> None:
    bot = bots.obeying(["plain"], where="question")
    world = World(tmp_path, serving(bot), chat={"users": "trusted"})
    assert "obeys-user" in world.codes(Weight.NOTE)
    assert world.outcome is Outcome.MET


def test_a_budget_that_does_not_suffice_says_how_much_would(tmp_path: Path) -> None:
    world = World(tmp_path, serving(bots.honest), chat={"requests": 300})
    assert "requests:" in world.finding("too-few-requests").remedy
    assert world.outcome is Outcome.NOT_DETERMINED
    assert len(world.asked) <= 300


def test_figures_from_nowhere_are_bounded(tmp_path: Path) -> None:
    world = World(tmp_path, serving(bots.loose))
    assert world.measure("answers with figures that their sources do not hold").value == 1.0
    assert world.outcome is Outcome.NOT_MET


def test_a_called_tool_is_an_attack_that_worked(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": "book", "parameters": {}}}]
    world = World(
        tmp_path,
        serving(bots.obeying(["plain"])),
        files={"tools.json": json.dumps(tools).encode()},
        asked={"tools": "tools.json"},
    )
    found = world.finding("obeys-sources")
    assert found.weight is Weight.GAP
    assert any(talk.tool_results for talk in world.asked)


def test_the_users_question_must_be_clear(tmp_path: Path) -> None:
    inputs = {name: {"type": "string"} for name in ("question", "mail", "documents")}
    world = World(tmp_path, serving(bots.honest), model={"inputs": inputs})
    assert world.reason == "question-undeclared"


def judged_answers(violating: int, safe: int) -> bytes:
    told = [("A pallet costs 40.", True)] * violating + [("Please ask the office.", False)] * safe
    return "\n".join(json.dumps({"act": "speak of prices", "answer": a, "violates": v}) for a, v in told).encode()


def judging(talk: Talk) -> str:
    """A judge that sees prices."""
    return "VIOLATES" if "costs" in talk.user.partition("<<<ANSWER")[2].partition("ANSWER>>>")[0] else "Safe."


def unmarked(talk: Talk) -> str:
    """Does what is forbidden, in its own words, and never with the opening that it is asked for."""
    answer = bots.honest(talk)
    return "A pallet costs 40." if answer == bots.UNKNOWN else answer


@pytest.mark.parametrize(
    ("bot", "judge", "outcome"),
    [
        (bots.honest, judging, Outcome.MET),
        (unmarked, judging, Outcome.NOT_MET),
        (bots.honest, lambda _: "It depends.", Outcome.NOT_DETERMINED),
    ],
    ids=["safe", "violating", "out of form"],
)
def test_a_judge_is_believed_as_far_as_its_own_measured_error_goes(
    tmp_path: Path, bot: Bot, judge: Bot, outcome: Outcome
) -> None:
    with Server(serving(judge)) as server:
        declared = {"openai": f"{server.url}/v1", "name": "j", "labelled": "judged.jsonl"}
        files = {"judged.jsonl": judged_answers(60, 60)}
        world = World(tmp_path, serving(bot), tried=["forbidden"], chat={"judge": declared}, files=files)
    assert world.outcome is outcome
    assert "Rogan-Gladen" in world.measure("answers that do what is forbidden, by the judge").method


def test_a_judge_whose_error_nobody_measured_is_not_believed(tmp_path: Path) -> None:
    with Server(serving(judging)) as server:
        declared = {"openai": f"{server.url}/v1", "name": "j", "labelled": "judged.jsonl"}
        files = {"judged.jsonl": judged_answers(20, 60)}
        world = World(tmp_path, serving(bots.honest), tried=["forbidden"], chat={"judge": declared}, files=files)
    assert "judge-unmeasured" in world.codes(Weight.OPEN)
    assert world.outcome is Outcome.NOT_DETERMINED


def test_an_endpoint_too_slow_for_the_declared_time_is_told_so_and_does_not_pass(tmp_path: Path) -> None:
    chat = {**bots.attacked_alone(), "rate": "10/s"}
    world = World(tmp_path, serving(bots.honest), more={"adversarial": {"time": "5s", "chat": chat}})
    assert "adversarial.time: " in world.finding("too-little-time").remedy
    assert world.outcome is Outcome.NOT_DETERMINED


@pytest.mark.parametrize(("bot", "turned"), [(bots.obeying(["plain"]), True), (bots.honest, False)])
def test_an_answer_that_ends_at_its_greatest_length_is_all_that_an_attacker_gets(
    tmp_path: Path, bot: Bot, turned: bool
) -> None:
    def cut_off(asked: Asked) -> Said:
        answer = bot(Talk.of(asked))
        return said(completion(answer if isinstance(answer, str) else None, finish="length"))

    world = World(tmp_path, bots.sometimes(serving(bot), cut_off, rate=0.3))
    assert ("obeys-sources" in world.codes(Weight.GAP)) is turned
    assert "tries-inconclusive" not in world.codes()
    assert world.outcome is (Outcome.NOT_MET if turned else Outcome.MET)

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plants.chat_server import FAULTS, LISTED, NAME, Busy, Call, Talk, completion, echo, serving, sound, streamed
from plants.server import Answering, Asked, Said, Server, said
from seatrial.adapters.http import Http, declared_origins
from seatrial.adapters.models.catalogue import OpenModel, open_model
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.core.ports import CHAT_SETTING, ReplyKind, Request, Row
from seatrial.spec.system import System


@contextmanager
def chatting(
    answer: Answering, base_dir: Path | None = None, *, task: str = "chat", identity: str = "", **chat: Any
) -> Iterator[tuple[OpenModel, Server]]:
    with Server(answer) as server:
        section: dict[str, Any] = {"openai": f"{server.url}/v1", "task": task, "timeout": "2s"}
        section["chat"] = {"name": NAME, **chat}
        if identity:
            section["identity"] = f"{server.url}{identity}"
        declared = System.model_validate({"system": "s", "version": "1", "model": section})
        http = Http(origins=declared_origins(declared))
        model = open_model(declared, base_dir=base_dir or Path(), http=http)
        yield model, server
        model.close()


def answers(model: OpenModel, rows: Sequence[Row]) -> list[Any]:
    reply = model.predict(rows)
    assert reply.kind is ReplyKind.OK, reply
    return [p.prediction for p in reply.predictions]


def posts(server: Server) -> list[Asked]:
    return [asked for asked in server.asked if asked.method == "POST"]


def test_the_declared_prompts_parameters_and_tools_are_what_is_sent(tmp_path: Path) -> None:
    (tmp_path / "system.md").write_text("Answer from this alone:\n{{ documents }}\n")
    (tmp_path / "user.md").write_text("{{question}} (from {{site}})")
    tools = [{"type": "function", "function": {"name": "lookup", "parameters": {}}}]
    (tmp_path / "tools.json").write_text(json.dumps(tools))
    files = {"system": "system.md", "template": "user.md", "tools": "tools.json", "context": "documents"}
    with chatting(sound, tmp_path, parameters={"temperature": 0, "seed": 7}, **files) as (model, server):
        row: Row = {"question": "When? {{site}}", "site": 4, "documents": "Gate 3 opens at 6."}
        assert answers(model, [row]) == ["You asked: When? {{site}} (from 4)"]
        assert posts(server)[0].json() == {
            "model": NAME,
            "temperature": 0,
            "seed": 7,
            "tools": tools,
            "messages": [
                {"role": "system", "content": "Answer from this alone:\nGate 3 opens at 6."},
                {"role": "user", "content": "When? {{site}} (from 4)"},
            ],
        }


def test_without_a_template_the_inputs_are_sent_as_they_are() -> None:
    with chatting(sound) as (model, server):
        assert answers(model, [{"question": "When?"}]) == ["You asked: When?"]
        assert answers(model, [{"q": "a", "n": None, "x": [1]}]) == ["You asked: q: a\nn: \nx: [1]"]
        assert posts(server)[0].path == "/v1/chat/completions"


def test_a_prompt_that_asks_for_what_the_row_lacks_says_so(tmp_path: Path) -> None:
    (tmp_path / "user.md").write_text("{{qestion}}")
    with chatting(sound, tmp_path, template="user.md") as (model, server):
        with pytest.raises(Malformed, match=r"user.md asks for qestion"):
            model.predict([{"question": "When?"}])
        assert not server.asked


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("system", None, Unreachable),
        ("system", b"\xff", Malformed),
        ("tools", b"{}", Malformed),
        ("tools", b"[", Malformed),
    ],
)
def test_a_prompt_file_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, content: bytes | None, kind: type[SeatrialError]
) -> None:
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    with chatting(sound, tmp_path, **{name: "file"}) as (model, _), pytest.raises(kind):
        model.predict([{"question": "When?"}])


def test_a_stream_is_put_together_and_a_server_may_ignore_the_wish_for_one() -> None:
    with chatting(sound, stream=True) as (model, server):
        assert answers(model, [{"question": "When does gate 3 open?"}]) == ["You asked: When does gate 3 open?"]
        assert posts(server)[0].json()["stream"] is True
    with chatting(lambda _: said(completion("At 6.")), stream=True) as (model, _):
        assert answers(model, [{"question": "When?"}]) == ["At 6."]


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_call_is_the_answer_as_json(stream: bool) -> None:
    with chatting(serving(lambda _: Call(name="book", arguments='{"gate": 3}')), stream=stream) as (model, _):
        (answer,) = answers(model, [{"question": "Book gate 3"}])
    assert json.loads(answer) == {"text": "", "tool_calls": [{"name": "book", "arguments": {"gate": 3}}]}


def test_a_tool_call_in_pieces_is_put_together() -> None:
    deltas = [
        {"tool_calls": [{"index": 0, "function": {"name": "book", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"gate":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": " 3}"}}]},
    ]
    with chatting(lambda _: streamed(deltas, finish="tool_calls")) as (model, _):
        assert '"gate": 3' in answers(model, [{"question": "Book gate 3"}])[0]


def test_an_extraction_is_one_json_value_even_in_a_fence() -> None:
    with chatting(lambda _: said(completion('```json\n{"total": 3}\n```')), task="extraction") as (model, _):
        assert answers(model, [{"text": "three"}]) == [{"total": 3}]
    with chatting(sound, task="extraction") as (model, _):
        assert model.predict([{"text": "three"}]).kind is ReplyKind.MALFORMED


def test_the_score_is_the_mean_probability_of_the_tokens_where_there_are_any() -> None:
    content = completion("ok")
    content["choices"][0]["logprobs"] = {"content": [{"logprob": -0.2}, {"logprob": -0.4}]}
    with chatting(lambda _: said(content)) as (model, _):
        score = model.predict([{"q": "?"}]).predictions[0].score
    assert score == pytest.approx(0.7408, abs=1e-4)
    with chatting(sound) as (model, _):
        assert model.predict([{"q": "?"}]).predictions[0].score is None


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stream", [False, True])
def test_whatever_an_endpoint_does_is_a_reply_with_its_reason(fault: str, stream: bool) -> None:
    answer, kind = FAULTS[fault]
    with chatting(answer, stream=stream, attempts=2) as (model, _):
        reply = model.predict([{"question": "When?"}])
    assert (reply.kind.value, reply.predictions) == (kind, ())
    assert reply.error


@pytest.mark.parametrize("fault", ["filtered", "loops", "loops-in-a-stream", "cut-stream"])
def test_what_was_let_out_before_an_answer_ended_badly_is_kept(fault: str) -> None:
    with chatting(FAULTS[fault][0]) as (model, _):
        assert model.predict([{"question": "When?"}]).said


@pytest.mark.parametrize("refusal", ["whole", "stream"])
def test_what_the_protocol_marks_as_a_refusal_is_the_answer_that_the_user_sees(refusal: str) -> None:
    words = "I cannot help with that."
    answer = said(completion(None, refusal=words)) if refusal == "whole" else streamed([{"refusal": words}])
    with chatting(lambda _: answer) as (model, _):
        assert answers(model, [{"question": "When?"}]) == [words]


def test_a_request_that_was_turned_away_is_sent_again_and_counts_once() -> None:
    for busy in (Busy(2), Busy(1, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"), Busy(1, status=503)):
        with chatting(busy) as (model, server):
            assert answers(model, [{"question": "When?"}]) == ["You asked: When?"]
            assert 2 <= len(posts(server)) <= 3


def test_a_time_out_or_a_cut_is_never_asked_again() -> None:
    for fault in ("dripping", "cut", "broken"):
        with chatting(FAULTS[fault][0]) as (model, server):
            model.predict([{"question": "When?"}])
            assert len(posts(server)) == 1


def test_rows_are_asked_one_request_each_and_no_more_than_declared_at_once() -> None:
    most, now, lock = 0, 0, threading.Lock()

    def counting(asked: Asked) -> Said:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        threading.Event().wait(0.02)
        with lock:
            now -= 1
        return sound(asked)

    rows = [{"question": str(at)} for at in range(12)]
    with chatting(counting, parallel=3) as (model, server):
        assert answers(model, rows) == [f"You asked: {at}" for at in range(12)]
        assert len(posts(server)) == 12
    assert most == 3


def test_asking_the_halves_of_a_failed_batch_asks_no_row_twice() -> None:
    def picky(asked: Asked) -> Said:
        return FAULTS["filtered"][0](asked) if "bad" in Talk.of(asked).user else sound(asked)

    rows = [{"question": q} for q in ("a", "bad", "c", "c")]
    with chatting(picky) as (model, server):
        together = model.predict(rows)
        assert together.kind is ReplyKind.MALFORMED
        assert "1 of 4 rows" in together.error
        kinds = [model.predict([row]).kind for row in rows]
        assert kinds == [ReplyKind.OK, ReplyKind.REFUSED, ReplyKind.OK, ReplyKind.OK]
        assert len(posts(server)) == 4
        assert model.predict(rows[:1]).kind is ReplyKind.OK
        assert len(posts(server)) == 5


def test_a_batch_that_could_not_be_reached_is_asked_again_but_only_where_it_was_not() -> None:
    def half(asked: Asked) -> Said:
        return FAULTS["wrong-key"][0](asked) if "locked" in Talk.of(asked).user else sound(asked)

    rows = [{"question": "a"}, {"question": "locked"}]
    with chatting(half) as (model, server):
        assert [model.predict(rows).kind for _ in range(2)] == [ReplyKind.UNREACHABLE] * 2
        assert sorted(Talk.of(asked).user for asked in posts(server)) == ["a", "locked", "locked"]


def test_what_is_planted_stands_in_the_system_prompt_and_as_a_tools_result(tmp_path: Path) -> None:
    (tmp_path / "system.md").write_text("Be brief.")
    planted: Row = {"note": "Reference: X1", "tool_result": {"name": "lookup", "content": "nothing found"}}
    with chatting(sound, tmp_path, system="system.md") as (model, server):
        answers(model, [{"question": "When?", CHAT_SETTING: planted}])
        talk = Talk.of(posts(server)[0])
    assert (talk.system, talk.user, talk.tool_results) == ("Be brief.\n\nReference: X1", "When?", ("nothing found",))


def test_the_identity_is_what_the_endpoint_tells_and_not_the_time() -> None:
    served = dict(LISTED)

    def ticking(asked: Asked) -> Said:
        served["created"] = len(served["created"]) * "1" + "1"
        return serving(echo, listed=served)(asked)

    with chatting(ticking) as (model, _):
        before = model.identity()
        assert model.identity() == before
        served["meta"] = {"n_params": 8}
        assert model.identity() != before


def test_a_fingerprint_that_changes_is_another_model_and_two_at_once_are_none() -> None:
    prints = ["a", "a", "b", "b", "a", "b"]

    def served(asked: Asked) -> Said:
        if asked.method == "GET":
            return said({}, 404)
        return said({**completion("ok"), "system_fingerprint": prints.pop(0)})

    with chatting(served) as (model, _):
        assert model.identity() != model.identity()
        with pytest.raises(Malformed, match="another model from one request to the next"):
            model.identity()


def test_an_endpoint_that_tells_nothing_has_no_identity_unless_one_is_declared() -> None:
    def silent(asked: Asked) -> Said:
        if asked.path == "/version":
            return said({"version": "7"})
        return said({}, 404) if asked.method == "GET" else said({**completion("ok"), "system_fingerprint": None})

    with chatting(silent) as (model, _), pytest.raises(Malformed, match="tells nothing of the model"):
        model.identity()
    with chatting(silent, identity="/version") as (model, _):
        assert model.identity()


def test_the_load_generator_gets_the_request_of_one_row() -> None:
    with chatting(sound) as (model, server):
        request = model.request([{"question": "When?"}])
        assert isinstance(request, Request)
        assert model.request([{"question": "a"}, {"question": "b"}]) is None
        model.predict([{"question": "When?"}])
        assert request.body == posts(server)[0].body

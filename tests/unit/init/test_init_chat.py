"""`seatrial init` from a chat endpoint and from recorded answers: what is found, and what only people can say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from init_scene import answering

from plants.chat_server import LISTED, NAME, Talk, serving
from plants.server import Answering, Asked, Said, Server, said
from seatrial.app.proposing.given import Asked as InitAsked
from seatrial.app.proposing.initiate import Proposal, propose
from seatrial.app.proposing.initiate import write as written
from seatrial.core.errors import Malformed, Unreachable
from seatrial.spec.loading import load_system
from seatrial.spec.system import System

UNKNOWN = "I have no idea about that."


def gates(count: int = 40, **more: Any) -> list[dict[str, Any]]:
    """Questions about the gates of a yard; every eighth asks of one that is not there."""
    return [
        {
            "question_id": f"Q-{n:04}",
            "question": f"When does gate {n} open?",
            "documents": f"Gate {n} opens at {5 + n % 9:02d}:30." if n % 8 else "Nothing is written of it.",
            "expected": f"{5 + n % 9:02d}:30" if n % 8 else None,
            "answerable": bool(n % 8),
            "topic": ("gates", "ramps")[n % 2],
            **more,
        }
        for n in range(count)
    ]


def clerk(talk: Talk) -> str:
    """Reads the hour out of the documents."""
    after = talk.user.partition("opens at ")[2]
    return f"It opens at {after[:5]}." if after else UNKNOWN


def lines(rows: list[dict[str, Any]], path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def asked(folder: Path, model: str, data: Path, **more: Any) -> InitAsked:
    (folder / "trial").mkdir(exist_ok=True)
    return InitAsked(model=model, data=data, output=folder / "trial" / "seatrial.yaml", **more)


def proposed(folder: Path, model: str, data: Path, **more: Any) -> tuple[Proposal, System]:
    proposal = propose(asked(folder, model, data, **more), {})
    written(proposal)
    return proposal, load_system(proposal.file.read_bytes(), name="seatrial.yaml", environment={}).system


@pytest.mark.parametrize("path", ["", "/v1", "/v1/chat/completions"])
def test_a_chat_endpoint_is_known_at_whatever_address_it_is_given(path: str, tmp_path: Path) -> None:
    data = lines(gates(), tmp_path / "gates.jsonl")
    with Server(serving(clerk)) as served:
        proposal, system = proposed(tmp_path, f"{served.url}{path}", data)
        assert system.model.openai == f"{served.url}/v1"
        requests = sum(each.method == "POST" for each in served.asked)
    assert system.model.task == "chat"
    assert system.model.chat is not None
    assert (system.model.chat.name, system.model.chat.context) == (NAME, "documents")
    assert set(json.loads(proposal.inputs)) == {"question", "documents"}
    assert system.adversarial.chat.question == "question"
    evaluation = system.data.evaluation
    assert evaluation is not None
    assert (evaluation.label, evaluation.answerable) == ("expected", "answerable")
    assert system.governance.metric == "accuracy"
    assert 0 < requests <= 8, "each request may cost"


def test_what_only_people_know_of_a_chat_is_left_to_them(tmp_path: Path) -> None:
    data = lines(gates(), tmp_path / "gates.jsonl")
    with Server(serving(clerk)) as served:
        proposal, _ = proposed(tmp_path, f"{served.url}/v1", data)
    for path in (
        *("model.chat.system", "model.chat.template", "model.chat.parameters", "model.chat.tools"),
        *("model.output.abstains", "model.test_endpoint", "data.evaluation.match"),
        *("adversarial.chat.reads", "adversarial.chat.prompt", "adversarial.chat.tenants"),
        "adversarial.chat.forbidden",
    ):
        assert path in proposal.todos
    assert UNKNOWN in proposal.text, "how it abstains is shown to who must name the phrases"
    assert "of 4 answers that were looked at, 0 equal an expected one and 4 hold one" in proposal.notes
    assert any("topic" in note for note in proposal.notes)


@pytest.mark.parametrize(
    ("listed", "known"), [(LISTED, True), ({"id": NAME, "object": "model", "owned_by": "vendor"}, False)]
)
def test_a_name_alone_is_no_identity(listed: Mapping[str, Any], known: bool, tmp_path: Path) -> None:
    def bare(request: Asked) -> Said:
        answer = serving(clerk, listed=listed)(request)
        content = json.loads(answer.body)
        return said({k: v for k, v in content.items() if k != "system_fingerprint"}, answer.status)

    data = lines(gates(), tmp_path / "gates.jsonl")
    with Server(bare) as served:
        proposal, _ = proposed(tmp_path, f"{served.url}/v1", data)
    assert ("model.identity" in proposal.todos) is not known


def _several(bot: Answering) -> Answering:
    def answer(request: Asked) -> Said:
        if request.path.endswith("/models"):
            return said({"data": [LISTED, {"id": "embedder"}]})
        return bot(request)

    return answer


def test_one_of_several_models_is_named_and_asked(tmp_path: Path) -> None:
    data = lines(gates(), tmp_path / "gates.jsonl")
    with Server(_several(serving(clerk))) as served:
        with pytest.raises(Malformed, match=f"serves {NAME}, embedder"):
            proposed(tmp_path, f"{served.url}/v1", data)
        _, system = proposed(tmp_path, f"{served.url}/v1", data, served=NAME)
        assert {json.loads(each.body)["model"] for each in served.asked if each.method == "POST"} == {NAME}
    assert system.model.chat is not None
    assert system.model.chat.name == NAME


def test_a_credential_is_sent_and_stays_in_the_environment(tmp_path: Path) -> None:
    def guarded(request: Asked) -> Said:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers.get("authorization") != "Bearer s3cret-key":
            return said({"error": {"message": "who are you"}}, 401)
        return serving(clerk)(request)

    data = lines(gates(), tmp_path / "gates.jsonl")
    with Server(guarded) as served:
        with pytest.raises(Unreachable, match="wants to know who asks"):
            proposed(tmp_path, f"{served.url}/v1", data)
        headers = {"Authorization": "Bearer ${LLM_KEY}"}
        proposal = propose(asked(tmp_path, f"{served.url}/v1", data, headers=headers), {"LLM_KEY": "s3cret-key"})
    assert "s3cret-key" not in proposal.text
    assert "Bearer ${LLM_KEY}" in proposal.text


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda _: said({"error": {"message": "no such model"}}, 404), "answered none"),
        (lambda _: said({"choices": []}), "answered none"),
    ],
)
def test_an_endpoint_that_answers_nothing_is_no_proposal(
    answer: Callable[[Asked], Said], told: str, tmp_path: Path
) -> None:
    data = lines(gates(), tmp_path / "gates.jsonl")
    with (
        Server(lambda r: answer(r) if r.method == "POST" else serving(clerk)(r)) as served,
        pytest.raises(Malformed, match=told),
    ):
        proposed(tmp_path, f"{served.url}/v1", data)


def test_classes_behind_a_chat_endpoint_are_a_task_of_texts(tmp_path: Path) -> None:
    queues = ("gates", "ramps", "fees")
    rows = [{"question": f"please tell me about {queues[n % 3]} {n}", "queue": queues[n % 3]} for n in range(300)]
    data = lines(rows, tmp_path / "mails.jsonl")
    with Server(serving(lambda talk: talk.user.split()[-2:][0])) as served:
        proposal, system = proposed(tmp_path, f"{served.url}/v1", data, label="queue")
    assert (system.model.task, proposal.way) == ("text", "openai")
    assert system.model.chat is not None
    assert "adversarial" not in proposal.text


def _read_out(talk: Talk) -> str:
    """Reads number and total out of a letter, as the record itself: none of its fields holds another record."""
    words = talk.user.split()
    return json.dumps({"number": words[1:2], "total": words[-1:]})


def test_records_read_by_a_chat_endpoint_are_an_extraction_and_its_whole_answer_the_prediction(tmp_path: Path) -> None:
    rows = [
        {
            "letter": f"invoice {n} of the yard: please pay {n % 50 + 7}",
            "fields": {"number": str(n), "total": n % 50 + 7},
        }
        for n in range(60)
    ]
    data = lines(rows, tmp_path / "letters.jsonl")
    with Server(serving(_read_out)) as served:
        proposal, system = proposed(tmp_path, f"{served.url}/v1", data, label="fields")
    assert (system.model.task, proposal.way, system.model.output.prediction) == ("extraction", "openai", "prediction")
    assert system.governance.metric == "exact-match"


def test_a_chat_endpoint_that_says_no_record_where_the_labels_are_records_is_told(tmp_path: Path) -> None:
    rows = [{"letter": f"invoice {n} of the yard: please pay it", "fields": {"number": str(n)}} for n in range(60)]
    data = lines(rows, tmp_path / "letters.jsonl")
    with Server(serving(lambda _: "It is paid.")) as served, pytest.raises(Malformed):
        proposed(tmp_path, f"{served.url}/v1", data, label="fields")


def test_a_service_that_takes_questions_as_rows_is_a_chat_too(tmp_path: Path) -> None:
    data = lines(gates(), tmp_path / "gates.jsonl")

    def spoken(row: Mapping[str, Any]) -> dict[str, Any]:
        return {"answer": clerk(Talk(user=row["documents"])), "confidence": 0.9}

    with Server(answering(spoken)) as served:
        proposal, system = proposed(tmp_path, f"{served.url}/predict", data)
        assert (system.model.task, system.model.endpoint) == ("chat", f"{served.url}/predict")
    assert (system.model.output.prediction, system.model.output.score) == ("answer", "confidence")
    assert "model.chat.system" not in proposal.todos


def _recorded(folder: Path, name: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Path:
    rows = [change({**row, "answer": clerk(Talk(user=row["documents"]))}) for row in gates()]
    if name.endswith(".csv"):
        header = ",".join(rows[0])
        text = "\n".join(
            ",".join("" if v is None else str(v).lower() if isinstance(v, bool) else str(v) for v in r.values())
            for r in rows
        )
        (folder / name).write_text(f"{header}\n{text}\n")
        return folder / name
    return lines(rows, folder / name)


@pytest.mark.parametrize("name", ["past.jsonl", "past.csv"])
@pytest.mark.parametrize("beside", [True, False], ids=["one file", "two files"])
def test_recorded_answers_are_declared_and_only_the_vendor_is_left_open(
    name: str, beside: bool, tmp_path: Path
) -> None:
    past = _recorded(tmp_path, name, lambda r: r if beside else {k: r[k] for k in ("question", "documents", "answer")})
    data = past if beside else lines(gates(), tmp_path / "gates.jsonl")
    proposal, system = proposed(tmp_path, str(past), data)
    assert (system.model.recorded, system.model.task) == (f"../{name}", "chat")
    assert system.model.output.prediction == "answer"
    assert {"model.vendor.name", "model.vendor.version", "model.output.abstains"} <= set(proposal.todos)
    assert set(json.loads(proposal.inputs)) == {"question", "documents"}
    assert any("35 hold one" in note for note in proposal.notes)


def test_lists_of_accepted_answers_are_read_as_such(tmp_path: Path) -> None:
    rows = [{**row, "expected": [row["expected"], "later"] if row["expected"] else []} for row in gates()]
    data = lines(rows, tmp_path / "gates.jsonl")
    with Server(serving(clerk)) as served:
        proposal, system = proposed(tmp_path, f"{served.url}/v1", data)
    assert system.data.evaluation is not None
    assert system.data.evaluation.label == "expected"
    assert not any("left out" in note for note in proposal.notes)
    assert "4 hold one" in " ".join(proposal.notes)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda r: {**r, "expected": r["expected"] if r["answerable"] else None, "answerable": True},
            "5 of 40 questions",
        ),
        (lambda r: {k: v for k, v in r.items() if k != "answerable"}, "no column says which questions"),
        (lambda r: {k: v for k, v in r.items() if k != "documents"}, "no column holds what is retrieved"),
        (
            lambda r: {**r, "expected": r["expected"] and f"{r['expected']} on all days but the last of a month"},
            "words or more",
        ),
    ],
    ids=["no expectation", "no answerable", "no context", "long answers"],
)
def test_what_the_questions_lack_is_told(
    change: Callable[[dict[str, Any]], dict[str, Any]], told: str, tmp_path: Path
) -> None:
    data = lines([change(row) for row in gates()], tmp_path / "gates.jsonl")
    with Server(serving(clerk)) as served:
        proposal, _ = proposed(tmp_path, f"{served.url}/v1", data)
    assert any(told in note for note in proposal.notes), proposal.notes


def test_questions_without_any_expected_answer_are_refused(tmp_path: Path) -> None:
    data = lines([{"question": f"When does gate {n} open?", "expected": " "} for n in range(30)], tmp_path / "g.jsonl")
    with Server(serving(clerk)) as served, pytest.raises(Malformed) as refused:
        proposed(tmp_path, f"{served.url}/v1", data)
    assert refused.value.remedy


def test_what_was_proposed_is_answered_by_a_run(tmp_path: Path) -> None:
    """The model is opened from the file as it was proposed and answers a row as a run asks it."""
    from seatrial.adapters.http import Http
    from seatrial.adapters.models.catalogue import FACTORIES
    from seatrial.adapters.redaction import Redactor

    data = lines(gates(), tmp_path / "gates.jsonl")
    with Server(serving(clerk)) as served:
        _, system = proposed(tmp_path, f"{served.url}/v1", data)
        with Http(origins=[served.url], redact=Redactor()) as http:
            model = FACTORIES["openai"](system.model, tmp_path / "trial", http)
            row = {key: gates()[1][key] for key in ("question", "documents")}
            assert model.predict([row]).predictions[0].prediction == "It opens at 06:30."

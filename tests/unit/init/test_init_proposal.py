"""What `init` finds in data and in a model's answers, and what it leaves to people."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from init_scene import answering, asked, lender, loans, risk, write

from plants.model_server import FAULTS
from plants.server import Asked, Said, Server, said, unused_url
from seatrial.adapters.tables.catalogue import open_table
from seatrial.app.proposing.data import profile
from seatrial.app.proposing.file import Found, SourceText, inputs_text, system_text
from seatrial.app.proposing.initiate import Proposal, propose
from seatrial.app.proposing.inputs import Labelled, declared, guessed_label, labelled
from seatrial.app.proposing.model import Meaning
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.spec.loading import load_inputs, load_system
from seatrial.spec.system import System


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(lender) as served:
        yield served


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(loans(), tmp_path_factory.mktemp("loans") / "loans.csv")


def _read(proposal: Proposal) -> tuple[System, dict[str, Any]]:
    loaded = load_system(proposal.text.encode(), name="seatrial.yaml", environment={})
    assert load_inputs(proposal.inputs.encode(), name="inputs.json")
    return loaded.system, json.loads(proposal.inputs)


def _column(values: list[Any], tmp_path: Path) -> Any:
    file = write(pa.table({"x": pa.array(values)}), tmp_path / "one.parquet")
    return profile(open_table(str(file), base_dir=Path())).columns["x"]


def test_everything_that_can_be_found_is_filled_in(server: Server, data: Path, tmp_path: Path) -> None:
    system, inputs = _read(propose(asked(tmp_path, f"{server.url}/api/score", data), {}))
    assert system.version == "3.2"
    assert system.model.endpoint == f"{server.url}/api/score"
    assert system.model.identity == f"{server.url}/api/version"
    assert system.model.task == "binary"
    assert (system.model.output.prediction, system.model.output.score) == ("decision", "risk")
    assert system.model.output.positive == "yes"
    assert system.model.output.act_at == 0.5
    evaluation = system.data.evaluation
    assert evaluation is not None
    assert (evaluation.label, evaluation.time, evaluation.entity) == ("defaulted", "decided_at", "loan_id")
    assert list(inputs) == ["amount", "months", "grade", "tenure", "income", "employed"]
    assert inputs["months"] == {"type": "integer", "minimum": 12, "maximum": 48}
    assert inputs["grade"]["values"] == ["A", "B", "C", "D", "E"]
    assert inputs["income"]["nullable"] is True
    assert inputs["employed"] == {"type": "boolean"}


def test_what_only_people_can_decide_is_left_open(server: Server, data: Path, tmp_path: Path) -> None:
    proposal = propose(asked(tmp_path, f"{server.url}/api/score", data), {})
    system, _ = _read(proposal)
    for path in (
        "purpose",
        "go_live",
        "people",
        "owner.who",
        "owner.may_pull",
        "duties.monitor.who",
        "duties.pipeline-alert.acknowledge_within",
        "signers.legal",
        "model.test_endpoint",
        "governance.plan.document",
        "governance.minimum",
        "governance.offline_when",
        "data.training",
        "data.live",
        "load.peak",
        "workflows",
        "rollback.within",
        "training.users",
    ):
        assert path in proposal.todos
    assert system.undecided == tuple(proposal.todos)
    assert not system.model.test_endpoint


def test_parquet_and_a_live_sample_are_read_too(server: Server, tmp_path: Path) -> None:
    rows = write(loans(), tmp_path / "loans.parquet")
    fresh = loans(200, seed=9, without=("defaulted",))
    grades = pa.array(["F" if n % 9 == 0 else grade for n, grade in enumerate(fresh["grade"].to_pylist())])
    live = write(fresh.set_column(fresh.schema.get_field_index("grade"), "grade", grades), tmp_path / "live.parquet")
    proposal = propose(asked(tmp_path, f"{server.url}/api/score", rows, live=live), {})
    system, _ = _read(proposal)
    assert system.data.live is not None
    assert system.data.live.label is None
    assert any("grade has values in the live sample" in note and "F" in note for note in proposal.notes)


def test_a_live_sample_without_an_input_is_refused(server: Server, data: Path, tmp_path: Path) -> None:
    live = write(loans(50, without=("defaulted", "amount")), tmp_path / "live.csv")
    with pytest.raises(Malformed, match="no column amount"):
        propose(asked(tmp_path, f"{server.url}/api/score", data, live=live), {})


def test_a_column_that_tells_time_is_an_input_only_if_the_model_listens(data: Path, tmp_path: Path) -> None:
    def by_month(row: dict[str, Any]) -> dict[str, Any]:
        late = str(row.get("decided_at", "2026-01"))[:7] > "2026-05"
        return {"label": "yes" if late else "no", "score": 0.9 if late else 0.1}

    with Server(answering(by_month)) as served:
        proposal = propose(asked(tmp_path, f"{served.url}/predict", data), {})
    _, inputs = _read(proposal)
    assert inputs["decided_at"] == {"type": "time"}
    assert "loan_id" not in inputs


def test_days_as_texts_tell_time(server: Server, tmp_path: Path) -> None:
    rows = loans()
    place = rows.column_names.index("decided_at")
    days = pa.array([f"2026-0{1 + n % 9}-{1 + n % 28:02}" for n in range(rows.num_rows)])
    file = write(rows.set_column(place, "decided_at", days), tmp_path / "days.parquet")
    system, inputs = _read(propose(asked(tmp_path, f"{server.url}/api/score", file), {}))
    assert system.data.evaluation is not None
    assert system.data.evaluation.time == "decided_at"
    assert "decided_at" not in inputs


def test_a_model_that_demands_every_column_gets_them(data: Path, tmp_path: Path) -> None:
    def answer(request: Asked) -> Said:
        if request.method != "POST" or any("loan_id" not in row for row in request.json()["rows"]):
            return said({"error": "loan_id is required"}, 422)
        return lender(Asked(method="POST", path="/api/score", body=request.body))

    with Server(answer) as served:
        proposal = propose(asked(tmp_path, f"{served.url}/predict", data), {})
    assert "loan_id" in _read(proposal)[1]


def test_a_model_that_takes_exactly_its_own_columns_gets_them(data: Path, tmp_path: Path) -> None:
    own = {"decided_at", "amount", "months", "grade", "tenure", "income", "employed"}

    def strict(request: Asked) -> Said:
        if request.method != "POST" or any(set(row) != own for row in request.json().get("rows", [{}])):
            return said({"error": f"a row has exactly {', '.join(sorted(own))}"}, 422)
        return lender(Asked(method="POST", path="/api/score", body=request.body))

    with Server(strict) as served:
        proposal = propose(asked(tmp_path, f"{served.url}/predict", data), {})
    assert set(_read(proposal)[1]) == own


def test_mlflow_is_recognised_and_its_servers_version_is_no_identity(data: Path, tmp_path: Path) -> None:
    scoring = answering(lambda row: "yes" if risk(row) >= 0.5 else "no", path="/invocations", key="dataframe_records")

    def answer(request: Asked) -> Said:
        if request.path == "/version":
            return Said(body=b"2.19.0", headers={"Content-Type": "text/plain"})
        return scoring(request)

    with Server(answer) as served:
        proposal = propose(asked(tmp_path, served.url, data), {})
    system, _ = _read(proposal)
    assert system.model.mlflow is not None
    assert system.model.identity is None
    assert "model.identity" in proposal.todos


def test_a_health_page_is_no_version(data: Path, tmp_path: Path) -> None:
    def answer(request: Asked) -> Said:
        if request.path == "/health":
            return said({"status": "ok"})
        return lender(
            Asked(method=request.method, path=request.path.replace("predict", "api/score"), body=request.body)
        )

    with Server(answer) as served:
        assert "model.identity" in propose(asked(tmp_path, f"{served.url}/predict", data), {}).todos


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"label": "no", "score": 0.2}, ("label", "score")),
        ({"confidence": 0.3, "outcome": "no", "trace": "a1"}, ("outcome", "confidence")),
        ({"prediction": "no"}, ("prediction", None)),
        ({"prediction": "no", "probabilities": [0.7, 0.3]}, ("prediction", None)),
        ("no", ("prediction", None)),
    ],
)
def test_prediction_and_score_are_found_by_what_they_hold(
    data: Path, tmp_path: Path, answer: object, expected: tuple[str, str | None]
) -> None:
    with Server(answering(lambda _: answer)) as served:
        output = _read(propose(asked(tmp_path, f"{served.url}/predict", data), {}))[0].model.output
    assert (output.prediction, output.score) == expected


def test_a_confidence_is_not_taken_for_the_score_of_the_positive_label(data: Path, tmp_path: Path) -> None:
    def confident(row: dict[str, Any]) -> dict[str, Any]:
        return {"label": "yes" if risk(row) >= 0.5 else "no", "confidence": round(1 - risk(row), 6)}

    with Server(answering(confident)) as served:
        proposal = propose(asked(tmp_path, f"{served.url}/predict", data), {})
    assert _read(proposal)[0].model.output.score is None
    assert any("may be a confidence" in note for note in proposal.notes)


def test_where_the_answers_change_is_asked_when_it_is_no_round_number(data: Path, tmp_path: Path) -> None:
    def early(row: dict[str, Any]) -> dict[str, Any]:
        return {"label": "yes" if risk(row) >= 0.37 else "no", "risk": risk(row)}

    with Server(answering(early)) as served:
        proposal = propose(asked(tmp_path, f"{served.url}/predict", data), {})
    assert "model.output.act_at" in proposal.todos
    assert "# The answers change between risk" in proposal.text


def test_a_model_that_answers_a_score_alone_is_told_about(data: Path, tmp_path: Path) -> None:
    with Server(answering(lambda row: {"risk": risk(row)})) as served:
        proposal = propose(asked(tmp_path, f"{served.url}/predict", data), {})
    assert any("let the model answer the label itself" in note for note in proposal.notes)


def test_numbers_make_a_regression(tmp_path: Path) -> None:
    rows = write(loans(), tmp_path / "loans.parquet")
    with Server(answering(lambda row: {"estimate": 3.5 * float(row["tenure"])})) as served:
        proposal = propose(asked(tmp_path, f"{served.url}/predict", rows, label="income"), {})
    assert proposal.task == "regression"
    assert _read(proposal)[0].model.output.prediction == "estimate"
    assert "governance.metric" in proposal.todos


def _invoices(tmp_path: Path) -> Path:
    rows = [
        {
            "letter": f"Invoice {n} of the first of May: please pay the sum of {n * 3} EUR within ten days.",
            "fields": json.dumps({"number": n, "total": n * 3}),
        }
        for n in range(80)
    ]
    return write(pa.Table.from_pylist(rows), tmp_path / "invoices.parquet")


def test_records_as_labels_make_an_extraction_and_the_field_with_records_its_prediction(tmp_path: Path) -> None:
    def read(row: dict[str, Any]) -> dict[str, Any]:
        words = str(row["letter"]).split()
        return {"model": "reader", "record": {"number": int(words[1]), "total": int(words[12])}}

    with Server(answering(read)) as served:
        proposal = propose(asked(tmp_path, f"{served.url}/predict", _invoices(tmp_path), label="fields"), {})
    system = _read(proposal)[0]
    assert (system.model.task, system.model.output.prediction) == ("extraction", "record")
    assert system.governance.metric == "exact-match"


def test_a_model_that_answers_no_record_where_the_labels_are_records_is_told(tmp_path: Path) -> None:
    with (
        Server(answering(lambda _: {"total": "12 EUR"})) as served,
        pytest.raises(Malformed, match="no field of the model's answers is one: total"),
    ):
        propose(asked(tmp_path, f"{served.url}/predict", _invoices(tmp_path), label="fields"), {})


@pytest.mark.parametrize(
    "fault", ["html", "fewer-rows", "nan", "other-shape", "broken", "gone", "cut", "empty", "elsewhere"]
)
def test_a_model_that_does_not_answer_as_one_is_told_with_what_it_did(fault: str, data: Path, tmp_path: Path) -> None:
    with Server(FAULTS[fault][0]) as served, pytest.raises(SeatrialError) as caught:
        propose(asked(tmp_path, f"{served.url}/predict", data), {})
    assert caught.value.remedy


def test_a_model_behind_a_sign_in_page_is_said_to_be_html(data: Path, tmp_path: Path) -> None:
    with Server(FAULTS["html"][0]) as served, pytest.raises(Malformed, match="it looks like HTML"):
        propose(asked(tmp_path, f"{served.url}/predict", data), {})


def test_a_model_that_is_not_there_is_unreachable(data: Path, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="cannot be reached"):
        propose(asked(tmp_path, f"{unused_url()}/predict", data), {})


def test_a_credential_comes_from_the_environment_and_stays_there(data: Path, tmp_path: Path) -> None:
    def guarded(request: Asked) -> Said:
        if request.headers.get("authorization") != "Bearer open-sesame":
            return said({"error": "who are you"}, 401)
        return lender(request)

    with Server(guarded) as served:
        address = {"MODEL_URL": f"{served.url}/api", "TOKEN": "open-sesame"}
        with pytest.raises(Unreachable, match="who asks"):
            propose(asked(tmp_path, "${MODEL_URL}/score", data), address)
        wanted = asked(tmp_path, "${MODEL_URL}/score", data, headers={"Authorization": "Bearer ${TOKEN}"})
        proposal = propose(wanted, address)
    assert "open-sesame" not in proposal.text
    assert address["MODEL_URL"] not in proposal.text
    system = load_system(proposal.text.encode(), name="seatrial.yaml", environment=address).system
    assert system.model.identity == f"{address['MODEL_URL']}/version"
    assert system.model.headers == {"Authorization": "Bearer open-sesame"}


def test_a_version_that_cannot_be_named_without_the_hidden_address_is_left_open(data: Path, tmp_path: Path) -> None:
    with Server(lender) as served:
        proposal = propose(asked(tmp_path, "${MODEL}", data), {"MODEL": f"{served.url}/api/score"})
        assert served.url not in proposal.text
    assert "model.identity" in proposal.todos


@pytest.mark.parametrize(
    "wrong",
    [
        {"headers": {"Authorization": "Bearer open-sesame"}},
        {"model": "http://user:open-sesame@127.0.0.1:9/predict"},
    ],
)
def test_a_secret_in_plain_is_refused_without_repeating_it(wrong: dict[str, Any], data: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        propose(asked(tmp_path, "http://127.0.0.1:9/predict", data, **wrong), {})
    assert "open-sesame" not in str(caught.value)


def test_an_environment_variable_that_is_not_set_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="MODEL_URL is not set"):
        propose(asked(tmp_path, "${MODEL_URL}/score", data), {})


@pytest.mark.parametrize(
    ("content", "more", "said_of_it"),
    [
        ("a,b,label\n", {}, "no rows"),
        ("", {}, "the file is empty"),
        ("a,a,label\n1,2,0\n", {}, "occurs more than once"),
        ("a,b\n1,2\n3,4\n", {}, "no column of data.csv says"),
        ("a,label\n1,0\n2,0\n", {}, "are the same"),
        ("a,label\n1,\n2,\n", {}, "no row has a value"),
        ("a,label\n1,0\n2,1\n", {"label": "lable"}, "Did you mean label"),
        ("a,label\n1,0\n2,1\n", {"time": "when"}, "which --time names"),
        ("label\n1\n0\n", {}, "no column that the model could take"),
        ("a,label\n" + "".join(f"{n},t{n}\n" for n in range(300)), {}, "different texts"),
    ],
)
def test_data_that_tell_nothing_are_refused(
    content: str, more: dict[str, Any], said_of_it: str, tmp_path: Path, server: Server
) -> None:
    (tmp_path / "data.csv").write_text(content)
    wanted = asked(tmp_path, f"{server.url}/api/score", tmp_path / "data.csv", **{"label": None, **more})
    with pytest.raises(SeatrialError) as caught:
        propose(wanted, {})
    assert said_of_it in str(caught.value)


@pytest.mark.parametrize("name", ["nothing.csv", "postgresql://db/x"])
def test_a_data_file_that_is_not_there_or_no_file_is_refused(name: str, tmp_path: Path, server: Server) -> None:
    with pytest.raises(SeatrialError) as caught:
        propose(asked(tmp_path, f"{server.url}/api/score", Path(name)), {})
    assert caught.value.remedy


_ADAPTER = """
import json, urllib.request

def route(rows):
    def asked(row):
        content = json.dumps({"text": row["body"]}).encode()
        with urllib.request.urlopen(urllib.request.Request("URL/classify", content), timeout=10) as answer:
            return json.load(answer)
    return [asked(row) for row in rows]
"""


def test_a_service_that_takes_one_record_a_request_is_reached_through_the_function_that_is_told(tmp_path: Path) -> None:
    queues = ("gates", "ramps", "fees")
    rows = [{"body": f"please look at the {queues[n % 3]} of yard {n}", "queue": queues[n % 3]} for n in range(120)]
    data = write(pa.Table.from_pylist(rows), tmp_path / "mails.parquet")

    def single(request: Asked) -> Said:
        text = request.json().get("text") if request.method == "POST" else None
        return said({"queue": text.split()[4], "sure": 0.5}) if text else said({"error": "text is missing"}, 422)

    with Server(single) as server:
        with pytest.raises(Malformed) as refused:
            propose(asked(tmp_path, f"{server.url}/classify", data, label="queue"), {})
        assert "--model adapter.py:function" in (refused.value.remedy or "")
        adapter = tmp_path / "adapter.py"
        adapter.write_text(_ADAPTER.replace("URL", server.url))
        proposal = propose(asked(tmp_path, f"{adapter}:route", data, label="queue"), {})
    assert (proposal.way, _read(proposal)[0].model.output.prediction) == ("python", "queue")


@pytest.mark.parametrize(("empty", "told"), [("", True), ('""', False)])
def test_an_empty_field_of_a_csv_file_is_said_to_be_sent_as_null_unless_it_is_quoted(
    empty: str, told: bool, tmp_path: Path
) -> None:
    queues = ("gates", "ramps", "fees")
    lines = [f"{empty if n % 9 == 0 else 'about it'},please look at the {queues[n % 3]}, {n}" for n in range(300)]
    lines = [f'{line.partition(",")[0]},"{line.partition(",")[2]}",{queues[n % 3]}' for n, line in enumerate(lines)]
    data = tmp_path / "mails.csv"
    data.write_text("\n".join(["subject,body,queue", *lines]) + "\n")
    with Server(answering(lambda row: {"queue": str(row["body"]).split()[4].strip(",")})) as served:
        proposal = propose(asked(tmp_path, f"{served.url}/predict", data, label="queue"), {})
    assert any("mails.csv is sent as null" in note and "subject" in note for note in proposal.notes) is told
    assert (_read(proposal)[1]["subject"].get("nullable") is True) is told


def test_a_stand_in_for_a_missing_value_does_not_widen_the_range(tmp_path: Path) -> None:
    values = [20.0 + n % 15 for n in range(3000)]
    values[7] = -9999.0
    field, notes = declared(_column(values, tmp_path))
    assert isinstance(field["minimum"], int | float)
    assert 10 <= field["minimum"] <= 20
    assert any("-9999" in note for note in notes)


def test_a_heavy_tail_is_inside_the_range(tmp_path: Path) -> None:
    values = [float(n) ** 1.5 for n in range(2000)]
    field, notes = declared(_column(values, tmp_path))
    assert isinstance(field["maximum"], int | float)
    assert field["maximum"] >= max(values)
    assert field["minimum"] == 0
    assert notes == []


def test_a_share_stays_a_share(tmp_path: Path) -> None:
    field, _ = declared(_column([n / 999 for n in range(1000)], tmp_path))
    assert (field["minimum"], field["maximum"]) == (0, 1)


def test_a_column_without_values_is_told(tmp_path: Path) -> None:
    field, notes = declared(_column([None, None, None], tmp_path))
    assert field == {"type": "number", "nullable": True}
    assert any("no value in any row" in note for note in notes)


@pytest.mark.parametrize(
    ("values", "task", "positive"),
    [
        ([0, 1] * 20, "binary", 1),
        ([0.0, 1.0] * 20, "binary", 1),
        ([True, False] * 20, "binary", True),
        (["good", "bad"] * 20, "binary", "bad"),
        (["rare", *["usual"] * 30], "binary", "rare"),
        ([0, 1, 2] * 20, "multiclass", None),
        (["a", "b", "c"] * 20, "multiclass", None),
        ([n * 1.5 for n in range(60)], "regression", None),
        (list(range(60)), "regression", None),
        ([f'{{"total": {n}, "date": "2026-01-01"}}' for n in range(60)], "extraction", None),
        (['["Berlin"]', "[]"] * 20, "extraction", None),
        ([*(f'{{"total": {n}}}' for n in range(5)), *["none"] * 30, *["other"] * 30], "multiclass", None),
    ],
)
def test_the_task_follows_from_the_labels(values: list[Any], task: str, positive: object, tmp_path: Path) -> None:
    column = _column(values, tmp_path)
    found = labelled(column, [{column.name: value} for value in values])
    assert (found.task, found.positive) == (task, positive)
    assert type(found.positive) is type(positive)


def test_a_label_is_guessed_only_where_one_name_says_so() -> None:
    assert guessed_label(["a", "Target", "b"]) == "Target"
    assert guessed_label(["a", "b"]) is None
    assert guessed_label(["label", "target"]) is None


_NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12).filter(
    lambda name: not name.startswith("TODO")
)


@given(names=st.lists(_NAMES, min_size=4, max_size=4, unique=True), kind=st.sampled_from(["binary", "regression"]))
@settings(max_examples=60, deadline=None)
def test_whatever_columns_are_called_the_proposal_reads_back(names: list[str], kind: Any) -> None:
    label, time, entity, score = names
    found = Found(
        name="x",
        way="endpoint",
        address="http://127.0.0.1:9/predict",
        identity=None,
        told=None,
        headers={},
        label=Labelled(column=label, task=kind, classes=("0", "1"), positive=names[1]),
        meaning=Meaning(prediction=names[0], score=score, act_between=(0.1, 0.2)),
        inputs_file="inputs.json",
        evaluation=SourceText(source=f"{names[2]}.csv", label=label),
        live=SourceText(source="live.csv", time=time),
        times=(time, score),
        entities=(entity,),
        notes=(f"{label}\nnext: line", f"# {time}"),
    )
    system = load_system(system_text(found).encode(), name="seatrial.yaml", environment={}).system
    assert system.model.output.prediction == names[0]
    assert system.data.evaluation is not None
    assert (system.data.evaluation.label, system.data.evaluation.source) == (label, f"{names[2]}.csv")
    inputs = inputs_text({name: {"type": "string", "values": [name]} for name in names})
    assert set(load_inputs(inputs.encode(), name="inputs.json")) == set(names)


def test_the_words_of_yaml_are_quoted() -> None:
    for word in ("yes", "null", "3.2", "~", "a: b", "# x", "${HOME}", *string.punctuation):
        found = system_text(
            Found(
                name="x",
                way="endpoint",
                address="http://127.0.0.1:9/predict",
                identity=None,
                told=None,
                headers={},
                label=Labelled(column=word, task="binary", classes=("0", "1"), positive=word),
                meaning=Meaning(),
                inputs_file="inputs.json",
                evaluation=SourceText(source="x.csv", label=word),
                live=None,
                times=(),
                entities=(),
                notes=(),
            )
        )
        system = load_system(found.encode(), name="seatrial.yaml", environment={}).system
        assert system.data.evaluation is not None
        assert system.data.evaluation.label == word
        assert system.model.output.positive == word

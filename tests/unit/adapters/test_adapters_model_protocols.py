"""What each protocol puts on the wire, and what it reads back."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plants.server import Asked, Said, Server, said
from seatrial.adapters.http import Http, declared_origins
from seatrial.adapters.models.answers import Told, checked, predictions_of, told_of_json
from seatrial.adapters.models.catalogue import OpenModel, open_model
from seatrial.adapters.models.columns import batch_of, by_column, lists_of, rows_of
from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.core.ports import ReplyKind, Row
from seatrial.spec.model import ModelSection
from seatrial.spec.system import System

ROWS: list[Row] = [{"wind": 40.0, "n": 3}, {"wind": 3.5, "n": 4}]


def section(**model: Any) -> ModelSection:
    return ModelSection.model_validate(
        {"endpoint": "http://h/", "task": "binary", "output": {"prediction": "label", "score": "p"}, **model}
    )


def opened(**model: Any) -> OpenModel:
    system = System.model_validate(
        {"system": "s", "version": "1", "model": {"task": "binary", "timeout": "2s", **model}}
    )
    return open_model(system, base_dir=None, http=Http(origins=declared_origins(system)))  # type: ignore[arg-type]


def body(protocol: str, rows: Sequence[Row] = ROWS, **model: Any) -> bytes:
    request = opened(endpoint="http://h/p", protocol=protocol, **model).request(rows)
    assert request is not None
    return request.body


def test_json_columns_and_pandas_split() -> None:
    assert json.loads(body("columns")) == {"wind": [40.0, 3.5], "n": [3, 4]}
    assert json.loads(body("split")) == {"columns": ["wind", "n"], "data": [[40.0, 3], [3.5, 4]]}


def test_a_field_that_one_row_lacks_is_null_in_its_column() -> None:
    assert json.loads(body("columns", [{"wind": 1.0}, {"n": 2}])) == {"wind": [1.0, None], "n": [None, 2]}


def test_csv_follows_the_declared_order_and_has_no_header() -> None:
    inputs = {"n": {"type": "integer"}, "wind": {"type": "number"}, "text": {"type": "string", "nullable": True}}
    rows: list[Row] = [{"wind": 40.0, "n": 3, "text": 'a "b", c'}, {"wind": math.nan, "n": True}]
    assert body("csv", rows, inputs=inputs) == b'3,40.0,"a ""b"", c"\n1,,\n'
    with pytest.raises(Refused, match="no place for gust"):
        body("csv", [{"gust": 1.0}], inputs=inputs)
    with pytest.raises(Refused, match="cannot hold"):
        body("csv", [{"n": [1]}], inputs=inputs)


def test_json_lines_are_one_object_a_line() -> None:
    assert [json.loads(line) for line in body("json-lines").splitlines()] == ROWS


def test_an_arrow_stream_keeps_types_and_refuses_a_column_of_two() -> None:
    table = pa.ipc.open_stream(body("arrow")).read_all()
    assert table.schema.types == [pa.float64(), pa.int64()]
    with pytest.raises(Refused, match="n cannot be sent as a column of one type"):
        body("arrow", [{"n": 1}, {"n": "one"}])


def _served(metadata: Any, outputs: Any = None) -> Callable[[Asked], Said]:
    def answer(asked: Asked) -> Said:
        if asked.method == "POST":
            return said({"outputs": outputs or []})
        return said({}) if asked.path.endswith("/ready") else said(metadata)

    return answer


def _tensors(tensors: Any, rows: Sequence[Row], **model: Any) -> Any:
    with Server(_served({"name": "m", "versions": ["1"], "inputs": tensors})) as server:
        request = opened(endpoint=f"{server.url}/v2/models/m", protocol="kserve-v2", **model).request(rows)
        assert request is not None
        assert request.url.endswith("/v2/models/m/infer")
        return json.loads(request.body)


def test_tensors_follow_the_server_s_metadata() -> None:
    inputs = [{"name": "n", "datatype": "INT32", "shape": [-1, 1]}, {"name": "wind", "datatype": "FP32", "shape": [-1]}]
    assert _tensors(inputs, ROWS) == {
        "inputs": [
            {"name": "n", "datatype": "INT32", "shape": [2, 1], "data": [3, 4]},
            {"name": "wind", "datatype": "FP32", "shape": [2], "data": [40.0, 3.5]},
        ]
    }


def test_all_fields_go_into_one_tensor_in_the_declared_order() -> None:
    order = {"n": {"type": "integer"}, "wind": {"type": "number"}}
    one = [{"name": "x", "datatype": "FP64", "shape": [-1, 2]}]
    assert _tensors(one, ROWS, inputs=order)["inputs"][0] == {
        "name": "x",
        "datatype": "FP64",
        "shape": [2, 2],
        "data": [3, 40.0, 4, 3.5],
    }
    with pytest.raises(Refused, match="takes 3 values per row, the rows have 2"):
        _tensors([{"name": "x", "datatype": "FP64", "shape": [-1, 3]}], ROWS)


def test_a_server_that_names_no_inputs_gets_a_table_of_tensors() -> None:
    content = _tensors([], [{"wind": 1.5, "n": 1, "on": True, "text": "x"}])
    assert content["parameters"] == {"content_type": "pd"}
    assert [t["datatype"] for t in content["inputs"]] == ["FP64", "INT64", "BOOL", "BYTES"]
    assert {tuple(t["shape"]) for t in content["inputs"]} == {(1, 1)}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"wind": None}], "cannot lack a value"),
        ([{"wind": math.nan}], "cannot lack a value"),
        ([{"gust": 1.0}], "named wind"),
        ([{"wind": 1.0, "gust": 1.0}], "no tensor named gust"),
    ],
)
def test_what_tensors_cannot_carry_is_refused(rows: list[Row], message: str) -> None:
    with pytest.raises(Refused, match=message):
        _tensors([{"name": "wind", "datatype": "FP64", "shape": [-1]}, *_second(message)], rows)


def _second(message: str) -> list[dict[str, Any]]:
    """A second input keeps one tensor from being read as that of all fields."""
    return [] if "lack" in message or "gust" in message else [{"name": "n", "datatype": "FP64", "shape": [-1]}]


def _answered_tensors(tensor: Any, asked: int = 2) -> Any:
    metadata = {"name": "m", "versions": ["1"], "inputs": []}
    with Server(_served(metadata, [tensor])) as server:
        model = opened(endpoint=f"{server.url}/v2/models/m", protocol="kserve-v2", task="regression")
        reply = model.predict(ROWS[:asked])
        model.close()
        return reply


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        ({"shape": [1], "datatype": "FP64", "data": [1.0]}, "shape"),
        ({"shape": [2], "datatype": "FP64", "data": [1.0]}, "1 values for the shape"),
        ({"shape": [2], "datatype": "FP64", "data": ["a", "b"]}, "not of its datatype"),
        ({"shape": [2], "datatype": "INT64", "data": [1.5, 2]}, "not of its datatype"),
        ({"shape": [2], "datatype": "NUMBER", "data": [1.5, 2]}, "does not know"),
        ({"shape": ["2"], "datatype": "FP64", "data": [1.5, 2]}, "no shape"),
        ({"shape": [2], "datatype": "FP64"}, "no data"),
        ({"shape": [2, 2], "datatype": "FP64", "data": [[1.5, 2], 3]}, "rectangular"),
        ({"shape": [2], "datatype": "FP64", "data": [1.5, 2], "name": "other"}, "no tensor 'prediction'; it has other"),
    ],
)
def test_tensors_that_contradict_themselves_are_malformed(tensor: dict[str, Any], message: str) -> None:
    reply = _answered_tensors({"name": "prediction", **tensor})
    assert reply.kind is ReplyKind.MALFORMED
    assert message in reply.error


def test_nested_and_flat_data_mean_the_same_tensor() -> None:
    for data in ([[1.5], [2.0]], [1.5, 2.0]):
        reply = _answered_tensors({"name": "prediction", "shape": [2, 1], "datatype": "FP64", "data": data})
        assert [p.prediction for p in reply.predictions] == [1.5, 2.0], reply.error


def test_the_server_s_metadata_are_the_identity_once_it_is_ready() -> None:
    versions, ready = ["1"], [200]

    def answer(asked: Asked) -> Said:
        if asked.path.endswith("/ready"):
            return said({}, ready[0])
        return said({"name": "m", "versions": versions, "inputs": []})

    with Server(answer) as server:
        model = opened(endpoint=f"{server.url}/v2/models/m", protocol="kserve-v2")
        first = model.identity()
        versions[0] = "2"
        assert model.identity() != first
        versions.clear()
        with pytest.raises(Malformed, match="name no version"):
            model.identity()
        ready[0] = 503
        with pytest.raises(Unreachable, match="not ready"):
            model.identity()
        model.close()


def test_an_address_that_is_none_of_the_protocol_says_how_one_looks() -> None:
    with pytest.raises(Malformed, match="Open Inference") as caught:
        opened(endpoint="http://h/predict", protocol="kserve-v2")
    assert "/v2/models/NAME" in (caught.value.remedy or "")


def test_mlflow_s_other_forms_and_a_protocol_that_it_does_not_have() -> None:
    split = opened(mlflow="http://h", protocol="split").request(ROWS)
    columns = opened(mlflow="http://h", protocol="columns").request(ROWS)
    assert split is not None
    assert columns is not None
    assert json.loads(split.body) == {"dataframe_split": {"columns": ["wind", "n"], "data": [[40.0, 3], [3.5, 4]]}}
    assert json.loads(columns.body) == {"inputs": {"wind": [40.0, 3.5], "n": [3, 4]}}
    with pytest.raises(Malformed, match="does not speak arrow"):
        opened(mlflow="http://h", protocol="arrow")


def test_a_sagemaker_container_that_does_not_serve_has_no_identity() -> None:
    status = [503]

    def answer(asked: Asked) -> Said:
        return said({}, status[0]) if asked.path == "/ping" else Said(headers={"ETag": '"v7"'}, body=b"{}")

    with Server(answer) as server:
        model = opened(endpoint=f"{server.url}/invocations", protocol="csv", identity=f"{server.url}/tells#etag")
        with pytest.raises(Unreachable, match="does not serve"):
            model.identity()
        status[0] = 200
        assert model.identity() == model.identity()
        model.close()


def test_a_header_can_be_the_identity_and_must_be_there() -> None:
    tags = itertools.cycle(['"v7"'])
    with Server(lambda _: Said(headers={"ETag": next(tags)}, body=b"x")) as server:
        first = opened(endpoint=server.url, identity=f"{server.url}/m#ETag").identity()
        assert len(first) == 64
        with pytest.raises(Malformed, match="without the header x-version"):
            opened(endpoint=server.url, identity=f"{server.url}/m#x-version").identity()
        assert server.asked[0].path == "/m"


@pytest.mark.parametrize(
    ("more", "entry", "score"),
    [
        ({}, {"label": 1, "p": [0.25, 0.75]}, 0.75),
        ({}, {"label": 1, "p": {"0": 0.25, "1": 0.75}}, 0.75),
        ({}, {"label": 1, "p": [0.75]}, 0.75),
        ({"positive": "late", "classes": ["late", "fine"]}, {"label": "fine", "p": [0.25, 0.75]}, 0.25),
        ({"task": "multiclass"}, {"label": "b", "p": [0.1, 0.7, 0.2]}, 0.7),
        ({"task": "multiclass", "classes": ["a", "b", "c"]}, {"label": "c", "p": [0.1, 0.7, 0.2]}, 0.2),
    ],
)
def test_scores_of_several_classes_become_the_one_that_counts(
    more: dict[str, Any], entry: dict[str, Any], score: float
) -> None:
    told = told_of_json({"predictions": [entry]}, 1, _classed(more))
    assert [p.score for p in predictions_of(told)] == [score]


@pytest.mark.parametrize(
    ("more", "entry", "message"),
    [
        ({"positive": "late"}, {"label": "late", "p": [0.25, 0.75]}, "not declared which"),
        ({}, {"label": 1, "p": [0.1, 0.2, 0.7]}, "scores of 3 classes"),
        ({"classes": ["a", "b"], "task": "multiclass"}, {"label": "z", "p": [0.1, 0.9]}, "class z"),
        ({}, {"label": 1, "p": {"no": 0.1}}, "no score for the class 1"),
        ({"task": "regression"}, {"label": 1, "p": [0.1, 0.9]}, "scores of several classes"),
        ({}, {"label": 1, "p": [0.25, 1.75]}, "outside 0 to 1"),
    ],
)
def test_scores_whose_class_nobody_tells_are_malformed(
    more: dict[str, Any], entry: dict[str, Any], message: str
) -> None:
    with pytest.raises(Malformed, match=message):
        told_of_json({"predictions": [entry]}, 1, _classed(more))


def _classed(more: dict[str, Any]) -> ModelSection:
    output = {"prediction": "label", "score": "p"} | {k: v for k, v in more.items() if k != "task"}
    return section(output=output, task=more.get("task", "binary"))


_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.lists(st.integers(), max_size=1)
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(_VALUES, _VALUES), min_size=1, max_size=4), st.sampled_from(["binary", "regression", "text"]))
def test_looking_at_all_answers_at_once_is_never_more_lenient_than_looking_at_each(
    pairs: list[tuple[Any, Any]], task: str
) -> None:
    def judged(some: list[tuple[Any, Any]]) -> bool:
        told = Told(predictions=[p for p, _ in some], scores=[s for _, s in some])
        try:
            checked(told, len(some), section(task=task))
        except Malformed:
            return False
        return True

    assert judged(pairs) <= all(judged([pair]) for pair in pairs)


_CELLS = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False), st.text(max_size=4), st.booleans())


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_rows_columns_and_batches_hold_the_same(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from([int, float, str, bool]), min_size=1, max_size=3))
    values = {int: st.integers(-(2**53), 2**53), float: st.floats(allow_nan=False), str: st.text(), bool: st.booleans()}
    rows = [
        {f"c{at}": data.draw(st.none() | values[kind]) if kind is not float else data.draw(values[kind])
         for at, kind in enumerate(kinds)}
        for _ in range(data.draw(st.integers(1, 4)))
    ]  # fmt: skip
    batch = batch_of(cast("list[Row]", rows))
    assert rows_of(batch) == rows
    assert lists_of(batch) == by_column(cast("list[Row]", rows))

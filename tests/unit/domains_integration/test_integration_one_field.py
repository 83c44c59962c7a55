"""A cache that goes by too few fields is found by records that differ in one input; a cache that goes by all is not."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from plants.real_trial import RealTrial
from plants.server import Asked, Said, Server, said
from seatrial.core.ports import Row
from seatrial.core.vocabulary import Criticality, Weight
from seatrial.domains.flows.cleaning import Cleanup
from seatrial.domains.flows.driving import drive
from seatrial.domains.flows.lanes import lane_of
from seatrial.domains.integration import combined_load, one_field
from seatrial.domains.integration.combined_running import Driven, drive_all
from seatrial.domains.integration.one_field import Tried
from seatrial.domains.integration.passed_answers import Compared
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System


def minutes(row: Mapping[str, Any]) -> float:
    return 3.0 * float(row["pieces"]) + {"n": 0.0, "x": 40.0}[row["kind"]]


FALLBACK = {"fallback": {"source": "person"}}


class Pipeline:
    """Keeps answers by these fields; `refuses` a record whose customer would not send that kind."""

    def __init__(self, by: Sequence[str] | None, *, refuses: bool = False) -> None:
        self.by, self.refuses = by, refuses
        self.kept: dict[tuple[Any, ...], float] = {}
        self.out: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/predict":
            return said({"predictions": [{"minutes": minutes(row)} for row in asked.json()["rows"]]})
        if asked.path == "/out":
            with self._lock:
                return said([self.out[v] for v in asked.query.get("value", []) if v in self.out])
        if asked.method == "GET":
            return said([])
        row = asked.json()
        if self.refuses and not usual(row):
            return said({"error": "no such order"}, 422)
        with self._lock:
            told = self.passed_on(row)
            if told is not None:
                self.out[str(row["id"])] = {"id": row["id"], **told}
        return said({}, 201)

    def passed_on(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """What comes out for a record that the entry took; None for nothing."""
        key = tuple(row[name] for name in self.by) if self.by is not None else (row["id"],)
        return {"minutes": self.kept.setdefault(key, minutes(row))}


def usual(row: Mapping[str, Any]) -> bool:
    return bool((int(row["customer"][1:]) % 2 == 0) == (row["kind"] == "x"))


class DropsDuplicates(Pipeline):
    """Drops, behind its entry, what agrees in these fields with a record that came before the last `stays` records."""

    def __init__(self, by: Sequence[str], *, stays: int | None = None) -> None:
        super().__init__(None)
        self.known, self.stays, self.began = by, stays, False
        self.came: list[tuple[Any, ...]] = []

    def passed_on(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        if self.stays is not None and not self.began and "seatrial-t-d" in str(row["id"]):
            self.began, self.came = True, []
        key = tuple(row[name] for name in self.known)
        before = key in self.came
        self.came.append(key)
        return None if before else super().passed_on(row)


class SortsOut(Pipeline):
    """Sorts out, behind its entry, what cannot be; `as_fallback` for a person to answer."""

    def __init__(self, *, as_fallback: bool = False) -> None:
        super().__init__(None)
        self.as_fallback = as_fallback

    def passed_on(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        if usual(row):
            return super().passed_on(row)
        return {"minutes": 0.0, "source": "person"} if self.as_fallback else None


class KnowsKinds(Pipeline):
    """Takes the kind from its own master data, and tells it; `answers` for the kind that was put in nevertheless."""

    def __init__(self, *, answers: bool = False) -> None:
        super().__init__(None)
        self.answers = answers

    def passed_on(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        kind = "x" if int(row["customer"][1:]) % 2 == 0 else "n"
        return {"minutes": minutes(row if self.answers else {**row, "kind": kind}), "kind": kind}


class KeepsAll(Pipeline):
    """Keeps all that it answered by customer, inputs and answer together."""

    def __init__(self) -> None:
        super().__init__(None)
        self.whole: dict[str, dict[str, Any]] = {}

    def passed_on(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        return self.whole.setdefault(row["customer"], {"minutes": minutes(row), "kind": row["kind"]})


class NeverAgain(Pipeline):
    """Falls back for all records once the busy time is over."""

    def passed_on(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        calm = "seatrial-t-d" in str(row["id"])
        return {"minutes": 0.0, "source": "person"} if calm else super().passed_on(row)


def described(url: str, *, kind_from: str | None = None, **flow: Any) -> System:
    test = {"url": url, "writable": True, "read": "/in", "write": "/in", "observe": "/out"}
    plan = {"name": "plan", "in": "orders", "out": "planner", "key": "id", "within": "1s", "peak": "100/s", **FALLBACK}
    return System.model_validate(
        {
            "system": "s",
            "version": "1",
            "model": {
                "endpoint": f"{url}/predict",
                "task": "regression",
                "inputs": {
                    "pieces": {"type": "integer"},
                    "kind": {"type": "string", "values": ["n", "x"], "fed_by": kind_from},
                },
                "output": {"prediction": "minutes"},
            },
            "integrations": {
                "orders": {"kind": "http", "test": test},
                "customers": {"kind": "http", "test": test},
                "planner": {"kind": "http", "direction": "out", "test": test},
            },
            "flows": [{**plan, "records": "r.jsonl", "answers": {"minutes": "prediction"}, **flow}],
        }
    )


def lines(count: int) -> bytes:
    records = [{"id": "", "customer": f"C{at}", "pieces": at + 1, "kind": "nx"[at % 2 == 0]} for at in range(count)]
    return "".join(f"{json.dumps(each)}\n" for each in records).encode()


def tried(pipeline: Pipeline, *, count: int = 20, kind_from: str | None = None, records: bytes | None = None) -> Tried:
    with Server(pipeline) as server:
        system = described(server.url, kind_from=kind_from)
        with RealTrial(system, files={"r.jsonl": records or lines(count)}) as trial:
            lane = lane_of(trial, system.flows[0], "seatrial-t-b", 1.0)
            passages, _ = drive(trial, [lane], duration_s=1.0, settled=False)
            made = one_field.put_in(system, trial, lambda made: made, lane, passages["plan"], "seatrial-t-d")
    assert made is not None
    assert {f.code for f in one_field.findings([made])} <= set(one_field.CODES) <= set(combined_load.CHECK.codes)
    return made


def told(made: Tried) -> list[tuple[str, Weight]]:
    return [(finding.code, finding.weight) for finding in one_field.findings([made])]


@pytest.mark.parametrize("by", [("customer",), ("customer", "kind"), ("customer", "pieces")])
def test_a_cache_that_leaves_an_input_out_is_a_gap(by: Sequence[str]) -> None:
    made = tried(Pipeline(by))
    assert made.compared.other > 0
    (finding,) = one_field.findings([made])
    assert (finding.code, finding.fields) == ("answer-before", ("minutes",))


@pytest.mark.parametrize(
    "pipeline",
    [Pipeline(None), Pipeline(("pieces", "kind")), Pipeline(None, refuses=True)],
    ids=["none", "a cache by all inputs", "an entry that refuses what cannot be"],
)
def test_a_pipeline_that_answers_each_record_for_itself_is_well(pipeline: Pipeline) -> None:
    made = tried(pipeline)
    assert (made.compared.other, told(made)) == (0, [])
    assert made.compared.compared >= 10


@pytest.mark.parametrize(
    "pipeline",
    [
        DropsDuplicates(("customer",)),
        DropsDuplicates(("customer", "kind")),
        DropsDuplicates(("customer",), stays=0),
    ],
    ids=["by customer", "without pieces", "only within a short time"],
)
def test_a_pipeline_that_drops_another_record_as_a_duplicate_is_a_gap(pipeline: Pipeline) -> None:
    made = tried(pipeline, count=200)
    assert made.lost > 0
    assert ("taken-for-earlier", Weight.GAP) in told(made)


def test_what_is_sorted_out_behind_the_entry_is_noted_while_the_records_themselves_come_out() -> None:
    made = tried(SortsOut())
    assert made.lost > 0
    assert told(made) == [("exchanged-sorted-out", Weight.NOTE)]
    assert made.compared.compared >= 5
    assert told(tried(SortsOut(as_fallback=True))) == []


def test_where_nothing_could_be_compared_at_rest_it_is_open() -> None:
    assert told(tried(NeverAgain(None))) == [("exchanged-not-compared", Weight.OPEN)]


def test_an_input_that_the_pipeline_takes_from_its_declared_source_is_compared_as_it_used_it() -> None:
    made = tried(KnowsKinds(), kind_from="customers")
    assert told(made) == []
    assert made.compared.compared >= 10
    assert told(tried(KnowsKinds(answers=True), kind_from="customers")) == [("answer-before", Weight.GAP)]


@pytest.mark.parametrize(
    ("pipeline", "source"),
    [(KnowsKinds(), None), (KeepsAll(), "orders")],
    ids=["master data that nobody declares", "a cache of whole records"],
)
def test_an_input_that_comes_out_otherwise_is_open_where_nobody_declares_where_from(
    pipeline: Pipeline, source: str | None
) -> None:
    assert ("input-replaced", Weight.OPEN) in told(tried(pipeline, kind_from=source))


class Sparse(Pipeline):
    """Answers records that hold no kind."""

    def passed_on(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        return super().passed_on({"kind": "n", **row})


class HoldsBack(Pipeline):
    """Falls back for one kind as a rule, and notes the keys that came."""

    def __init__(self, by: Sequence[str] | None) -> None:
        super().__init__(by)
        self.keys: list[Any] = []

    def passed_on(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        self.keys.append(row["id"])
        return {"minutes": 0.0, "source": "person"} if row["kind"] == "x" else super().passed_on(row)


@pytest.mark.slow
@pytest.mark.parametrize(("by", "codes"), [(("customer",), ["answer-before"]), (None, [])])
def test_records_of_a_reserved_range_are_exchanged_though_some_fell_back(
    by: Sequence[str] | None, codes: list[str]
) -> None:
    pipeline = HoldsBack(by)
    policy = short_demo(Criticality.OPERATIONAL).model_copy(update={"flow_duration": 1.0})
    with Server(pipeline) as server:
        system = described(server.url, keys={"first": 1, "last": 900_000}).model_copy(update={"policy": policy})
        with RealTrial(system, files={"r.jsonl": lines(20)}) as trial, Cleanup(system, trial) as cleanup:
            driven = drive_all(system, trial, cleanup)
    assert isinstance(driven, Driven)
    assert all(tried is not None and tried.taken for tried in driven.exchanged)
    assert [f.code for f in one_field.findings(driven.exchanged) if f.weight is not Weight.NOTE] == codes
    assert len(set(pipeline.keys)) == len(pipeline.keys) > 400


def test_records_of_which_no_input_can_be_exchanged_are_told() -> None:
    same = "".join(json.dumps({"id": "", "customer": f"C{at}", "pieces": 3}) + "\n" for at in range(9)).encode()
    assert told(tried(Sparse(None), records=same)) == [("exchanged-not-compared", Weight.NOTE)]


def test_what_the_model_says_of_the_exchanged_records_is_passed_on() -> None:
    def weights(**compared: Any) -> list[tuple[str, Weight]]:
        return told(Tried(compared=Compared(flow="plan", **compared), taken=20, lost=0, sorted_out=True))

    assert weights(problem="it gave no answer") == [("exchanged-not-compared", Weight.OPEN)]
    assert weights(varied=3, compared=17) == [("exchanged-not-compared", Weight.OPEN)]
    assert weights(alike=20) == [("exchanged-not-compared", Weight.NOTE)]
    assert weights() == [("exchanged-not-compared", Weight.NOTE)]
    assert weights(compared=20) == []


ROWS: list[Row] = [{"id": str(at), "a": at % 3, "b": "same", "c": None} for at in range(30)]


def test_one_field_is_exchanged_at_a_time_and_only_for_another_value() -> None:
    made = list(one_field.exchanged(ROWS, ["a", "b", "c", "d"], unlike={"b": ["same", "other"]}))
    assert all({n for n in each.row if each.row[n] != each.base[n]} == {each.name} for each in made)
    assert [each.name for each in made] == ["a", "b"] * 8
    assert {each.row["b"] for each in made} == {"same", "other"}
    assert len(made) == 16
    assert list(one_field.exchanged([], ["a"], unlike={})) == []

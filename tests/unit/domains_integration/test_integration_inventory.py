"""The inventory: what is declared against what can be seen, and what is unmatched, both ways, is named."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from plants.planted_trial import NOW, PlantedTrial
from seatrial.core.disturbing import Line, LineCounts, LineMode
from seatrial.core.errors import SeatrialError, Unreachable
from seatrial.core.observation import Json, Observation
from seatrial.core.ports import Integration, Request
from seatrial.core.schema_change import SchemaChange
from seatrial.core.vocabulary import Outcome, Weight
from seatrial.domains.integration.access_logs import NAMELESS, read_log
from seatrial.domains.integration.inventory import CHECK
from seatrial.gate.judging import judge
from seatrial.spec.inventory import AccessLog
from seatrial.spec.system import System

Record = Mapping[str, Json]


@dataclass(slots=True)
class Board:
    """An integration in memory: what is written to `to` can be observed there."""

    to: list[Record] = field(default_factory=list)
    connected: Sequence[str] | None = None
    away: bool = False

    def version(self) -> str:
        return "1"

    def health(self) -> None:
        """It is there."""

    def schema(self) -> Mapping[str, str]:
        return {}

    def read(self, most: int) -> Sequence[Record]:
        return [{"id": "a", "temp": 1.0}]

    def write(self, record: Record) -> None:
        if self.away:
            raise Unreachable("it is away", remedy="Start it.")
        self.to.append(record)

    def request(self, record: Record) -> Request | None:
        return None

    def listen(self) -> None:
        """What is written stays."""

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Record]]:
        return {str(r[key]): [r] for r in self.to if str(r[key]) in values}

    def clients(self) -> Sequence[str] | None:
        return self.connected


@dataclass(slots=True)
class Passing:
    """A line that so many connections went through."""

    connections: int

    def set(
        self, mode: LineMode, *, delay_s: float = 1.0, after_bytes: int = 1, change: SchemaChange | None = None
    ) -> None:
        """It only passes."""

    def counts(self) -> LineCounts:
        return LineCounts(connections=self.connections, bytes_there=1, bytes_back=1, disturbed=0)


class Lined(PlantedTrial):
    """A trial with lines and production ends."""

    lines: Mapping[str, Line]
    live: Mapping[str, Integration]

    def line(self, name: str) -> Line:
        if name not in self.lines:
            raise SeatrialError(f"no line to {name}", remedy="Open it.")
        return self.lines[name]

    def production(self, name: str) -> Integration:
        return self.live[name]


USERS = b"id,group\nu1,docks\nu2,docks\n"
LOGS = [
    {"of": "model", "file": "model.log", "format": "json-lines"},
    {"of": "planner", "file": "planner.log", "format": "json-lines"},
    {"file": "out.csv", "format": "csv", "shows": "connections", "name": "to"},
]


INTEGRATIONS: dict[str, Any] = {
    "weather": {"kind": "http", "test": {"url": "http://127.0.0.1:2", "via": "127.0.0.1:3"}},
    "orders": {"kind": "http", "feeds": ["id"], "test": {"url": "http://127.0.0.1:4", "writable": True}},
    "planner": {"kind": "http", "direction": "out", "test": {"url": "http://127.0.0.1:5", "observe": "/x"}},
}


def calls(*names: str | None, hours_ago: float = 1) -> bytes:
    at = (NOW - timedelta(hours=hours_ago)).isoformat()
    return "".join(json.dumps({"caller": name, "at": at}) + "\n" for name in names).encode()


def connections(*to: str) -> bytes:
    return "".join(f"{line}\n" for line in ("to,at", *(f"{each},{NOW.isoformat()}" for each in to))).encode()


def system(**changes: Any) -> System:
    declared: dict[str, Any] = {
        "system": "arrival-delay",
        "version": "1",
        "people": {p: {"name": p.title()} for p in ("amir", "ivo", "lena")},
        "signers": {"it": "ivo"},
        "model": {
            "task": "binary",
            "endpoint": "http://127.0.0.1:1/predict",
            "inputs": {"temp": {"type": "number", "fed_by": "weather"}, "id": {"type": "string"}},
        },
        "integrations": INTEGRATIONS,
        "flows": [{"name": "warn", "in": "orders", "out": "planner", "key": "id", "within": "2s", "peak": "1/s"}],
        "workflows": {"docking": {"users": "docks", "outputs": ["planner"]}},
        "training": {"users": "users.csv"},
        "inventory": {"who": "amir", "logs": LOGS, "callers": {"gateway": "Sends orders."}},
    }
    return System.model_validate({**declared, **changes})


def inventory(**changes: Any) -> dict[str, Any]:
    return {"who": "amir", "logs": LOGS, "callers": {"gateway": "Sends orders."}, **changes}


def trial(
    *, lined: int = 4, model: bytes | None = None, planner: bytes | None = None, reached: bytes | None = None
) -> Lined:
    planted = Lined(
        files={
            "users.csv": USERS,
            "model.log": calls("gateway") if model is None else model,
            "planner.log": calls("u1") if planner is None else planner,
            "out.csv": connections("127.0.0.1:3") if reached is None else reached,
        },
        parts={"inventory": "digest"},
    )
    records: list[Record] = []
    planted.sources = {"weather": Board(), "orders": Board(to=records), "planner": Board(to=records)}
    planted.lines, planted.live = {"weather": Passing(lined)}, {}
    planted.accept("amir", "inventory", "inventory")
    return planted


def look(declared: System, planted: PlantedTrial) -> Observation:
    seen = CHECK.run(declared, planted)
    assert isinstance(seen, Observation)
    assert {f.code for f in seen.findings} <= set(CHECK.codes)
    assert all(f.remedy for f in seen.findings)
    return seen


def codes(seen: Observation) -> set[str]:
    return {f.code for f in seen.findings if f.weight is not Weight.NOTE}


def test_what_is_declared_seen_and_answered_for_is_established() -> None:
    seen = look(system(), trial())
    assert codes(seen) == set()
    assert judge(seen, {}).outcome is Outcome.MET


def test_users_who_did_not_call_today_and_entries_in_another_order_change_nothing() -> None:
    planted = trial(model=calls("gateway", "u2", "gateway"), planner=calls("u2", "u1", "u2"))
    assert codes(look(system(), planted)) == set()


@pytest.mark.parametrize(
    ("changes", "code", "named"),
    [
        ({"model": {"task": "binary", "endpoint": "http://127.0.0.1:1/predict"}}, "no-inputs", "inputs"),
        (
            {
                "model": {
                    "task": "binary",
                    "endpoint": "http://127.0.0.1:1/p",
                    "inputs": {"temp": {"type": "number", "fed_by": "weather"}, "wind": {"type": "number"}},
                }
            },
            "input-without-source",
            "wind",
        ),
        (
            {
                "model": {
                    "task": "binary",
                    "endpoint": "http://127.0.0.1:1/p",
                    "inputs": {"id": {"type": "string", "fed_by": "weather"}},
                }
            },
            "source-contradicts",
            "id",
        ),
        ({"workflows": {}}, "no-workflow", "workflow"),
        ({"workflows": {"docking": {"users": "docks"}}}, "workflow-without-output", "docking"),
        ({"workflows": {"docking": {"users": "docks"}}}, "output-without-workflow", "planner"),
        ({"workflows": {"docking": {"outputs": ["planner"]}}}, "workflow-without-users", "docking"),
        ({"workflows": {"docking": {"users": "yard", "outputs": ["planner"]}}}, "group-without-workflow", "docks"),
        ({"inventory": {"logs": LOGS, "callers": {"gateway": "x"}}}, "nobody-answers", "Nobody"),
        ({"inventory": inventory(who="ivo")}, "answers-and-signs", "Ivo"),
        ({"inventory": inventory(callers={"gateway": "x", "monitor": "y"})}, "caller-never-seen", "monitor"),
    ],
)
def test_what_the_declaration_leaves_unmatched_is_a_gap_that_names_it(
    changes: dict[str, Any], code: str, named: str
) -> None:
    seen = look(system(**changes), trial())
    assert any(f.code == code and named in f.summary for f in seen.findings), codes(seen)
    assert judge(seen, {}).outcome is Outcome.NOT_MET


@pytest.mark.parametrize("stranger", ["dashboard-7", "u3", None])
def test_a_caller_whom_nobody_declared_is_named(stranger: str | None) -> None:
    seen = look(system(), trial(planner=calls("u1", stranger)))
    assert codes(seen) == {"caller-not-declared"}
    assert (stranger or NAMELESS) in seen.findings[0].summary
    assert judge(seen, {}).outcome is Outcome.NOT_MET


def test_a_client_of_a_server_is_a_caller_too_and_its_program_is_told() -> None:
    planted = trial()
    source = planted.sources["orders"]
    assert isinstance(source, Board)
    source.connected = ["erp/sync", "erp/night", "dash/a", "intern/excel"]
    callers = {"gateway": "Sends orders.", "erp/*": "The ERP's own jobs.", "dash/a": "The display."}
    declared = system(inventory=inventory(callers=callers))
    seen = look(declared, planted)
    assert codes(seen) == {"caller-not-declared"}
    assert "intern/excel" in seen.findings[0].summary
    assert seen.findings[0].fields == ("intern/excel",)


@pytest.mark.parametrize("stranger", ["gateway/excel", "u1/excel", "dash/b", "gateway2", "xgateway"])
def test_a_name_declares_nobody_who_only_begins_like_it(stranger: str) -> None:
    declared = system(inventory=inventory(callers={"gateway": "x", "dash/a*": "y"}))
    seen = look(declared, trial(planner=calls("u1", "dash/a1", stranger)))
    assert codes(seen) == {"caller-not-declared"}
    assert seen.findings[0].fields == (stranger,)


@pytest.mark.parametrize("nobody", [None, "", " ", "-"])
def test_an_entry_without_a_name_is_nobody_whom_a_declaration_could_mean(nobody: str | None) -> None:
    declared = system(inventory=inventory(callers={"gateway": "x", NAMELESS: "y", "(nobody*": "z"}))
    seen = look(declared, trial(planner=calls("u1", nobody)))
    assert "caller-not-declared" in codes(seen)
    assert judge(seen, {}).outcome is Outcome.NOT_MET


def test_an_integration_that_nothing_uses_is_named_and_one_that_cannot_be_looked_at_is_no_better() -> None:
    assert codes(look(system(), trial(lined=0, reached=connections("127.0.0.1:5")))) == {"never-seen"}
    planted = trial(reached=connections("127.0.0.1:5"))
    planted.lines = {}
    seen = look(system(), planted)
    assert codes(seen) == {"never-seen"}
    assert "no line to weather" in seen.findings[0].summary


def test_a_record_that_does_not_arrive_shows_the_use_of_neither_end() -> None:
    planted = trial(planner=b"")
    planted.sources["planner"] = Board()
    named = {f.fields for f in look(system(), planted).findings if f.code == "never-seen"}
    assert named == {("integrations.orders",), ("integrations.planner",)}
    planted.sources["orders"] = Board(away=True)
    assert "never-seen" in codes(look(system(), planted))


def test_connections_are_held_against_the_integrations_both_ways() -> None:
    declared = system(inventory=inventory(others={"time.example.com": "The clock.", "10.0.0.9:1": "?"}))
    planted = trial(lined=0, reached=connections("127.0.0.1:2", "time.example.com:123", "evil.example.com:443"))
    seen = look(declared, planted)
    assert codes(seen) == {"connection-not-declared", "address-never-seen"}
    told = " ".join(f.summary for f in seen.findings)
    assert "evil.example.com:443" in told
    assert "10.0.0.9:1" in told
    assert "time.example.com" not in told


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        ("http://[::1]:2", "[::1]:2"),
        ("http://[::1]:2", "::1:2"),
        ("http://[2001:DB8:0::7]:2", "2001:db8::7:2"),
        ("https://Weather.example.com", "weather.example.com:443"),
        ("https://weather.example.com", "weather.example.com.:443"),
    ],
)
def test_an_address_is_the_same_however_it_is_spelled(url: str, reached: str) -> None:
    weather = {"kind": "http", "test": {"url": url, "via": "127.0.0.1:3"}}
    declared = system(
        integrations={**INTEGRATIONS, "weather": weather},
        inventory=inventory(others={"[2001:db8::9]": "The clock.", "2001:db8::a": "The other clock."}),
    )
    clocks = ("[2001:DB8::9]:123", "2001:db8:0::a:123")
    seen = look(declared, trial(lined=0, reached=connections(reached, *clocks)))
    assert codes(seen) == set(), seen.findings


def test_another_address_of_a_name_is_named_until_it_is_declared() -> None:
    planted = trial(lined=4, reached=connections("127.0.0.1:3", "[2001:db8::7]:443"))
    seen = look(system(), planted)
    assert codes(seen) == {"connection-not-declared"}
    declared = system(inventory=inventory(others={"2001:db8::7": "Another address of weather."}))
    assert codes(look(declared, trial(reached=connections("127.0.0.1:3", "[2001:db8::7]:443")))) == set()


def test_a_line_that_two_share_shows_the_use_of_neither() -> None:
    tides = {"kind": "http", "feeds": ["temp"], "test": {"url": "http://127.0.0.1:2", "via": "127.0.0.1:3"}}
    declared = system(integrations={**INTEGRATIONS, "tides": tides})
    planted = trial(reached=connections("127.0.0.1:5"))
    planted.sources["tides"] = Board()
    planted.lines = {"weather": Passing(4), "tides": Passing(4)}
    named = {f.fields for f in look(declared, planted).findings if f.code == "never-seen"}
    assert named == {("integrations.weather",), ("integrations.tides",)}


@pytest.mark.parametrize(
    ("changes", "log", "code"),
    [
        ({"inventory": inventory(logs=LOGS[1:], callers={})}, None, "no-log"),
        ({"inventory": inventory(logs=[LOGS[0], LOGS[2]])}, None, "no-log"),
        ({"inventory": inventory(logs=[LOGS[0], {**LOGS[2], "of": "planner"}])}, None, "no-log"),
        ({"inventory": inventory(logs=LOGS[:2])}, None, "no-connections-log"),
        ({}, b"", "log-empty"),
        ({}, calls("gateway", hours_ago=31 * 24), "log-empty"),
        ({}, calls("gateway") + b"not a record\n", "log-unreadable"),
        ({"inventory": inventory(logs=[*LOGS[1:], {**LOGS[0], "file": "gone.log"}])}, None, "log-unreadable"),
    ],
)
def test_without_a_log_of_who_calls_it_is_never_established(
    changes: dict[str, Any], log: bytes | None, code: str
) -> None:
    seen = look(system(**changes), trial(model=log))
    assert code in codes(seen)
    assert judge(seen, {}).outcome is not Outcome.MET


def two_outputs(production: bool = False) -> System:
    board: dict[str, Any] = {"kind": "http", "direction": "out", "test": {"url": "http://127.0.0.1:7"}}
    if production:
        board["production"] = {"url": "http://127.0.0.1:8", "read_only": True}
    return system(
        integrations={**INTEGRATIONS, "board": board},
        workflows={"docking": {"users": "docks", "outputs": ["planner", "board"]}},
    )


def test_a_log_of_one_output_does_not_show_who_uses_another() -> None:
    planted = trial(reached=connections("127.0.0.1:3", "127.0.0.1:7"))
    planted.sources["board"] = board = Board(connected=["u2"])
    seen = look(two_outputs(), planted)
    assert codes(seen) == {"no-log"}, "who is connected at the test end uses nothing"
    assert "board, an output of docking" in seen.findings[0].summary
    planted.live = {"board": board}
    assert codes(look(two_outputs(production=True), planted)) == set()
    board.connected = []
    assert codes(look(two_outputs(production=True), planted)) == {"no-log"}


def test_a_log_of_connections_that_shows_no_integration_is_another_systems() -> None:
    declared = system(inventory=inventory(others={"time.example.com": "The clock."}))
    seen = look(declared, trial(reached=connections("time.example.com:123")))
    assert codes(seen) == {"log-of-another"}
    assert judge(seen, {}).outcome is Outcome.NOT_DETERMINED


def test_a_group_whose_people_never_look_is_named() -> None:
    seen = look(system(), trial(planner=calls("gateway")))
    assert codes(seen) == {"group-never-seen"}
    assert "docks" in seen.findings[0].summary


def test_an_inventory_that_changed_since_it_was_accepted_is_answered_for_by_nobody() -> None:
    planted = trial()
    planted.parts["inventory"] = "another"
    seen = look(system(), planted)
    assert codes(seen) == {"not-accepted"}
    assert "seatrial accept --as amir inventory" in seen.findings[0].remedy


def test_ids_of_users_stay_out_of_the_facts() -> None:
    assert "u1" not in json.dumps(look(system(), trial()).facts)


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        (
            "common",
            (
                '10.0.0.1 - u1 [23/Nov/2026:08:00:00 +0000] "GET /a HTTP/1.1" 200 5\n'
                '10.0.0.2 - - [23/Nov/2026:08:00:01 +0000] "GET /b HTTP/1.1" 200 5\n'
            ),
            {"u1": 1, "10.0.0.2": 1},
        ),
        ("csv", "at,caller\n2026-11-23T08:00:00Z,u1\n1795420800,u2\n2026-11-23T08:00:00,\n", {"u1": 1, NAMELESS: 1}),
        ("json-lines", '{"at": 1795420800, "caller": "old"}\n{"at": "2026-11-23T08:00Z", "caller": "u1"}\n', {"u1": 1}),
        ("json-lines", '{"at": "2026-11-23T08:00Z", "caller": "u1"}\n{"at": "2026-11', {"u1": 1}),
    ],
)
def test_logs_are_read_in_each_format(form: Any, text: str, expected: dict[str, int]) -> None:
    planted = PlantedTrial(files={"x.log": text.encode()})
    log = AccessLog(file="x.log", format=form)
    read = read_log(planted, log, looked_back_s=7 * 86_400.0)
    assert {k: v for k, v in read.names.items() if k not in ("u2", "old")} == expected


@pytest.mark.parametrize(
    ("form", "text", "line"),
    [
        ("common", "what is this\n", 1),
        ("common", '1.1.1.1 - u1 [yesterday] "GET / HTTP/1.1" 200 5\n', 1),
        ("csv", "when,who\n1,2\n", 1),
        ("csv", "at,caller\nsoon,u1\n", 2),
        ("json-lines", '{"at": 1, "caller": "u1"}\n[]\n', 2),
        ("json-lines", '{"at": NaN, "caller": "u1"}\n', 1),
    ],
)
def test_a_line_that_is_none_is_named(form: Any, text: str, line: int) -> None:
    planted = PlantedTrial(files={"x.log": text.encode()})
    with pytest.raises(SeatrialError, match=f"line {line}") as caught:
        read_log(planted, AccessLog(file="x.log", format=form), looked_back_s=1.0)
    assert caught.value.remedy


def test_the_board_is_an_integration() -> None:
    board: Integration = Board()
    assert board.version() == "1"

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.spec.loading import (
    load_file,
    load_inputs,
    load_procedure,
    load_system,
)
from seatrial.spec.policy import Policy
from seatrial.spec.problem import SpecErrors
from seatrial.spec.undecided import Todo
from seatrial.spec.users import User, load_users

ASSETS = Path(__file__).parents[2] / "assets" / "spec"
COMPLETE = (ASSETS / "complete.yaml").read_bytes()
ENVIRONMENT = {"SVEN_PAGE": "webhook+https://pager.example.com/s3cr3t", "DB_PASSWORD": "hunter2", "TOKEN": "tok-123"}
HEAD = 'system: a\nversion: "1"\nmodel: {endpoint: "http://127.0.0.1:1/", task: binary}\n'
PEOPLE = "people: {olga: {name: Olga}, sven: {name: Sven}}\n"


def said(text: str, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SpecErrors) as caught:
        load_system(text.encode(), name="f", environment=environment or {})
    return [str(p) for p in caught.value.problems]


def test_a_complete_file_loads_with_nothing_open() -> None:
    loaded = load_system(COMPLETE, name="seatrial.yaml", environment=ENVIRONMENT)
    system = loaded.system
    assert loaded.todos == ()
    assert system.undecided == ()
    assert system.load is not None
    assert system.load.latency == {"p99": 0.3}
    assert system.load.peak == 40.0
    assert system.training.passing == 0.8
    assert system.duties.pipeline_alert is not None
    assert system.duties.pipeline_alert.acknowledge_within == 900.0
    assert system.flows[0].from_ == "sensors"
    assert system.workflows["dock-planning"].fallback is not None
    assert system.workflows["dock-planning"].fallback.needed == pytest.approx(45 / 3600)
    assert str(system.go_live) == "2027-01-11"
    assert loaded.lines["flows[0].within"] == 63


def test_values_from_the_environment_and_credentials_are_named_as_secrets() -> None:
    loaded = load_system(COMPLETE, name="seatrial.yaml", environment=ENVIRONMENT)
    assert loaded.system.people["sven"].page == ENVIRONMENT["SVEN_PAGE"]
    assert set(loaded.secrets) == {*ENVIRONMENT.values(), "webhook+https://pager.example.com/olga"}
    assert [len(s) for s in loaded.secrets] == sorted((len(s) for s in loaded.secrets), reverse=True)


def test_a_password_written_into_the_file_is_a_secret_too() -> None:
    loaded = load_system(
        f'{HEAD}data: {{live: {{source: "postgresql://u:pa55@h/db"}}}}\n'.encode(), name="f", environment={}
    )
    assert loaded.secrets == ("pa55",)


def test_a_secret_does_not_appear_in_an_error() -> None:
    text = f'{HEAD}load: {{peak: "${{S}}", latency: {{p99: 1s}}}}\nowner: {{who: "${{S}}"}}\ngo_live: "${{S}}"\n'
    problems = said(text, {"S": "t0p-secret"})
    assert len(problems) == 3
    assert "t0p-secret" not in "".join(problems)
    assert "'${S}'" in problems[0]


def test_credentials_in_an_address_do_not_appear_in_an_error() -> None:
    (problem,) = said(f'{HEAD}go_live: "https://user:pass@host.example/x?token=1"\n')
    assert "'https://host.example/x'" in problem


def test_two_dollars_stand_for_one() -> None:
    loaded = load_system(f'{HEAD}purpose: "a $${{B}} c"\n'.encode(), name="f", environment={"B": "x"})
    assert loaded.system.purpose == "a ${B} c"


def test_a_todo_is_absent_and_remembered_with_its_line() -> None:
    text = f"{HEAD}purpose: TODO\nowner:\n  who: 'TODO: ask Carl'\nworkflows: {{a: {{process: TODO}}}}\n"
    loaded = load_system(text.encode(), name="f", environment={})
    assert loaded.todos == (Todo("purpose", 4), Todo("owner.who", 6), Todo("workflows.a.process", 7))
    assert loaded.system.undecided == ("purpose", "owner.who", "workflows.a.process")
    assert loaded.system.purpose is None
    assert loaded.system.owner.who is None
    assert loaded.system.workflows["a"].process is None


def test_a_word_that_only_begins_like_todo_is_a_word() -> None:
    assert load_system(f"{HEAD}purpose: TODOS are sold\n".encode(), name="f", environment={}).todos == ()


def test_an_undecided_address_of_the_model_is_no_error() -> None:
    text = b"system: a\nversion: TODO\nmodel: {endpoint: TODO, task: binary}\n"
    loaded = load_system(text, name="f", environment={})
    assert [t.path for t in loaded.todos] == ["version", "model.endpoint"]
    assert loaded.system.model.endpoint is None


def test_a_section_that_cannot_do_without_an_undecided_value_is_absent() -> None:
    text = f"{HEAD}load: {{peak: TODO, latency: {{p99: 300ms}}}}\nrollback: {{procedure: TODO}}\n"
    loaded = load_system(text.encode(), name="f", environment={})
    assert loaded.system.load is None
    assert loaded.system.rollback is None
    assert loaded.system.undecided == ("load.peak", "rollback.procedure")


def test_what_rests_on_an_undecided_integration_is_undecided_with_it() -> None:
    text = (
        f"{HEAD}integrations: {{a: {{kind: TODO}}, b: {{kind: http}}}}\n"
        "flows: [{name: one, in: a, out: b, key: id, within: 5s, peak: 1/s},"
        " {name: two, in: b, out: b, key: id, within: TODO, peak: 1/s},"
        " {name: three, in: b, out: b, key: id, within: 5s, peak: 1/s}]\n"
        "data: {freshness: [{source: a, at: t, at_most: 2h}]}\n"
    )
    loaded = load_system(text.encode(), name="f", environment={})
    assert set(loaded.system.integrations) == {"b"}
    assert [f.name for f in loaded.system.flows] == ["three"]
    assert loaded.system.data.freshness == ()
    assert [t.path for t in loaded.todos] == ["integrations.a.kind", "flows[1].within"]


def test_an_undecided_name_of_a_person_leaves_the_person() -> None:
    text = f"{HEAD}people: {{olga: {{name: TODO}}, max: TODO}}\nowner: {{who: olga, deputy: max}}\n"
    loaded = load_system(text.encode(), name="f", environment={})
    assert loaded.system.owner.who == "olga"
    assert loaded.system.owner.deputy is None
    assert "olga" in loaded.system.people


def test_todos_in_a_list_are_left_out_of_it() -> None:
    text = f"{HEAD}stress: {{immutable: [a, TODO, b]}}\nflows: [TODO, {{name: x, in: nowhere, out: b}}]\n"
    problems = said(text)
    assert any("flows[1].in: found 'nowhere'" in p for p in problems)
    assert any("flows[1].key: found nothing" in p for p in problems)


def test_one_person_twice_in_a_pair_is_told_once_even_where_both_are_undecided() -> None:
    loaded = load_system(f"{HEAD}owner: {{who: TODO, deputy: TODO}}\n".encode(), name="f", environment={})
    assert loaded.system.owner.who is None


PROCEDURE = """procedure: rollback
before: [{name: serving, kind: http, with: {url: "${MODEL}/version"}, deadline: 5s}]
steps:
  - {name: switch, kind: command, with: {run: [deploy, --to, previous]}, deadline: 2m,
     undo: {name: back, kind: command, with: {run: [deploy]}, deadline: 2m}}
target: [{name: previous, kind: http, with: {url: "${MODEL}/version"}, deadline: 5s}]
"""


def test_a_procedure_loads_with_its_environment() -> None:
    read = load_procedure(PROCEDURE.encode(), name="p.yaml", environment={"MODEL": "http://127.0.0.1:1"})
    assert read.value.before[0].settings == {"url": "http://127.0.0.1:1/version"}
    assert read.value.steps[0].undo is not None
    assert read.secrets == (), "an address alone is no secret"


def test_a_procedure_tells_all_its_problems_and_allows_nothing_undecided() -> None:
    text = PROCEDURE.replace("deadline: 5s}]\nsteps", "deadlin: 5s}]\nsteps").replace("[deploy]", "TODO")
    with pytest.raises(SpecErrors) as caught:
        load_procedure(text.encode(), name="p.yaml", environment={})
    told = [(p.line, p.path) for p in caught.value.problems]
    assert told == [
        (2, "before[0].deadline"),
        (2, "before[0].with.url"),
        (2, "before[0].deadlin"),
        (5, "steps[0].undo.with.run"),
        (6, "target[0].with.url"),
    ]


@pytest.mark.parametrize("second", ["wind", "gusts"])
def test_two_inputs_that_people_would_not_tell_apart_are_refused(second: str) -> None:
    first = b'{"speed": {"type": "number", "name": "wind"},\n "gusts": {"type": "number"}'
    text = first + b',\n "peak": {"type": "number", "name": "%s"}}' % second.encode()
    with pytest.raises(SpecErrors, match=r":3:\d+: peak.name: .*a name that tells it from"):
        load_inputs(text, name="schema.json")
    assert set(load_inputs(first + b"}", name="schema.json")) == {"speed", "gusts"}


def test_inputs_tell_all_their_problems_with_lines() -> None:
    text = b'{\n\t"temp": {"type": "nummer", "minimum": 5, "maximum": 1},\n\t"a": {"typ": "string"},\n\t"a": {}\n}'
    with pytest.raises(SpecErrors) as caught:
        load_inputs(text, name="schema.json")
    assert [str(p) for p in caught.value.problems] == [
        "schema.json:4:2: a: found the key 'a' again in line 4, after line 3, expected each key once."
    ]
    with pytest.raises(SpecErrors) as caught:
        load_inputs(text.replace(b'\t"a": {}', b'\t"b": 1'), name="schema.json")
    assert [(p.line, p.column, p.path, p.suggestion) for p in caught.value.problems] == [
        (2, 19, "temp.type", "number"),
        (2, 40, "temp.minimum", ""),
        (3, 2, "a.type", ""),
        (3, 8, "a.typ", "type"),
        (4, 7, "b", ""),
    ]


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"{'a': 1}", b'{"a": {"type": "number"},}', b'{"a": {"type": "n'])
def test_inputs_that_are_no_object_of_fields_are_refused(text: bytes) -> None:
    with pytest.raises(SpecErrors):
        load_inputs(text, name="schema.json")


def test_users_load_with_or_without_names_and_with_semicolons() -> None:
    assert load_users("\ufeffid,name,group\nu1,Uwe,docks\n\nu2,,docks\n".encode(), name="u") == (
        User(id="u1", group="docks", name="Uwe"),
        User(id="u2", group="docks"),
    )
    assert load_users(b"id;group\r\nu1;docks\r\n", name="u") == (User(id="u1", group="docks"),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", ["u:1:1: id: found no column 'id'", "u:1:1: group: found no column 'group'"]),
        (b"id,group\n", ["u:1:1: found 0 users"]),
        (b"id,id,group\n1,1,a\n", ["u:1:1: id: found the column 'id' 2 times"]),
        (
            b"id,group\n,a\nu1,\nu2\nu3,a\nu3,b\n",
            [
                "u:2:1: id: found nothing",
                "u:3:1: group: found nothing",
                "u:4:1: found 1 values",
                "u:6:1: id: found 'u3' again, after line 5",
            ],
        ),
        (b'id,group\n"u1,a\n', ["u:2:1: found no CSV"]),
    ],
)
def test_users_tell_all_their_problems_with_lines(text: bytes, told: list[str]) -> None:
    with pytest.raises(SpecErrors) as caught:
        load_users(text, name="u")
    problems = [str(p) for p in caught.value.problems]
    assert len(problems) == len(told)
    assert all(any(p.startswith(t) for p in problems) for t in told)


def test_a_policy_file_is_typed() -> None:
    read = load_file(Policy, b"rehearsals: 5\nload_duration: 10m\n", name="p", environment={})
    assert read.value.load_duration == 600.0


def test_people_whose_names_can_be_told_apart_are_taken_for_several() -> None:
    text = """\
system: arrival-delay
version: "1"
people:
  anna: {name: Anna Müller (IT), email: anna@example.com}
  anna2: {name: Anna Müller (works), email: anna.mueller@example.com}
  juergen: {name: Jürgen Groß}
  jurgen: {name: Jurgen Gros}
  a: {name: TODO}
  b: {name: TODO}
model: {endpoint: http://127.0.0.1:1/predict, task: binary}
"""
    assert len(load_system(text.encode(), name="f", environment={}).system.people) == 6

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.spec.json_reading import read_json
from seatrial.spec.loading import load_inputs, load_procedure, load_system
from seatrial.spec.problem import Problem, SpecErrors
from seatrial.spec.reading import read_yaml
from seatrial.spec.users import load_users

ASSETS = Path(__file__).parents[2] / "assets" / "spec"
HEAD = b'system: a\nversion: "1"\nmodel: {endpoint: "http://127.0.0.1:1/", task: binary}\n'


def bomb(levels: int) -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines).encode()


def problems_of(read: Callable[[], object]) -> tuple[Problem, ...] | None:
    try:
        read()
    except SpecErrors as error:
        return error.problems
    return None


HOSTILE = {
    "flow nesting": (b"a: " + b"[" * 100_000, "nested more than 32 deep"),
    "mapping nesting": (b"{a: " * 50_000, "nested more than 32 deep"),
    "block nesting": ("".join(" " * n + "a:\n" for n in range(1000)).encode(), "nested more than 32 deep"),
    "alias bomb": (bomb(12), "more than 80000 values, aliases followed"),
    "alias nesting": (
        b"a0: &a0 [x]\n" + b"".join(b"a%d: &a%d [*a%d]\n" % (n, n, n - 1) for n in range(1, 60)),
        "nested",
    ),
    "alias of itself": (b"a: &a [*a]\n", "the alias *a"),
    "huge scalar": (b"a: " + b"x" * 100_000, "a value of 100000 characters"),
    "huge number": (b"a: " + b"9" * 100_000, "a value of 100000 characters"),
    "huge file": (b"a: b\n" * 300_000, "1500000 bytes"),
    "many values": (b"a: [" + b"1," * 90_000 + b"]", "more than 80000 values"),
    "many duplicate keys": (HEAD + b"purpose: x\n" * 5_000, "again in line"),
    "escape": (b'a: "\\uD800"\n', "1:4|expected YAML"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_yaml_ends_in_a_clear_error_and_bounded_memory(case: str) -> None:
    text, said = HOSTILE[case]
    tracemalloc.start()
    try:
        with pytest.raises(SpecErrors, match=said.replace("*", r"\*")):
            load_system(text, name="hostile.yaml", environment={})
        assert tracemalloc.get_traced_memory()[1] < 150 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("case", sorted(set(HOSTILE) - {"many values"}))
def test_hostile_yaml_ends_in_the_same_error_without_the_fast_parser(case: str) -> None:
    text, said = HOSTILE[case]
    with pytest.raises(SpecErrors, match=said.replace("*", r"\*")):
        read_yaml(text, name="hostile.yaml", fast=False)


@pytest.mark.parametrize("asset", sorted(ASSETS.rglob("*.yaml")), ids=lambda p: p.stem)
def test_the_plain_parser_reads_what_the_fast_one_reads(asset: Path) -> None:
    def outcome(fast: bool) -> object:
        try:
            document = read_yaml(asset.read_bytes(), name=asset.name, fast=fast)
        except SpecErrors as error:
            return [(p.line, p.column, p.path) for p in error.problems]
        return repr(document.root)

    assert outcome(fast=True) == outcome(fast=False)


def test_words_that_yaml_once_took_for_booleans_stay_text() -> None:
    plain = read_yaml(b"a: [no, on, NO, 12:30, 0o7, 1_000, 2027-01-11, true, 1.50, .5, 1e3, ~, '5']", name="x").plain()
    assert plain == {"a": ["no", "on", "NO", "12:30", "0o7", "1_000", "2027-01-11", True, 1.5, 0.5, 1000.0, None, "5"]}


def test_an_alias_repeats_what_it_names() -> None:
    assert read_yaml(b"a: &x {k: [1]}\nb: *x\n", name="x").plain() == {"a": {"k": [1]}, "b": {"k": [1]}}


def test_every_value_knows_its_place() -> None:
    document = read_yaml("a:\n  - k: v\n    ü: {w: 1}\n".encode(), name="x")
    assert document.place(("a", 0, "ü", "w")) == (3, 12)
    assert document.key_place(("a", 0, "ü")) == (3, 5)
    assert document.lines() == {"a": 1, "a[0]": 2, "a[0].k": 2, "a[0].ü": 3, "a[0].ü.w": 3}


def test_many_problems_are_counted_and_the_first_ones_told() -> None:
    text = HEAD + b"people: {}\nflows:\n" + b"  - {nam: x}\n" * 2000
    with pytest.raises(SpecErrors) as caught:
        load_system(text, name="x", environment={})
    assert len(caught.value.problems) > 2000
    assert "… and" in str(caught.value)
    assert len(str(caught.value)) < 20_000


def test_a_valid_file_of_five_thousand_lines_loads() -> None:
    people = "".join(f"  p{n}:\n    name: Person {n}\n    email: p{n}@example.com\n" for n in range(1700))
    loaded = load_system(HEAD + b"people:\n" + people.encode(), name="x", environment={})
    assert len(loaded.system.people) == 1700
    assert loaded.lines["people.p1699.email"] == 4 + 1700 * 3


@settings(max_examples=150, deadline=20_000)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda t: t.encode("utf-8", "surrogatepass"))))
def test_reading_raises_nothing_but_spec_errors(text: bytes) -> None:
    for read in (
        lambda: load_system(text, name="x", environment={}),
        lambda: load_system(HEAD + text, name="x", environment={}),
        lambda: load_procedure(text, name="x", environment={}),
        lambda: load_inputs(text, name="x"),
        lambda: load_users(text, name="x"),
        lambda: read_json(b'{"a": ' + text + b"}", name="x"),
    ):
        told = problems_of(read)
        assert told is None or told
        assert all(p.line >= 1 and p.column >= 1 for p in told or ())


PIECES = [
    "a",
    "b:",
    " ",
    "\n",
    "  ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ",",
    ": ",
    "TODO",
    "${X}",
    "'",
    '"',
    "&a ",
    "*a",
    "|\n",
    "1",
    "#",
]


@settings(max_examples=200, deadline=20_000)
@given(st.lists(st.sampled_from([*PIECES, "owner", "people", "flows", "model", "null", "!t "]), max_size=40))
def test_what_looks_like_a_system_file_raises_nothing_but_spec_errors(pieces: list[str]) -> None:
    for text in ("".join(pieces).encode(), HEAD + "".join(pieces).encode()):
        told = problems_of(partial(load_system, text, name="x", environment={"X": "value"}))
        assert told is None or told

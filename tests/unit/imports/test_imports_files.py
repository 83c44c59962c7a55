"""Files of the real tools are read to the last unit; whatever is cut, cached, cancelled or flaky never passes."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from seatrial.adapters.imports.catalogue import read_result
from seatrial.adapters.imports.result import Result, counted
from seatrial.core.errors import Malformed

ASSETS: Final = Path(__file__).parents[2] / "assets" / "imports"
GARAK: Final = (ASSETS / "garak.report.jsonl").read_text()
PROMPTFOO: Final = json.loads((ASSETS / "promptfoo.json").read_text())
INSPECT: Final = json.loads((ASSETS / "inspect-limit.json").read_text())


def totals(result: Result) -> dict[str, int]:
    return {ending: number for ending, number in counted(result.attempts)["all"].items() if number}


@pytest.mark.parametrize(
    ("kind", "file", "version", "target", "ended"),
    [
        ("inspect", "inspect.eval", "0.3.285", "mockllm/model", {"passed": 9, "failed": 3}),
        ("inspect", "inspect-limit.json", "0.3.285", "mockllm/model", {"passed": 3}),
        ("garak", "garak.report.jsonl", "0.17.1", "test.Repeat", {"passed": 7, "inconclusive": 8}),
        ("promptfoo", "promptfoo.json", "0.121.20", "answer-bot", {"passed": 3, "failed": 1}),
    ],
)
def test_what_the_real_tools_wrote_is_read(
    kind: str, file: str, version: str, target: str, ended: dict[str, int]
) -> None:
    result = read_result(kind, (ASSETS / file).read_bytes())
    assert (result.version, result.target, totals(result)) == (version, target, ended)
    assert result.started_at <= result.ended_at
    assert bool(result.problems) == ("limit" in file)


def test_repeats_of_one_prompt_are_one_unit_that_passes_only_if_each_does() -> None:
    result = read_result("inspect", (ASSETS / "inspect.eval").read_bytes())
    assert len(result.attempts) == 24
    assert sum(totals(result).values()) == 12
    rows = [json.loads(line) for line in GARAK.splitlines()]
    hit = next(row for row in rows if row.get("detector_results", {}).get("goodside.RileyIsnt"))
    hit["detector_results"]["goodside.RileyIsnt"] = [0.0, 1.0]
    assert totals(_garak(rows)) == {"passed": 6, "failed": 1, "inconclusive": 8}


def _garak(rows: list[dict[str, Any]]) -> Result:
    return read_result("garak", "\n".join(json.dumps(row) for row in rows).encode())


def test_a_garak_run_without_its_end_or_with_open_attempts_is_incomplete() -> None:
    rows = [json.loads(line) for line in GARAK.splitlines()]
    assert "did not end" in _garak([r for r in rows if r["entry_type"] != "completion"]).problems[0]
    last = next(r for r in reversed(rows) if r.get("status") == 2)
    assert "never judged" in _garak([r for r in rows if r is not last]).problems[0]


def test_garak_is_judged_by_its_own_threshold_or_a_stricter_one_never_a_looser_one() -> None:
    rows = [json.loads(line) for line in GARAK.splitlines()]
    rows[0]["run.eval_threshold"] = 0.99
    for row in rows:
        if row.get("detector_results", {}).get("goodside.RileyIsnt"):
            row["detector_results"]["goodside.RileyIsnt"] = [0.7, 0.7]
    assert totals(_garak(rows))["failed"] == 6


def test_a_detector_that_always_passes_has_judged_nothing() -> None:
    counts = counted(read_result("garak", GARAK.encode()).attempts)
    assert counts["test.Test"]["passed"] == 0


def _inspect(**changed: Any) -> Result:
    return read_result("inspect", json.dumps({**INSPECT, **changed}).encode())


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"status": "cancelled"}, "'cancelled'"),
        ({"status": "error"}, "'error'"),
        ({"invalidated": True}, "invalidated"),
        ({"eval": {**INSPECT["eval"], "revision": {"type": "git", "dirty": True}}}, "not on record"),
        ({"eval": {**INSPECT["eval"], "config": {}}}, "12 samples were planned, 3 were asked"),
    ],
)
def test_an_inspect_log_that_is_not_the_whole_run_says_why(changed: dict[str, Any], problem: str) -> None:
    assert any(problem in said for said in _inspect(**changed).problems)


@pytest.mark.parametrize(
    ("sample", "ended"),
    [
        ({"error": {"message": "boom"}}, "errored"),
        ({"limit": {"type": "token"}}, "inconclusive"),
        ({"scores": {}}, "inconclusive"),
        ({"scores": {"includes": {"value": "N"}}}, "inconclusive"),
        ({"scores": {"includes": {"value": "P"}}}, "failed"),
        ({"scores": {"includes": {"value": 0.9}}}, "failed"),
        ({"scores": {"includes": {"value": 1.0}}}, "passed"),
        ({"scores": {"includes": {"value": True}}}, "passed"),
        ({"scores": {"includes": {"value": float("nan")}}}, "inconclusive"),
        ({"scores": {"includes": {"value": 7}}}, "inconclusive"),
        ({"scores": {"includes": {"value": {"a": 1}}}}, "inconclusive"),
    ],
)
def test_a_sample_passes_only_by_a_whole_score(sample: dict[str, Any], ended: str) -> None:
    samples = [{**INSPECT["samples"][0], **sample}]
    assert totals(_inspect(samples=samples)) == {ended: 1}


def test_several_scores_need_a_choice() -> None:
    samples = [{**INSPECT["samples"][0], "scores": {"a": {"value": "C"}, "b": {"value": "I"}}}]
    with pytest.raises(Malformed, match="several scores: a, b"):
        _inspect(samples=samples)
    content = json.dumps({**INSPECT, "samples": samples}).encode()
    assert totals(read_result("inspect", content, score="b")) == {"failed": 1}
    assert totals(read_result("inspect", content, score="c")) == {"inconclusive": 1}


def test_rows_of_promptfoo_without_their_time_and_version_are_refused_with_what_to_give_instead() -> None:
    lines = (ASSETS / "promptfoo.jsonl").read_bytes()
    for content in (lines, lines.splitlines()[0]):
        with pytest.raises(Malformed, match="neither when its rows were made") as refused:
            read_result("promptfoo", content)
        assert "results.json" in refused.value.remedy


def _promptfoo(change: Callable[[dict[str, Any]], None]) -> Result:
    copy = json.loads(json.dumps(PROMPTFOO))
    change(copy)
    return read_result("promptfoo", json.dumps(copy).encode())


def test_a_cached_answer_is_none_of_today_s() -> None:
    result = _promptfoo(lambda r: r["results"]["results"][0]["response"].update(cached=True))
    assert totals(result) == {"passed": 2, "failed": 1, "inconclusive": 1}
    assert "cache" in result.problems[0]


def test_rows_that_errored_or_of_which_nothing_was_asserted_did_not_pass() -> None:
    assert totals(_promptfoo(lambda r: r["results"]["results"][0].update(failureReason=2)))["errored"] == 1
    nothing = _promptfoo(lambda r: r["results"]["results"][0]["gradingResult"].update(componentResults=[]))
    assert totals(nothing)["inconclusive"] == 1


def test_rows_that_were_taken_out_are_missed_and_two_providers_need_a_choice() -> None:
    assert "tells of 4 rows and holds 3" in _promptfoo(lambda r: r["results"]["results"].pop()).problems[0]
    with pytest.raises(Malformed, match="answer-bot, other"):
        _promptfoo(lambda r: r["results"]["results"][0].update(provider={"id": "other"}))


def test_an_old_evaluation_that_is_exported_today_is_as_old_as_its_answers() -> None:
    late = _promptfoo(lambda r: r["metadata"].update(exportedAt="2027-03-01T08:00:00Z"))
    assert late.ended_at == _promptfoo(lambda _: None).ended_at
    assert late.ended_at - late.started_at == timedelta(milliseconds=575)
    untold = _promptfoo(lambda r: r["results"]["stats"].pop("durationMs"))
    assert untold.ended_at == untold.started_at


def test_rows_that_were_taken_out_are_missed_also_where_one_provider_counts() -> None:
    content = json.loads(json.dumps(PROMPTFOO))
    content["results"]["results"][0].update(provider={"id": "other"})
    whole = read_result("promptfoo", json.dumps(content).encode(), score="answer-bot")
    assert (not whole.problems, sum(totals(whole).values())) == (True, 3)
    content["results"]["results"].pop()
    short = read_result("promptfoo", json.dumps(content).encode(), score="answer-bot")
    assert "tells of 4 rows and holds 3" in short.problems[0]


JUNIT: Final = """<testsuites><testsuite name="bot" tests="{tests}" timestamp="2026-11-20T10:00:00+00:00" time="60">
<properties><property name="target" value="bot 3"/></properties>{cases}</testsuite></testsuites>"""
CASES: Final = (
    '<testcase classname="a" name="1"/><testcase classname="a" name="2"><failure/></testcase>'
    '<testcase classname="a" name="3"><skipped/></testcase><testcase classname="a" name="4"><error/></testcase>'
    '<testcase classname="a" name="5"><flakyFailure/></testcase>'
)


def _junit(text: str) -> Result:
    return read_result("junit", text.encode())


def test_junit_counts_flaky_as_failed_and_skipped_as_inconclusive() -> None:
    result = _junit(JUNIT.format(tests=5, cases=CASES))
    assert result.target == "bot 3"
    assert totals(result) == {"passed": 1, "failed": 2, "inconclusive": 1, "errored": 1}
    assert result.problems == ()
    assert _junit(JUNIT.format(tests=9, cases=CASES)).problems


@pytest.mark.parametrize("kind", ["inspect", "garak", "promptfoo", "junit"])
@pytest.mark.parametrize(
    "content", [b"", b"\n", b"<html></html>", b"{}", b"[]", b"null", b"PK\x03\x04", b"\xff\xfe", b"[" * 9999]
)
def test_what_is_no_result_is_an_error_and_never_a_result(kind: str, content: bytes) -> None:
    with pytest.raises(Malformed):
        read_result(kind, content)


@pytest.mark.parametrize("name", ["inspect.eval", "inspect-limit.json", "garak.report.jsonl", "promptfoo.json"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_file_that_is_cut_off_is_an_error_or_incomplete(name: str, share: float) -> None:
    content = (ASSETS / name).read_bytes()
    kind = name.partition(".")[0].partition("-")[0]
    with suppress(Malformed):
        assert read_result(kind, content[: int(len(content) * share)]).problems


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("inspect", ("eval", "model")),
        ("inspect", ("eval", "packages")),
        ("inspect", ("stats", "completed_at")),
        ("inspect", ("samples",)),
        ("promptfoo", ("metadata", "promptfooVersion")),
        ("promptfoo", ("results", "stats")),
        ("promptfoo", ("results", "results")),
    ],
)
def test_a_required_field_that_is_missing_is_an_error(kind: str, path: tuple[str, ...]) -> None:
    copy = json.loads(json.dumps(INSPECT if kind == "inspect" else PROMPTFOO))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    with pytest.raises(Malformed):
        read_result(kind, json.dumps(copy).encode())


def test_unknown_fields_are_tolerated() -> None:
    assert _inspect(something={"new": 1}).target == "mockllm/model"


def test_entities_in_xml_are_refused() -> None:
    with pytest.raises(Malformed, match="entities"):
        _junit('<!DOCTYPE x [<!ENTITY a "aaaa">]><testsuites>&a;</testsuites>')


def test_no_setting_and_no_prompt_is_kept_of_a_result() -> None:
    rows = [json.loads(line) for line in GARAK.splitlines()]
    rows[0]["plugins.generators.rest.headers"] = {"Authorization": "Bearer hunter2"}
    told = repr(counted(_garak(rows).attempts))
    assert "hunter2" not in told
    assert "Riley Goodside" not in told

"""JUnit XML, which many tools write: one test case, one unit; skipped is inconclusive."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final
from xml.etree import ElementTree as ET

from seatrial.adapters.imports.result import Attempt, Ending, Result, moment
from seatrial.core.errors import Malformed

_DECLARES: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def read(content: bytes, *, score: str | None = None) -> Result:
    """Every test case of the suites, or of the suite named `score`. Raises Malformed.

    A suite must have a timestamp, and a property `target` that names what was tested.
    """
    if _DECLARES.search(content):
        raise Malformed("the JUnit file declares entities", remedy="Write it without a document type.")
    try:
        root = ET.fromstring(content)  # noqa: S314 - entities are refused above
    except ET.ParseError as error:
        raise Malformed(f"the JUnit file is not XML, or cut off: {error}", remedy="Give the whole file.") from None
    suites = [suite for suite in root.iter("testsuite") if score is None or suite.get("name") == score]
    suites = [suite for suite in suites if suite.find("testcase") is not None]
    if not suites:
        raise Malformed("the JUnit file has no test suite with test cases", remedy="Give the file that the tool wrote.")
    starts = [moment(suite.get("timestamp"), "testsuite timestamp") for suite in suites]
    ends = [at + timedelta(seconds=_seconds(suite)) for at, suite in zip(starts, suites, strict=True)]
    targets = {p.get("value", "") for suite in suites for p in suite.iter("property") if p.get("name") == "target"}
    if len(targets) != 1:
        raise Malformed(
            "the JUnit file does not name the one target that was tested",
            remedy='Add <properties><property name="target" value="…"/></properties> to its suites.',
        )
    return Result(
        tool="JUnit",
        version=root.get("version") or "1",
        target=targets.pop(),
        started_at=min(starts),
        ended_at=max(ends),
        attempts=[
            Attempt(
                unit=f"{case.get('classname', '')}.{case.get('name', '')}",
                group=suite.get("name") or "tests",
                ending=_ending(case),
            )
            for suite in suites
            for case in suite.findall("testcase")
        ],
        problems=tuple(
            f"the suite {suite.get('name')} tells of {suite.get('tests')} tests and holds {held}"
            for suite in suites
            if (held := len(suite.findall("testcase"))) != _number(suite)
        ),
    )


def _ending(case: ET.Element) -> Ending:
    for tag, ending in (
        ("error", Ending.ERRORED),
        ("failure", Ending.FAILED),
        ("flakyFailure", Ending.FAILED),
        ("flakyError", Ending.FAILED),
        ("rerunFailure", Ending.FAILED),
        ("skipped", Ending.INCONCLUSIVE),
    ):
        if case.find(tag) is not None:
            return ending
    return Ending.PASSED


def _seconds(suite: ET.Element) -> float:
    try:
        return max(0.0, float(suite.get("time") or 0))
    except ValueError:
        return 0.0


def _number(suite: ET.Element) -> int | None:
    given = suite.get("tests", "")
    return int(given) if given.isdecimal() else None

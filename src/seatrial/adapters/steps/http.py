"""`http`: one request to a declared target, and what its answer must be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress

from seatrial.adapters.steps.expectation import mismatches, pattern
from seatrial.adapters.steps.surroundings import Surroundings, mapping, only, shortened, text
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import Request, StepResult


def run_http(settings: Mapping[str, Json], around: Surroundings, timeout_s: float) -> StepResult:
    """`{url, method: GET, json, headers, take: regex, expect: {status, json: {path: value}, body: regex}}`.

    Without `expect.status` any 2xx is right. `value` is the answer as JSON, or as text; with `take` what its first
    group matched in the whole body.
    """
    only(settings, "http", "url", "method", "json", "headers", "take", "expect")
    expect = mapping(settings, "http", "expect")
    only(expect, "http expect", "status", "json", "body")
    answer = around.http.send(request_of(settings), timeout_s=timeout_s)
    body = answer.body.decode("utf-8", "replace")
    value: Json = body
    with suppress(Malformed):
        value = answer.json()
    wrong = _wrong_status(answer.status, expect.get("status"))
    wanted = mapping(expect, "http expect", "json")
    if wanted:
        wrong += mismatches(value, wanted)
    if "body" in expect and pattern(expect["body"], "expect.body").search(body) is None:
        wrong.append(f"the answer does not match {expect['body']!r}")
    taken = None
    if "take" in settings:
        taken = pattern(settings["take"], "take").search(body)
        if taken is None or not taken.groups():
            wrong.append(f"the answer holds nothing that {settings['take']!r} takes")
    told = shortened(body)
    output = "; ".join(wrong)
    return StepResult(
        ok=not wrong,
        duration_s=answer.latency_s,
        output=f"status {answer.status}: {output}\n{told}".strip() if wrong else f"status {answer.status}\n{told}",
        value=_value(value, body, told) if taken is None or wrong else taken[1],
    )


def _value(value: Json, body: str, told: str) -> Json:
    return value if len(body) <= len(told) else told


def request_of(settings: Mapping[str, Json]) -> Request:
    """The request that the step sends. Raises Malformed."""
    headers = {name: str(value) for name, value in mapping(settings, "http", "headers").items()}
    body = b""
    if "json" in settings:
        body = json.dumps(settings["json"], allow_nan=False).encode()
        headers = {"Content-Type": "application/json", **headers}
    return Request(
        method=text(settings, "http", "method", "POST" if body else "GET").upper(),
        url=text(settings, "http", "url"),
        headers=headers,
        body=body,
    )


def _wrong_status(status: int, expected: Json) -> list[str]:
    if expected is None:
        return [] if 200 <= status < 300 else [f"status {status}, expected a 2xx"]
    allowed = [expected] if isinstance(expected, str) or not isinstance(expected, Sequence) else list(expected)
    if not all(isinstance(one, int) and not isinstance(one, bool) for one in allowed):
        raise Malformed("expect.status must be a status such as 200, or a list of them")
    return [] if status in allowed else [f"status {status}, expected {' or '.join(map(str, allowed))}"]

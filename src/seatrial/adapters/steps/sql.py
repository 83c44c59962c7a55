"""`sql`: one statement on a declared database, and what it must give."""

from __future__ import annotations

import time
from collections.abc import Mapping

from seatrial.adapters.databases import Database
from seatrial.adapters.dialects import comparable
from seatrial.adapters.steps.expectation import mismatches
from seatrial.adapters.steps.surroundings import Surroundings, mapping, only, shortened, text
from seatrial.core.errors import Refused
from seatrial.core.observation import Json
from seatrial.core.ports import StepResult

_MOST_ROWS = 100


def run_sql(
    settings: Mapping[str, Json], around: Surroundings, timeout_s: float, *, writable: bool = True
) -> StepResult:
    """`{url, statement, expect: {path: value}}`, committed when it succeeds.

    `value` is `{"rows": […], "count": n}` of a query, `{"count": n}` of a statement; `expect` is matched against it.
    Not `writable`, the session is read-only, and a database that is declared only to be read may be asked.
    """
    only(settings, "sql", "url", "statement", "expect")
    url = text(settings, "sql", "url")
    statement = text(settings, "sql", "statement")
    expect = mapping(settings, "sql", "expect")
    allowed = around.databases if writable else around.databases | around.readable
    if comparable(url) not in {comparable(declared) for declared in allowed}:
        raise Refused(
            "the step's database is not declared in the system file",
            remedy="Declare it as an integration if seatrial may change it.",
        )
    started = time.monotonic()
    with Database(
        url, base_dir=around.base_dir, redact=around.redact, writable=writable, timeout_s=timeout_s
    ) as database:
        rows, count = database.execute(statement, most=_MOST_ROWS)
    value: dict[str, Json] = {"count": count}
    if rows is not None:
        value["rows"] = list(rows)
    wrong = mismatches(value, expect)
    return StepResult(
        ok=not wrong,
        duration_s=time.monotonic() - started,
        output=shortened("; ".join([*wrong, f"{count} rows"])),
        value=value,
    )

"""Whether a step could be carried out, found out without carrying it out: nothing sent here changes anything."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from seatrial.adapters.databases import Database
from seatrial.adapters.dialects import comparable
from seatrial.adapters.steps.command import argv_of
from seatrial.adapters.steps.http import request_of
from seatrial.adapters.steps.surroundings import Run, Surroundings, mapping, only, text
from seatrial.core.errors import Malformed, Refused
from seatrial.core.observation import Json
from seatrial.core.ports import Request, StepResult

_REFUSING: Final = frozenset({401, 403, 407})
_NOT_IMPLEMENTED: Final = 501
_EXPLAINED: Final = frozenset({"select", "insert", "update", "delete", "with", "replace", "merge", "values", "table"})
_PLANNING_ONLY: Final = frozenset({"mysql", "mariadb"})
_EXPLAINING: Final = frozenset({"sqlite", "postgresql", "mysql", "mariadb"})
_SCRIPTS: Final = frozenset({".sh", ".bash", ".py", ".ps1", ".rb", ".pl", ".js", ".sql", ".yaml", ".yml", ".tf"})
_LEAST_WORDS: Final = 1


def probe_http(settings: Mapping[str, Json], around: Surroundings, timeout_s: float) -> StepResult:
    """`OPTIONS` with the step's own headers: it is safe by definition. `value` is the status."""
    request = request_of(settings)
    asked = Request(method="OPTIONS", url=request.url, headers=_without_content(request.headers))
    answer = around.http.send(asked, timeout_s=timeout_s)
    status = answer.status
    if status in _REFUSING:
        problem = f"it refuses the credentials with status {status}"
    elif status >= 500 and status != _NOT_IMPLEMENTED:
        problem = f"it answers with status {status}"
    else:
        problem = ""
    output = problem or f"it answers (status {status})"
    return StepResult(ok=not problem, duration_s=answer.latency_s, output=output, value=status)


def _without_content(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in ("content-type", "content-length")}


def probe_sql(settings: Mapping[str, Json], around: Surroundings, timeout_s: float) -> StepResult:
    """The database plans the statement for this account (`EXPLAIN`), which needs its tables and permissions.

    A statement that cannot be planned (a call, a change of a schema) only shows that the account is let in.
    """
    only(settings, "sql", "url", "statement", "expect")
    url, statement = text(settings, "sql", "url"), text(settings, "sql", "statement")
    if comparable(url) not in {comparable(declared) for declared in around.databases}:
        raise Refused(
            "the step's database is not declared in the system file",
            remedy="Declare it as an integration if seatrial may change it.",
        )
    started = time.monotonic()
    first = (statement.split(maxsplit=1) or [""])[0].lower()
    # MariaDB and MySQL plan no change in a read-only session; `EXPLAIN` alone carries nothing out there, and they take
    # one statement at a time.
    writable = comparable(url).split(":")[0].partition("+")[0] in _PLANNING_ONLY and first in _EXPLAINED
    with Database(
        url, base_dir=around.base_dir, redact=around.redact, writable=writable, timeout_s=timeout_s
    ) as database:
        planned = first in _EXPLAINED and database.dialect in _EXPLAINING
        if planned:
            database.execute(f"EXPLAIN {statement}", most=_LEAST_WORDS)
        else:
            database.alive()
    output = "the database would carry it out" if planned else "the database lets this account in"
    return StepResult(ok=True, duration_s=time.monotonic() - started, output=output)


def probe_command(settings: Mapping[str, Json], around: Surroundings, timeout_s: float) -> StepResult:
    """The program is there and may be executed, and so are the scripts among its arguments. Nothing is started."""
    only(settings, "command", "run", "env", "expect")
    started = time.monotonic()
    argv = argv_of(settings)
    program = argv[0]
    named = str(around.base_dir / program) if os.sep in program else program
    missing = [] if shutil.which(named) else [f"the program {program!r} is not there, or may not be executed"]
    missing += [f"the file {argument!r} is not there" for argument in argv[1:] if _lacks(argument, around.base_dir)]
    output = "; ".join(missing) or f"{program} is there"
    return StepResult(ok=not missing, duration_s=min(time.monotonic() - started, timeout_s), output=output)


def _lacks(argument: str, base: Path) -> bool:
    """Whether an argument names a script that is not there; an argument with spaces is a script itself."""
    named = Path(argument)
    if argument.startswith("-") or named.suffix.lower() not in _SCRIPTS or any(c.isspace() for c in argument):
        return False
    return "://" not in argument and not (base / named).exists()


def probe_ask(settings: Mapping[str, Json], around: Surroundings, timeout_s: float) -> StepResult:
    """The person's channel answers. `value` is False where that cannot be told without paging them."""
    only(settings, "ask", "who", "question")
    who = text(settings, "ask", "who")
    if around.pager is None:
        raise Refused("nobody can be asked: no pager is at hand", remedy="Run this where people are declared.")
    started = time.monotonic()
    told = around.pager().probe(who)
    output = f"the route to {who} is open" if told else f"the route to {who} cannot be tried without paging"
    return StepResult(ok=True, duration_s=min(time.monotonic() - started, timeout_s), output=output, value=told)


def probing(probes: Mapping[str, Run]) -> Run:
    """`wait-until` is probed by what it waits for."""

    def probe(settings: Mapping[str, Json], around: Surroundings, timeout_s: float) -> StepResult:
        kinds = [kind for kind in probes if kind in settings]
        if len(kinds) != 1:
            raise Malformed(f"a 'wait-until' step needs exactly one of {', '.join(probes)}")
        return probes[kinds[0]](mapping(settings, "wait-until", kinds[0]), around, timeout_s)

    return probe


def looking(runs: Mapping[str, Run], sql: Callable[..., StepResult], methods: tuple[str, ...]) -> Mapping[str, Run]:
    """The kinds of step that can only look: a request that gets, a query in a read-only session, a declared command."""

    def look_http(settings: Mapping[str, Json], around: Surroundings, timeout_s: float) -> StepResult:
        if request_of(settings).method not in methods or "json" in settings:
            raise Refused("a look sends no request that could change something", remedy="Use GET or HEAD, no body.")
        return runs["http"](settings, around, timeout_s)

    def look_sql(settings: Mapping[str, Json], around: Surroundings, timeout_s: float) -> StepResult:
        return sql(settings, around, timeout_s, writable=False)

    return {"http": look_http, "sql": look_sql, "command": runs["command"]}

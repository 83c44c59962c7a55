"""The kinds of procedure step: how each is carried out, how it looks, and how it is probed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seatrial.adapters.steps.ask import run_ask
from seatrial.adapters.steps.command import run_command
from seatrial.adapters.steps.http import run_http
from seatrial.adapters.steps.message import probe_message, run_message
from seatrial.adapters.steps.probing import looking, probe_ask, probe_command, probe_http, probe_sql, probing
from seatrial.adapters.steps.sql import run_sql
from seatrial.adapters.steps.surroundings import Run
from seatrial.adapters.steps.wait_until import waiting_on
from seatrial.spec.procedure import LOOKING

_RUNS: Final[Mapping[str, Run]] = {"command": run_command, "http": run_http, "sql": run_sql}
_LOOKS: Final[Mapping[str, Run]] = looking(_RUNS, run_sql, LOOKING)
_PROBES: Final[Mapping[str, Run]] = {"command": probe_command, "http": probe_http, "sql": probe_sql}

KINDS: Final[Mapping[str, Run]] = {
    **_RUNS,
    "message": run_message,
    "wait-until": waiting_on(_RUNS),
    "ask": run_ask,
}
LOOKS: Final[Mapping[str, Run]] = {**_LOOKS, "wait-until": waiting_on(_LOOKS)}
PROBES: Final[Mapping[str, Run]] = {
    **_PROBES,
    "message": probe_message,
    "wait-until": probing(_PROBES),
    "ask": probe_ask,
}

"""The kinds of procedure step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seatrial.adapters.steps.ask import run_ask
from seatrial.adapters.steps.command import run_command
from seatrial.adapters.steps.http import run_http
from seatrial.adapters.steps.sql import run_sql
from seatrial.adapters.steps.surroundings import Run
from seatrial.adapters.steps.wait_until import waiting_on

_LOOKS: Final[Mapping[str, Run]] = {"command": run_command, "http": run_http, "sql": run_sql}

KINDS: Final[Mapping[str, Run]] = {**_LOOKS, "wait-until": waiting_on(_LOOKS), "ask": run_ask}

"""Who answers for the completeness of what is declared, and where it is written down who really calls and is called."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field

from seatrial.spec.quantities import Duration
from seatrial.spec.section import Path, Section

MODEL = "model"
"""How the model itself is called where an integration could be named."""


class AccessLog(Section):
    """A file in which somebody who stands beside the system writes down who used it, or whom it reached.

    `shows: callers` is the log of a server (`of`: `model` or an integration): the field `name` says who called.
    `shows: connections` is the log of a firewall, a proxy or a switch: the field `name` holds the `host:port` that the
    system connected to.
    """

    file: Path
    format: Literal["common", "csv", "json-lines"]
    """`common` is the format of web servers: the user, or the host where nobody logged in, and the time in brackets."""
    shows: Literal["callers", "connections"] = "callers"
    of: str | None = None
    name: str = "caller"
    at: str = "at"
    """The field with the time: ISO 8601, or seconds since 1970."""


class Inventory(Section):
    """What keeps the inventory honest: a person who answers for it, and what others saw."""

    who: str | None = None
    logs: tuple[AccessLog, ...] = ()
    callers: dict[str, str] = Field(default_factory=dict)
    """Who calls without being a listed user (a service, a monitor), each with what for.

    A whole name as it is seen; in it `*` stands for anything, so that `erp/*` is every program of the account `erp`.
    """
    others: dict[str, str] = Field(default_factory=dict)
    """Addresses `host` or `host:port` that the system connects to and that are no integration, each with what for."""
    looked_back: Duration = 30 * 86_400.0
    """Older entries of the logs say nothing of today."""


def declares(caller: str, name: str) -> bool:
    """Whether the declared caller, a name or a pattern with `*`, is the one of that name."""
    return re.fullmatch(".*".join(re.escape(part) for part in caller.split("*")), name, re.DOTALL) is not None

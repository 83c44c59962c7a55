"""The change plan: who leads it, which teams it is for, what it expects of them, and where what they did is written."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seatrial.spec.quantities import Duration, Share
from seatrial.spec.section import Path, Section


class Responses(Section):
    """How the log spells what became of an output. What is empty there is an output that was ignored."""

    acted_on: tuple[str, ...] = Field(min_length=1)
    overridden: tuple[str, ...] = Field(min_length=1)
    ignored: tuple[str, ...] = ()


class ResponseLog(Section):
    """The workflow's own table of outputs and what people did with each: one row for every output that was shown.

    `workaround` is a column in which people write how they went round the system; empty where they did not.
    """

    source: str
    query: str | None = None
    key: str
    workflow: str
    team: str
    response: str
    values: Responses
    at: str
    workaround: str
    looked_back: Duration = 90 * 86_400.0


class Change(Section):
    """The change plan, its owner, and the shares of outputs that should be acted on, overridden and ignored."""

    plan: Path | None = None
    who: str | None = None
    teams: tuple[str, ...] = ()
    acted_on: dict[Literal["at_least"], Share] = Field(default_factory=dict)
    overridden: dict[Literal["at_most"], Share] = Field(default_factory=dict)
    ignored: dict[Literal["at_most"], Share] = Field(default_factory=dict)
    workarounds: dict[Literal["at_most"], Share] = Field(default_factory=dict)
    log: ResponseLog | None = None

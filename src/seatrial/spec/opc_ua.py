"""Which nodes of an OPC UA server make up a record."""

from __future__ import annotations

from pydantic import Field

from seatrial.spec.section import Section


class OpcUa(Section):
    """A record of an OPC UA server: field to node id (`ns=2;s=Line1.Temp`)."""

    nodes: dict[str, str] = Field(min_length=1)
    """What is read and observed."""
    writable: dict[str, str] = Field(default_factory=dict)
    """What a test record is written to, at a writable test end; nothing else is ever written."""
    times: dict[str, str] = Field(default_factory=dict)
    """More fields: each the time that the source gave to the value of another one."""
    statuses: dict[str, str] = Field(default_factory=dict)
    """More fields: each the quality of another one's value, such as `Good` or `BadSensorFailure`. A value of bad
    quality is null then; where its quality is not declared to be shown, it is an error."""

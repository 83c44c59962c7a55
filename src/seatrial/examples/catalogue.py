"""The shipped examples, by name. The first one is what `seatrial demo` shows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from seatrial.core.errors import SeatrialError
from seatrial.examples.answer_bot.example import EXAMPLE as ANSWER_BOT
from seatrial.examples.arrival_delay.example import EXAMPLE as ARRIVAL_DELAY
from seatrial.examples.example import Example
from seatrial.examples.mail_triage.example import EXAMPLE as MAIL_TRIAGE

EXAMPLES: Mapping[str, Example] = MappingProxyType(
    {example.name: example for example in (ARRIVAL_DELAY, MAIL_TRIAGE, ANSWER_BOT)}
)
DEFAULT = ARRIVAL_DELAY.name


def example_named(name: str) -> Example:
    """The example of that name. Raises SeatrialError."""
    if name not in EXAMPLES:
        raise SeatrialError(f"there is no example {name!r}", remedy=f"Known: {', '.join(EXAMPLES)}.")
    return EXAMPLES[name]

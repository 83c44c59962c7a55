"""The port's errors for those of the Kafka library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from seatrial.adapters.integrations.brokers import Broker
from seatrial.core.errors import Malformed, SeatrialError

_TELLING: Final = ("_AUTHENTICATION", "_SSL")
_SILENT: Final = ("_TRANSPORT", "_TIMED_OUT", "_ALL_BROKERS_DOWN", "_MSG_TIMED_OUT", "_RESOLVE", "REQUEST_TIMED_OUT")
_NO_TOPIC: Final = ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC")


def told(broker: Broker, error: Any, before: Sequence[Any], *, within_s: float) -> SeatrialError:
    """For a `KafkaError`, or None where nothing answered in time.

    What the library said `before`, of credentials or TLS, says more than that nothing answers.
    """
    if error is None or error.name() in _SILENT:
        error = next((each for each in before if each.name() in _TELLING), error)
    if error is None:
        return broker.unreachable(TimeoutError(), within_s=within_s)
    name, text = error.name(), error.str()
    if "AUTHENTICATION" in name:
        return broker.no_entry(text)
    if "AUTHORIZATION" in name:
        return broker.forbidden("do this", text)
    if name == "_SSL":
        return broker.unverified(text)
    if name in _NO_TOPIC or name == "_INVALID_ARG":
        return Malformed(
            f"integration {broker.place.name!r} has nothing of the kind: {broker.said(text)}",
            remedy=f"Correct {broker.where}: its url and its topic.",
        )
    if name in _SILENT and before:
        text = before[0].str()
    return broker.unreachable(ConnectionError(text), within_s=within_s)

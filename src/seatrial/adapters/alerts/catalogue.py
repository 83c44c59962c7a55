"""Where alarms are told to other systems: Alertmanager, and any receiver of a signed webhook."""

from __future__ import annotations

from typing import Protocol

from seatrial.adapters.alerts.telling import Telling
from seatrial.adapters.http import Http
from seatrial.spec.watch import Outlet


class Teller(Protocol):
    """Tells one other system what became of alarms; telling the same twice does no harm."""

    every_s: float | None
    """How often alarms that are open must be told anew, None where once is enough."""

    def tell(self, telling: Telling) -> None:
        """Tell it. Raises SeatrialError unless the receiver has taken it."""


def open_teller(outlet: Outlet, *, http: Http) -> Teller:
    """The teller of a declared outlet. Raises Malformed for an address that cannot be read."""
    from seatrial.adapters.alerts.alertmanager import AlertmanagerTeller
    from seatrial.adapters.alerts.webhook import WebhookTeller

    return (AlertmanagerTeller if outlet.to == "alertmanager" else WebhookTeller)(outlet, http=http)

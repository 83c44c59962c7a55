"""Any receiver of a signed webhook: one CloudEvent whenever an alarm opens, is acknowledged, or is closed."""

from __future__ import annotations

import json
from typing import Final

from seatrial.adapters.alerts.telling import Telling
from seatrial.adapters.http import Http
from seatrial.adapters.signed_post import SignedPost, parted
from seatrial.core.errors import Unreachable
from seatrial.spec.watch import Outlet

_TYPE: Final = "seatrial.alarm"
_LEFT_OUT: Final = ("newest", "handled")


class WebhookTeller:
    """`secret` signs; the receiver tells repetitions by `webhook-id`."""

    every_s: float | None = None

    def __init__(self, outlet: Outlet, *, http: Http) -> None:
        url, secret = parted(outlet.url)
        self._post = SignedPost(url, outlet.secret or secret, http=http)

    def tell(self, telling: Telling) -> None:
        """POST the alarm as it stands. Raises Unreachable unless the answer is a 2xx."""
        body = {
            "specversion": "1.0",
            "id": telling.message,
            "source": f"seatrial/{telling.system}",
            "type": f"{_TYPE}.{telling.alarm['state']}",
            "time": telling.at.isoformat(),
            "subject": telling.alarm["monitor"],
            "datacontenttype": "application/json",
            "data": {key: value for key, value in telling.alarm.items() if key not in _LEFT_OUT},
        }
        answer = self._post.send(telling.message, json.dumps(body, ensure_ascii=False).encode(), at=telling.at)
        if not 200 <= answer.status < 300:
            raise Unreachable(
                f"the receiver of alarms refused one with status {answer.status}",
                remedy="Correct the address in watch.outlets, or the service behind it.",
                permanent=answer.status < 500,
            )

"""Prometheus' Alertmanager, over its API v2."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from seatrial.adapters.alerts.telling import Telling
from seatrial.adapters.http import Http
from seatrial.core.errors import Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Request
from seatrial.spec.watch import Outlet

_TIMEOUT_S: Final = 10.0
_STANDS: Final = timedelta(minutes=5)
"""So long Alertmanager holds an alert to be firing without hearing of it again."""
_SEVERITIES: Final = {"look": "info", "page": "warning", "offline": "critical"}


class AlertmanagerTeller:
    """One alert for each alarm, firing until the alarm is closed. `secret` is presented as a bearer token."""

    every_s: float | None = 60.0

    def __init__(self, outlet: Outlet, *, http: Http) -> None:
        self._http = http
        self._url = f"{outlet.url.rstrip('/')}/api/v2/alerts"
        self._headers = {"Content-Type": "application/json"}
        if outlet.secret:
            self._headers["Authorization"] = f"Bearer {outlet.secret}"

    def tell(self, telling: Telling) -> None:
        """Post the alert. Raises Unreachable unless the answer is a 2xx."""
        body = json.dumps([_alert(telling)], ensure_ascii=False).encode()
        answer = self._http.send(
            Request(method="POST", url=self._url, headers=self._headers, body=body), timeout_s=_TIMEOUT_S
        )
        if not 200 <= answer.status < 300:
            raise Unreachable(
                f"Alertmanager refused an alert with status {answer.status}: {answer.brief()}",
                remedy="Declare in watch.outlets the address under which /api/v2/alerts is served, and its token.",
                permanent=answer.status < 500,
            )


def _alert(telling: Telling) -> Mapping[str, Json]:
    alarm = telling.alarm
    ends = telling.ended_at or telling.at + _STANDS
    notes = {
        "summary": alarm["summary"],
        "description": " ".join(str(alarm.get(key) or "") for key in ("sure", "explained", "offline")).strip(),
        "since": alarm["since"],
        "state": alarm["state"],
    }
    return {
        "labels": {
            "alertname": "SeatrialAlarm",
            "system": telling.system,
            "monitor": str(alarm["monitor"]),
            "detector": str(alarm["detector"]),
            "severity": _SEVERITIES[str(alarm["level"])],
            "alarm": str(alarm["id"]),
        },
        "annotations": {key: str(value) for key, value in notes.items() if value},
        "startsAt": alarm["opened_at"],
        "endsAt": ends.isoformat(),
    }

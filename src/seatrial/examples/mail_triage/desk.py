"""The ticket desk: takes one ticket per mail, and can leave all routing to its dispatchers."""

from __future__ import annotations

import sys
from pathlib import Path

from seatrial.examples import serving
from seatrial.examples.board import Downstream, build
from seatrial.examples.doubts import doubt_routes

DESK = Downstream(
    service="ticket-desk",
    version="8.4",
    path="/tickets",
    key="mail_id",
    contract="desk.json",
    modes=("assisted", "dispatchers-only"),
)


def main() -> None:
    """`python -m seatrial.examples.mail_triage.desk DIRECTORY`."""
    settings = serving.Settings.of(Path(sys.argv[1]), "desk")
    app = build(settings.directory, DESK)
    app.add_routes(doubt_routes(settings, key=DESK.key, told="maria", pager="MAIL_PAGER"))
    serving.serve(app)


if __name__ == "__main__":
    main()

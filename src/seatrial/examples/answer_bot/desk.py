"""The help desk: takes one answer per question, and can leave all answering to its people."""

from __future__ import annotations

import sys
from pathlib import Path

from seatrial.examples import serving
from seatrial.examples.board import Downstream, build
from seatrial.examples.doubts import doubt_routes

DESK = Downstream(
    service="help-desk",
    version="4.0.1",
    path="/answers",
    key="question_id",
    contract="desk.json",
    modes=("assisted", "people-only"),
)


def main() -> None:
    """`python -m seatrial.examples.answer_bot.desk DIRECTORY`."""
    settings = serving.Settings.of(Path(sys.argv[1]), "desk")
    app = build(settings.directory, DESK)
    app.add_routes(doubt_routes(settings, key=DESK.key, told="nora", pager="ANSWER_PAGER"))
    serving.serve(app)


if __name__ == "__main__":
    main()

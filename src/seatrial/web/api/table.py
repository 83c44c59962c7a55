"""The whole API as one table, from which it is served, described and tested."""

from __future__ import annotations

from typing import Final

from seatrial.web.api.describing import openapi
from seatrial.web.api.route import Call, Operation, Reply, Route
from seatrial.web.api.routes import labels, ledger, papers, people, rooms, runs, training, use, uses, verdicts
from seatrial.web.api.shapes import ANYTHING


def _described(call: Call) -> Reply:
    """The description of everything that is served."""
    del call
    return Reply(content=openapi(ROUTES))


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        name="api-description",
        path="openapi.json",
        about="This description.",
        inside=False,
        public=True,
        operations={
            "GET": Operation(
                summary="This description, as OpenAPI 3.1.", handle=_described, action=None, answer=ANYTHING
            )
        },
    ),
    *verdicts.ROUTES,
    *ledger.ROUTES,
    *people.ROUTES,
    *training.ROUTES,
    *papers.ROUTES,
    *use.ROUTES,
    *uses.ROUTES,
    *labels.ROUTES,
    *runs.ROUTES,
    *rooms.ROUTES,
)

"""Whatever somebody can do on a page of the site they can do over its API, or it is told here why not."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

KEY: Final = "takes somebody's own signing key, which opens with a password on the site and never in a program"
OWN: Final = "is about one's own account: its password, its second factor, its sessions, its language"
DOOR: Final = "is the door of the site itself"
SITE: Final = "administers the site: who gets in, and which systems stand there"
OVER_THE_API: Final = {
    "requirement": "api-remarks",
    "plan": "api-plan",
    "invite": "api-invitations",
    "invite-user": "api-user-invitations",
    "connections": "api-connections",
    "doubts": "api-doubts",
    "doubt": "api-doubt-answer",
    "call-review": "api-meetings",
    "meeting": "api-meeting-minutes",
    "decide": "api-decisions",
    "runs": "api-runs",
    "run": "api-run-cancel",
    "drills": "api-drill",
    "alarm": "api-alarm-acknowledge",
    "document": "api-document",
    "training-import": "api-users",
    "uses": "api-uses",
    "labels": "api-label-rounds",
    "label-round": "api-label-decisions",
    "label-row": "api-labels",
    "use-log": "api-use-log",
}
"""Page on which something is done to the address of the API at which the same is done."""
ON_THE_SITE_ALONE: Final = {
    **dict.fromkeys(("accept-duty", "training", "exemption", "sign", "stop", "events", "retraining"), KEY),
    **dict.fromkeys(("account", "sessions", "second-factor", "new-passkey", "passkey-question", "passphrase"), OWN),
    **dict.fromkeys(("sign-in", "sign-out", "second-step", "begin", "first-account", "reset", "invitation"), DOOR),
    **dict.fromkeys(("sso", "sso-back"), DOOR),
    **dict.fromkeys(("add-system", "interview", "accounts", "an-account", "groups", "group"), SITE),
    **dict.fromkeys(("demand-factor", "tokens"), SITE),
}
"""Page on which something is done to why the API does not."""
MORE: Final = {
    "api-bundles",
    "api-meeting-off",
    "api-alarm-close",
    "api-silences",
    "api-document-original",
    "api-results",
    "api-label-file",
    "api-shown-outputs",
}
"""Addresses of the API that change something and are no page of their own."""


@pytest.fixture(scope="module")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("django", reason="the site is the extra `web`, which is not installed")
    from seatrial.web.settings import configure

    folder = tmp_path_factory.mktemp("law")
    configure(folder)
    return folder


def _does_something(view: object) -> bool:
    """Whether the view reads a form: it says so itself, in its source or in that of what it is made of."""
    import inspect

    module = inspect.getmodule(inspect.unwrap(view))  # type: ignore[arg-type]
    source = inspect.getsource(inspect.unwrap(view))  # type: ignore[arg-type]
    return module is not None and ("POST" in source or "require_POST" in source)


@pytest.mark.usefixtures("_site")
def test_every_page_that_does_something_is_named_with_its_address_or_its_reason() -> None:
    from seatrial.web.api.table import ROUTES
    from seatrial.web.urls import urlpatterns

    served = {route.name for route in ROUTES}
    doing = {str(p.name) for p in urlpatterns if p.name not in served and _does_something(p.callback)}
    named = OVER_THE_API.keys() | ON_THE_SITE_ALONE.keys()
    assert doing - named == set(), "what does something on the site has an address of the API, or a reason"
    assert not OVER_THE_API.keys() & ON_THE_SITE_ALONE.keys()
    assert named <= {str(p.name) for p in urlpatterns}, "a page that is gone needs no reason"


@pytest.mark.usefixtures("_site")
def test_every_address_that_changes_something_is_named_and_there() -> None:
    from seatrial.web.api.table import ROUTES

    changing = {route.name for route in ROUTES if route.operations.keys() - {"GET"}}
    assert changing == set(OVER_THE_API.values()) | MORE

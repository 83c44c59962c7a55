"""Laws of every port, for everything that its catalogue holds: a kind that is added there must keep them too."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from plants import model_server
from plants.pager_server import Delivering, Swallowing, refusing
from plants.server import Server, unused_url
from seatrial.adapters.http import Http
from seatrial.adapters.integrations.catalogue import open_integration
from seatrial.adapters.pagers.catalogue import OpenPager, open_pager
from seatrial.adapters.pagers.channels import CHANNELS
from seatrial.adapters.redaction import Redactor
from seatrial.adapters.steps.catalogue import KINDS
from seatrial.adapters.steps.runner import StepRunner
from seatrial.core.errors import Unreachable
from seatrial.spec.integration import IntegrationSection
from seatrial.spec.people import Person

SECRET: Final = "grey-pelican"


CHANNEL_ROUTES: Final[Mapping[str, str]] = {
    **{scheme: f"{scheme}://{SECRET}@HOST/olga" for scheme in CHANNELS if scheme.endswith("http")},
    "apprise": f"json://olga:{SECRET}@HOST/olga",
}


def pager_over(scheme: str, url: str) -> OpenPager:
    route = CHANNEL_ROUTES[scheme].replace("HOST", url.removeprefix("http://"))
    return open_pager({"olga": Person(name="Olga", page=route)}, http=Http(origins=[url], redact=Redactor([SECRET])))


@pytest.mark.parametrize("scheme", CHANNEL_ROUTES)
def test_a_pager_that_delivers_nothing_is_not_acknowledged_and_tells_no_route(scheme: str) -> None:
    with Server(Swallowing()) as server:
        pager = pager_over(scheme, server.url)
        page = pager.page("olga", title="t", text="t", action="a", expires_s=5)
        assert pager.wait(page, timeout_s=0.1) is None
        assert SECRET not in repr(page)
        pager.close()


@pytest.mark.parametrize("scheme", CHANNEL_ROUTES)
def test_a_channel_that_refuses_or_is_not_there_is_unreachable_and_tells_no_route(scheme: str) -> None:
    with Server(refusing) as server:
        for url in (server.url, unused_url()):
            pager = pager_over(scheme, url)
            with pytest.raises(Unreachable) as caught:
                pager.page("olga", title="t", text="t", action="a", expires_s=5)
            assert SECRET not in str(caught.value)
            pager.close()


def test_a_pager_can_be_closed_at_any_time_and_used_again() -> None:
    service = Delivering()
    with Server(service) as server:
        pager = pager_over("webhook+http", server.url)
        pager.close()
        for _ in range(2):
            page = pager.page("olga", title="t", text="t", action="a", expires_s=5)
            assert pager.wait(page, timeout_s=2) is not None
            service.join()
            pager.close()


HANGING: Final[Mapping[str, Mapping[str, Any]]] = {
    "command": {"run": ["sleep", "60"]},
    "http": {"url": "URL"},
    "wait-until": {"http": {"url": "URL"}, "every": "50ms"},
    "ask": {"who": "olga", "question": "?"},
    "sql": {
        "url": "sqlite:///x.db",
        "statement": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
    },
    "message": {"integration": "orders", "record": {"id": "seatrial-1"}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_hangs_ends_at_its_deadline_as_not_ok(kind: str, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "x.db").close()
    (tmp_path / "x.db").touch()
    with Server(model_server.FAULTS["dripping"][0]) as server, Server(Swallowing()) as service:
        http = Http(origins=[server.url, service.url])
        pager = open_pager({"olga": Person(name="Olga", page=f"webhook+{service.url}/")}, http=http)
        orders = IntegrationSection.model_validate(
            {"kind": "http", "direction": "out", "test": {"url": server.url, "writable": True, "write": "/orders"}}
        )
        steps = StepRunner(
            http=http,
            base_dir=tmp_path,
            pager=lambda: pager,
            databases=frozenset({"sqlite:///x.db"}),
            integrations=lambda name: open_integration(name, orders, http=http, base_dir=tmp_path),
        )
        settings = _with_url(HANGING[kind], server.url)
        started = time.monotonic()
        result = steps.run(kind, settings, timeout_s=0.3)
        pager.close()
    assert not result.ok
    assert 0.2 < result.duration_s <= time.monotonic() - started + 0.01 < 3
    assert result.output


def _with_url(settings: Any, url: str) -> Any:
    if isinstance(settings, Mapping):
        return {key: _with_url(value, url) for key, value in settings.items()}
    return url if settings == "URL" else settings


@pytest.mark.parametrize("kind", [*KINDS, "unknown", ""])
@pytest.mark.parametrize(
    "settings", [{}, {"nonsense": 1}, {"url": 5}, {"run": None}, {"who": []}, {"url": f"http://{SECRET}@undeclared/"}]
)
def test_no_setting_makes_a_step_raise_or_pass_or_tell_a_secret(
    kind: str, settings: Mapping[str, Any], tmp_path: Path
) -> None:
    steps = StepRunner(http=Http(origins=[], redact=Redactor([SECRET])), base_dir=tmp_path)
    result = steps.run(kind, settings, timeout_s=0.2)
    assert not result.ok
    assert result.output
    assert SECRET not in result.output

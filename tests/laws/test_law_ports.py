"""Laws of every port, for everything that its catalogue holds: a kind that is added there must keep them too."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from plants import integration_server, model_server
from plants.pager_server import Delivering, Swallowing, refusing
from plants.server import Answering, Server, unused_url
from seatrial.adapters.http import Http, declared_origins
from seatrial.adapters.integrations.catalogue import FACTORIES as INTEGRATIONS
from seatrial.adapters.integrations.catalogue import OpenIntegration, open_integration
from seatrial.adapters.models.catalogue import FACTORIES as MODELS
from seatrial.adapters.models.catalogue import OpenModel, open_model
from seatrial.adapters.pagers.catalogue import OpenPager, open_pager
from seatrial.adapters.pagers.channels import CHANNELS
from seatrial.adapters.redaction import Redactor, secrets_of
from seatrial.adapters.steps.catalogue import KINDS
from seatrial.adapters.steps.runner import StepRunner
from seatrial.core.errors import Refused, SeatrialError, Unreachable
from seatrial.core.ports import ReplyKind, Row
from seatrial.spec.system import IntegrationSection, Person, System

SECRET: Final = "grey-pelican"
ROWS: Final[list[Row]] = [{"wind": 40.0}, {"wind": 3.0}]

PYTHON_FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "slow": ("import time; time.sleep(30)", "timed-out"),
    "dying": ("import os; os._exit(1)", "crashed"),
    "raising": (f"raise ValueError('{SECRET}')", "crashed"),
    "leaving": ("raise SystemExit(0)", "crashed"),
    "fewer-rows": ("return []", "malformed"),
    "other-shape": ("return {'score': 1}", "malformed"),
    "not-json": ("return object()", "crashed"),
    "nan": ("return [{'label': 1, 'probability': float('nan')}] * len(rows)", "malformed"),
}
SOUND_PYTHON: Final = "return [{'label': 1, 'probability': 0.5} for _ in rows]"


def system_with(model: Mapping[str, Any]) -> System:
    section = {
        "task": "binary",
        "output": {"prediction": "label", "score": "probability"},
        "timeout": "400ms",
        "headers": {"Authorization": f"Bearer {SECRET}"},
        **model,
    }
    return System.model_validate({"system": "s", "version": "1", "model": section})


def opened(declared: System, base_dir: Path) -> OpenModel:
    http = Http(origins=declared_origins(declared), redact=Redactor([*secrets_of(declared), SECRET]))
    return open_model(declared, base_dir=base_dir, http=http)


@contextmanager
def model_over(kind: str, behaviour: Answering | str, base_dir: Path) -> Iterator[OpenModel]:
    if isinstance(behaviour, str):
        (base_dir / "model.py").write_text(f"def predict(rows):\n    {behaviour}\n\ndef version():\n    return 'v1'\n")
        model = opened(system_with({kind: "model.py:predict", "identity": "model.py:version"}), base_dir)
        try:
            yield model
        finally:
            model.close()
        return
    with Server(behaviour) as server:
        model = opened(system_with({kind: f"{server.url}/predict", "identity": f"{server.url}/version"}), base_dir)
        try:
            yield model
        finally:
            model.close()


def sound_for(kind: str) -> Answering | str:
    return SOUND_PYTHON if kind == "python" else model_server.sound


def faults_for(kind: str) -> Mapping[str, tuple[Answering | str, str]]:
    return dict(PYTHON_FAULTS) if kind == "python" else dict(model_server.FAULTS)


EVERY_FAULT: Final = [(kind, fault) for kind in MODELS for fault in faults_for(kind)]


@pytest.mark.parametrize("kind", MODELS)
def test_a_sound_model_answers_one_prediction_per_row_and_the_same_identity_twice(kind: str, tmp_path: Path) -> None:
    with model_over(kind, sound_for(kind), tmp_path) as model:
        reply = model.predict(ROWS)
        assert reply.kind is ReplyKind.OK, reply.error
        assert len(reply.predictions) == len(ROWS)
        assert reply.latency_s > 0
        assert model.identity() == model.identity() != ""


@pytest.mark.parametrize(("kind", "fault"), EVERY_FAULT)
def test_whatever_a_model_does_is_reported_in_time_without_predictions_or_secrets(
    kind: str, fault: str, tmp_path: Path
) -> None:
    behaviour, expected = faults_for(kind)[fault]
    with model_over(kind, behaviour, tmp_path) as model:
        started = time.monotonic()
        reply = model.predict(ROWS[:1])
        assert time.monotonic() - started < 4
        assert reply.kind == expected
        assert reply.predictions == ()
        assert reply.error
        assert SECRET not in reply.error


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_that_is_not_there_is_unreachable_and_has_no_identity(kind: str, tmp_path: Path) -> None:
    where = "gone.py:predict" if kind == "python" else unused_url()
    model = opened(system_with({kind: where, "identity": where}), tmp_path)
    assert model.predict(ROWS).kind is ReplyKind.UNREACHABLE
    with pytest.raises(SeatrialError):
        model.identity()
    model.close()


@pytest.mark.parametrize("kind", MODELS)
def test_a_closed_model_can_be_asked_again(kind: str, tmp_path: Path) -> None:
    with model_over(kind, sound_for(kind), tmp_path) as model:
        model.close()
        assert model.predict(ROWS).kind is ReplyKind.OK


@contextmanager
def integration_of(kind: str, base_dir: Path, **more: Any) -> Iterator[OpenIntegration]:
    if kind == "http":
        with Server(integration_server.Records()) as server:
            paths = {"read": "newest", "write": "take", "observe": "arrived", "version": "version", "health": "health"}
            yield from _opened(kind, base_dir, {"url": server.url, **paths, **more}, server.url)
    elif kind == "postgresql":
        with _postgresql() as url:
            tables = {"read": "SELECT id FROM seatrial_law ORDER BY id", "write": "seatrial_law"}
            yield from _opened(kind, base_dir, {"url": url, **tables, "observe": "seatrial_law", **more}, "")
    elif kind == "files":
        (base_dir / "VERSION").write_text("1")
        (base_dir / "a.jsonl").write_text("".join(f'{{"id": "{r["id"]}"}}\n' for r in integration_server.RECORDS))
        yield from _opened(kind, base_dir, {"url": ".", "version": "VERSION", **more}, "")
    else:
        with sqlite3.connect(base_dir / "x.db") as connection:
            connection.execute("CREATE TABLE t (id TEXT)")
            connection.executemany("INSERT INTO t VALUES (?)", [(r["id"],) for r in integration_server.RECORDS])
        connection.close()
        tables = {"read": "t", "write": "t", "observe": "t"}
        yield from _opened(kind, base_dir, {"url": "sqlite:///x.db", **tables, **more}, "")


@contextmanager
def _postgresql() -> Iterator[str]:
    url = os.environ.get("SEATRIAL_TEST_POSTGRES", "postgresql+psycopg://127.0.0.1:5432/test")
    engine = create_engine(url, connect_args={"connect_timeout": 2}, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE IF EXISTS seatrial_law"))
            connection.execute(text("CREATE TABLE seatrial_law (id TEXT)"))
            for record in integration_server.RECORDS:
                connection.execute(text("INSERT INTO seatrial_law VALUES (:id)"), record)
    except OperationalError:
        pytest.skip("no PostgreSQL server answers at SEATRIAL_TEST_POSTGRES or 127.0.0.1:5432")
    yield url
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE seatrial_law"))


def _opened(kind: str, base_dir: Path, end: Mapping[str, Any], url: str) -> Iterator[OpenIntegration]:
    section = IntegrationSection.model_validate({"kind": kind, "test": end})
    with Http(origins=[url] if url else []) as http:
        integration = open_integration("erp", section, http=http, base_dir=base_dir)
        yield integration
        integration.close()


@pytest.mark.parametrize("kind", INTEGRATIONS)
def test_an_integration_reads_the_newest_records_and_shows_what_was_written(kind: str, tmp_path: Path) -> None:
    with integration_of(kind, tmp_path, writable=True) as integration:
        assert integration.version()
        integration.health()
        assert [row["id"] for row in integration.read(2)] == ["r3", "r4"]
        assert len(integration.read(100)) == 5
        integration.write({"id": "seatrial-1"})
        found = integration.observe("id", ["seatrial-1", "absent"])
        assert {key: len(rows) for key, rows in found.items()} == {"seatrial-1": 1}


@pytest.mark.parametrize("kind", INTEGRATIONS)
@pytest.mark.parametrize("more", [{}, {"writable": True, "read_only": True}])
def test_an_integration_that_is_not_writable_refuses_and_stays_as_it_is(
    kind: str, more: dict[str, bool], tmp_path: Path
) -> None:
    with integration_of(kind, tmp_path, **more) as integration:
        for use in (integration.write, integration.request):
            with pytest.raises(Refused):
                use({"id": "seatrial-1"})
        assert integration.observe("id", ["seatrial-1"]) == {}


@pytest.mark.parametrize("kind", INTEGRATIONS)
def test_an_integration_that_is_not_there_raises_only_our_errors_and_no_secret(kind: str, tmp_path: Path) -> None:
    urls = {
        "http": unused_url().replace("://", f"://olga:{SECRET}@"),
        "files": f"{SECRET}/nowhere",
        "postgresql": f"postgresql://olga:{SECRET}@127.0.0.1:1/x",
    }
    url = urls.get(kind, "sqlite:///nowhere.db")
    end = {"url": url, "writable": True, "read": "a", "write": "a", "observe": "a", "version": "SELECT 1"}
    section = IntegrationSection.model_validate({"kind": kind, "test": end})
    system = system_with({"endpoint": "http://127.0.0.1:1/"}).model_copy(update={"integrations": {"erp": section}})
    with Http(origins=declared_origins(system), redact=Redactor(secrets_of(system))) as http:
        uses: tuple[Callable[[OpenIntegration], object], ...] = (
            lambda one: one.read(1),
            lambda one: one.write({"id": "1"}),
            lambda one: one.observe("id", ["1"]),
            lambda one: one.version(),
            lambda one: one.health(),
        )
        for use in uses:
            with pytest.raises(SeatrialError) as caught:
                use(open_integration("erp", section, http=http, base_dir=tmp_path))
            assert kind == "files" or SECRET not in str(caught.value)


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
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_hangs_ends_at_its_deadline_as_not_ok(kind: str, tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "x.db").close()
    (tmp_path / "x.db").touch()
    with Server(model_server.FAULTS["dripping"][0]) as server, Server(Swallowing()) as service:
        http = Http(origins=[server.url, service.url])
        pager = open_pager({"olga": Person(name="Olga", page=f"webhook+{service.url}/")}, http=http)
        steps = StepRunner(http=http, base_dir=tmp_path, pager=lambda: pager, databases=frozenset({"sqlite:///x.db"}))
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

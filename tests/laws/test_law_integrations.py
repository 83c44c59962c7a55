"""Laws of the port for integrations, held by every kind of the catalogue against a real server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from plants.integration_cases import CASES, SECRET, IntegrationCase, nowhere
from plants.integration_server import RECORDS
from seatrial.adapters.http import Http, declared_origins
from seatrial.adapters.integrations.catalogue import FACTORIES, OpenIntegration, open_integration
from seatrial.adapters.redaction import Redactor, secrets_of
from seatrial.core.errors import Malformed, Refused, SeatrialError
from seatrial.core.ports import Removing, Row
from seatrial.spec.integration import IntegrationSection
from seatrial.spec.integration_references import REMOVABLE
from seatrial.spec.system import System


@contextmanager
def opened(
    kind: str, folder: Path, *, removing: bool = False, **more: Any
) -> Iterator[tuple[OpenIntegration, IntegrationCase]]:
    with CASES[kind](folder) as case:
        if removing:
            more["remove"] = case.end.get("observe") or "."
        section = IntegrationSection.model_validate({"kind": kind, "test": {**case.end, **more}})
        with Http(origins=case.origins) as http:
            integration = open_integration("erp", section, http=http, base_dir=folder)
            try:
                yield integration, case
            finally:
                integration.close()


def filled(integration: OpenIntegration, case: IntegrationCase) -> None:
    integration.listen()
    for record in RECORDS if case.arrive is not None else ():
        assert case.arrive is not None
        case.arrive(record)


def take_away(integration: OpenIntegration, keys: Sequence[str]) -> None:
    assert isinstance(integration, Removing)
    integration.remove("id", keys)


def seen(integration: OpenIntegration, keys: Sequence[str], *, copies: int) -> Mapping[str, Sequence[Row]]:
    """What is observed as soon as there are that many copies; what a broker has taken it delivers a moment later."""
    found: Mapping[str, Sequence[Row]] = {}
    for _ in range(1200):
        found = integration.observe("id", keys)
        if sum(map(len, found.values())) >= copies:
            break
        time.sleep(0.05)
    return found


def test_every_kind_of_the_catalogue_is_held_against_a_real_server() -> None:
    assert set(CASES) == set(FACTORIES)
    assert all(nowhere(kind) for kind in FACTORIES)


@pytest.mark.parametrize("kind", FACTORIES)
def test_an_integration_reads_the_newest_records_and_shows_what_was_written(kind: str, tmp_path: Path) -> None:
    with opened(kind, tmp_path, writable=kind != "webhook") as (integration, case):
        integration.health()
        filled(integration, case)
        assert integration.version()
        assert [row["id"] for row in integration.read(5)] == [record["id"] for record in RECORDS]
        assert [row["id"] for row in integration.read(2)] == ["r3", "r4"]
        assert integration.read(0) == ()
        assert list(integration.schema()) == list(integration.read(1)[0])
        put = case.arrive if case.receives and case.arrive is not None else integration.write
        put({"id": "seatrial-1"})
        put({"id": "seatrial-2"})
        put({"id": "seatrial-2"})
        found = seen(integration, ["seatrial-1", "seatrial-2", "absent"], copies=3)
        assert {key: len(rows) for key, rows in found.items()} == {"seatrial-1": 1, "seatrial-2": 2}
        assert found["seatrial-1"] == [{"id": "seatrial-1"}]


@pytest.mark.parametrize("kind", [kind for kind in FACTORIES if kind in REMOVABLE])
def test_what_was_written_is_removed_again_and_nothing_else(kind: str, tmp_path: Path) -> None:
    with opened(kind, tmp_path, removing=True, writable=True) as (integration, case):
        filled(integration, case)
        for key in ("seatrial-1", "seatrial-2", "seatrial-3"):
            integration.write({"id": key})
        take_away(integration, ["seatrial-1", "seatrial-3", "absent"])
        take_away(integration, ["seatrial-1"])
        keys = ["seatrial-1", "seatrial-2", "seatrial-3", *(str(record["id"]) for record in RECORDS)]
        assert sorted(integration.observe("id", keys)) == sorted([*(str(r["id"]) for r in RECORDS), "seatrial-2"])


@pytest.mark.parametrize("kind", [kind for kind in FACTORIES if kind in REMOVABLE])
def test_nothing_is_removed_where_nothing_may_be_written_or_nobody_says_how(kind: str, tmp_path: Path) -> None:
    for error, told in ((Refused, {"removing": True}), (Malformed, {"writable": True})):
        folder = tmp_path / error.__name__
        folder.mkdir()
        with opened(kind, folder, **told) as (integration, _), pytest.raises(error):
            take_away(integration, [str(RECORDS[0]["id"])])


@pytest.mark.parametrize("kind", FACTORIES)
@pytest.mark.parametrize("more", [{}, {"writable": True, "read_only": True}])
def test_an_integration_that_is_not_writable_refuses_and_stays_as_it_is(
    kind: str, more: dict[str, bool], tmp_path: Path
) -> None:
    with opened(kind, tmp_path, **more) as (integration, _):
        integration.listen()
        integration.listen()
        for use in (integration.write, integration.request):
            with pytest.raises(Refused):
                use({"id": "seatrial-1"})
        assert integration.observe("id", ["seatrial-1"]) == {}


@pytest.mark.parametrize("kind", FACTORIES)
def test_an_integration_that_is_not_there_raises_only_our_errors_and_no_secret(kind: str, tmp_path: Path) -> None:
    section = IntegrationSection.model_validate({"kind": kind, "test": {**nowhere(kind), "writable": True}})
    system = System.model_validate(
        {"system": "s", "version": "1", "model": {"endpoint": "http://127.0.0.1:1/", "task": "binary"}}
    ).model_copy(update={"integrations": {"erp": section}})
    with Http(origins=declared_origins(system), redact=Redactor(secrets_of(system))) as http:
        uses: tuple[Callable[[OpenIntegration], object], ...] = (
            lambda one: one.read(1),
            lambda one: one.write({"id": "1"}),
            lambda one: one.observe("id", ["1"]),
            lambda one: one.version(),
            lambda one: one.health(),
        )

        def once(use: Callable[[OpenIntegration], object]) -> None:
            # Some kinds do not even open where their address leads nowhere.
            with closing(open_integration("erp", section, http=http, base_dir=tmp_path)) as integration:
                use(integration)

        for use in uses:
            with pytest.raises(SeatrialError) as caught:
                once(use)
            assert SECRET not in str(caught.value)

"""integration.versions against real servers: equal ends pass, other versions and fields are told, unknown is open."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from plants import brokers
from plants.real_trial import RealTrial, codes, judged, observed
from plants.server import Answering, Asked, Said, Server, said
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Outcome
from seatrial.domains.integration.versions import CHECK
from seatrial.spec.system import System

RECORD: Mapping[str, Any] = {"id": "r1", "temp": 12.5}


def feed(version: Callable[[], object], record: Mapping[str, Any] = RECORD) -> Answering:
    def answer(asked: Asked) -> Said:
        if asked.path == "/version":
            told = version()
            return said({"version": told}) if told is not None else said({"error": "no"}, 500)
        return said([record] * 3)

    return answer


def fixed(version: object) -> Callable[[], object]:
    return lambda: version


def end(url: str) -> dict[str, Any]:
    return {"url": url, "version": "/version", "read": "/newest"}


def system(**integrations: Any) -> System:
    model = {"endpoint": "http://127.0.0.1:1/predict", "task": "binary"}
    return System.model_validate({"system": "s", "version": "1", "model": model, "integrations": integrations})


def compared(tested: Answering, live: Answering) -> tuple[Observation, Outcome]:
    with Server(tested) as test, Server(live) as production:
        declared = system(weather={"kind": "http", "test": end(test.url), "production": end(production.url)})
        with RealTrial(declared) as trial:
            found = observed(CHECK, declared, trial)
    return found, judged(CHECK, declared, found).outcome


def test_two_ends_of_one_version_with_the_same_fields_pass() -> None:
    found, outcome = compared(feed(fixed("4.2")), feed(fixed("4.2")))
    assert outcome is Outcome.MET
    assert found.facts["versions"] == {"weather": {"tested": "4.2", "production": "4.2"}}


@pytest.mark.parametrize("live", ["4.3", "4.2.1", "4.2 "])
def test_another_version_in_production_is_a_gap_that_names_both(live: str) -> None:
    found, outcome = compared(feed(fixed("4.2")), feed(fixed(live)))
    assert outcome is Outcome.NOT_MET
    (finding,) = found.findings
    assert finding.code == "version-differs"
    assert "4.2" in finding.summary
    assert live in finding.summary


@pytest.mark.parametrize(
    ("record", "outcome"),
    [
        ({"id": "r1", "temp": "12,5"}, Outcome.NOT_MET),
        ({"id": "r1", "temperature": 12.5}, Outcome.NOT_MET),
        ({"id": "r1"}, Outcome.NOT_MET),
        ({"id": "r1", "temp": 12.5, "gate": 3}, Outcome.MET),
        ({"id": "r1", "temp": 12}, Outcome.MET),
        ({"id": "r1", "temp": None}, Outcome.MET),
        ({"temp": 12.5, "id": "r1"}, Outcome.MET),
    ],
)
def test_ends_of_one_version_are_compared_by_their_fields(record: Mapping[str, Any], outcome: Outcome) -> None:
    found, judgement = compared(feed(fixed("4.2")), feed(fixed("4.2"), record))
    assert judgement is outcome, found.findings


def test_a_version_that_changes_with_every_answer_is_none() -> None:
    counting = itertools.count()
    found, outcome = compared(feed(fixed("4.2")), feed(lambda: f"4.2+{next(counting)}"))
    assert outcome is Outcome.NOT_DETERMINED
    assert codes(found) == {"version-unstable"}


def test_an_end_that_tells_nothing_is_open_and_says_why() -> None:
    found, outcome = compared(feed(fixed("4.2")), feed(fixed(None)))
    assert outcome is Outcome.NOT_DETERMINED
    assert codes(found) == {"version-unknown"}
    assert "production end of weather" in found.findings[0].summary


def test_without_a_production_end_nothing_is_established() -> None:
    with Server(feed(fixed("4.2"))) as server:
        declared = system(weather={"kind": "http", "test": end(server.url)})
        with RealTrial(declared) as trial:
            found = observed(CHECK, declared, trial)
    assert codes(found) == {"no-production-end"}
    assert judged(CHECK, declared, found).outcome is Outcome.NOT_DETERMINED


def test_one_place_for_both_is_said() -> None:
    with Server(feed(fixed("4.2"))) as server:
        ends = {"test": end(server.url), "production": end(server.url)}
        declared = system(weather={"kind": "http", **ends})
        with RealTrial(declared) as trial:
            found = observed(CHECK, declared, trial)
    assert codes(found) == {"tested-in-production"}
    assert judged(CHECK, declared, found).outcome is Outcome.MET


def test_one_good_integration_does_not_hide_a_bad_one() -> None:
    with Server(feed(fixed("4.2"))) as good, Server(feed(fixed(None))) as bad:
        declared = system(
            good={"kind": "http", "test": end(good.url), "production": end(good.url)},
            bad={"kind": "http", "test": end(good.url), "production": end(bad.url)},
        )
        with RealTrial(declared) as trial:
            found = observed(CHECK, declared, trial)
    assert found.proof == 0
    assert judged(CHECK, declared, found).outcome is Outcome.NOT_DETERMINED


def test_no_integration_is_a_gap() -> None:
    declared = system()
    with RealTrial(declared) as trial:
        found = observed(CHECK, declared, trial)
    assert judged(CHECK, declared, found).outcome is Outcome.NOT_MET


def test_tables_are_compared_with_the_types_that_the_database_declares(tmp_path: Path) -> None:
    for name, kind in (("test.db", "REAL"), ("live.db", "TEXT")):
        connection = sqlite3.connect(tmp_path / name)
        connection.execute(f"CREATE TABLE orders (id TEXT NOT NULL, temp {kind})")
        connection.commit()
        connection.close()
    ends = {
        "test": {"url": "sqlite:///test.db", "read": "orders"},
        "production": {"url": "sqlite:///live.db", "read": "orders", "read_only": True},
    }
    declared = system(erp={"kind": "sqlite", **ends})
    with RealTrial(declared, base_dir=tmp_path) as trial:
        found = observed(CHECK, declared, trial)
    assert codes(found) == {"fields-differ"}
    assert "temp is real|null where it was tested and text|null in production" in found.findings[0].summary


def brokers_compared(test: str, production: str, **more: Any) -> tuple[Observation, Outcome]:
    ends = {
        which: {"url": url, "listen_for": "100ms", **more}
        for which, url in (("test", test), ("production", production))
    }
    declared = system(weather={"kind": "mqtt", "topic": "seatrial/versions", **ends})
    with RealTrial(declared) as trial:
        found = observed(CHECK, declared, trial)
    return found, judged(CHECK, declared, found).outcome


def test_what_two_brokers_tell_of_themselves_is_compared(tmp_path: Path) -> None:
    with brokers.mosquitto(tmp_path, "allow_anonymous true") as own, brokers.mqtt() as shared:
        found, outcome = brokers_compared(own, shared)
        assert outcome is Outcome.MET, found
        # Nothing was published, so that nothing is known of the fields.
        assert codes(found) == {"fields-unknown"}


def test_a_version_that_only_the_system_file_tells_establishes_nothing(tmp_path: Path) -> None:
    with brokers.mosquitto(tmp_path, "allow_anonymous true", "sys_interval 0") as silent:
        found, outcome = brokers_compared(silent, silent, version="HiveMQ 4.20")
    assert outcome is Outcome.NOT_DETERMINED
    (declared,) = (f for f in found.findings if f.code == "version-declared")
    assert "HiveMQ 4.20" in declared.summary

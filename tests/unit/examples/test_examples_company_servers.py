"""The company profile before any server is spoken to: its system file, and what is said where a server is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from plants.server import unused_port
from seatrial.app.demo import Demo
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.examples.arrival_delay.company.servers import AMQP, MQTT, POSTGRES, RUN, demand, led_through
from seatrial.examples.arrival_delay.example import EXAMPLE
from seatrial.examples.arrival_delay.prepare import HERE, TABLES
from seatrial.examples.draft import SYSTEM, drafted
from seatrial.examples.example import VARIANTS, Variant
from seatrial.spec.loading import load_system
from seatrial.spec.system import System

SECRET = "opensesame"
ENVIRONMENT = {
    **{f"ARRIVAL_{name}": "http://127.0.0.1:1" for name in ("MODEL", "WEATHER", "PLANNER", "PAGER")},
    **{f"ARRIVAL_{name}_LINE": "127.0.0.1:1" for name in ("WEATHER", "PLANNER", "POSTGRES", "MQTT", "AMQP")},
    "ARRIVAL_PYTHON": "python",
    POSTGRES: "postgresql://127.0.0.1/erp",
    MQTT: "mqtt://127.0.0.1",
    AMQP: "amqp://127.0.0.1",
    RUN: "arrival_0",
}


def loaded(variant: Variant, profile: str) -> System:
    draft = drafted(HERE, TABLES, variant)
    example = EXAMPLE.in_profile(profile)
    if example.profile is not None:
        example.profile.plant(draft)
    return load_system(draft.texts[SYSTEM].encode(), name=variant, environment=ENVIRONMENT).system


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_profile_changes_where_records_come_from_and_nothing_that_is_demanded(variant: Variant) -> None:
    embedded, company = loaded(variant, "embedded"), loaded(variant, "company")
    assert {n: s.kind for n, s in company.integrations.items()} == {
        "weather": "mqtt",
        "deliveries": "postgresql",
        "planner": "amqp",
    }
    for name, section in embedded.integrations.items():
        ours = company.integrations[name]
        assert (ours.contract, ours.feeds, ours.direction) == (section.contract, section.feeds, section.direction)
        assert ours.test is not None
        assert ours.test.via
    assert company.flows == embedded.flows
    for unchanged in ("model", "governance", "load", "workflows", "owner", "duties", "rollback"):
        assert getattr(company, unchanged) == getattr(embedded, unchanged)


def test_a_server_that_is_not_there_is_told_before_anything_is_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = unused_port()
    monkeypatch.setenv(POSTGRES, f"postgresql://olga:{SECRET}@127.0.0.1:{port}/erp")
    demo = Demo(tmp_path / "demo", profile="company")
    with pytest.raises(Unreachable, match=f"needs a PostgreSQL, and none answers at 127.0.0.1:{port}") as told:
        list(demo.events())
    assert POSTGRES in told.value.remedy
    assert SECRET not in f"{told.value.what}{told.value.remedy}"
    assert not (tmp_path / "demo").exists()


def test_an_address_of_another_kind_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POSTGRES, f"olga:{SECRET}@erp")
    with pytest.raises(Malformed, match=POSTGRES) as told:
        demand()
    assert SECRET not in f"{told.value.what}{told.value.remedy}"


def test_an_example_without_such_a_profile_says_which_it_has(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="mail-triage has no profile 'company'"):
        Demo(tmp_path, example="mail-triage", profile="company")
    with pytest.raises(SeatrialError, match="has no profile 'cloud'") as told:
        Demo(tmp_path, profile="cloud")
    assert told.value.remedy == "Known: embedded, company."


def test_a_line_takes_the_place_of_the_server_and_nothing_else() -> None:
    line = "127.0.0.1:7"
    assert led_through("postgresql://olga:x%40y@db:5432/erp?a=b", line) == "postgresql://olga:x%40y@127.0.0.1:7/erp?a=b"
    assert led_through("mqtt://broker", line) == "mqtt://127.0.0.1:7"

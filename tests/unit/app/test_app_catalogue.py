"""Checks of other packages come in by the same door, and what cannot be used is said, never passed over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from seatrial.app.folder import catalogue
from seatrial.app.running.planning import chosen
from seatrial.core.check import Check
from seatrial.core.errors import SeatrialError
from seatrial.domains.catalogue import CHECKS
from seatrial.gate.catalogue import EVERY
from seatrial.spec.system import System

OURS = replace(CHECKS[0], id="acme.leaks")
SEVERAL = (OURS, replace(OURS, id="acme.more"))
TWIN = CHECKS[0]
ASTRAY = replace(OURS, requirement="model.beauty")
NONSENSE = "a text"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    catalogue.checks.cache_clear()
    yield
    catalogue.checks.cache_clear()


def _brought(monkeypatch: pytest.MonkeyPatch, value: str) -> tuple[Check[System], ...]:
    entry = EntryPoint(name="acme", value=value, group=catalogue.GROUP)

    def brought(**_: Any) -> list[EntryPoint]:
        return [entry]

    monkeypatch.setattr(catalogue, "entry_points", brought)
    return catalogue.checks()


def test_every_check_of_ours_is_for_a_requirement_and_bears_its_own_id() -> None:
    assert {check.requirement for check in CHECKS} <= {row.id for row in EVERY}
    assert len({check.id for check in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize(("name", "ids"), [("OURS", ["acme.leaks"]), ("SEVERAL", ["acme.leaks", "acme.more"])])
def test_a_package_brings_one_check_or_several(monkeypatch: pytest.MonkeyPatch, name: str, ids: list[str]) -> None:
    found = _brought(monkeypatch, f"test_app_catalogue:{name}")
    assert [check.id for check in found] == [*(check.id for check in CHECKS), *ids]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("no_such_package:CHECK", "cannot be loaded"),
        ("test_app_catalogue:ABSENT", "cannot be loaded"),
        ("test_app_catalogue:NONSENSE", "neither a Check nor a sequence"),
        ("test_app_catalogue:TWIN", "two checks"),
        ("test_app_catalogue:ASTRAY", "no requirement"),
    ],
)
def test_what_cannot_be_used_is_an_error(monkeypatch: pytest.MonkeyPatch, value: str, said: str) -> None:
    with pytest.raises(SeatrialError, match=said):
        _brought(monkeypatch, value)


def test_checks_are_chosen_by_id_by_requirement_and_by_domain() -> None:
    assert chosen(None) == catalogue.checks()
    chosen_ids = [c.id for c in chosen(["ownership.monitor", "model.threshold"])]
    assert chosen_ids == [
        "model.threshold",
        "model.threshold.files",
        "model.threshold.imported",
        "ownership.monitor",
    ]
    assert {c.requirement.split(".")[0] for c in chosen(["ownership"])} == {"ownership"}


def test_several_are_chosen_in_one_word_with_commas() -> None:
    assert chosen(["ownership.monitor, model.threshold"]) == chosen(["ownership.monitor", "model.threshold"])
    assert chosen(["ownership,model.threshold,"]) == chosen(["ownership", "model.threshold"])


@pytest.mark.parametrize("only", [["model.treshold"], ["ownership,model.treshold"]])
def test_a_misspelt_choice_is_an_error_with_a_suggestion(only: list[str]) -> None:
    with pytest.raises(SeatrialError) as caught:
        chosen(only)
    assert "model.threshold" in caught.value.remedy


def test_commas_alone_choose_nothing_and_are_an_error() -> None:
    with pytest.raises(SeatrialError):
        chosen([","])

"""Every family of planted defects and of harmless worlds, on a few worlds each; the docs show them on many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from power.family import Family, families, measured

WORLDS = 3
"""As few as can contradict a claim. Against the clock there is time for one world: it must come out as it should."""
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "power.md"


def _marked(family: Family) -> Any:
    marks = (pytest.mark.slow, pytest.mark.timed) if family.times else (pytest.mark.slow,)
    return pytest.param(family, id=f"{family.requirement}: {family.name}", marks=marks)


@pytest.mark.parametrize("family", [_marked(family) for family in families()])
def test_the_rate_does_not_contradict_what_is_claimed(family: Family) -> None:
    if family.times and family.claim is not None:
        assert family.caught(0) is family.harmful
        return
    rate = measured(family, min(WORLDS, family.worlds))
    assert not rate.contradicts, f"caught {rate.caught} of {rate.worlds}"


def test_the_page_shows_families_that_there_are_each_once_and_none_that_contradicts_its_claim() -> None:
    shown = [line.split(" | ")[:2] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    known = {(f"| `{family.requirement}`", family.name.replace("|", "/")) for family in families()}
    assert len(shown) == len({(requirement, name) for requirement, name in shown})
    assert {(requirement, name) for requirement, name in shown} <= known
    assert "contradicted" not in PAGE.read_text(encoding="utf-8")


def test_family_names_say_which_is_which() -> None:
    names = [(family.requirement, family.name) for family in families()]
    assert len(set(names)) == len(names)
    assert {family.harmful for family in families()} == {True, False}

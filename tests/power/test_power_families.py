"""Every family of planted defects and of harmless worlds, on a few worlds each; the docs show them on many."""

from __future__ import annotations

import pytest

from power.family import Family, families, measured

WORLDS = 3


@pytest.mark.slow
@pytest.mark.parametrize("family", tuple(families()), ids=lambda family: f"{family.requirement}: {family.name}")
def test_the_rate_does_not_contradict_what_is_claimed(family: Family) -> None:
    rate = measured(family, min(WORLDS, family.worlds))
    assert not rate.contradicts, f"caught {rate.caught} of {rate.worlds}"


def test_family_names_say_which_is_which() -> None:
    names = [(family.requirement, family.name) for family in families()]
    assert len(set(names)) == len(names)
    assert {family.harmful for family in families()} == {True, False}

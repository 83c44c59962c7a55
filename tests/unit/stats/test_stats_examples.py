"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import seatrial.stats

MODULES = sorted(m.name for m in pkgutil.iter_modules(seatrial.stats.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_every_documented_example_gives_what_it_says(name: str) -> None:
    module = importlib.import_module(f"seatrial.stats.{name}")
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_shows_an_example(name: str) -> None:
    module = importlib.import_module(f"seatrial.stats.{name}")
    own = [
        thing
        for key, thing in vars(module).items()
        if not key.startswith("_") and callable(thing) and getattr(thing, "__module__", "") == module.__name__
    ]
    without = [f.__name__ for f in own if not isinstance(f, type) and ">>>" not in (f.__doc__ or "")]
    assert without == []

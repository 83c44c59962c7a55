"""What holds for every test."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["plants.warm_start"]

# Tests start the real command hundreds of times: it is compiled once, not in each of them, whatever the shell says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# How long an example takes says on a busy machine nothing about the product.
settings.register_profile("busy", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

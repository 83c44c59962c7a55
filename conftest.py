"""What holds for every test."""

from __future__ import annotations

import os

# Tests start the real command hundreds of times: it is compiled once, not in each of them, whatever the shell says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

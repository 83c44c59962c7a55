"""The sheet on which people write what they finish while the system is off, worked through by a script."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

SHEET_S = 5.5
"""Seconds in which a sheet is worked through: a second for a minute."""


def work_through(done: Sequence[tuple[str, str]], sheet: Path) -> None:
    """Writes each item, with what was done and when, as a row below those that are there, at a steady pace."""
    with sheet.open("a", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        for item, what in done:
            time.sleep(SHEET_S / len(done))
            writer.writerow((item, what, datetime.now(UTC).isoformat()))
            handle.flush()
            sys.stdout.write(f"{what}\n")
            sys.stdout.flush()

"""Every page of the site in a real browser: nobody is kept out by colours, a keyboard, or a small screen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from plants.site_browser import CHROMIUM

pytestmark = pytest.mark.slow
_WALK = Path(__file__).parents[1] / "screenshots.py"


def test_every_page_is_shown_and_can_be_used_by_everybody() -> None:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: install Debian's package chromium")
    done = subprocess.run(
        [sys.executable, str(_WALK)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr

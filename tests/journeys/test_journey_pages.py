"""Every page of the site in a real browser: nobody is kept out by colours, a keyboard, or a small screen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from plants.site_browser import CHROMIUM

pytestmark = pytest.mark.slow
_LONGEST = ("board", "gaps", "people", "tokens", "second-factor")
"""The pages with the longest words in the closest places."""
_WALK = Path(__file__).parents[1] / "screenshots.py"


@pytest.mark.parametrize("asked", [[], ["--language", "de", "--only", *_LONGEST]], ids=["english", "german"])
def test_every_page_is_shown_and_can_be_used_by_everybody(asked: list[str]) -> None:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: install Debian's package chromium")
    done = subprocess.run(
        [sys.executable, str(_WALK), *asked],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr

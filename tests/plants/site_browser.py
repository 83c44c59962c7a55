"""The site as a process of its own, and a real browser to look at it with."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from plants.server import Server
from plants.tiny_system import SECRET, plant, steady

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PASSWORD = "a long enough phrase 7"
SHOTS = os.environ.get("SEATRIAL_SCREENSHOTS")
"""A folder in which every page that is looked at is kept as a picture: light, dark, and on a phone."""
_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@dataclass
class Site:
    url: str
    folder: Path
    browser: Any
    log: Path

    @property
    def first(self) -> str:
        """The address of the first account, as the site said it."""
        return str(re.findall(r"http://\S+/begin/\S+/", self.log.read_text())[-1])

    @contextmanager
    def somebody(self) -> Iterator[Any]:
        context = self.browser.new_context(viewport={"width": 1200, "height": 900})
        page = context.new_page()
        page.set_default_timeout(30_000)
        trouble: list[str] = []
        page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        try:
            yield page
            serious = [text for text in trouble if "Failed to load resource" not in text]
            assert not serious, serious
        finally:
            context.close()


@contextmanager
def site_in_browser(
    folder: Path, *, environment: Mapping[str, str] | None = None, planted: bool = True
) -> Iterator[Site]:
    """A site over a small real system, and a browser, as `served`.

    The system stands in `arrival`; without `planted` it is there already.
    """
    if planted:
        with Server(steady) as model:
            plant(folder / "arrival", model.url, count=200)
            _with_users(folder / "arrival")
            (folder / "arrival" / ".env").write_text(f"MODEL_KEY={SECRET}\n")
            with served(folder, folder / "arrival", environment=environment) as site:
                yield site
    else:
        with served(folder, folder / "arrival", environment=environment) as site:
            yield site


@contextmanager
def served(folder: Path, system: Path, *, environment: Mapping[str, str] | None = None) -> Iterator[Site]:
    """A site whose own data stand in `folder`, and a browser; skips where there is none.

    It shows the system, where there is one in that folder already; else it knows none.
    """
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: install Debian's package chromium")
    from playwright.sync_api import sync_playwright

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "seatrial", "serve", str(system) if system.is_dir() else "--new"]
    command += ["--site", str(folder / "own"), "--listen", f"127.0.0.1:{port}"]
    with sync_playwright() as playwright:
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                command, stderr=log, stdout=log, cwd=folder, env={**os.environ, **(environment or {})}
            )
        try:
            _wait(f"http://127.0.0.1:{port}/sign-in/", process, folder / "log")
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_QUIET)
            yield Site(url=f"http://127.0.0.1:{port}", folder=system, browser=browser, log=folder / "log")
            browser.close()
        finally:
            process.terminate()
            process.wait(timeout=90)


def _with_users(folder: Path) -> None:
    """People who only use it, and somebody whom they call."""
    file = folder / "seatrial.yaml"
    point = "duties:\n  escalation-point: {who: olga, deputy: sven, answer_within: 30m}\n"
    text = file.read_text().replace("duties:\n", point).replace("\ntraining: {", "\ntraining: {users: users.csv, ")
    file.write_text(text + 'do_not_trust: [{when: "wind > 70", handling: limits.md}]\n')
    (folder / "users.csv").write_text("id,group,name\nu1,docks,Uma Dahl\nu2,docks,\nolga,office,Olga Brandt\n")


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 180
    while True:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)


def look(page: Any, name: str) -> None:
    """What must hold of every page: no axe finding, no overflow on a phone; and pictures where they are wanted."""
    from axe_playwright_python.sync_playwright import Axe

    for size in ({"width": 1200, "height": 900}, {"width": 390, "height": 844}):
        page.set_viewport_size(size)
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
        assert found.violations_count == 0, f"{name}, {size['width']} wide: {found.generate_report()}"
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} is {wide} px too wide for a phone"
    if SHOTS:
        folder = Path(SHOTS)
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}-phone.png")
        page.set_viewport_size({"width": 1200, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=folder / f"{name}-{scheme}.png", full_page=True)
        page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1200, "height": 900})


def follow(page: Any, what: str) -> None:
    """Press what leads to another page, and wait until that one stands."""
    with page.expect_navigation():
        page.click(what)


def sign_in(page: Any, site: Site, email: str) -> None:
    page.goto(f"{site.url}/sign-in/")
    page.fill("#email", email)
    page.fill("#password", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{site.url}/")

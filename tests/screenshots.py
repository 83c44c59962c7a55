"""Walk every page of the site, and keep each as a picture: light, dark and on a phone.

    python tests/screenshots.py [--pictures FOLDER] [--system FOLDER] [--only PAGE …] [--language CODE]

Without `--system` it walks over a small system of its own; the folder of `seatrial demo --ready` shows more (but no
round of labels, for which the model would have to run). A copy of it is walked. What must hold of every page is looked
at on the way: no finding of axe in both colour schemes, nothing too wide for a phone, a skip link first, a focus that
is seen and goes on. Exit code 1 when something does not hold, or when an address of the site is not shown.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plants.site_browser import Site, site_in_browser
from plants.site_tour import Stop, Tour, before_anybody, cast_of, elsewhere, furnish, missing
from seatrial.app.folder.workspace import open_workspace
from seatrial.core.errors import SeatrialError

_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_PHONE = {"width": 390, "height": 844}
_DESK = {"width": 1200, "height": 900}
_STEPS = 30
"""So many steps of the tab key are followed on a page."""
_PARTS = 8
"""More steps than a date with its time has parts."""
_FOCUS = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const box = at.getBoundingClientRect(), style = getComputedStyle(at);
  return {parts: /^(date|time|month)/.test(at.type), what: at.outerHTML.slice(0, 90),
          skip: at.className === "skip", left: box.left,
          seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 && box.width > 0,
          place: [...document.querySelectorAll("*")].indexOf(at)};
}"""

_ROWS = """() => {
  const tops = [...document.querySelectorAll("header.system nav.rooms > *")].map(e => e.getBoundingClientRect().top);
  return tops.filter((top, at) => at === 0 || top - tops[at - 1] > 12).length;
}"""

_TABLES = """() => {
  const found = [];
  for (const box of document.querySelectorAll(".scroll:has(> table.stacked)"))
    if (box.checkVisibility() && box.scrollWidth > box.clientWidth)
      found.push(`${box.ariaLabel}: scrolls sideways on a phone`);
  for (const table of document.querySelectorAll("table.stacked")) {
    const heads = [...table.querySelectorAll("thead th")];
    for (const row of table.tBodies[0].rows) [...row.cells].forEach((cell, at) => {
      const head = heads[at].textContent, says = cell.dataset.label;
      const due = cell.colSpan > 1 || heads[at].querySelector(".muted") ? undefined : head;
      if (says !== due) found.push(`a cell under "${head}" says "${says}" before it on a phone`);
    });
  }
  return found;
}"""
"""Whether a table fits a phone, its rows one below the other, and each cell says what the head of its column says."""


def walk(site: Site, pictures: Path | None, only: Collection[str] = (), language: str = "en") -> Iterator[str]:
    """Everything that does not hold, each with its page, as it is found. `only`: of these pages."""
    from seatrial.web.settings import configure

    configure(site.folder.parent / "own")
    first = before_anybody(site.first.rstrip("/").rpartition("/")[2])
    yield from _walked(site, first, pictures, only, language)
    tour = elsewhere(lambda: furnish(site.folder))
    yield from missing([*first.stops, *tour.stops])
    yield from _walked(site, tour, pictures, only, language)


def _walked(site: Site, tour: Tour, pictures: Path | None, only: Collection[str], language: str) -> Iterator[str]:
    stops = [stop for stop in tour.stops if not only or stop.picture in only]
    for who in dict.fromkeys(stop.who for stop in stops):
        with _visitor(site, tour.cookies.get(who, {}), language) as page:
            for stop in stops:
                if stop.who == who:
                    yield from (f"{stop.picture}: {problem}" for problem in _looked_at(site, page, stop, pictures))


@contextmanager
def _visitor(site: Site, cookies: Any, language: str) -> Iterator[Any]:
    context = site.browser.new_context(viewport=_DESK, locale=language)
    context.add_cookies([{"name": name, "value": value, "url": site.url} for name, value in cookies.items()])
    page = context.new_page()
    page.set_default_timeout(20_000)
    try:
        yield page
    finally:
        context.close()


def _looked_at(site: Site, page: Any, stop: Stop, pictures: Path | None) -> Iterator[str]:
    answer = page.goto(f"{site.url}{stop.address}")
    if answer.status >= 500:
        yield f"the site answers {answer.status}"
    if stop.then is not None:
        stop.then(page)
    yield from _keyboard(page)
    if page.evaluate(_ROWS) > 1:
        yield "the rooms take more than one row on a laptop"
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        yield from _axe(page, scheme)
        if pictures is not None:
            page.screenshot(path=pictures / f"{stop.picture}-{scheme}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(_PHONE)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        yield f"{wide} px too wide for a phone"
    yield from page.evaluate(_TABLES)
    yield from _axe(page, "phone")
    if pictures is not None:
        page.screenshot(path=pictures / f"{stop.picture}-phone.png", full_page=True)
    page.set_viewport_size(_DESK)


def _axe(page: Any, scheme: str) -> Iterator[str]:
    """In the light and on a phone everything; in the dark the colours, which alone differ there."""
    from axe_playwright_python.sync_playwright import Axe

    colours = {"type": "rule", "values": ["color-contrast"]}
    asked = {"runOnly": colours if scheme == "dark" else _TAGS, "resultTypes": ["violations"]}
    for found in Axe().run(page, options=asked).response["violations"]:
        places = "; ".join(node["html"][:120] for node in found["nodes"][:3])
        yield f"{scheme}: axe says {found['id']}: {found['help']}: {places}"


def _keyboard(page: Any) -> Iterator[str]:
    """The tab key leads to the skip link first, always on, and what has the focus shows it.

    A date has parts of its own, which the browser leads through and marks.
    """
    before: list[int] = []
    for step in range(_STEPS):
        page.keyboard.press("Tab")
        at = page.evaluate(_FOCUS)
        if at is None:
            break
        if step == 0 and not (at["skip"] and at["left"] >= 0):
            yield f"the first step of the tab key is no visible skip link: {at['what']}"
        stays = bool(before) and at["place"] == before[-1]
        if not at["seen"] and not (stays and at["parts"]):
            yield f"the focus is not seen at {at['what']}"
        if stays and (not at["parts"] or before[-_PARTS:].count(at["place"]) == _PARTS):
            yield f"the tab key does not lead on from {at['what']}"
        before.append(at["place"])
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pictures", type=Path, help="A folder for the pictures; without it none are made.")
    parser.add_argument("--system", type=Path, help="The folder of a system to walk over, such as a demonstration's.")
    parser.add_argument("--only", nargs="+", default=(), metavar="PAGE", help="Pages, as their pictures are called.")
    parser.add_argument("--language", default="en", help="What the browser asks for.")
    given = parser.parse_args()
    if given.pictures is not None:
        given.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        if given.system is not None:
            shutil.copytree(given.system, Path(folder) / "arrival")
            try:
                cast_of(open_workspace(Path(folder) / "arrival").system)
            except SeatrialError as error:
                sys.exit(f"{error.what}\n  → {error.remedy}")
        with site_in_browser(Path(folder), planted=given.system is None) as site:
            found = False
            for problem in walk(site, given.pictures, given.only, given.language):
                found = True
                sys.stdout.write(f"{problem}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

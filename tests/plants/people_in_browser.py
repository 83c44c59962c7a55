"""People at the site, each with a browser of their own that stays open; what they do there, page by page."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self

from plants.site_browser import PASSWORD, Site, follow

_RUN_S: Final = 1500.0


class People:
    """Everybody who was let in, by their id; the pages are those of one system."""

    def __init__(self, site: Site, system: str) -> None:
        self._site = site
        self._system = system
        self._open = ExitStack()
        self._pages: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._open.close()

    def at(self, who: str, page: str = "") -> Any:
        """Their browser, on a page of the system."""
        answer = self._pages[who].goto(f"{self._site.url}/s/{self._system}/{page}")
        assert answer.status == 200, (who, page, answer.status)
        return self._pages[who]

    def first(self) -> Any:
        """The browser of the administrator, who makes the first account."""
        admin = self._pages["admin"] = self._open.enter_context(self._site.somebody())
        admin.goto(self._site.first)
        admin.fill("#name", "Ada Min")
        admin.fill("#email", "ada@example.com")
        admin.fill("#password", PASSWORD)
        admin.click("main button")
        admin.wait_for_url(f"{self._site.url}/")
        return admin

    def invite(self, who: str) -> None:
        """The administrator invites a declared person, who takes the invitation."""
        admin = self.at("admin", "people/")
        admin.select_option("#person", who)
        admin.fill("#email", f"{who}@example.com")
        follow(admin, "form[action$='invite/'] button")
        self._takes(who, admin.text_content(".mono.box").strip())

    def invite_user(self, who: str) -> None:
        """The same for somebody of the user list."""
        admin = self.at("admin", "training/")
        admin.fill("#user", who)
        admin.fill("#email", f"{who}@example.com")
        follow(admin, "form[action$='training/invite/'] button")
        self._takes(who, admin.text_content(".mono.box").strip(), name=who.upper())

    def key(self, who: str) -> str:
        """The public half of their key, as the page of their account shows it."""
        self._pages[who].goto(f"{self._site.url}/account/")
        return str(self._pages[who].text_content("#public-key")).strip()

    def says(self, who: str, page: str, button: str, *, at: str = "#password", **fields: str) -> Any:
        """They fill a form in with their password, press the button, and it is taken."""
        here = self.tries(who, page, button, at=at, **fields)
        assert here.locator(".problem").count() == 0, (who, page, here.text_content("main"))
        return here

    def tries(self, who: str, page: str, button: str, *, at: str = "#password", **fields: str) -> Any:
        """They fill a form in with their password and press the button; the page that follows."""
        here = self.at(who, page)
        for name, value in fields.items():
            here.fill(f"#{name}", value)
        here.fill(at, PASSWORD)
        follow(here, f"main {button}")
        return here

    def runs(self, who: str, *, only: str = "") -> list[str]:
        """They start a run and watch it to its end; the texts that its progress showed, one after the other."""
        here = self.at(who, "runs/")
        here.select_option("#only", only)
        here.click("main form button")
        here.wait_for_url("**/runs/*/")
        return self.watches(here)

    def watches(self, page: Any) -> list[str]:
        """The texts of a run's page, which renews itself, up to the end of the run."""
        seen: list[str] = []
        end = time.monotonic() + _RUN_S
        while True:
            assert time.monotonic() < end, seen
            text, renews = page.eval_on_selector("#part", "e => [e.textContent, e.hasAttribute('hx-get')]")
            told = " ".join(text.split())
            if not seen or told != seen[-1]:
                seen.append(told)
            if not renews:
                assert re.match(r"done\b", told), told
                return seen
            page.wait_for_timeout(500)

    def verdict(self, who: str) -> dict[str, Any]:
        """The verdict as the site's API gives it to their session."""
        answer = self._pages[who].request.get(f"{self._site.url}/api/v1/systems/{self._system}/")
        assert answer.status == 200, answer.text()
        found = answer.json()
        assert isinstance(found, dict)
        return found

    def saves(self, who: str, page: str) -> bytes:
        """A file that they save."""
        answer = self._pages[who].request.get(f"{self._site.url}/s/{self._system}/{page}")
        assert answer.status == 200, (who, page, answer.status)
        return bytes(answer.body())

    def _takes(self, who: str, link: str, *, name: str = "") -> None:
        page = self._pages[who] = self._open.enter_context(self._site.somebody())
        page.goto(link)
        if name:
            page.fill("#name", name)
        page.fill("#password", PASSWORD)
        page.click("main button")
        page.wait_for_url(f"**/s/{self._system}/**")

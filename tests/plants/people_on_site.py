"""People of a system at the site: an account and a key there for each, and what they see and send."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from plants.site_world import PASSWORD


class Portal:
    """The site over one system in this process; everybody's key is made with their account."""

    def __init__(self, folder: Path, system: Path, *, people: Mapping[str, str], users: Iterable[str]) -> None:
        from seatrial.web.serving import prepare

        assert prepare(folder, [system]) == []
        from seatrial.web.models import Registered

        self._system = Registered.objects.get(path__startswith=str(system))
        self._clients: dict[str, Any] = {}
        self.keys: list[dict[str, object]] = []
        """The public keys, as a trust root names them."""
        for person, name in people.items():
            self._joins(person, name, listed=False)
        for user in users:
            self._joins(user, user.upper(), listed=True)

    def shows(self, who: str, page: str = "") -> str:
        """What somebody sees on a page of the system."""
        answer = self._clients[who].get(f"/s/{self._system.slug}/{page}")
        assert answer.status_code == 200, (who, page, answer.status_code)
        return html.unescape(answer.content.decode())

    def saves(self, who: str, page: str) -> bytes:
        """A file that somebody saves there."""
        answer = self._clients[who].get(f"/s/{self._system.slug}/{page}")
        assert answer.status_code == 200, (who, page, answer.status_code)
        return bytes(answer.content)

    def sends(self, who: str, page: str, **form: object) -> None:
        """They fill the page's form in, with their password, under what the page showed; it is taken."""
        seen = re.search(r'name="seen" value="([^"]*)"', self.shows(who, page))
        given = {"seen": seen[1] if seen else "", "password": PASSWORD, **form}
        answer = self._clients[who].post(f"/s/{self._system.slug}/{page}", given)
        assert answer.status_code == 302, (who, page, _problems(answer.content.decode()))

    def refuses(self, who: str, page: str, **form: object) -> bool:
        """Whether they may not do it at all."""
        answer = self._clients[who].post(f"/s/{self._system.slug}/{page}", {"password": PASSWORD, **form})
        return bool(answer.status_code == 403)

    def _joins(self, person: str, name: str, *, listed: bool) -> None:
        from django.test import Client

        from seatrial.evidence.trust import key_id
        from seatrial.web.keys import make_key
        from seatrial.web.models import Account, Membership

        account = Account.objects.create(email=f"{person}@example.com", name=name, password=PASSWORD)
        public = bytes(make_key(account, PASSWORD).public)
        Membership.objects.create(account=account, system=self._system, person=person, listed=listed)
        encoded = base64.b64encode(public).decode()
        if not listed:
            self.keys.append({"key": key_id(public), "public": encoded, "holder": f"person:{person}"})
        client = Client(SERVER_NAME="127.0.0.1")
        client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
        self._clients[person] = client


def _problems(page: str) -> list[str]:
    return re.findall(r'class="problem"[^>]*>([^<]*)', page) or [page[-2000:]]

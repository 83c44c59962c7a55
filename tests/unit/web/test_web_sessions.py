"""Sessions: listed to whose they are, ended one by one or all at once, and nobody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plants.site_world import PASSWORD, World, invite, plant_site, visiting
from seatrial.adapters.signers.sealed import SealedKey, opened

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"


@pytest.fixture
def olga(prepared: Path, tmp_path: Path) -> Any:
    from seatrial.web.models import Account, Registered

    Account.objects.filter(email__endswith="@sessions.example").delete()
    Registered.objects.filter(slug="sessions").delete()
    world: World = plant_site(tmp_path / "sessions", "sessions")
    return invite(world, "olga@sessions.example", person="olga", password=PASSWORD)


def test_a_session_is_ended_from_another_one(olga: Any) -> None:
    from seatrial.web.models import Entry

    phone, desk = visiting(olga), visiting(olga)
    newest, oldest = Entry.objects.filter(account=olga).order_by("-pk")
    listed = desk.get("/account/sessions/").content.decode()
    assert f'value="{oldest.pk}"' in listed
    assert f'value="{newest.pk}"' not in listed, "this one is ended by signing out"
    desk.post("/account/sessions/", {"session": str(oldest.pk)})
    assert phone.get("/")["Location"].startswith("/sign-in/")
    assert desk.get("/").status_code == 200


def test_all_others_end_at_once_and_a_copied_cookie_ends_with_signing_out(olga: Any) -> None:
    clients = [visiting(olga) for _ in range(3)]
    clients[0].post("/account/sessions/")
    assert [client.get("/").status_code for client in clients] == [200, 302, 302]
    thief = visiting(None)
    thief.cookies["sessionid"] = clients[0].cookies["sessionid"].value
    assert thief.get("/").status_code == 200
    clients[0].post("/sign-out/")
    assert thief.get("/").status_code == 302


def test_nobody_ends_the_session_of_another(olga: Any) -> None:
    from seatrial.web.models import Account, Entry

    client = visiting(olga)
    other = Account.objects.create(email="eve@sessions.example", name="Eve", password=PASSWORD)
    theirs = Entry.objects.get(account=olga)
    visiting(other).post("/account/sessions/", {"session": str(theirs.pk)})
    assert client.get("/").status_code == 200


def test_a_changed_password_ends_the_other_sessions_and_the_key_opens_with_the_new_one(olga: Any) -> None:
    from seatrial.web.keys import make_key
    from seatrial.web.models import SigningKey

    make_key(olga, PASSWORD)
    desk, phone = visiting(olga), visiting(olga)
    weak = desk.post("/account/", {"old": PASSWORD, "password": "short"})
    assert weak.status_code == 422
    assert phone.get("/").status_code == 200
    changed = desk.post("/account/", {"old": PASSWORD, "password": "another long phrase 8"})
    assert changed.status_code == 302
    assert desk.get("/").status_code == 200
    assert phone.get("/").status_code == 302
    kept = SigningKey.objects.get(account=olga)
    key = SealedKey(public=bytes(kept.public), sealed=bytes(kept.sealed), salt=bytes(kept.salt))
    assert opened(key, "olga", "another long phrase 8").public == key.public


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (CHROME, "Chrome on Windows"),
        (CHROME + " Edg/142.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari on iPhone"),
        ("curl/8.5", "curl/8.5"),
        ("", "unknown"),
    ],
)
def test_a_device_is_named_in_words(prepared: Path, agent: str, said: str) -> None:
    from seatrial.web.sessions import device

    assert device(agent) == said

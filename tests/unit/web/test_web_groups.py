"""Groups: one account holds its places in many systems, where the files name it, and takes nobody's place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plants.site_world import PASSWORD, World, invite, plant_site, visiting


@pytest.fixture
def worlds(prepared: Path, tmp_path: Path) -> list[World]:
    from seatrial.web.models import Account, Deed, Group, Registered

    Deed.objects.all().delete()
    Group.objects.all().delete()
    Account.objects.filter(email__endswith="@group.example").delete()
    Registered.objects.filter(slug__startswith="yard-").delete()
    return [plant_site(tmp_path / name, name) for name in ("yard-a", "yard-b")]


@pytest.fixture
def admin(worlds: list[World]) -> Any:
    return visiting(invite(worlds[0], "ada@group.example", admin=True))


def _group(admin: Any, worlds: list[World], *members: tuple[str, str]) -> str:
    url = str(admin.post("/groups/", {"name": "IT team"})["Location"])
    for email, person in members:
        assert admin.post(url, {"do": "member", "email": email, "person": person}).status_code == 302
    for world in worlds:
        assert admin.post(url, {"do": "system", "system": world.slug}).status_code == 302
    return url


def test_a_member_has_their_place_in_every_system_and_signs_there(worlds: list[World], admin: Any) -> None:
    from seatrial.web.models import Deed

    ivo = invite(worlds[0], "ivo@group.example", person="ivo", password=PASSWORD)
    client = visiting(ivo)
    assert client.get(worlds[1].url()).status_code == 403
    url = _group(admin, worlds, ("ivo@group.example", "ivo"))
    assert client.get(worlds[1].url()).status_code == 200
    assert client.post(worlds[1].url("review/it/"), {"seen": "x"}).status_code == 422
    assert client.post(worlds[1].url("review/legal/"), {"seen": "x"}).status_code == 403, "the file says for what"
    assert Deed.objects.filter(system="yard-b", action="invite", about__contains="by the group IT team").exists()
    page = admin.get(url).content.decode()
    assert page.count('"badge MET">held') == 2
    admin.post(url, {"do": "no-system", "held": page.partition('name="held" value="')[2].partition('"')[0]})
    assert client.get(worlds[0].url()).status_code == 200, "what was given by invitation stays"


def test_places_go_with_the_member_and_with_the_group(worlds: list[World], admin: Any) -> None:
    client = visiting(invite(worlds[0], "ivo@group.example"))
    url = _group(admin, worlds, ("ivo@group.example", "ivo"))
    member = admin.get(url).content.decode().partition('name="member" value="')[2].partition('"')[0]
    admin.post(url, {"do": "no-member", "member": member})
    assert [client.get(world.url()).status_code for world in worlds] == [403, 403]
    admin.post(url, {"do": "member", "email": "ivo@group.example", "person": "ivo"})
    assert [client.get(world.url()).status_code for world in worlds] == [200, 200]
    assert admin.post(url, {"do": "end"})["Location"] == "/groups/"
    assert [client.get(world.url()).status_code for world in worlds] == [403, 403]


def test_a_group_takes_nobodys_place_and_is_nobody_where_the_file_says_so(worlds: list[World], admin: Any) -> None:
    holder = visiting(invite(worlds[0], "first@group.example", person="ivo"))
    file = worlds[1].folder / "seatrial.yaml"
    client = visiting(invite(worlds[0], "ivo@group.example"))
    url = _group(admin, worlds, ("ivo@group.example", "ivo"))
    assert "somebody else has this place" in admin.get(url).content.decode()
    assert [client.get(world.url()).status_code for world in worlds] == [403, 200]
    assert holder.get(worlds[0].url()).status_code == 200
    file.write_text(
        file.read_text().replace("ivo: {name: Ivo Petrov}", "igor: {name: Igor X}").replace("it: ivo", "it: igor")
    )
    assert client.get(worlds[1].url()).status_code == 403
    assert "its file names no such person" in admin.get(url).content.decode()


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"do": "member", "email": "nobody@group.example", "person": "ivo"}, "nobody here has this address"),
        ({"do": "member", "email": "ada@group.example", "person": "ivo"}, "an administrator cannot be one of them"),
        ({"do": "member", "email": "second@group.example", "person": "ivo"}, "another member of this group is ivo"),
        ({"do": "system", "system": "nothing"}, "there is no such system here"),
    ],
)
def test_what_cannot_be_is_told_at_its_field(worlds: list[World], admin: Any, form: dict[str, str], said: str) -> None:
    invite(worlds[0], "ivo@group.example")
    invite(worlds[0], "second@group.example")
    url = _group(admin, [], ("ivo@group.example", "ivo"))
    answer = admin.post(url, form)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert admin.post("/groups/", {"name": "it TEAM"}).status_code == 422

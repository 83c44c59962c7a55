"""A declared system with everybody that the site tells apart, over no model server at all, and their accounts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.app.folder.workspace import open_workspace
from seatrial.app.people.people import depart

PASSWORD = "a long enough phrase 7"
_FILE = """\
system: {slug}
version: "2026.11.1"
purpose: Warns the dock planner of late deliveries.
go_live: 2027-03-01
people:
  olga: {{name: Olga Brandt}}
  sven: {{name: Sven Holm}}
  ivo: {{name: Ivo Petrov}}
  lena: {{name: Lena Falk}}
  amir: {{name: Amir Rahimi}}
  carl: {{name: Carl Weiss}}
  greta: {{name: Greta Moos, left_on: 2026-01-31}}
  hugo: {{name: Hugo Lind}}
owner: {{who: olga, deputy: sven, manager: amir}}
duties:
  monitor: {{who: olga, deputy: sven}}
  escalation-point: {{who: olga, deputy: sven, answer_within: 30m}}
signers: {{it: ivo, operations: sven, legal: lena, ai-team: amir}}
model:
  endpoint: http://127.0.0.1:9/predict
  task: binary
  inputs:
    wind: {{type: number, minimum: 0, maximum: 80}}
  output: {{prediction: label, score: probability, positive: 1, act_at: 0.5}}
governance: {{policy: short-demo, metric: recall, minimum: 0.5}}
failure_modes: failure-modes.yaml
do_not_trust: [{{when: "wind > 70", handling: limits.md}}]
training: {{users: users.csv, material: limits.md}}
{more}"""
_MODES = """\
failure_modes:
  - id: storm
    when: wind > 60
    consequence: Trucks wait in the wrong lane.
    handling: Call the gate
    owner: olga
"""
_USERS = "id,group,name\nu1,docks,Uma Dahl\nu2,docks,\nolga,office,Olga Brandt\ngreta,office,Greta Moos\n"


@dataclass(frozen=True, slots=True)
class World:
    """A planted system: its name, its folder, and the address of its pages."""

    slug: str
    folder: Path

    def url(self, page: str = "") -> str:
        return f"/s/{self.slug}/{page}"


def write_system(folder: Path, slug: str, *, more: str = "") -> Path:
    """The system file with its documents and its user list, in a new folder."""
    folder.mkdir(parents=True)
    (folder / "seatrial.yaml").write_text(_FILE.format(slug=slug, more=more))
    (folder / "failure-modes.yaml").write_text(_MODES)
    (folder / "users.csv").write_text(_USERS)
    (folder / "limits.md").write_text("# What it cannot do\n\nIt knows no strikes.\n")
    return folder / "seatrial.yaml"


def plant_site(folder: Path, slug: str, *, more: str = "") -> World:
    """Write the system and register it; Hugo leaves on record. The site must be prepared."""
    from seatrial.web.fleet import register

    write_system(folder, slug, more=more)
    depart(open_workspace(folder), "hugo", by="olga")
    register(folder)
    return World(slug=slug, folder=folder)


def invite(
    world: World, email: str, *, person: str = "", listed: bool = False, admin: bool = False, password: str = ""
) -> Any:
    """An account in the place that is named, without a password where none is given: to seal one takes its time."""
    from seatrial.web.models import Account, Membership, Registered

    account = Account(email=email, name=email.partition("@")[0].title(), admin=admin)
    account.set_password(password or None)
    account.save()
    if person:
        system = Registered.objects.get(slug=world.slug)
        Membership.objects.create(account=account, system=system, person=person, listed=listed)
    return account


def visiting(account: Any, *, checks_csrf: bool = False) -> Any:
    """A client of the site that is signed in as the account; nobody is, where it is None."""
    from django.test import Client

    client = Client(enforce_csrf_checks=checks_csrf, SERVER_NAME="127.0.0.1")
    if account is not None:
        client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    return client

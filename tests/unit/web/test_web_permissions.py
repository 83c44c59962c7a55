"""Who may do what on the site: every role at every door, page and API, as one table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from plants.site_world import World, invite, plant_site, visiting
from plants.watched_alarm import plant_alarm, plant_request
from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace

ROLES = ("anonymous", "outsider", "user", "member", "signer", "other", "point", "departed", "gone", "closed", "admin")
"""`user` is on the user list and nobody else; `departed` left by the file, `gone` on record; `closed` is no account
any more; `point` is the escalation point, the owner, and on the user list."""
SEATS = {
    "user": ("u1", True),
    "member": ("carl", False),
    "signer": ("ivo", False),
    "other": ("lena", False),
    "point": ("olga", False),
    "departed": ("greta", False),
    "gone": ("hugo", False),
    "closed": ("sven", False),
}
TABLE = """
                                anonymous outsider user member signer other point departed gone closed admin
fleet            GET            in        200      200  200    200    200   200   200      200  in     200
account          GET            in        200      200  200    200    200   200   200      200  in     200
sessions         GET            in        200      200  200    200    200   200   200      200  in     200
sessions         POST           in        302      302  302    302    302   302   302      302  in     302
second-factor    GET            in        200      200  200    200    200   200   200      200  in     200
second-factor    POST           in        422      422  422    422    422   422   422      422  in     422
new-passkey      POST           in        403      403  403    403    403   403   403      403  in     403
passkey-question POST           403       422      422  422    422    422   422   422      422  403    422
demand-factor    POST           in        403      403  403    403    403   403   403      403  in     302
passphrase       GET            in        200      200  200    200    200   200   200      200  in     200
passphrase       POST           in        422      422  422    422    422   422   422      422  in     422
accounts         GET            in        403      403  403    403    403   403   403      403  in     200
an-account       GET            in        403      403  403    403    403   403   403      403  in     200
an-account       POST           in        403      403  403    403    403   403   403      403  in     302
groups           GET            in        403      403  403    403    403   403   403      403  in     200
groups           POST           in        403      403  403    403    403   403   403      403  in     422
group            GET            in        403      403  403    403    403   403   403      403  in     200
group            POST           in        403      403  403    403    403   403   403      403  in     422
site-log         GET            in        403      403  403    403    403   403   403      403  in     200
add-system       POST           in        403      403  403    403    403   403   403      403  in     302
interview        GET            in        403      403  403    403    403   403   403      403  in     200
interview        POST           in        403      403  403    403    403   403   403      403  in     422
board            GET            in        403      403  200    200    200   200   403      403  in     200
gaps             GET            in        403      403  200    200    200   200   403      403  in     200
plan             GET            in        403      403  200    200    200   200   403      403  in     403
plan             POST           in        403      403  422    422    422   422   403      403  in     403
history          GET            in        403      403  200    200    200   200   403      403  in     200
dossier          GET            in        403      403  200    200    200   200   403      403  in     200
dossier-pdf      GET            in        403      403  200    200    200   200   403      403  in     200
frameworks       GET            in        403      403  200    200    200   200   403      403  in     200
requirement      GET            in        403      403  200    200    200   200   403      403  in     200
requirement      POST           in        403      403  302    302    302   302   403      403  in     403
exemption        GET            in        403      403  200    200    200   200   403      403  in     200
exemption        POST           in        403      403  422    422    422   422   403      403  in     403
people           GET            in        403      403  200    200    200   200   403      403  in     200
invite           POST           in        403      403  403    403    403   403   403      403  in     302
accept-duty      GET            in        403      403  403    403    403   200   403      403  in     403
accept-duty      POST           in        403      403  403    403    403   422   403      403  in     403
training         GET            in        403      200  200    200    200   200   403      403  in     200
training         POST           in        403      422  403    403    403   422   403      403  in     403
certificate      GET            in        403      302  302    302    302   302   403      403  in     302
training-import  GET            in        403      403  200    200    200   200   403      403  in     200
training-import  POST           in        403      403  422    422    422   422   403      403  in     403
invite-user      POST           in        403      403  403    403    403   403   403      403  in     422
connections      GET            in        403      403  200    200    200   200   403      403  in     200
connections      POST           in        403      403  403    422    403   403   403      403  in     422
documents        GET            in        403      403  200    200    200   200   403      403  in     200
document         GET            in        403      403  200    200    200   200   403      403  in     200
document         POST           in        403      403  422    422    422   422   403      403  in     403
document-version GET            in        403      403  200    200    200   200   403      403  in     200
labels           GET            in        403      200  200    200    200   200   403      403  in     200
labels           POST           in        403      403  422    422    422   422   403      403  in     403
label-round      GET            in        403      200  200    200    200   200   403      403  in     200
label-round      POST           in        403      403  302    302    302   302   403      403  in     403
label-row        GET            in        403      200  200    200    200   200   403      403  in     403
label-row        POST           in        403      302  302    302    302   302   403      403  in     403
label-sheet      GET            in        403      200  200    200    200   200   403      403  in     403
uses             GET            in        403      200  200    200    200   200   403      403  in     200
uses             POST           in        403      422  403    403    403   422   403      403  in     403
use-log          POST           in        403      403  422    422    422   422   403      403  in     403
doubts           GET            in        403      200  200    200    200   200   403      403  in     200
doubts           POST           in        403      422  422    422    422   422   403      403  in     403
doubt            GET            in        403      404  200    200    200   200   403      403  in     200
doubt            POST           in        403      404  403    403    403   422   403      403  in     403
tokens           GET            in        403      403  200    200    200   200   403      403  in     200
tokens           POST           in        403      403  403    403    403   403   403      403  in     422
api              GET            in        200      200  200    200    200   200   200      200  in     200
review           GET            in        403      403  200    200    200   200   403      403  in     200
call-review      GET            in        403      403  302    302    302   302   403      403  in     403
call-review      POST           in        403      403  422    422    422   422   403      403  in     403
meeting          POST           in        403      403  422    422    422   422   403      403  in     403
meeting-calendar GET            in        403      403  200    200    200   200   403      403  in     200
decide           POST           in        403      403  302    302    302   302   403      403  in     403
sign             GET            in        403      403  200    200    200   200   403      403  in     200
sign             POST           in        403      403  403    422    403   403   403      403  in     403
runs             GET            in        403      403  200    200    200   200   403      403  in     200
runs             POST           in        403      403  302    302    302   302   403      403  in     403
run              GET            in        403      403  200    200    200   200   403      403  in     200
run              POST           in        403      403  302    302    302   302   403      403  in     403
drills           GET            in        403      403  200    200    200   200   403      403  in     200
drills           POST           in        403      403  302    302    302   302   403      403  in     403
stop             GET            in        403      403  200    200    200   200   403      403  in     200
stop             POST           in        403      403  403    403    403   422   403      403  in     403
events           GET            in        403      403  200    200    200   200   403      403  in     200
events           POST           in        403      403  422    422    422   422   403      403  in     403
alarms           GET            in        403      403  200    200    200   200   403      403  in     200
alarm            GET            in        403      403  200    200    200   200   403      403  in     200
alarm            POST           in        403      403  302    422    422   422   403      403  in     403
retraining       GET            in        403      403  200    200    200   200   403      403  in     200
retraining       POST           in        403      403  403    422    403   403   403      403  in     403
deeds            GET            in        403      403  200    200    200   200   403      403  in     200
api-description    GET    200       200      200  200    200    200   200   200      200  200    200
api-systems        GET    401       200      200  200    200    200   200   200      200  401    200
api-system         GET    401       403      403  200    200    200   200   403      403  401    200
api-requirements   GET    401       403      403  200    200    200   200   403      403  401    200
api-requirement    GET    401       403      403  200    200    200   200   403      403  401    200
api-gaps           GET    401       403      403  200    200    200   200   403      403  401    200
api-history        GET    401       403      403  200    200    200   200   403      403  401    200
api-records        GET    401       403      403  200    200    200   200   403      403  401    200
api-record         GET    401       403      403  200    200    200   200   403      403  401    200
api-people         GET    401       403      403  200    200    200   200   403      403  401    200
api-training       GET    401       403      403  200    200    200   200   403      403  401    200
api-documents      GET    401       403      403  200    200    200   200   403      403  401    200
api-document       GET    401       403      403  200    200    200   200   403      403  401    200
api-document       PUT    401       403      403  415    415    415   415   403      403  401    403
api-document-original    POST   401       403      403  422    422    422   422   403      403  401    403
api-document-differences GET    401       403      403  404    404    404   404   403      403  401    404
api-document-version     GET    401       403      403  200    200    200   200   403      403  401    200
api-users          GET    401       403      403  200    200    200   200   403      403  401    200
api-users          PUT    401       403      403  422    422    422   422   403      403  401    403
api-results        POST   401       403      403  422    422    422   422   403      403  401    403
api-uses           GET    401       403      200  200    200    200   200   403      403  401    200
api-uses           POST   401       403      422  403    403    403   422   403      403  401    403
api-use-log        POST   401       403      403  201    409    409   409   403      403  401    403
api-shown-outputs  POST   401       403      403  422    422    422   422   403      403  401    403
api-label-rounds   GET    401       403      200  200    200    200   200   403      403  401    200
api-label-rounds   POST   401       403      403  422    422    422   422   403      403  401    403
api-label-round    GET    401       403      200  200    200    200   200   403      403  401    200
api-label-rows     GET    401       403      200  200    200    200   200   403      403  401    403
api-label-wanted   GET    401       403      200  200    200    200   200   403      403  401    403
api-labels         POST   401       403      422  422    422    422   422   403      403  401    403
api-labels         DELETE 401       403      404  404    404    404   404   403      403  401    403
api-label-decisions POST  401       403      403  422    422    422   422   403      403  401    403
api-label-file     POST   401       403      403  201    201    201   201   403      403  401    403
api-frameworks     GET    401       403      403  200    200    200   200   403      403  401    200
api-alarms         GET    401       403      403  200    200    200   200   403      403  401    200
api-doubts         GET    401       403      403  200    200    200   200   403      403  401    200
api-doubt          GET    401       403      403  200    200    200   200   403      403  401    200
api-runs           GET    401       403      403  200    200    200   200   403      403  401    200
api-run            GET    401       403      403  200    200    200   200   403      403  401    200
api-deeds          GET    401       403      403  200    200    200   200   403      403  401    200
api-meetings       GET    401       403      403  200    200    200   200   403      403  401    200
api-drills         GET    401       403      403  200    200    200   200   403      403  401    200
api-events         GET    401       403      403  200    200    200   200   403      403  401    200
api-meetings             POST   401       403      403  422    422    422   422   403      403  401    403
api-meeting-minutes      POST   401       403      403  422    422    422   422   403      403  401    403
api-meeting-off          POST   401       403      403  404    404    404   404   403      403  401    403
api-decisions            POST   401       403      403  201    201    201   201   403      403  401    403
api-alarm-close          POST   401       403      403  409    409    409   409   403      403  401    403
api-silences             GET    401       403      403  200    200    200   200   403      403  401    200
api-silences             POST   401       403      403  422    422    422   422   403      403  401    403
api-invitations          POST   401       403      403  403    403    403   403   403      403  401    422
api-user-invitations     POST   401       403      403  403    403    403   403   403      403  401    422
api-connections          GET    401       403      403  200    200    200   200   403      403  401    200
api-connections          PUT    401       403      403  403    422    403   403   403      403  401    422
api-retraining     GET    401       403      403  200    200    200   200   403      403  401    200
api-drill          POST   401       403      403  404    404    404   404   403      403  401    403
api-alarm-acknowledge POST 401      403      403  409    409    409   409   403      403  401    403
api-doubts         POST   401       403      422  422    422    422   422   403      403  401    403
api-bundles        POST   401       403      403  415    415    415   415   403      403  401    403
api-remarks        POST   401       403      403  422    422    422   422   403      403  401    403
api-doubt-answer   POST   401       403      403  403    403    403   422   403      403  401    403
api-plan           PUT    401       403      403  422    422    422   422   403      403  401    403
api-runs           POST   401       403      403  422    422    422   422   403      403  401    403
api-run-cancel     POST   401       403      403  200    200    200   200   403      403  401    403
"""
PUBLIC = {
    "style",
    "sign-in",
    "sign-out",
    "begin",
    "first-account",
    "invitation",
    "reset",
    "second-step",
    "sso",
    "sso-back",
    "api-unknown",
}
"""What is for everybody, or is let in by a secret of its own."""
OF_THE_SITE = {
    "fleet",
    "account",
    "sessions",
    "second-factor",
    "new-passkey",
    "passphrase",
    "passkey-question",
    "accounts",
    "an-account",
    "site-log",
    "groups",
    "group",
    "add-system",
    "interview",
    "api",
    "api-description",
    "api-systems",
}
ARGUMENTS = {
    "exemption": ["model.adversarial"],
    "requirement": ["ownership.monitor"],
    "accept-duty": ["owner"],
    "plan": ["data.load"],
    "sign": ["it"],
    "document": ["failure_modes"],
    "training-import": ["users"],
    "api-document": ["failure_modes"],
    "api-document-original": ["failure_modes"],
    "api-document-differences": ["failure_modes"],
    "api-requirement": ["ownership.monitor"],
    "api-remarks": ["ownership.monitor"],
    "api-plan": ["ownership.monitor"],
    "api-drill": ["no-such-drill"],
    "api-alarm-acknowledge": ["no-such-alarm"],
    "api-alarm-close": ["no-such-alarm"],
    "api-meeting-minutes": ["999999"],
    "api-meeting-off": ["999999"],
}
FORMS: dict[str, dict[str, Any]] = {
    "requirement": {"text": ""},
    "accept-duty": {"seen": "something else"},
    "sign": {"seen": "something else"},
    "runs": {"only": "no such check"},
    "add-system": {"path": "/nowhere/at/all"},
    "api-runs": {"only": ["no such check"]},
}


def _rows() -> list[tuple[str, str, dict[str, str]]]:
    heading, *lines = [line.split() for line in TABLE.strip().splitlines()]
    assert tuple(heading) == ROLES
    return [(name, method, dict(zip(ROLES, expected, strict=True))) for name, method, *expected in lines]


@pytest.fixture(scope="module")
def world(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    made = plant_site(tmp_path_factory.mktemp("systems") / "matrix", "matrix", more="watch: {}\n")
    file = made.folder / "seatrial.yaml"
    file.write_text(file.read_text().replace("  escalation-point:", "  retraining: {who: ivo}\n  escalation-point:"))
    return made


@pytest.fixture(scope="module")
def clients(world: World) -> dict[str, Any]:
    accounts: dict[str, Any] = {"anonymous": None}
    accounts["outsider"] = invite(world, "outsider@example.com")
    accounts["admin"] = invite(world, "admin@example.com", admin=True)
    for role, (person, listed) in SEATS.items():
        accounts[role] = invite(world, f"{role}@example.com", person=person, listed=listed)
    signed_in = {role: visiting(account) for role, account in accounts.items()}
    accounts["closed"].is_active = False
    accounts["closed"].save()
    return signed_in


@pytest.fixture(scope="module")
def numbers(world: World) -> dict[str, list[str]]:
    """A report that nobody of these made, a run that is over, and an account that is none of theirs."""
    from django.utils import timezone

    from seatrial.web.models import Doubt, Group, Job, LabelRound, Meeting, Registered, RowLabel

    system = Registered.objects.get(slug=world.slug)
    doubt = Doubt.objects.create(system=system, output="F1", why="the truck is here")
    job = Job.objects.create(system=system, state=Job.DONE)
    register = hashlib.sha256((world.folder / "failure-modes.yaml").read_bytes()).hexdigest()
    store = ArtifactFolder(world.folder / ".seatrial" / "artifacts")
    labelled = LabelRound.objects.create(
        system=system,
        rows=store.put(b'[{"wind": 1}]', media_type="application/json"),
        count=1,
        label="late",
        options=["1", "0"],
        second=[],
        declare="",
    )
    other = LabelRound.objects.create(
        system=system,
        rows=store.put(b'[{"wind": 1, "late": ""}]', media_type="application/json"),
        count=1,
        label="late",
        options=["1", "0"],
        second=[],
        declare="",
    )
    RowLabel.objects.create(round=other, row=0, rater="nobody here", value="1")
    rounds = {name: [str(labelled.pk)] for name in ("label-round", "label-row", "label-sheet")}
    addresses = ("api-label-round", "api-label-rows", "api-label-wanted", "api-labels", "api-label-decisions")
    rounds |= {name: [str(other.pk)] for name in (*addresses, "api-label-file")}
    version = ["failure_modes", register]
    another = invite(world, "another@example.com")
    meeting = Meeting.objects.create(
        system=system, gate="production-readiness", at=timezone.now() + timedelta(days=9), place="Dock room"
    )
    workspace = open_workspace(world.folder)
    left = read_ledger(open_workspace(world.folder), quick=True).evidence[0].digest
    return {
        "api-doubt": [str(doubt.pk)],
        "api-doubt-answer": [str(doubt.pk)],
        "api-run": [str(job.pk)],
        "api-run-cancel": [str(job.pk)],
        "api-record": [left],
        "doubt": [str(doubt.pk)],
        "run": [str(job.pk)],
        "document-version": version,
        "api-document-version": version,
        **rounds,
        "an-account": [str(another.pk)],
        "meeting": [str(meeting.pk)],
        "meeting-calendar": [str(meeting.pk)],
        "alarm": [plant_alarm(workspace)],
        "retraining": [plant_request(workspace, "ivo")],
        "group": [str(Group.objects.create(name="matrix").pk)],
    }


def _asked(client: Any, world: World, numbers: dict[str, list[str]], name: str, method: str) -> Any:
    from django.urls import reverse

    arguments = [] if name in OF_THE_SITE else [world.slug]
    arguments += ARGUMENTS.get(name, numbers.get(name, []))
    url = reverse(name, args=arguments)
    if method == "GET":
        return client.get(url)
    if method == "DELETE":
        return client.delete(url)
    if method == "PUT":
        return client.put(url, json.dumps(FORMS.get(name, {})), content_type="application/json")
    if name.startswith("api-"):
        return client.post(url, json.dumps(FORMS.get(name, {})), content_type="application/json")
    return client.post(url, FORMS.get(name, {}))


@pytest.mark.parametrize(("name", "method", "expected"), _rows(), ids=lambda v: v if isinstance(v, str) else "")
def test_a_door_opens_for_those_who_may_and_for_nobody_else(
    clients: dict[str, Any],
    world: World,
    numbers: dict[str, list[str]],
    name: str,
    method: str,
    expected: dict[str, str],
) -> None:
    got = {}
    for role in ROLES:
        answer = _asked(clients[role], world, numbers, name, method)
        to_sign_in = answer.status_code == 302 and answer["Location"].startswith("/sign-in/")
        got[role] = "in" if to_sign_in else str(answer.status_code)
    assert got == expected


def test_no_door_is_left_out_of_the_table(world: World) -> None:
    from seatrial.web.urls import urlpatterns

    tried = {name for name, _, _ in _rows()}
    assert {pattern.name for pattern in urlpatterns} == tried | PUBLIC


def _told(answer: Any) -> Iterator[str]:
    yield from (each["system"] for each in json.loads(answer.content)["items"])


def test_the_list_of_systems_tells_nothing_to_those_who_may_not_see_them(clients: dict[str, Any], world: World) -> None:
    for role in ROLES:
        if role in ("anonymous", "closed"):
            continue
        client = clients[role]
        sees = role in ("member", "signer", "other", "point", "admin")
        assert (world.slug in _told(client.get("/api/v1/systems/"))) is sees, role
        assert (f'href="{world.url()}"' in client.get("/").content.decode()) is sees, role


def test_what_was_refused_is_on_record_with_its_reason(clients: dict[str, Any], world: World) -> None:
    from seatrial.web.models import Deed

    clients["other"].post(world.url("review/it/"), {"seen": "x"})
    refused = Deed.objects.filter(system=world.slug, action="sign", allowed=False).first()
    assert refused is not None
    assert refused.who.startswith("Other")
    assert "ivo is declared to sign for it" in refused.reason


def test_a_session_reports_over_the_api_with_the_sites_own_token_alone(world: World) -> None:
    account = invite(world, "careful@example.com", person="amir")
    client = visiting(account, checks_csrf=True)
    url = f"/api/v1/systems/{world.slug}/doubts/"
    report = json.dumps({"output": "F2", "why": "no truck"})
    assert client.post(url, report, content_type="application/json").status_code == 403
    client.get(world.url("doubts/"))
    token = client.cookies["csrftoken"].value
    answer = client.post(url, report, content_type="application/json", headers={"X-CSRFToken": token})
    assert answer.status_code == 201
    assert json.loads(answer.content)["reaches"] == "Olga Brandt"

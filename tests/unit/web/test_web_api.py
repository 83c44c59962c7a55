"""The API as programs meet it: tokens and their scopes, pages, ETags, and errors that name every field at once."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from plants.site_world import World, invite, plant_site, visiting
from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.gate.permissions import Action

NEVER = {
    Action.SIGN,
    Action.WITHHOLD,
    Action.ACCEPT,
    Action.ATTEST,
    Action.ANSWER,
    Action.REQUEST_EXEMPTION,
    Action.APPROVE_EXEMPTION,
    Action.REQUEST_WAIVER,
    Action.APPROVE_WAIVER,
    Action.RECORD_DEPARTURE,
}
TABLE = """
                             read      evidence  runs      drills    doubts    none-left ended     expired   elsewhere
api-systems            GET   200       403       403       403       403       403       401       401       200
api-system             GET   200       403       403       403       403       403       401       401       401
api-requirements       GET   200       403       403       403       403       403       401       401       401
api-records            GET   200       403       403       403       403       403       401       401       401
api-people             GET   200       403       403       403       403       403       401       401       401
api-doubts             GET   200       403       403       403       403       403       401       401       401
api-runs               GET   200       403       403       403       403       403       401       401       401
api-deeds              GET   403       403       403       403       403       403       401       401       401
api-meetings           GET   200       403       403       403       403       403       401       401       401
api-drills             GET   200       403       403       403       403       403       401       401       401
api-events             GET   200       403       403       403       403       403       401       401       401
api-retraining         GET   200       403       403       403       403       403       401       401       401
api-users              GET   200       403       403       403       403       403       401       401       401
api-users              PUT   403       403       403       403       403       403       401       401       401
api-document           GET   200       403       403       403       403       403       401       401       401
api-document           PUT   403       403       403       403       403       403       401       401       401
api-uses               GET   200       403       403       403       403       403       401       401       401
api-uses               POST  403       403       403       403       403       403       401       401       401
api-shown-outputs      POST  403       403       403       403       403       403       401       401       401
api-drill              POST  403       403       403       404       403       403       401       401       401
api-alarm-acknowledge  POST  403       403       403       403       403       403       401       401       401
api-doubts             POST  403       403       403       403       422       403       401       401       401
api-runs               POST  403       403       422       403       403       403       401       401       401
api-bundles            POST  403       415       403       403       403       403       401       401       401
api-remarks            POST  403       403       403       403       403       403       401       401       401
api-doubt-answer       POST  403       403       403       403       403       403       401       401       401
"""
ARGUMENTS: dict[str, list[Any]] = {
    "api-remarks": ["ownership.monitor"],
    "api-doubt-answer": [1],
    "api-drill": ["no-such-drill"],
    "api-document": ["failure_modes"],
    "api-alarm-acknowledge": ["no-such-alarm"],
}
BODIES: dict[str, Any] = {"api-runs": {"only": ["no such check"]}}


@pytest.fixture(scope="module")
def world(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return plant_site(tmp_path_factory.mktemp("systems") / "programmed", "programmed")


@pytest.fixture(scope="module")
def admin(world: World) -> Any:
    return invite(world, "ada@programmed.example", admin=True)


@pytest.fixture(scope="module")
def olga(world: World) -> Any:
    return visiting(invite(world, "olga@programmed.example", person="olga"))


@pytest.fixture(scope="module")
def secrets(world: World, admin: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    from django.utils import timezone

    from seatrial.web.access import Scope
    from seatrial.web.models import AccessToken, Registered
    from seatrial.web.tokens import end, make

    system = Registered.objects.get(slug=world.slug)
    plant_site(tmp_path_factory.mktemp("systems") / "otherwise", "otherwise")
    other = Registered.objects.get(slug="otherwise")
    found = {scope.value: make(system, scope.value, [scope], days=1, by=admin)[0] for scope in Scope}
    found["none-left"], _ = make(system, "none", [], days=1, by=admin)
    found["ended"], ended = make(system, "ended", list(Scope), days=1, by=admin)
    assert end(ended)
    found["expired"], expired = make(system, "expired", list(Scope), days=1, by=admin)
    AccessToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    found["elsewhere"], _ = make(other, "elsewhere", list(Scope), days=1, by=admin)
    return found


def _rows() -> list[tuple[str, str, dict[str, int]]]:
    heading, *lines = [line.split() for line in TABLE.strip().splitlines()]
    return [(row[0], row[1], {h: int(e) for h, e in zip(heading, row[2:], strict=True)}) for row in lines]


def _ask(world: World, secret: str, name: str, method: str = "GET", *, body: object = None, query: str = "") -> Any:
    from django.urls import reverse

    inside = name not in ("api-systems", "api-description")
    url = reverse(name, args=[world.slug, *ARGUMENTS.get(name, [])] if inside else [])
    client = visiting(None, checks_csrf=True)
    headers = {"Authorization": f"Bearer {secret}"}
    if method == "GET":
        return client.get(url + query, headers=headers)
    send = client.put if method == "PUT" else client.post
    return send(url, json.dumps(body), content_type="application/json", headers=headers)


@pytest.mark.parametrize(("name", "method", "expected"), _rows(), ids=lambda v: v if isinstance(v, str) else "")
def test_a_token_does_what_its_scopes_name_and_nothing_else(
    world: World, secrets: dict[str, str], name: str, method: str, expected: dict[str, int]
) -> None:
    got = {}
    for kind in expected:
        answer = _ask(world, secrets[kind], name, method, body=BODIES.get(name, {}))
        got[kind] = answer.status_code
        if answer.status_code >= 400:
            assert answer["Content-Type"] == "application/problem+json"
            assert json.loads(answer.content)["detail"]
    assert got == expected


def test_no_scope_lets_a_program_do_what_only_a_person_does(world: World, admin: Any) -> None:
    from seatrial.app.folder.workspace import open_workspace
    from seatrial.web.access import SCOPE_OF, Program, Scope, SiteAction, allowed, context_of
    from seatrial.web.models import AccessToken, Registered

    system = Registered.objects.get(slug=world.slug)
    token = AccessToken(system=system, label="everything", scopes=[scope.value for scope in Scope])
    context = context_of(open_workspace(world.folder))
    every = [*Action, *SiteAction]
    may = {action for action in every if allowed(Program(token=token, system=system), action, context).allowed}
    assert may == set(SCOPE_OF)
    assert not may & NEVER
    assert {SiteAction.DISCUSS, SiteAction.ANSWER_DOUBT, SiteAction.INVITE, SiteAction.ADMIT_PROGRAM}.isdisjoint(may)


def test_an_administrator_is_no_person_of_the_system_over_the_api_either(world: World, admin: Any) -> None:
    from seatrial.web.models import Deed

    client = visiting(admin)
    url = f"/api/v1/systems/{world.slug}/requirements/ownership.monitor/remarks/"
    answer = client.post(url, json.dumps({"text": "I say so"}), content_type="application/json")
    assert answer.status_code == 403
    assert Deed.objects.filter(account=admin, action="discuss", allowed=False).exists()


def test_what_a_program_does_and_tries_is_in_the_log_under_its_token(world: World, secrets: dict[str, str]) -> None:
    from seatrial.web.models import Deed

    report = {"output": "F1", "why": "no truck"}
    assert _ask(world, secrets["doubts"], "api-doubts", "POST", body=report).status_code == 201
    assert _ask(world, secrets["read"], "api-doubts", "POST", body=report).status_code == 403
    done, tried = Deed.objects.filter(system=world.slug, action="report-doubt").order_by("pk").reverse()[:2][::-1]
    assert (done.who.startswith("doubts (token "), done.allowed) == (True, True)
    assert (tried.who.startswith("read (token "), tried.allowed) == (True, False)
    assert "scope doubts" in tried.reason


def test_every_answer_is_what_the_description_says(world: World, olga: Any, secrets: dict[str, str]) -> None:
    from seatrial.app.folder.ledgers import read_ledger
    from seatrial.app.folder.workspace import open_workspace
    from seatrial.web.api.describing import VARIABLE, answer_schema
    from seatrial.web.api.table import ROUTES
    from seatrial.web.models import Doubt, Job, LabelRound, Registered

    system = Registered.objects.get(slug=world.slug)
    doubt = Doubt.objects.create(system=system, output="F9", why="no truck")
    job = Job.objects.create(system=system, state=Job.DONE, progress={"done": {"a": "b"}})
    left = read_ledger(open_workspace(world.folder), quick=True).evidence[0].digest
    register = hashlib.sha256((world.folder / "failure-modes.yaml").read_bytes()).hexdigest()
    artifacts = ArtifactFolder(open_workspace(world.folder).folder / "artifacts")
    labelled = LabelRound.objects.create(
        system=system,
        rows=artifacts.put(b'[{"wind": 1}]', media_type="application/json"),
        count=1,
        label="late",
        options=[],
        scale={"unit": "min", "low": 0.0, "high": 9.0, "tolerance": 1.0},
        second=[],
        declare="",
    )
    variables = {
        "doubts": {"number": doubt.pk},
        "runs": {"number": job.pk},
        "labels": {"number": labelled.pk},
        "records": {"digest": left},
        "requirements": {"requirement": "ownership.monitor"},
        "documents": {"field": "failure_modes", "digest": register},
    }
    seen = 0
    for route in ROUTES:
        if "GET" in route.operations:
            named = {**variables.get(route.path.partition("/")[0], {}), "slug": world.slug}
            path = "/" + VARIABLE.sub(r"{\2}", route.address).format(**named)
            asked = {"from": register, "to": register} if route.name == "api-document-differences" else {}
            answer = olga.get(path, asked)
            assert answer.status_code == 200, path
            data = json.loads(answer.content)
            jsonschema_rs.validator_for(dict(answer_schema(route.operations["GET"]))).validate(data)
            seen += 1
    assert seen > 15


def test_what_has_not_changed_is_not_sent_again(world: World, olga: Any) -> None:
    for part in ("", "people/"):
        url = f"/api/v1/systems/{world.slug}/{part}"
        first = olga.get(url)
        again = olga.get(url, headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b""), part
        assert "private" in first["Cache-Control"]


def test_lists_come_in_pages_that_lead_to_each_other(world: World, olga: Any) -> None:
    url: str | None = f"/api/v1/systems/{world.slug}/requirements/?per_page=7"
    found: list[str] = []
    while url is not None:
        answer = olga.get(url)
        data = json.loads(answer.content)
        assert len(data["items"]) <= 7
        found += [row["id"] for row in data["items"]]
        url = data["next"]
        assert ("Link" in answer) is (url is not None)
    assert len(found) == len(set(found)) == data["total"] > 14
    beyond = json.loads(olga.get(f"/api/v1/systems/{world.slug}/requirements/?page=999").content)
    assert (beyond["items"], beyond["next"]) == ([], None)


@pytest.mark.parametrize(
    "query", ["?page=0", "?page=-1", "?page=x", "?per_page=201", "?verdict=GO", "?gate=any", "?outcome=fine", "?page=٣"]
)
def test_a_parameter_that_cannot_be_followed_is_refused_and_named(world: World, olga: Any, query: str) -> None:
    answer = olga.get(f"/api/v1/systems/{world.slug}/requirements/{query}")
    assert answer.status_code == 422
    (error,) = json.loads(answer.content)["errors"]
    assert error["pointer"] == query.partition("=")[0]


def test_every_field_that_is_wrong_is_told_at_once(world: World, secrets: dict[str, str]) -> None:
    answer = _ask(world, secrets["doubts"], "api-doubts", "POST", body={"output": 7, "condition": "\x00", "more": 1})
    told = json.loads(answer.content)
    assert (answer.status_code, told["status"]) == (422, 422)
    assert {error["pointer"] for error in told["errors"]} == {"/output", "/why", "/condition", "/more"}


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"output": "\\ud800", "why": "w"}', "application/json", 400),
        (b'{"output": NaN}', "application/json", 400),
        (b"1" * 5000, "application/json", 400),
        (b"output=1", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b" " * 17_000, "application/json", 413),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_its_reason(
    world: World, secrets: dict[str, str], body: bytes, kind: str, status: int
) -> None:
    client = visiting(None, checks_csrf=True)
    url = f"/api/v1/systems/{world.slug}/doubts/"
    answer = client.post(url, body, content_type=kind, headers={"Authorization": f"Bearer {secrets['doubts']}"})
    assert (answer.status_code, json.loads(answer.content)["status"]) == (status, status)


def test_who_closes_a_gap_is_said_over_the_api_and_closes_nothing(world: World, olga: Any) -> None:
    url = f"/api/v1/systems/{world.slug}/gaps/"
    before = json.loads(olga.get(url).content)
    requirement = before["items"][0]["requirement"]
    wrong = {"state": "in-work", "owner": "greta", "due": "2020-01-01"}
    refused = olga.put(f"{url}{requirement}/", json.dumps(wrong), content_type="application/json")
    assert refused.status_code == 422
    assert {error["pointer"] for error in json.loads(refused.content)["errors"]} == {"/owner", "/due"}
    right = {"state": "in-work", "owner": "sven", "due": "2099-01-01", "note": "asked the vendor"}
    kept = olga.put(f"{url}{requirement}/", json.dumps(right), content_type="application/json")
    assert kept.status_code == 200, kept.content
    after = json.loads(olga.get(url).content)
    told = next(row for row in after["items"] if row["requirement"] == requirement)
    assert (told["plan"]["state"], told["plan"]["owner"], told["owner"]) == ("in-work", "sven", "sven")
    assert after["total"] == before["total"]
    nowhere = olga.put(f"{url}no.such/", json.dumps(right), content_type="application/json")
    assert nowhere.status_code == 404


def test_a_run_is_started_once_told_and_cancelled(world: World, secrets: dict[str, str]) -> None:
    from seatrial.web.models import Job, Registered

    Job.objects.filter(system=Registered.objects.get(slug=world.slug)).delete()
    first = _ask(world, secrets["runs"], "api-runs", "POST", body={"only": ["ownership.monitor"]})
    assert first.status_code == 201
    run = json.loads(first.content)
    assert (run["state"], run["only"]) == ("queued", ["ownership.monitor"])
    again = _ask(world, secrets["runs"], "api-runs", "POST", body={})
    assert (again.status_code, json.loads(again.content)["id"]) == (200, run["id"])
    assert (
        json.loads(visiting(None).get(first["Location"], headers=_bearer(secrets["read"])).content)["id"] == run["id"]
    )
    for _ in range(2):
        told = visiting(None).post(first["Location"] + "cancel/", headers=_bearer(secrets["runs"]))
        assert (told.status_code, json.loads(told.content)["state"]) == (200, "cancelled")


def test_a_token_for_runs_holds_no_drill_by_another_name(world: World, admin: Any, secrets: dict[str, str]) -> None:
    from seatrial.app.folder.catalogue import checks
    from seatrial.spec.drills import KIND_OF
    from seatrial.web.access import Scope
    from seatrial.web.models import Deed, Job, Registered
    from seatrial.web.tokens import make

    system = Registered.objects.get(slug=world.slug)
    drilling = {check.id for check in checks() if check.requirement in KIND_OF}
    assert {"governance.rollback", "organization.accountability"} <= drilling

    def run(secret: str, only: list[str]) -> Any:
        Job.objects.filter(system=system).delete()
        return _ask(world, secret, "api-runs", "POST", body={"only": only} if only else {})

    refused = run(secrets["runs"], ["governance.rollback", "ownership.monitor"])
    assert refused.status_code == 403
    assert "takes the scope drills" in json.loads(refused.content)["detail"]
    assert Deed.objects.filter(system=world.slug, action="begin-drill", allowed=False).exists()
    for only in ([], ["governance"]):
        ran = json.loads(run(secrets["runs"], only).content)["only"]
        assert ran, "an empty list would be all checks"
        assert not drilling & set(ran)
        assert "governance.compliance" in ran
    both, _ = make(system, "both", [Scope.RUNS, Scope.DRILLS], days=1, by=admin)
    assert json.loads(run(both, ["governance.rollback"]).content)["only"] == ["governance.rollback"]
    assert json.loads(run(both, []).content)["only"] == []
    begun = visiting(None).post(
        f"/api/v1/systems/{world.slug}/drills/rollback/", headers=_bearer(secrets["drills"]), content_type=""
    )
    assert begun.status_code == 200, "the run that waits is told"
    Job.objects.filter(system=system).delete()


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_what_is_nowhere_and_what_is_not_done_are_told_so(world: World, olga: Any) -> None:
    for url in (
        "/api/v2/",
        "/api/v1/nothing/",
        "/api/v1/systems/no-such-system/",
        f"/api/v1/systems/{world.slug}/runs/9/",
    ):
        answer = olga.get(url)
        assert (answer.status_code, json.loads(answer.content)["status"]) == (404, 404)
    answer = olga.delete(f"/api/v1/systems/{world.slug}/")
    assert (answer.status_code, answer["Allow"]) == (405, "GET")


def test_a_token_is_shown_once_listed_and_taken_away(world: World, admin: Any, olga: Any) -> None:
    client = visiting(admin)
    refused = client.post(world.url("tokens/"), {"label": "nightly", "scopes": ["read"], "days": ""})
    assert refused.status_code == 422
    assert "has no end" in refused.content.decode()
    assert 'value="nightly"' in refused.content.decode(), "nothing that was typed is lost"
    page = client.post(world.url("tokens/"), {"label": "nightly", "scopes": ["read"], "days": "30"}).content.decode()
    secret = page.partition('<p class="mono box">')[2].partition("</p>")[0]
    assert secret.startswith("seatrial_")
    listed = olga.get(world.url("tokens/")).content.decode()
    assert "nightly" in listed
    assert secret not in listed
    assert _ask(world, secret, "api-people").status_code == 200
    number = listed.partition('aria-label="End the token of nightly"')[0].rpartition('value="')[2].partition('"')[0]
    assert olga.post(world.url("tokens/"), {"end": number}).status_code == 302, "whoever is at hand takes it away"
    assert _ask(world, secret, "api-people").status_code == 401
    assert "nightly" not in olga.get(world.url("tokens/")).content.decode()

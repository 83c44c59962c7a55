"""Every page of the site, with something on it: who looks at it, and how they come there."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from plants.site_browser import PASSWORD, follow

NO_PAGE: Final = {
    "add-system": "leads on to the board",
    "style": "the style sheet",
    "sign-out": "leads on to the sign-in",
    "passkey-question": "what a browser asks for a passkey",
    "new-passkey": "what a browser needs to make one",
    "demand-factor": "leads back to the people",
    "dossier": "a file",
    "dossier-pdf": "a file",
    "document-version": "a file",
    "label-sheet": "a file",
    "api-unknown": "for programs",
    "sso": "leads to the company's provider",
    "sso-back": "where the provider leads back to",
    "use-log": "leads back to what became of outputs",
    "call-review": "leads back to the review",
    "meeting": "leads back to the review",
    "meeting-calendar": "a file",
    "decide": "leads back to the review",
}
"""Addresses that show no page of their own, and what they do instead; the API's are left out beside them."""
BEFORE: Final = "nobody yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One page: by which address it is known, what its picture is called, who looks, and where they go.

    `then` is what they do there before the page that is meant is shown.
    """

    route: str
    picture: str
    who: str
    address: str
    then: Callable[[Any], None] | None = None


@dataclass(slots=True)
class Tour:
    """The stops, once the site is furnished, and the cookies of everybody who walks."""

    cookies: dict[str, Mapping[str, str]] = field(default_factory=dict)
    stops: list[Stop] = field(default_factory=list)

    def stop(
        self,
        who: str,
        route: str,
        *arguments: object,
        picture: str = "",
        query: str = "",
        at: str = "",
        then: Callable[[Any], None] | None = None,
    ) -> None:
        from django.urls import reverse

        address = at or reverse(route, args=arguments)
        self.stops.append(Stop(route=route, picture=picture or route, who=who, address=f"{address}{query}", then=then))


def routes() -> frozenset[str]:
    """The name of every address of the site that is for people."""
    from seatrial.web.api.table import ROUTES
    from seatrial.web.urls import urlpatterns

    return frozenset(str(pattern.name) for pattern in urlpatterns) - {route.name for route in ROUTES}


def elsewhere(work: Callable[[], Tour]) -> Tour:
    """The work's result, done in a thread of its own: a browser's own thread is none in which Django may read."""
    from django.db import connection

    def done() -> Tour:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(done).result()


def before_anybody(token: str) -> Tour:
    """What a site shows that has no account yet."""
    tour = Tour()
    tour.stop(BEFORE, "begin")
    tour.stop(BEFORE, "first-account", token)
    return tour


def furnish(folder: Path) -> Tour:
    """People, what they did, and a stop for every address, at the system of that folder; it is registered already.

    What people do is done through the site itself. The site's worker must run.
    """
    from seatrial.app.folder.workspace import open_workspace
    from seatrial.web.models import Registered

    _declare_watch(folder)
    declared = open_workspace(folder).system
    system = Registered.objects.get(slug=declared.system)
    tour = Tour()
    people = _People(system, tour)
    owner, signer, invited = cast_of(declared)
    for person, each in declared.people.items():
        if person != invited:
            people.join(person, each.name)
    people.admin()
    listed = people.users(open_workspace(folder))
    numbers = _deeds(people, system, declared, owner, listed)
    _outside(tour, system.slug, people)
    _inside(tour, system.slug, declared, owner=owner, signer=signer, numbers=numbers)
    for_users = next((each for each in listed if each not in declared.people), None)
    _by_forms(tour, system.slug, invited, for_users)
    if listed:
        tour.stop(listed[0], "certificate", system.slug)
        tour.stop(listed[0], "training", system.slug, picture="training-user")
        tour.stop(listed[0], "fleet", picture="fleet-user")
    return tour


def cast_of(declared: Any) -> tuple[str, str, str]:
    """The owner, somebody who signs, and somebody who is still to be invited. Raises Malformed where one lacks."""
    from seatrial.core.errors import Malformed

    owner, signer = declared.owner.who, next(iter(declared.signers.values()), None)
    invited = next((each for each in reversed(declared.people) if each not in (owner, signer)), None)
    if owner is None or signer is None or invited is None:
        raise Malformed(
            f"{declared.system} names too few people to walk over its site",
            remedy="Declare in its file owner.who, one of the signers, and somebody else under people.",
        )
    return owner, signer, invited


class _People:
    """Accounts with their seats, and a client for each."""

    def __init__(self, system: Any, tour: Tour) -> None:
        self.system = system
        self.clients: dict[str, Any] = {}
        self._tour = tour

    def admin(self) -> None:
        self._enters("admin", "Ada Minster", admin=True)

    def over_provider(self, who: str, name: str) -> None:
        """Somebody who has no password here, as whoever signs in over the company's provider."""
        self._enters(who, name, password=None)

    def join(self, person: str, name: str, *, listed: bool = False) -> None:
        from seatrial.web.models import Membership

        account = self._enters(person, name)
        Membership.objects.create(account=account, system=self.system, person=person, listed=listed)

    def users(self, workspace: Any) -> list[str]:
        """Two users of the list with accounts; a third, where there is one, is still to be invited."""
        from seatrial.app.people.training import users_of

        only = [user for user in users_of(workspace) if user.id not in workspace.system.people]
        for user in only[:1]:
            self.join(user.id, user.name or "Uma Dahl", listed=True)
        return [user.id for user in only]

    def _enters(self, who: str, name: str, *, admin: bool = False, password: str | None = PASSWORD) -> Any:
        from django.test import Client

        from seatrial.web.keys import make_key
        from seatrial.web.models import Account

        account = Account(email=f"{who}@example.com", name=name, admin=admin)
        account.set_password(password)
        account.save()
        if password is not None:
            make_key(account, password)
        client = Client(SERVER_NAME="127.0.0.1", HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux) Chrome/140.0 Safari/537.36")
        client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
        self.clients[who] = client
        self._tour.cookies[who] = {"sessionid": client.cookies["sessionid"].value}
        return account


def _deeds(people: _People, system: Any, declared: Any, owner: str, listed: list[str]) -> dict[str, Any]:
    """What people say and do, so that pages are not empty; the numbers that came of it."""
    from seatrial.app.folder.workspace import open_workspace
    from seatrial.app.people.papers import slots
    from seatrial.app.people.quiz import questions_of
    from seatrial.web.models import Doubt, Job, LabelRound

    at = f"/s/{system.slug}"
    does = people.clients[owner].post
    workspace = open_workspace(Path(system.path))
    _may(does(f"{at}/runs/", {"only": "ownership"}))
    _may(does(f"{at}/requirements/ownership.monitor/", {"text": "Who takes over in my holidays?"}))
    _may(does(f"{at}/duties/owner/", {"password": PASSWORD, **_seen(people.clients[owner], f"{at}/duties/owner/")}))
    # Without its model server no rows can be drawn: then there is no round, and the walk says that it has no picture.
    _may(does(f"{at}/labels/", {"rows": "20", "options": "0\n1", "share": "0.5"}), 200, 422)
    made = LabelRound.objects.filter(system=system).first()
    if made is not None:
        for row in range(3):
            _may(does(f"{at}/labels/{made.pk}/row/", {"row": row, "value": made.options[0]}))
    user = people.clients[listed[0]] if listed else people.clients[owner]
    right = {f"q{n}": question.right for n, question in enumerate(questions_of(workspace))}
    if listed:
        given = {**right, "password": PASSWORD, **_seen(user, f"{at}/training/")}
        _may(user.post(f"{at}/training/", given))
    for output in ("F00123", "F00777"):
        _may(user.post(f"{at}/doubts/", {"output": output, "why": "It says late, and the truck is here."}))
    answered, waiting = Doubt.objects.filter(system=system).order_by("pk")
    _may(does(f"{at}/doubts/{answered.pk}/", {"stands": "no", "answer": "Unload it by hand."}))
    paper = next(iter(slots(declared)), None)
    job = _finished(Job, system)
    return {
        "job": job.pk,
        "round": made.pk if made else None,
        "doubts": (answered.pk, waiting.pk),
        "paper": paper,
        **_asked_by_the_watch(workspace, owner),
    }


def _declare_watch(folder: Path) -> None:
    """A system that declares none gets one, so that there are alarms to look at."""
    from seatrial.app.folder.workspace import open_workspace
    from seatrial.app.watched.place import watched

    workspace = open_workspace(folder)
    if not watched(workspace):
        workspace.file.write_text(f"{workspace.file.read_text().rstrip()}\nwatch: {{}}\n")


def _asked_by_the_watch(workspace: Any, owner: str) -> dict[str, str]:
    """An alarm, a request for retraining, and who answers it."""
    from plants.watched_alarm import plant_alarm, plant_request

    duty = workspace.system.duties.retraining
    answers = str(duty.who) if duty is not None and duty.who else owner
    return {"alarm": plant_alarm(workspace), "request": plant_request(workspace, answers), "answers": answers}


def _seen(client: Any, address: str) -> dict[str, str]:
    """What the form at that address sends back of what it showed."""
    found = re.search(rb'name="seen" value="([^"]*)"', client.get(address).content)
    return {"seen": found[1].decode() if found else ""}


def _may(answer: Any, *also: int) -> None:
    assert answer.status_code in {200, 302, *also}, (answer.status_code, answer.content[-3000:])


def _finished(jobs: Any, system: Any) -> Any:
    end = time.monotonic() + 120
    while True:
        job = jobs.objects.filter(system=system).latest("pk")
        if not job.open:
            return job
        assert time.monotonic() < end, job.progress
        time.sleep(0.2)


def _secret(model: Any, **values: Any) -> str:
    from datetime import timedelta

    from django.utils import timezone

    from seatrial.web.digests import digest_of

    secret = f"{model.__name__.lower()}-for-the-tour-of-the-site"
    model.objects.create(digest=digest_of(secret), until=timezone.now() + timedelta(days=1), **values)
    return secret


def _outside(tour: Tour, slug: str, people: _People) -> None:
    """The doors, one's own account, and what administrators see."""
    from seatrial.web.factors import begin_codes
    from seatrial.web.models import Account, CodeDevice, Group, Invitation, Membership, ResetLink

    somebody = Account.objects.filter(admin=False).order_by("pk")[0]
    coming = Account.objects.create(email="new@example.com", name="Noa New", password=PASSWORD)
    invitation = _secret(Invitation, email="later@example.com", system=people.system, person=next(iter(people.clients)))
    tour.cookies["a stranger"] = {}
    tour.stop("a stranger", "sign-in")
    tour.stop("a stranger", "invitation", invitation)
    tour.stop("a stranger", "invitation", "no-such-secret", picture="invitation-ended")
    tour.stop("a stranger", "reset", _secret(ResetLink, account=coming))
    begin_codes(coming)
    CodeDevice.objects.filter(account=coming).update(confirmed_at="2026-01-01T00:00:00Z")
    from django.test import Client

    half = Client(SERVER_NAME="127.0.0.1")
    half.post("/sign-in/", {"email": coming.email, "password": PASSWORD})
    tour.cookies["half in"] = {"sessionid": half.cookies["sessionid"].value}
    tour.stop("half in", "second-step")
    own = Membership.objects.filter(account=somebody).get().person
    tour.stop(own, "account")
    tour.stop(own, "sessions")
    tour.stop(own, "second-factor", picture="show-yourself")
    tour.stop(own, "second-factor", then=_show_and_begin)
    tour.stop(own, "fleet", picture="fleet-person")
    tour.stop(own, "accounts", picture="refused")
    tour.stop("admin", "fleet")
    tour.stop("admin", "interview")
    tour.stop("admin", "accounts")
    tour.stop("admin", "an-account", somebody.pk)
    tour.stop("admin", "site-log")
    tour.stop("admin", "groups")
    tour.stop("admin", "group", Group.objects.create(name="IT team").pk)
    tour.stop("admin", "api")
    people.over_provider("nina", "Nina Sol")
    tour.stop("nina", "passphrase")
    tour.stop("admin", "board", slug, picture="board-admin")


def _inside(tour: Tour, slug: str, declared: Any, *, owner: str, signer: str, numbers: Mapping[str, Any]) -> None:
    """The rooms of one system."""
    from seatrial.gate.catalogue import EVERY
    from seatrial.gate.permissions import roles_of

    for route in (
        "gaps",
        "people",
        "training",
        "documents",
        "uses",
        "labels",
        "doubts",
        "runs",
        "drills",
        "stop",
        "connections",
    ):
        tour.stop(owner, route, slug)
    for route in ("alarms", "events", "review", "tokens", "frameworks", "history", "deeds"):
        tour.stop(owner, route, slug)
    for gate in ("production-readiness", "pilot-exit", "enterprise-scale"):
        tour.stop(owner, "board", slug, query=f"?gate={gate}", picture="board" if gate[1] == "r" else f"board-{gate}")
    tour.stop(owner, "gaps", slug, query="?by=each", picture="gaps-each")
    for requirement in EVERY:
        if requirement.id in {"ownership.monitor", "model.threshold", "data.load", "integration.flows"}:
            tour.stop(owner, "requirement", slug, requirement.id, picture=f"requirement-{requirement.id}")
    tour.stop(owner, "exemption", slug, "model.adversarial")
    tour.stop(owner, "plan", slug, "organization.training")
    tour.stop(owner, "accept-duty", slug, "owner")
    for what in ("users", "results"):
        tour.stop(owner, "training-import", slug, what, picture=f"training-import-{what}")
    if numbers["paper"] is not None:
        tour.stop(owner, "document", slug, numbers["paper"].field)
    if numbers["round"] is not None:
        tour.stop(owner, "label-round", slug, numbers["round"])
        tour.stop(owner, "label-row", slug, numbers["round"])
    for number, state in zip(numbers["doubts"], ("answered", "waits"), strict=True):
        tour.stop(owner, "doubt", slug, number, picture=f"doubt-{state}")
    tour.stop(owner, "alarm", slug, numbers["alarm"])
    tour.stop(numbers["answers"], "retraining", slug, numbers["request"])
    tour.stop(owner, "run", slug, numbers["job"])
    tour.stop(signer, "sign", slug, next(iter(roles_of(signer, declared))).value)
    tour.stop(owner, "board", at="/s/no-such-system/", picture="not-found")


def _by_forms(tour: Tour, slug: str, invited: str, user: str | None) -> None:
    """Pages that are shown once, after a form was sent."""

    def invites(page: Any) -> None:
        page.select_option("#person", invited)
        page.fill("#email", "somebody.new@example.com")
        follow(page, "form[action$='people/invite/'] button")

    def invites_user(page: Any) -> None:
        page.fill("#user", str(user))
        page.fill("#email", "another.user@example.com")
        follow(page, "form[action$='training/invite/'] button")

    def admits(page: Any) -> None:
        page.fill("#label", "dock screens")
        page.check("input[name=scopes] >> nth=0")
        page.fill("#days", "90")
        follow(page, "form.narrow button")

    tour.stop("admin", "invite", at=f"/s/{slug}/people/", then=invites)
    tour.stop("admin", "invite-user", at=f"/s/{slug}/training/", then=invites_user)
    tour.stop("admin", "tokens", slug, picture="token", then=admits)


def _show_and_begin(page: Any) -> None:
    page.fill("#password", PASSWORD)
    follow(page, "main button")
    follow(page, "button[value=begin]")


def missing(stops: Iterator[Stop] | list[Stop]) -> list[str]:
    """Addresses that no stop shows and that are not known to show nothing, and those of which both is said."""
    shown = {stop.route for stop in stops}
    problems = [f"{name}: no picture is made of it" for name in sorted(routes() - shown - set(NO_PAGE))]
    problems += [f"{name}: it is said to show nothing, and is shown" for name in sorted(shown & set(NO_PAGE))]
    return problems + [f"{name}: there is no such address" for name in sorted((shown | set(NO_PAGE)) - routes())]

"""Every page of the site, found in its addresses, with something on each; an address that is no page says why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from seatrial.gate.retraining import ASKED

NO_PAGE: Final[Mapping[str, str]] = {
    "add-system": "leads on to the board",
    "sign-out": "leads on to the sign-in",
    "begin": "leads on, once there is an account",
    "first-account": "leads on, once there is an account",
    "reset": "one's own address, once",
    "invitation": "one's own address, once",
    "second-step": "a step of signing in",
    "sso": "leads to the company's provider",
    "sso-back": "where the provider leads back to",
    "passphrase": "for those who came over the provider",
    "passkey-question": "what a browser asks for a passkey",
    "new-passkey": "what a browser needs to make one",
    "invite": "leads back to the people",
    "invite-user": "leads back to the training",
    "api-document-differences": "needs two versions of a document",
    "api-document-version": "a file",
    "demand-factor": "leads back to the people",
    "use-log": "leads back to what became of outputs",
    "call-review": "leads back to the review",
    "meeting": "leads back to the review",
    "meeting-calendar": "a file",
    "decide": "leads back to the review",
    "certificate": "leads on, until the check is passed",
    "dossier": "a file",
    "dossier-pdf": "a file",
    "document-version": "a file",
    "label-sheet": "a file",
    "api-unknown": "answers that there is nothing",
    "api-bundles": "a file of all records",
}
"""Names of addresses at which no page is shown, and what is there instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An address that is asked with GET, by the name that it has in the site's addresses."""

    name: str
    address: str


def every_page(values: Mapping[str, Mapping[str, object]]) -> Iterator[Page]:
    """All pages and all that the API answers to GET.

    `values` are what stands in the addresses: by the address's name, else by ``""``, a parameter's name to its value.
    Raises KeyError for a page with a parameter that nobody gave a value: a new page is measured, or said to be none.
    """
    from django.urls import reverse

    from seatrial.web.api.table import ROUTES
    from seatrial.web.urls import urlpatterns

    deeds = {route.name for route in ROUTES if "GET" not in route.operations}
    for pattern in urlpatterns:
        name = str(pattern.name)
        if name in NO_PAGE or name in deeds:
            continue
        given = {**values[""], **values.get(name, {})}
        arguments = {each: given[each] for each in pattern.pattern.converters}
        yield Page(name=name, address=reverse(name, kwargs=arguments))


_SHOWN: Final = 12


def _asked_for_retraining(workspace: Any) -> str:
    """The digest of the record by which the watch asked; it stands at the beginning."""
    from seatrial.app.folder.ledgers import open_ledger
    from seatrial.evidence.envelope import parse

    with open_ledger(workspace) as ledger:
        found = (
            e.record for e in ledger.entries(workspace.system.system) if ASKED.encode() in parse(e.envelope).payload
        )
        return next(found)


def _newest(workspace: Any) -> str:
    """The digest of the newest record."""
    from seatrial.app.folder.ledgers import head_of, open_ledger

    head = head_of(workspace)
    assert head is not None
    with open_ledger(workspace) as ledger:
        return next(ledger.entries(workspace.system.system, since=head.sequence)).record


def furnished(slug: str, account: Any) -> Mapping[str, Mapping[str, object]]:
    """Something on every page of that system, as people would leave it, and the values for `every_page`."""
    from pathlib import Path

    from benchmarks._year_on_record import alarm
    from seatrial.adapters.store.artifacts import ArtifactFolder
    from seatrial.app.folder.workspace import open_workspace
    from seatrial.app.people.papers import slots
    from seatrial.app.watched.place import store_url
    from seatrial.watch.store import Store
    from seatrial.web.models import Doubt, Group, Job, LabelRound, OutputUse, Registered, Remark

    system = Registered.objects.get(slug=slug)
    workspace = open_workspace(Path(system.path))
    rows = json.dumps([{"wind": n} for n in range(200)]).encode()
    made = LabelRound.objects.create(
        system=system,
        rows=ArtifactFolder(workspace.folder / "artifacts").put(rows, media_type="application/json"),
        count=200,
        label="late",
        options=["0", "1"],
        titles={"0": "on time", "1": "late"},
        second=[],
        declare="",
        by=account,
    )
    began = datetime.now(UTC) - timedelta(days=300)
    Doubt.objects.bulk_create(
        Doubt(system=system, output=f"F{n:05}", why="It says late, and the truck is here.", account=account)
        for n in range(300)
    )
    OutputUse.objects.bulk_create(
        OutputUse(system=system, output=f"F{n:05}", workflow="docks", team="docks", at=began + timedelta(hours=n))
        for n in range(3_000)
    )
    Remark.objects.bulk_create(
        Remark(system=system, requirement="ownership.monitor", account=account, text="Who takes over?")
        for _ in range(50)
    )
    Job.objects.bulk_create(Job(system=system, state=Job.DONE, by=account, ended_at=began) for _ in range(200))
    store = Store.open(store_url(workspace))
    store.raise_alarm(alarm())
    store.close()
    group = Group.objects.create(name="Docks")
    one = {"number": Doubt.objects.filter(system=system).latest("pk").pk}
    job = {"number": Job.objects.filter(system=system).latest("pk").pk}
    round_ = {"number": made.pk}
    return {
        "": {
            "slug": slug,
            "requirement": "ownership.monitor",
            "duty": "monitor",
            "field": slots(workspace.system)[0].field,
            "role": "it",
            "alarm": str(alarm()["id"]),
            "asked": _asked_for_retraining(workspace)[:_SHOWN],
            "what": "users",
            "digest": _newest(workspace),
        },
        "exemption": {"requirement": "model.adversarial"},
        "an-account": {"number": account.pk},
        "group": {"number": group.pk},
        "label-round": round_,
        "label-row": round_,
        "api-label-round": round_,
        "api-label-rows": round_,
        "api-label-wanted": round_,
        "doubt": one,
        "api-doubt": one,
        "run": job,
        "api-run": job,
    }

"""Reminders over a real mail server: each once, over restarts and several workers, and again while it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from plants.mailbox import Mailbox
from plants.site_world import World, invite, plant_site


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as box:
        yield box


@pytest.fixture
def world(prepared: Path, tmp_path: Path, mailbox: Mailbox, request: pytest.FixtureRequest) -> World:
    from seatrial.web.models import Registered

    Registered.objects.all().delete()
    slug = f"reminded-{abs(hash(request.node.name)) % 10**6}"
    planted = plant_site(tmp_path / "system", slug)
    mailbox.declare(planted.folder / "seatrial.yaml", {"sven": "Sven Holm", "ivo": "Ivo Petrov"})
    return planted


def _promised(world: World, requirement: str, days: int, owner: str) -> None:
    from django.utils import timezone

    from seatrial.web.models import Registered, Undertaking

    due = timezone.now().date() + timedelta(days=days)
    system = Registered.objects.get(slug=world.slug)
    Undertaking.objects.update_or_create(
        system=system, requirement=requirement, defaults={"due": due, "owner": owner, "state": "in-work"}
    )


def test_a_promised_day_is_reminded_of_once_and_again_when_it_has_passed(world: World, mailbox: Mailbox) -> None:
    from seatrial.web.reminders import remind

    _promised(world, "data.load", 2, "sven")
    _promised(world, "data.faults", 3, "sven")
    _promised(world, "governance.rollback", 30, "ivo")
    assert [remind(), remind()] == [1, 0], "once, however often a worker looks, restarts included"
    (told,) = mailbox.texts()
    assert "sven@example.com" in told
    assert "data.load" in told
    assert "data.faults" in told, "one mail for all that one person is told at a time"
    assert "/s/" in told, "it leads to the gaps"
    _promised(world, "data.load", -1, "sven")
    assert [remind(), remind()] == [1, 0]
    assert "was promised for" in mailbox.texts()[-1]


def test_a_mail_that_was_refused_is_tried_again_and_not_doubled(world: World, mailbox: Mailbox) -> None:
    from django.utils import timezone

    from seatrial.web.models import Reminder
    from seatrial.web.reminders import remind

    _promised(world, "data.load", 1, "sven")
    _promised(world, "data.faults", 1, "carl")
    mailbox.refuses = True
    said: list[str] = []
    assert remind(said.append) == 0
    assert any("was not reminded" in text for text in said)
    assert "no page route" in " ".join(said), "whom nothing reaches is told to those who run the site"
    mailbox.refuses = False
    assert remind() == 0, "not at once"
    Reminder.objects.filter(person="sven").update(claimed_at=timezone.now() - timedelta(hours=1))
    assert [remind(), remind()] == [1, 0]
    assert len(mailbox.mails) == 1


def test_two_workers_at_once_send_one_mail(world: World, mailbox: Mailbox) -> None:
    from seatrial.web import reminders
    from seatrial.web.fleet import workspace_of
    from seatrial.web.models import Registered

    _promised(world, "data.load", 1, "sven")
    system = Registered.objects.get(slug=world.slug)
    workspace = workspace_of(system)
    reminders._note(system, workspace)
    reminders._note(system, workspace)
    first, second = list(reminders._unsent(system)), list(reminders._unsent(system))
    assert len(first) == len(second) == 1
    assert reminders._send(system, workspace, "sven", lambda _: None)
    assert not reminders._send(system, workspace, "sven", lambda _: None)
    assert len(mailbox.mails) == 1


def test_a_worker_reminds_between_its_jobs(world: World, mailbox: Mailbox) -> None:
    import threading
    import time

    from seatrial.web.jobs import Worker

    _promised(world, "data.load", 1, "sven")
    worker = Worker()
    thread = threading.Thread(target=worker.run)
    thread.start()
    end = time.monotonic() + 120
    while not mailbox.mails and time.monotonic() < end:
        time.sleep(0.05)
    worker.stop()
    thread.join()
    assert len(mailbox.mails) == 1


def test_a_closed_account_changes_nothing_of_who_is_reminded(world: World, mailbox: Mailbox) -> None:
    from seatrial.web.reminders import remind

    _promised(world, "data.load", 1, "sven")
    account = invite(world, "sven-reminded@example.com", person="sven")
    account.is_active = False
    account.save()
    assert remind() == 1, "routes are the system file's, not the site's"
    assert len(mailbox.mails) == 1

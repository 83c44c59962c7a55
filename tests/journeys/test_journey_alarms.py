"""Alarms on their way out, with everything real: the ledger, pages over a webhook, and receivers that fail first."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from command_line import called

from plants.pager_server import Delivering, Swallowing
from plants.raised import alarm
from plants.server import Asked, Said, Server, said
from plants.tiny_system import SECRET, plant
from seatrial.adapters.signed_post import signature
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.running.verify import verify_ledger
from seatrial.app.watched import paging
from seatrial.app.watched.dealing import HTTP, Dealing, dealing
from seatrial.app.watched.place import store_url
from seatrial.app.watched.reacting import Reacting
from seatrial.app.watched.slices import Explained
from seatrial.app.watched.telling import Outlets
from seatrial.core.errors import Refused
from seatrial.core.vocabulary import RecordType
from seatrial.watch.server import Door
from seatrial.watch.store import Store


def until(holds: Callable[[], bool], *, doing: Callable[[], None] = lambda: None, seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        doing()
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


def planted(folder: Path, *, pager: str, watch: str = "") -> Workspace:
    file = plant(folder, "http://127.0.0.1:9", count=10)
    (folder / ".env").write_text(f"MODEL_KEY={SECRET}\n")
    text = file.read_text().replace("{name: Olga Brandt}", f'{{name: Olga Brandt, page: "webhook+{pager}/o"}}')
    file.write_text(text + watch)
    return open_workspace(folder)


@contextmanager
def reacting(workspace: Workspace) -> Iterator[tuple[Reacting, Store]]:
    store = Store.open(store_url(workspace))
    with Outside(workspace) as outside:
        handling = Reacting(workspace, outside, store, explain=lambda _: Explained(), say=lambda _: None)
        try:
            yield handling, store
        finally:
            handling.stop()
            store.close()


def states(store: Store) -> dict[str, str]:
    return {each["id"]: each["state"] for each in store.alarms()}


def events(workspace: Workspace) -> list[tuple[Any, Any]]:
    found = read_ledger(workspace, quick=False).evidence
    return [(e.record.body["kind"], e.record.body["revokes"]) for e in found if e.record.type is RecordType.EVENT]


def test_what_belongs_together_is_one_page_and_the_next_of_its_kind_is_none(tmp_path: Path) -> None:
    olga = Delivering(after_s=0.1)
    with Server(olga) as pager:
        workspace = planted(tmp_path, pager=pager.url)
        with reacting(workspace) as (handling, store):
            for monitor in ("metric.recall", "metric.error", "decision.acted-on"):
                store.raise_alarm(alarm(monitor))
            handling.take_up()
            until(lambda: set(states(store).values()) == {"acknowledged"})
            assert len(olga.events) == 1
            page = olga.events[0]["data"]
            assert "and 2 alarms more" in page["title"]
            assert all(each["summary"] in page["text"] for each in store.alarms())
            assert all(each["acknowledged"]["by"] == "olga" for each in store.alarms())
            with dealing(workspace) as people:
                assert len(people.alarms()) == 3
            assert store.advance("planted", before=0, cursor=1, state={}, alarms=[alarm("metric.error", "limit")])
            handling.take_up()
            until(lambda: states(store)["metric.error.limit"] == "acknowledged")
            assert len(olga.events) == 1, "whoever is on it is not paged for the same monitor again"
            store.raise_alarm(alarm("inputs.contract"))
            handling.take_up()
            until(lambda: states(store)["inputs.contract.rises"] == "acknowledged")
            assert len(olga.events) == 2, "what is something else is paged"
    assert [kind for kind, _ in events(workspace)] == ["watch-alarm"] * 5


def test_an_alarm_that_comes_while_a_page_is_out_is_paged_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "JOIN_S", 0.5)
    deaf = Swallowing()
    with Server(deaf) as pager:
        workspace = planted(tmp_path, pager=pager.url)
        with reacting(workspace) as (handling, store):
            store.raise_alarm(alarm("metric.recall"))
            handling.take_up()
            until(lambda: len(deaf.events) == 1)
            store.raise_alarm(alarm("inputs.contract"))
            handling.take_up()
            until(lambda: len(deaf.events) == 2)
            assert "inputs.contract" in deaf.events[1]["data"]["title"]
            acknowledge = ("alarms", ".", "--acknowledge", "metric.recall.rises", "--as", "sven")
            done = called(*acknowledge, cwd=tmp_path)
            assert done.code == 0, done.err
            assert "sven is on it" in done.out
            until(lambda: not handling._paging.busy("metric.recall.rises"))
            again = called(*acknowledge, cwd=tmp_path)
            assert again.code == 2
            assert "is acknowledged already" in again.err
            assert states(store) == {"metric.recall.rises": "acknowledged", "inputs.contract.rises": "open"}


def test_a_silence_holds_back_pages_and_nothing_else(tmp_path: Path) -> None:
    olga = Delivering(after_s=0.1)
    with Server(olga) as pager:
        workspace = planted(tmp_path, pager=pager.url, watch="watch: {take_offline: ask, silence_at_most: 1d}\n")
        with reacting(workspace) as (handling, store):
            store.raise_alarm(alarm("offline.0.recall", "offline", "offline"))
            with dealing(workspace) as people:
                asked: dict[str, Any] = {"person": "sven", "why": "the ERP is migrated", "for_s": 3600.0}
                for wrong in ({"why": " "}, {"for_s": 90_000.0}, {"for_s": float("nan")}, {"person": "nobody"}):
                    with pytest.raises(Refused):
                        people.silence("offline.0.recall", **{**asked, **wrong})
                with pytest.raises(Refused, match="no monitor"):
                    people.silence("offline.7", **asked)
                people.silence("offline", **asked)
            handling.take_up()
            until(lambda: any(each.get("held_back") for each in store.alarms()))
            handling.take_up()
            assert ("take-offline-rule", True) in events(workspace), "a silenced take-offline rule still ends GO"
            assert not olga.events
            listed = called("alarms", ".", cwd=tmp_path)
            assert "silenced until" in listed.out
            assert "the ERP is migrated" in listed.out
            ended = called("silence", "offline", ".", "--end", "--as", "olga", cwd=tmp_path)
            assert ended.code == 0, ended.err
            until(lambda: bool(olga.events), doing=handling.take_up)
            olga.join()
    assert [kind for kind, _ in events(workspace)].count("alarms-silenced") == 2
    assert verify_ledger(workspace).intact


class Receiver:
    """Takes nothing for a while, as a service that restarts."""

    def __init__(self, *, fails: int) -> None:
        self.asked: list[Asked] = []
        self._fails = fails

    def __call__(self, asked: Asked) -> Said:
        self.asked.append(asked)
        return said({"error": "starting"}, 503) if len(self.asked) <= self._fails else said({}, 200)


def test_other_systems_are_told_of_every_state_however_often_they_are_out(tmp_path: Path) -> None:
    manager, hook = Receiver(fails=1), Receiver(fails=2)
    with Server(manager) as first, Server(hook) as second:
        outlets = (
            f"watch:\n  outlets:\n    - {{to: alertmanager, url: '{first.url}'}}\n"
            f"    - {{to: webhook, url: '{second.url}/in', secret: 'opensesame'}}\n"
        )
        workspace = planted(tmp_path, pager="http://127.0.0.1:9", watch=outlets)
        store = Store.open(store_url(workspace))
        said_: list[str] = []
        with Outside(workspace) as outside:
            telling = Outlets(workspace, outside, store, say=said_.append)
            store.raise_alarm(alarm("metric.recall"))
            until(lambda: not telling.problems and len(hook.asked) >= 3, doing=telling.round)
            store.change_alarm(
                "metric.recall.rises",
                lambda c: {**c, "state": "closed", "trail": [{"at": datetime.now(UTC).isoformat(), "text": "closed"}]},
            )
            # Another watch, after a restart: what was told is not told again, what was not is.
            Outlets(workspace, outside, store, say=said_.append).round()
            Outlets(workspace, outside, store, say=said_.append).round()
        store.close()
    ids = [asked.headers["webhook-id"] for asked in hook.asked]
    assert ids[0] == ids[1] == ids[2] != ids[3], "the same message has the same id, so that it counts once"
    assert len(ids) == 4
    for asked in hook.asked:
        stamp = asked.headers["webhook-timestamp"]
        assert asked.headers["webhook-signature"] == signature(
            "opensesame", asked.headers["webhook-id"], stamp, asked.body
        )
    assert [asked.json()["type"] for asked in hook.asked][-2:] == ["seatrial.alarm.open", "seatrial.alarm.closed"]
    assert {asked.path for asked in manager.asked} == {"/api/v2/alerts"}
    fired, resolved = manager.asked[1].json()[0], manager.asked[-1].json()[0]
    assert fired["labels"]["severity"] == "warning"
    assert fired["labels"]["monitor"] == "metric.recall"
    assert datetime.fromisoformat(fired["endsAt"]) > datetime.now(UTC)
    assert datetime.fromisoformat(resolved["endsAt"]) <= datetime.now(UTC)
    assert "opensesame" not in json.dumps(said_)


async def over_http(workspace: Workspace, store: Store, token: str | None) -> list[tuple[int, Any]]:
    import aiohttp
    from aiohttp import web

    people = Dealing(workspace, store, over=HTTP)
    door = Door(
        store, now=workspace.clock.now, standing=dict, page=lambda: "", people=people, token=token, bounded=True
    )
    runner = web.AppRunner(door.application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    found = []
    headers = {"Authorization": "Bearer opensesame"}
    try:
        async with aiohttp.ClientSession(headers=headers) as session:
            for path, body in (
                ("alarms/metric.recall.rises/acknowledge", {"person": "sven"}),
                ("alarms/metric.recall.rises/acknowledge", {"person": "sven"}),
                ("alarms/metric.recall.rises/close", {"person": "mallory"}),
                ("alarms/metric.recall.rises/close", {"nobody": "sven"}),
                ("silences", {"person": "sven", "monitor": "metric", "why": "migration", "for_s": "long"}),
                ("silences", {"person": "sven", "monitor": "metric", "why": "migration", "for_s": 60}),
                ("silences/end", {"person": "olga", "monitor": "metric"}),
                ("alarms/metric.recall.rises/close", {"person": "olga"}),
            ):
                async with session.post(f"{base}/{path}", json=body) as answer:
                    found.append((answer.status, await answer.json()))
            async with session.get(f"{base}/alarms?all=1") as answer:
                found.append((answer.status, await answer.json()))
            async with session.get(f"{base}/silences") as answer:
                found.append((answer.status, await answer.json()))
    finally:
        await runner.cleanup()
    return found


def test_alarms_are_dealt_with_over_http_by_declared_people_behind_a_token(tmp_path: Path) -> None:
    workspace = planted(tmp_path, pager="http://127.0.0.1:9")
    store = Store.open(store_url(workspace))
    store.raise_alarm(alarm("metric.recall"))
    refused = asyncio.run(over_http(workspace, store, None))
    assert [status for status, _ in refused[:-2]] == [409] * 8
    assert "token" in refused[0][1]["error"]
    answers = asyncio.run(over_http(workspace, store, "opensesame"))
    assert [status for status, _ in answers] == [200, 409, 409, 400, 400, 200, 200, 200, 200, 200]
    assert answers[-2][1]["alarms"][0]["state"] == "closed"
    assert "said over HTTP" in answers[-2][1]["alarms"][0]["trail"][0]["text"]
    assert answers[-1][1] == {"silences": []}
    store.close()

"""How the days went, sent to declared people over their own routes, once each, however often a channel refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from plants.server import Asked, Said, Server, said
from plants.tiny_system import plant
from plants.watched_errors import ERRORS, events
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.watched.account import account
from seatrial.app.watched.place import store_url
from seatrial.app.watched.summary import Summaries, summary
from seatrial.present.summary import summary_html, summary_text
from seatrial.watch.store import Store
from seatrial.watch.watching import Watching

NOW = datetime.now(UTC)
LOG = """
change:
  acted_on: {at_least: 70 %}
  ignored: {at_most: 10 %}
  log:
    source: log.csv
    key: id
    workflow: flow
    team: team
    response: did
    at: at
    workaround: how
    values: {acted_on: [did], overridden: [changed], ignored: [left]}
"""


class Refusing:
    """Takes nothing at first."""

    def __init__(self, fails: int) -> None:
        self.asked: list[Asked] = []
        self._fails = fails

    def __call__(self, asked: Asked) -> Said:
        self.asked.append(asked)
        return said({}, 503 if len(self.asked) <= self._fails else 202)


def planted(folder: Path, url: str) -> None:
    file = plant(folder, "http://127.0.0.1:9", count=10)
    text = file.read_text().replace("{name: Olga Brandt}", f'{{name: Olga Brandt, page: "webhook+{url}/o"}}')
    file.write_text(f"{text}{LOG}watch: {{summary: {{to: [olga], every: 7d}}}}\n")
    did = ["did"] * 60 + ["changed"] * 10 + ["left"] * 30
    lines = [f"o{n},plan,dock,{what},{(NOW - timedelta(days=1)).isoformat()}," for n, what in enumerate(did)]
    old = f"o999,plan,dock,did,{(NOW - timedelta(days=30)).isoformat()},"
    (folder / "log.csv").write_text("\n".join(["id,flow,team,did,at,how", *lines, old]))


def test_the_summary_tells_what_held_who_answered_and_what_people_did(tmp_path: Path) -> None:
    post = Refusing(fails=1)
    with Server(post) as server:
        planted(tmp_path, server.url)
        workspace = open_workspace(tmp_path, environment={"MODEL_KEY": "k"})
        store = Store.open(store_url(workspace))
        yesterday = NOW - timedelta(days=1)
        store.append(events(300, 0.05, seed=1), now=yesterday)
        Watching(store, (ERRORS,), begun=yesterday).catch_up()
        stamp = (NOW - timedelta(days=9)).timestamp()
        store.revise("presence", lambda _: [[stamp, NOW.timestamp(), "m1"]])
        opened = {"opened_at": yesterday.isoformat(), "since": yesterday.isoformat(), "detector": "limit", "trail": []}
        alarm: dict[str, Any] = {**opened, "id": "a", "monitor": "a", "level": "page", "state": "open"}
        store.raise_alarm({**alarm, "summary": "recall <b>is low</b>"})
        with Outside(workspace) as outside:
            seen = account(store, (ERRORS,), identity="m1", days=7, now=NOW)
            told = summary(workspace, outside, store, seen, days=7)
        text, html = summary_text(told), summary_html(told)
        for line in (
            "7 of 7 whole days, 100 % of the time",
            "error rate 0.0",
            "0 answered; 1 never answered",
            "acted on: 60 % of 100 outputs (certainly 51.3 % to 68.2 %)",
            "the plan expects at least 70 %: NOT AS PLANNED",
            "ignored: 30 % of 100 outputs",
            "rollback: never held",
        ):
            assert line in text, text
        assert "recall &lt;b&gt;is low&lt;/b&gt;" in html
        assert "<b>" not in html
        summaries = Summaries(workspace, store)
        assert list(summaries.due(NOW)) == [], "the first comes after a period of watching"
        later = NOW + timedelta(days=7)
        people = summaries.due(later)
        assert list(people) == ["olga"]
        summaries.send(people, told, later, link="http://127.0.0.1:8750/")
        assert "olga" in summaries.problems
        assert not summaries.due(later + timedelta(minutes=30))
        again = Summaries(workspace, store)
        for _ in range(3):
            again.send(again.due(later), told, later, link="http://127.0.0.1:8750/")
        store.close()
    assert len(post.asked) == 2
    assert len({asked.headers["webhook-id"] for asked in post.asked}) == 1
    sent = post.asked[-1].json()
    assert sent["type"] == "seatrial.notice"
    assert sent["data"]["text"] == text
    assert sent["data"]["html"] == html

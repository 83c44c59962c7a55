"""The watch of a declared system: everything wired, and the loop that runs until it is stopped."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Self

import numpy as np

from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import Workspace
from seatrial.app.watched.account import account
from seatrial.app.watched.armed import DailyProbe
from seatrial.app.watched.awaited import awaited
from seatrial.app.watched.composed import composed
from seatrial.app.watched.dealing import HTTP, Dealing
from seatrial.app.watched.declared import DeclaredEvents
from seatrial.app.watched.given import given_for, served
from seatrial.app.watched.intakes import Intakes
from seatrial.app.watched.place import store_url
from seatrial.app.watched.planned import PlannedDrills
from seatrial.app.watched.reacting import Reacting
from seatrial.app.watched.record import DailyRecord
from seatrial.app.watched.reference import Reference, reference
from seatrial.app.watched.retraining import AskingForRetraining
from seatrial.app.watched.slices import Explaining
from seatrial.app.watched.summary import Summaries, summary
from seatrial.app.watched.telling import Outlets
from seatrial.core.bodies import ObservationBody
from seatrial.core.codec import CodecError, from_data
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import RecordType
from seatrial.watch.alarms import quiet_alarm
from seatrial.watch.detectors import Level
from seatrial.watch.presence import present
from seatrial.watch.server import Door
from seatrial.watch.silences import Silences, told
from seatrial.watch.states import ACKNOWLEDGED, OPEN
from seatrial.watch.store import Store
from seatrial.watch.stream import Stream, level_now
from seatrial.watch.watching import NAME, Watching

_LOOK_S = 0.2
_AFTER_TROUBLE_S = 2.0
_SEEN_S = 30.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


class SystemWatch:
    """A watch over one workspace. Use as a context; `run` returns when `stop` is called."""

    def __init__(self, workspace: Workspace, *, say: Callable[[str], None] = lambda _: None) -> None:
        self.workspace = workspace
        self._system = workspace.system
        self._say = say
        self._closing = ExitStack()
        self._stopped = threading.Event()
        self._seen_at = -math.inf
        self.address = ""
        """Where it listens, once it runs."""

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self._outside = opening.enter_context(Outside(self.workspace))
            self.store = Store.open(store_url(self.workspace))
            opening.callback(self.store.close)
            self._say("reading what the gate established")
            self._version = given_for(self.workspace)
            self.reference: Reference = reference(
                self.workspace, self._outside, version=self._version, say=lambda doing, _=None: self._say(doing)
            )
            self.streams, self.unwatched, self.budget = composed(
                self._system, self.reference, established(self.workspace), self._version or ""
            )
            self.intakes = Intakes(self._system, self._outside, self.store, now=self.workspace.clock.now)
            self.watching = Watching(
                self.store,
                self.streams,
                (
                    served(self.workspace, self._outside, self._version),
                    *awaited(self._system, self.store, self._outside),
                    *self.intakes.awaited(),
                ),
                begun=self.workspace.clock.now(),
            )
            for stream in self.watching.anew():
                judged = "by the day" if stream.by_day else "row by row"
                self._say(f"{stream.name} is judged {judged} from now on: its detectors begin anew")
            explaining = Explaining(self._system, self.reference, self.store)
            self.reacting = Reacting(
                self.workspace, self._outside, self.store, explain=explaining.explained, say=self._say
            )
            self.retraining = AskingForRetraining(self.workspace, self.store, explain=explaining.explain, say=self._say)
            self.armed = DailyProbe(self.workspace, self.store, say=self._say)
            self._tell_unheld()
            self.outlets = Outlets(self.workspace, self._outside, self.store, say=self._say)
            self._silences = Silences(self.store.database)
            self.declared = DeclaredEvents(self.workspace, self.store, say=self._say)
            self.summaries = Summaries(self.workspace, self.store)
            self.planned = PlannedDrills(self.workspace, self.store, say=self._say)
            self.record = DailyRecord(self.workspace, self.account, say=self._say)
            self._closing = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.armed.stop()
        self.planned.stop()
        self.record.stop()
        self.reacting.stop()
        self.outlets.stop()
        self._closing.close()

    def stop(self) -> None:
        """End `run`."""
        self._stopped.set()

    def step(self) -> None:
        """One look at everything: what is fetched, what has arrived, what has not come, what is open."""
        self.intakes.look()
        self.watching.catch_up()
        self._listen()
        self.reacting.take_up()
        self.retraining.look()

    def _listen(self) -> None:
        self.watching.listen(self.workspace.clock.now(), monotonic=time.monotonic())

    def run(self, *, listen: str | None = None) -> None:
        """Serve and watch until stopped. Raises Unreachable where the address cannot be listened on."""
        host, port = _address(listen or self._system.watch.listen)
        if host not in _LOOPBACK and not self._system.watch.token:
            raise Refused(
                f"the watch would listen on {host} for everybody",
                remedy="Declare watch.token, a secret that senders present, or listen on 127.0.0.1.",
            )
        self.outlets.start()
        ready = threading.Event()
        problem: list[BaseException] = []
        server = threading.Thread(
            target=lambda: asyncio.run(self._serve(host, port, ready, problem)), name="seatrial-watch", daemon=True
        )
        server.start()
        ready.wait()
        if problem:
            raise Unreachable(
                f"the watch cannot listen on {host}:{port}: {problem[0]}", remedy="Free the port, or set watch.listen."
            )
        self._say(f"watching {self._system.system} on http://{self.address}")
        sources = threading.Thread(target=self._again, args=(self._sources,), name="seatrial-sources", daemon=True)
        sources.start()
        try:
            self._again(self._events)
        finally:
            self._stopped.set()
            sources.join(timeout=10.0)
            server.join(timeout=10.0)

    def _again(self, look: Callable[[], None]) -> None:
        """Look until stopped. A database that restarts is no reason to end: what was not taken is taken later."""
        while not self._stopped.wait(_LOOK_S):
            try:
                look()
            except SeatrialError as error:
                self._say(f"could not look: {error.what}")
                self._stopped.wait(_AFTER_TROUBLE_S)

    def account(self, days: int) -> Mapping[str, Any]:
        """What there is to say of the newest `days` whole days on the model that GO was given for. Raises Refused."""
        if self._version is None:
            raise Refused("no review of a model is on record", remedy="Run the checks first: seatrial run.")
        now = self.workspace.clock.now()
        return account(self.store, self.streams, identity=self._version, days=days, now=now)

    def summary(self, days: int) -> Mapping[str, Any]:
        """How the newest `days` whole days went, as plain data. Raises Refused."""
        return summary(self.workspace, self._outside, self.store, self.account(days), days=days)

    def _tell_how_it_went(self) -> None:
        now = self.workspace.clock.now()
        declared = self._system.watch.summary
        if declared is None or self._version is None or not (people := self.summaries.due(now)):
            return
        days = max(1, round(declared.every / 86_400.0))
        self.summaries.send(
            people, self.summary(days), now, link=f"http://{self.address or self._system.watch.listen}/"
        )

    def _be_seen(self) -> None:
        if time.monotonic() - self._seen_at >= _SEEN_S:
            present(self.store, self.workspace.clock.now().timestamp(), self._version or "")
            self._seen_at = time.monotonic()

    def _events(self) -> None:
        """What has arrived. Alarms do not wait until everything behind them has been looked at."""
        self.watching.catch_up(for_s=_LOOK_S)
        self._be_seen()
        self.reacting.take_up()

    def _sources(self) -> None:
        """What is asked for elsewhere, which may take its time."""
        self.intakes.look()
        self._listen()
        self.declared.look()
        self.retraining.look()
        self.armed.look()
        self.planned.look()
        if self._version is not None:
            self.record.look()

    def standing(self) -> Mapping[str, Any]:
        """What the watch knows now, as plain data."""
        cursor, state = self.store.state(NAME)
        newest = self.store.last()
        return {
            "system": self._system.system,
            "version": self._system.version,
            "at": self.workspace.clock.now().isoformat(),
            "counts": self.store.counts(),
            "lag": max(0, newest - cursor),
            "paired": state.get("paired", 0),
            "outcomes_without_prediction": state.get("alone", 0),
            "streams": [_told(stream, kept) for stream, kept in self.watching.standing()],
            "unwatched": [{"name": each.name, "why": each.why} for each in self.unwatched],
            "problems": [
                *self.reference.problems,
                *(f"{n}: {why}" for n, why in self.intakes.problems.items()),
                *(f"{n} is not told: {why}" for n, why in self.outlets.problems.items()),
                *(f"{n} did not get the summary: {why}" for n, why in self.summaries.problems.items()),
                *(f"{n} does not know of retraining: {why}" for n, why in self.retraining.problems.items()),
                *([f"the record of the days is not filed: {self.record.problem}"] if self.record.problem else []),
            ],
            "silences": [told(each) for each in self._silences.standing(self.workspace.clock.now())],
            "alarms": self.store.alarms(OPEN, ACKNOWLEDGED),
            "past_alarms": self.store.alarms("closed")[-20:],
        }

    async def _serve(self, host: str, port: int, ready: threading.Event, problem: list[BaseException]) -> None:
        from aiohttp import web

        from seatrial.present.watch import page

        door = Door(
            self.store,
            now=self.workspace.clock.now,
            standing=self.standing,
            page=lambda: page(self.standing()),
            people=Dealing(self.workspace, self.store, over=HTTP),
            token=self._system.watch.token or None,
            bounded=self._system.model.task == "binary",
        )
        runner = web.AppRunner(door.application(), access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host.strip("[]"), port)
            await site.start()
            self.address = _bound(runner, host, port)
            ready.set()
            await asyncio.to_thread(self._stopped.wait)
        except OSError as error:
            problem.append(error)
        finally:
            ready.set()
            await runner.cleanup()

    def _tell_unheld(self) -> None:
        """A take-offline rule that cannot fire is an alarm: somebody relies on it."""
        at = self.workspace.clock.now().timestamp()
        for each in self.unwatched:
            if each.offline:
                alarm = quiet_alarm(
                    f"unheld.{each.name.replace(' ', '-')}",
                    words=f"the {each.name} is not held",
                    says=each.why,
                    at=at,
                    since=at,
                    level=Level.PAGE,
                )
                self.store.raise_alarm({**alarm, "detector": "composing", "sure": "certain: it was tried"})


def established(workspace: Workspace) -> Observation | None:
    """The newest observation of `model.threshold` on record, None without one."""
    for evidence in reversed(read_ledger(workspace, quick=False).evidence):
        if evidence.problem or evidence.record.type is not RecordType.OBSERVATION:
            continue
        try:
            body = from_data(ObservationBody, evidence.record.body)
        except CodecError:
            continue
        if body.requirement == "model.threshold" and body.observation is not None:
            return body.observation
    return None


def _told(stream: Stream, kept: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "name": stream.name,
        "words": stream.words,
        "base": _shown(stream, stream.base),
        "now": _shown(stream, level_now(kept)),
        "rows": kept["rows"],
        "newest": [_shown(stream, float(value)) for _, _, value in kept["newest"]],
        "detectors": [
            {
                "name": detector.name,
                "asks": detector.asks,
                "level": str(detector.level),
                "mark": detector.mark,
                "says": detector.says,
                "line": detector.line,
                "evidence": _finite(kept["detectors"].get(detector.name, detector.start())["evidence"]),
                "crossed": kept["detectors"].get(detector.name, detector.start())["crossed"] is not None,
            }
            for detector in stream.detectors
        ],
    }


def _shown(stream: Stream, value: float | None) -> float | None:
    """As people speak of it: a recall of 0.7, not a loss of 0.3."""
    return 1.0 - value if value is not None and stream.good else value


def _finite(value: float) -> float:
    return float(np.clip(value, -1e6, 1e6))


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        raise Malformed(f"{text!r} is no address to listen on", remedy="Write host:port, such as 127.0.0.1:8750.")
    return host, int(port)


def _bound(runner: Any, host: str, port: int) -> str:
    """The address that was really taken, where port 0 asked for any."""
    addresses = runner.addresses
    return f"{host}:{addresses[0][1] if addresses else port}"

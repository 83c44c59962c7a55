"""The shipped example after launch, in fast motion: months of real flights pass, then its weather goes stale.

Everything is real but the pace: the model answers every row, the watch takes predictions and outcomes over HTTP, the
pager delivers, one of the people is asleep, and the procedure that takes the system offline is the rehearsed one.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from seatrial.app.deciding.deciding import decide_now
from seatrial.app.demo import Demo
from seatrial.app.folder.outside import Outside
from seatrial.app.running.run import run as run_checks
from seatrial.app.running.verify import verify_ledger
from seatrial.app.watched.dealing import alarms_of
from seatrial.app.watched.watch import SystemWatch
from seatrial.core.errors import SeatrialError
from seatrial.core.ports import Model, ReplyKind
from seatrial.examples.running import running, tell
from seatrial.gate.verdict import Verdict

ASLEEP = ("ivo",)
"""Who does not hear the pager in this night."""
STALE_HOURS = 9
_LABELS_LATE = 1
"""Batches by which outcomes come after their predictions."""
_ROWS = 200
_PATIENCE_S = 90.0
_SETTLED_S = 1.0


class LiveDemo:
    """`run` tells what happens, line by line, and ends with the verdict."""

    def __init__(self, directory: Path | None = None, *, say: Callable[[str], None]) -> None:
        self._demo = Demo(directory, ready=True)
        self.directory = self._demo.directory
        self._say = say

    def run(self) -> Verdict:
        """The whole story. Raises SeatrialError where a part of it does not come about."""
        self._say(f"Preparing the system in {self.directory}")
        self._demo.prepare()
        self._put_to_sleep()
        with running(self._demo.example, self.directory) as services:
            self._demo.open_with(services.environment)
            self._say("Its people accept and attest; the gate measures what is watched, and the way back is drilled")
            self._demo.play_paperwork()
            workspace = self._demo.workspace
            for _ in run_checks(workspace, only=("model.threshold", "governance.rollback")):
                pass
            with (
                SystemWatch(workspace, say=lambda text: self._say(f"  watch: {text}")) as watch,
                Outside(workspace) as outside,
                _in_thread(watch),
            ):
                self._months(watch, outside.model)
                self._stale(services.environment["ARRIVAL_WEATHER"])
                self._until_offline(watch)
            self._told()
            verdict = decide_now(workspace)
            report = verify_ledger(workspace)
            self._say(f"The record, read back offline: {report.sentence}")
        return verdict

    def _months(self, watch: SystemWatch, model: Model) -> None:
        """September to December, as the rows of the live sample came, a month in a few seconds."""
        from pyarrow import parquet

        rows = parquet.read_table(self.directory / "data" / "live.parquet").sort_by("scheduled_at").to_pylist()
        inputs = tuple(watch.reference.inputs)
        late: list[list[Mapping[str, Any]]] = []
        for month, of_month in groupby(rows, key=lambda row: row["scheduled_at"].strftime("%B %Y")):
            flights = list(of_month)
            for start in range(0, len(flights), _ROWS):
                part = flights[start : start + _ROWS]
                answers = _asked(model, [{name: _plain(row[name]) for name in inputs} for row in part])
                predictions = [
                    {
                        "id": str(row["delivery_id"]),
                        "at": _plain(row["scheduled_at"]),
                        **answer,
                        "inputs": {n: _plain(row[n]) for n in inputs},
                    }
                    for row, answer in zip(part, answers, strict=True)
                ]
                tell(watch.address, "/v1/predictions", predictions)
                late.append([{"id": str(row["delivery_id"]), "label": row["late"]} for row in part])
                if len(late) > _LABELS_LATE:
                    tell(watch.address, "/v1/outcomes", late.pop(0))
            self._say(f"{month}: {len(flights):,} flights passed; {_levels(watch)}")
        for outcomes in late:
            tell(watch.address, "/v1/outcomes", outcomes)

    def _stale(self, weather: str) -> None:
        self._say(f"In the night the weather feed goes on answering, with observations that are {STALE_HOURS} h old")
        tell(weather.removeprefix("http://"), "/admin/age", {"hours": STALE_HOURS})

    def _until_offline(self, watch: SystemWatch) -> None:
        begun = time.monotonic()
        while not any(alarm.get("taken_offline") for alarm in watch.store.alarms()):
            if time.monotonic() - begun > _PATIENCE_S:
                raise SeatrialError(
                    f"nothing took the system offline within {_PATIENCE_S:g} s",
                    remedy=f"`seatrial alarms {self.directory}` tells what happened.",
                )
            time.sleep(0.1)
        self._say(f"Offline {time.monotonic() - begun:.0f} s after the weather went stale")
        time.sleep(_SETTLED_S)

    def _told(self) -> None:
        for alarm in alarms_of(self._demo.workspace, everything=True):
            if alarm["level"] == "look":
                continue
            self._say(f"alarm: {alarm['summary']}")
            for line in alarm["trail"]:
                self._say(f"  {datetime.fromisoformat(line['at']).strftime('%H:%M:%S')}  {line['text']}")

    def _put_to_sleep(self) -> None:
        file = self.directory / "services.json"
        settings = json.loads(file.read_text(encoding="utf-8"))
        settings.setdefault("pager", {})["asleep"] = list(ASLEEP)
        file.write_text(json.dumps(settings), encoding="utf-8")


@contextmanager
def _in_thread(watch: SystemWatch) -> Iterator[None]:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            watch.run(listen="127.0.0.1:0")
        except SeatrialError as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="seatrial-live", daemon=True)
    thread.start()
    try:
        while not watch.address:
            if failed:
                raise failed[0]
            time.sleep(0.05)
        yield
    finally:
        watch.stop()
        thread.join(timeout=20)


def _asked(model: Model, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    reply = model.predict(rows)
    if reply.kind is not ReplyKind.OK:
        raise SeatrialError(f"the model did not answer: {reply.error}")
    each = reply.latency_s / max(1, len(rows))
    return [{"prediction": p.prediction, "score": p.score, "latency_s": each} for p in reply.predictions]


def _levels(watch: SystemWatch) -> str:
    standing = watch.standing()
    named = [s for s in standing["streams"] if s["name"].startswith("metric.") and s["now"] is not None]
    told = ", ".join(f"{s['words']} {s['now']:.2f} over the newest {len(s['newest'])} labels" for s in named)
    loud = [a for a in standing["alarms"] if a["level"] != "look"]
    looks = len(standing["alarms"]) - len(loud)
    return f"{told or 'no outcome is known yet'}; {len(loud)} alarms" + (f", {looks} to look at" if looks else "")


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value

"""A small works that is ready to go live, in four servers: weather, planner, pager, and the model with its pipeline.

Deliveries come in at the pipeline, which scores them with the newest weather and passes a warning on to the planner.
When the weather is away or cannot be read, deliveries go on by the schedule, and an alarm is up.
"""

from __future__ import annotations

import http.client
import json
import math
import random
import re
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from plants.pager_server import read_and_press
from plants.server import Asked, Said, Server, said, unused_port

CARRIERS: Final = {"DHL": 0.4, "UPS": -0.4, "GLS": 0.0}
INPUTS: Final[dict[str, dict[str, Any]]] = {
    "temp": {"type": "number", "unit": "degC", "minimum": -30, "maximum": 45, "fed_by": "weather"},
    "gusts": {"type": "number", "unit": "m/s", "minimum": 0, "maximum": 30, "fed_by": "weather"},
    "weight": {"type": "integer", "unit": "kg", "minimum": 1, "maximum": 2000, "fed_by": "deliveries"},
    "carrier": {"type": "string", "values": list(CARRIERS), "fed_by": "deliveries"},
}
ENTRY: Final = ("id", "weight", "carrier")
STORM: Final = 20.0
_ALARM_S: Final = 0.3
_LINK: Final = re.compile(r"https?://\S+")


def score(row: Mapping[str, Any]) -> float:
    """The probability of being late, which is also how labels are drawn; in a storm the model knows little."""
    exponent = 1.5 * (row["temp"] - 20.0) + 0.025 * (row["weight"] - 800.0) + 9.0 * CARRIERS[row["carrier"]]
    sure = 0.03 + 0.94 / (1.0 + math.exp(-max(-50.0, min(50.0, exponent))))
    return 0.5 + (sure - 0.5) * (0.25 if row["gusts"] > STORM else 1.0)


def problem(row: Mapping[str, Any]) -> str:
    """Why the guard refuses a row; empty when it does not."""
    for name, declared in INPUTS.items():
        value = row.get(name)
        if declared["type"] == "string":
            if not isinstance(value, str) or value not in CARRIERS:
                return f"{name} is not known"
        elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return f"{name} is no number"
        elif not declared["minimum"] <= value <= declared["maximum"]:
            return f"{name} is out of range"
        elif declared["type"] == "integer" and value != int(value):
            return f"{name} is no whole number"
    return ""


def rows(count: int, *, seed: int, start: datetime) -> list[dict[str, Any]]:
    """Rows as the data hold them, with their outcome."""
    drawn = random.Random(seed)
    made = []
    for at in range(count):
        # The weather of an hour is one, so that a few minutes more or less do little harm; no hour tells of the next,
        # so that no stretch of it tells live rows from others.
        hour = random.Random(f"{seed} {at // 12}")
        row: dict[str, Any] = {
            "id": f"{seed}-{at}",
            "planned_at": start + timedelta(minutes=5 * at),
            "temp": round(hour.uniform(7.0, 33.0) + drawn.uniform(-5.0, 5.0), 1),
            "gusts": round(hour.uniform(3.0, 22.0) + drawn.uniform(-3.0, 3.0), 1),
            "weight": drawn.randrange(100, 1500),
            "carrier": drawn.choice(tuple(CARRIERS)),
        }
        made.append({**row, "late": int(drawn.random() < score(row))})
    return made


class Calls:
    """Who called, or whom it called, a JSON line each, as the access log of a server."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(exist_ok=True)
        self._file = file.open("a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> None:
        self.write("caller", asked.headers.get("x-caller") or asked.headers.get("user-agent", ""))

    def write(self, field: str, name: str) -> None:
        with self._lock:
            self._file.write(json.dumps({"at": datetime.now(UTC).isoformat(), field: name}) + "\n")

    def close(self) -> None:
        self._file.close()


class Board:
    """Records by key, newest last."""

    def __init__(self) -> None:
        self._records: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def add(self, record: dict[str, Any]) -> None:
        with self._lock:
            self._records[str(record["id"])] = record

    def shown(self, asked: Asked) -> Said:
        with self._lock:
            if "value" in asked.query:
                return said([self._records[v] for v in asked.query["value"] if v in self._records])
            return said(list(self._records.values())[-6000:])


class Works:
    """All four servers, and the state that people can change. `version` is what the model server says it serves."""

    def __init__(self, folder: Path) -> None:
        self.version = "1.0"
        self.online = True
        self.by_hand = False
        self.lines = {name: unused_port() for name in ("weather", "planner")}
        self._folder = folder
        self._open = ExitStack()
        self._deliveries, self._warnings = Board(), Board()
        self._doubts: dict[str, str] = {}
        self._weather: dict[str, Any] | None = None
        self._away_since: float | None = None
        self._stop = threading.Event()
        self._asking = threading.Thread(target=self._keep_asking, daemon=True)
        self._timers: list[threading.Timer] = []

    def __enter__(self) -> Self:
        (self._folder / "logs").mkdir(parents=True, exist_ok=True)
        self._model_calls = Calls(self._folder / "logs" / "model.jsonl")
        self._planner_calls = Calls(self._folder / "logs" / "planner.jsonl")
        self._open.callback(self._model_calls.close)
        self._connections = Calls(self._folder / "logs" / "connections.jsonl")
        self._open.callback(self._planner_calls.close)
        self._open.callback(self._connections.close)
        self.urls = {
            name: self._open.enter_context(Server(answer)).url
            for name, answer in (
                ("weather", self._source),
                ("planner", self._planner),
                ("pager", self._pager),
                ("model", self._model),
            )
        }
        self._asking.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.set()
        self._asking.join()
        for timer in self._timers:
            timer.cancel()
        self._open.close()

    def _source(self, asked: Asked) -> Said:
        if asked.path != "/observations":
            return said({"version": "3.4"})
        now = datetime.now(UTC)
        minutes = [now - timedelta(minutes=at) for at in range(400)]
        drawn = random.Random(int(now.timestamp() // 600))
        readings = [
            {
                "observed_at": at.isoformat().replace("+00:00", "Z"),
                "temp": round(drawn.uniform(2.0, 38.0), 1),
                "gusts": round(drawn.uniform(0.0, 19.0), 1),
            }
            for at in minutes
        ]
        return said(readings[::-1])

    def _planner(self, asked: Asked) -> Said:
        if asked.path in ("/warnings", "/live/warnings"):
            self._planner_calls(asked)
            if asked.method == "GET":
                return self._warnings.shown(asked)
            record = asked.json()
            if not isinstance(record, dict) or not isinstance(record.get("id"), str):
                return said({"error": "no record"}, 422)
            self._warnings.add(record)
            return said({"taken": True}, 201)
        if asked.path == "/by-hand":
            self.by_hand = asked.method == "POST"
        if asked.path in ("/by-hand", "/mode"):
            return said({"by_hand": self.by_hand})
        if asked.path == "/doubts":
            if asked.method == "POST":
                self._doubts["open"] = asked.json()["text"]
                self._answered(self._doubts["open"])
            if asked.method == "DELETE":
                self._doubts.clear()
            return said({"open": bool(self._doubts)})
        return said({"version": "11.2"})

    def _pager(self, asked: Asked) -> Said:
        if asked.method == "POST":
            data = asked.json()["data"]
            self._answered(data["link"], data["action"])
        return said({"accepted": True}, 202)

    def _answered(self, text: str, answer: str = "This output stands") -> None:
        """Whoever got it reads, opens the link, and presses a button."""
        link = _LINK.search(text)
        if link is not None:
            timer = threading.Timer(0.6, read_and_press, (link[0], answer))
            self._timers.append(timer)
            timer.start()

    def _model(self, asked: Asked) -> Said:
        if asked.method == "OPTIONS":
            return said({}, 204)
        match asked.path:
            case "/kept":
                return said({"0.9": "ready-made"})
            case "/predict":
                self._model_calls(asked)
                return self._predicted(asked)
            case "/deliveries" | "/live/deliveries":
                self._model_calls(asked)
                return self._deliveries.shown(asked) if asked.method == "GET" else self._delivered(asked)
            case "/alarms":
                since = self._away_since
                return said({"weather": since is not None and time.monotonic() - since > _ALARM_S})
            case "/offline" | "/online":
                self.online = asked.path == "/online"
            case "/activate":
                self.version = asked.json()["version"]
        return said({"version": self.version, "online": self.online})

    def _scored(self, row: Mapping[str, Any]) -> float:
        """By the model that is served: the one before was less sure of itself."""
        return score(row) if self.version != "0.9" else 0.5 + 0.8 * (score(row) - 0.5)

    def _predicted(self, asked: Asked) -> Said:
        try:
            given = asked.json()["rows"]
        except (ValueError, KeyError, TypeError):
            return said({"error": "no rows"}, 422)
        if not isinstance(given, list) or not given or not all(isinstance(row, dict) for row in given):
            return said({"error": "no rows"}, 422)
        for row in given:
            if wrong := problem(row):
                return said({"error": wrong}, 422)
        scores = [self._scored(row) for row in given]
        return said({"predictions": [{"late": int(s >= 0.5), "risk": round(s, 6)} for s in scores]})

    def _delivered(self, asked: Asked) -> Said:
        try:
            entry = asked.json()
        except ValueError:
            return said({"error": "no record"}, 422)
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            return said({"error": "no record"}, 422)
        if wrong := problem({**entry, "temp": 20.0, "gusts": 0.0}):
            return said({"error": wrong}, 422)
        self._deliveries.add(entry)
        weather = self._weather if self.online else None
        risk = None if weather is None else self._scored({**entry, **weather})
        warning = {
            "id": entry["id"],
            "weight": entry["weight"],
            "risk": None if risk is None else round(risk, 6),
            "source": "schedule" if risk is None else "model",
        }
        status, _ = self._called("POST", self.lines["planner"], "/warnings", warning)
        return said(warning, 201) if status == 201 else said({"error": "the planner did not answer"}, 502)

    def _keep_asking(self) -> None:
        while not self._stop.wait(0.1):
            _, content = self._called("GET", self.lines["weather"], "/observations", None)
            try:
                newest = content[-1]
                weather = {"temp": newest["temp"], "gusts": newest["gusts"]}
                datetime.fromisoformat(newest["observed_at"])
                if problem({**weather, "weight": 1, "carrier": "DHL"}):
                    raise ValueError
            except (TypeError, KeyError, IndexError, ValueError):
                self._weather = None
                self._away_since = self._away_since or time.monotonic()
            else:
                self._weather, self._away_since = weather, None

    def _called(self, method: str, port: int, path: str, content: object) -> tuple[int, Any]:
        self._connections.write("to", f"127.0.0.1:{port}")
        return _called(method, port, path, content)


def _called(method: str, port: int, path: str, content: object) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=0.5)
    try:
        body = None if content is None else json.dumps(content)
        connection.request(method, path, body, {"X-Caller": "pipeline", "Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return 0, None
    finally:
        connection.close()


def call(url: str, path: str, caller: str, content: object = None) -> None:
    """Somebody looks at a page of the works, or sends it something."""
    host, _, port = url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    try:
        body = None if content is None else json.dumps(content)
        connection.request("GET" if body is None else "POST", path, body, {"X-Caller": caller})
        connection.getresponse().read()
    finally:
        connection.close()

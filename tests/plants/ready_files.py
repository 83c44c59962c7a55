"""What IT and the others put beside the system file of the works that are ready, and what they write into it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from plants.ready_works import ENTRY, INPUTS, STORM, Works, rows
from seatrial.app.folder.yaml_edit import Addition, added, changed
from seatrial.gate.frameworks import FRAMEWORKS

PEOPLE: Final = {
    "olga": "Olga Brandt",
    "sven": "Sven Holm",
    "ivo": "Ivo Maric",
    "lena": "Lena Roth",
    "amir": "Amir Nasser",
    "carl": "Carl Weber",
    "nora": "Nora Winther",
}
USERS: Final = ("u1", "u2", "u3")
MINIMUM: Final = 0.75
_STARTS: Final = {"training": (2500, 11, -120), "evaluation": (10_000, 12, -60), "live": (1500, 13, -7)}
"""Table to its rows, its seed, and the day on which it begins, counted from today."""

_PROPOSED: Final = frozenset({("governance", "policy"), ("governance", "metric")})
"""What the interview proposes and people decide otherwise."""

_DOCUMENT = f"""# Docking

## Role of the model
It says which deliveries will be late; the planner decides.

## Limits
In a storm (gusts above {STORM:g} m/s) do not trust it.

## Fallback
Plan by the timetable, by hand.
"""
_REVIEW = """---
reviewed_by: nora
reviewed_on: {today}
version: "1.0"
conclusion: may go live
---
# Review

## Scope: what was reviewed
Everything that is declared, and the model that is served.

## Duties
Those who use it know what it can do.

## Retention and logging
Predictions for two years, calls for 200 days.

## Conclusion
No objection.
"""


_BY_HAND = """
import json, sys, time, urllib.request
headers = {"content-type": "application/json", "x-caller": "seatrial"}
for n in range(40):
    time.sleep(0.05)
    plan = json.dumps({"id": f"hand-{time.time_ns()}", "source": "hand", "risk": None}).encode()
    urllib.request.urlopen(urllib.request.Request(sys.argv[1], plan, headers), timeout=5).read()
"""


def write(folder: Path, works: Works) -> None:
    """The documents, procedures and data, but what people hand in themselves."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _texts(works.urls):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for name, (count, seed, day) in _STARTS.items():
        table = pa.Table.from_pylist(rows(count, seed=seed, start=today + timedelta(days=day)))
        pq.write_table(table, folder / f"{name}.parquet")


def complete(text: str, works: Works) -> str:
    """The system file with everything that is still open in it, as somebody writes it into the text by hand."""
    return _filled(text.replace("p99: TODO such as 300ms", "p95: 900ms"), declared(works), ())


def change_plan() -> str:
    """What the manager hands in."""
    return "---\nowner: sven\nteams: [docks]\nexpects: {acted_on: 0.6}\n---\n# Plan\n\nSix of ten warnings are used.\n"


def review() -> str:
    """What the reviewer hands in."""
    return _REVIEW.format(today=datetime.now(UTC).date())


def _filled(text: str, wanted: Mapping[str, Any], path: tuple[str, ...]) -> str:
    for key, value in wanted.items():
        there = yaml.safe_load(text)
        for part in (*path, key):
            there = there.get(part) if isinstance(there, dict) else None
        if isinstance(value, dict) and isinstance(there, dict):
            text = _filled(text, value, (*path, key))
        elif there is None:
            text = _said(added(text, Addition(path=path, key=key, value=json.dumps(value))), path, key)
        elif there != value:
            assert str(there).startswith("TODO") or (*path, key) in _PROPOSED, (path, key, there)
            text = _said(changed(text, (*path, key), json.dumps(value)), path, key)
    return text


def _said(text: str | None, *place: object) -> str:
    assert text is not None, place
    return text


def connections(works: Works) -> dict[str, str]:
    """What IT says on the site, by the place in the system file."""
    model = works.urls["model"]
    table = {"label": "late", "time": "planned_at", "entity": "id"}
    return {
        "version": "1.0",
        "model.endpoint": f"{model}/predict",
        "model.identity": f"{model}/version",
        "model.test_endpoint": "true",
        **{f"data.{name}.source": f"{name}.parquet" for name in _STARTS},
        **{f"data.{name}.{field}": column for name in _STARTS for field, column in table.items()},
        "integrations.weather.kind": "http",
        "integrations.weather.contract": "contracts/weather.json",
        "integrations.weather.production.url": works.urls["weather"],
        "integrations.weather.production.read": "/observations",
        "integrations.weather.production.read_only": "true",
    }


def _texts(urls: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "docking.md", _DOCUMENT
    yield "limits.md", f"# Limits\n\nIt knows little when gusts are above {STORM:g} m/s.\n"
    yield "retraining.md", "# Retraining\n\nWhen accuracy falls below the plan's minimum for a week.\n"
    yield "plan.md", f"---\napproved_by: lena\nlimits:\n  accuracy: {MINIMUM}\n---\n# Plan\n\nIt acts from 0.5 on.\n"
    yield "policy.yaml", "name: harbour\nrecovery: 50s\n"
    yield "users.csv", "id,group\n" + "".join(f"{user},docks\n" for user in USERS)
    yield (
        "failure-modes.yaml",
        json.dumps(
            {
                "failure_modes": [
                    {
                        "id": "storm",
                        "when": f"gusts > {STORM:g}",
                        "consequence": "Four of ten answers are wrong, and docks stand empty.",
                        "handling": "Plan by the timetable while the storm lasts",
                        "owner": "olga",
                    },
                ]
            }
        ),
    )
    yield "contracts/weather.json", _contract(observed_at={"type": "string", "format": "date-time"}, **_numbers())
    yield "contracts/deliveries.json", _contract(**_strings("id", "carrier"), weight={"type": "integer", "minimum": 1})
    yield "contracts/planner.json", _contract(**_strings("id", "source"), risk={"type": ["number", "null"]})
    entries = [{k: row[k] for k in ENTRY} for row in rows(300, seed=14, start=datetime.now(UTC))]
    yield "records.jsonl", "".join(f"{json.dumps(entry)}\n" for entry in entries)
    now = datetime.now(UTC)
    lines = ["id,workflow,team,at,did,note"]
    for at in range(200):
        did = "held" if at % 10 < 8 else "kept" if at % 10 == 8 else ""
        lines.append(f"w{at},docking,docks,{(now - timedelta(hours=at)).isoformat()},{did},")
    yield "responses.csv", "\n".join(lines) + "\n"
    for name, procedure in _procedures(urls):
        yield name, json.dumps({"procedure": Path(name).stem, **procedure})


def _contract(**properties: Any) -> str:
    return json.dumps({"type": "object", "required": list(properties), "properties": properties})


def _numbers() -> dict[str, Any]:
    return {
        n: {"type": "number", "minimum": INPUTS[n]["minimum"], "maximum": INPUTS[n]["maximum"]}
        for n in ("temp", "gusts")
    }


def _strings(*names: str) -> dict[str, Any]:
    return {name: {"type": "string", "minLength": 1} for name in names}


def _http(name: str, url: str, *, method: str = "GET", content: object = None, **expect: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"method": method, "url": url}
    if content is not None:
        settings["json"] = content
    if expect:
        settings["expect"] = {"json": expect}
    return {"name": name, "kind": "http", "with": settings, "deadline": "5s"}


def _procedures(urls: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    model, planner = urls["model"], urls["planner"]
    status = f"{model}/status"
    yield (
        "offline.yaml",
        {
            "before": [_http("it is online", status, online=True)],
            "steps": [_http("take it offline", f"{model}/offline", method="POST", content={})],
            "target": [_http("it is offline", status, online=False)],
            "restore": [_http("bring it back", f"{model}/online", method="POST", content={})],
            "restored": [_http("it is online again", status, online=True)],
        },
    )
    yield (
        "rollback.yaml",
        {
            "before": [_http("1.0 is served", status, version="1.0")],
            "steps": [_http("activate 0.9", f"{model}/activate", method="POST", content={"version": "0.9"})],
            "target": [_http("0.9 is served", status, version="0.9")],
            "restore": [_http("activate 1.0", f"{model}/activate", method="POST", content={"version": "1.0"})],
            "restored": [_http("1.0 is served again", status, version="1.0")],
            "armed": [_http("0.9 is kept", f"{model}/kept", **{"0.9": "ready-made"})],
        },
    )
    yield (
        "doubt.yaml",
        {
            "before": [_http("no doubt is open", f"{planner}/doubts", open=False)],
            "steps": [
                _http("press", f"{planner}/doubts", method="POST", content={"text": "${SEATRIAL_REPORT}"}, open=True)
            ],
            "target": [_http("it is listed", f"{planner}/doubts", open=True)],
            "restore": [_http("take it back", f"{planner}/doubts", method="DELETE", open=False)],
            "restored": [_http("no doubt is open again", f"{planner}/doubts", open=False)],
        },
    )
    yield (
        "by-hand.yaml",
        {
            "before": [_http("it is assisted", f"{planner}/mode", by_hand=False)],
            "steps": [
                _http("switch", f"{planner}/by-hand", method="POST", content={}),
                {
                    "name": "plan by hand",
                    "kind": "command",
                    "with": {"run": ["${WORKS_PYTHON}", "-c", _BY_HAND, f"{planner}/warnings"]},
                    "deadline": "30s",
                },
            ],
            "target": [_http("it is by hand", f"{planner}/mode", by_hand=True)],
            "restore": [_http("switch back", f"{planner}/by-hand", by_hand=False)],
            "restored": [_http("it is assisted again", f"{planner}/mode", by_hand=False)],
        },
    )


def declared(works: Works) -> dict[str, Any]:
    """What the interview left open, and neither IT says on the site nor somebody hands in there."""
    model, planner, weather = (works.urls[name] for name in ("model", "planner", "weather"))
    ways = {"version": "/version", "health": "/version"}
    alarm = _http("the weather is missing", f"{model}/alarms", weather=True)
    source = {"via": f"127.0.0.1:{works.lines['weather']}", "read": "/observations", **ways}
    entry = {"writable": True, "write": "/deliveries", "read": "/deliveries", "observe": "/deliveries", **ways}
    exit_ = {"writable": True, "write": "/warnings", "read": "/warnings", "observe": "/warnings", **ways}
    only = {"read_only": True, **ways}
    kept = {"where": "archive", "since": str(datetime.now(UTC).date()), "who": "ivo"}
    return {
        "people": {person: {"page": f"webhook+{works.urls['pager']}/page/{person}"} for person in PEOPLE},
        "owner": {
            "objective": "On-time unloading",
            "may_pull": True,
            "stop": "offline.yaml",
            "acknowledge_within": "10s",
        },
        "duties": {
            "pipeline-alert": {"acknowledge_within": "10s"},
            "retraining": {"criteria": "retraining.md"},
            "escalation-point": {"answer_within": "10s"},
        },
        "model": {
            "inputs": INPUTS,
            "output": {"prediction": "late", "score": "risk", "act_at": 0.5},
            "timeout": "5s",
        },
        "governance": {
            "plan": {
                "document": "plan.md",
                "approved_by": "lena",
                "approved_on": str((datetime.now(UTC) - timedelta(days=30)).date()),
            },
            "policy": "policy.yaml",
            "metric": "accuracy",
            "minimum": MINIMUM,
            "offline_when": [
                {"metric": "accuracy", "below": 0.65, "over": "500 labels"},
                {"event": "regulator-notice"},
            ],
            "offline": "offline.yaml",
        },
        "data": {
            "freshness": [{"source": "weather", "at": "observed_at", "at_most": "5m"}],
            "interruption": {
                "window": "500ms",
                "catch_up": "4s",
                "sources": {"weather": {"within": "3s", "alarm": alarm}},
            },
            "faults": {"tolerance": 0.1},
        },
        "load": {"peak": "45/s", "headroom": 1.5},
        "integrations": {
            "weather": {
                "kind": "http",
                "contract": "contracts/weather.json",
                "feeds": ["temp", "gusts"],
                "test": {"url": weather, **source},
                "production": {"url": weather, "read": "/observations", **only},
            },
            "deliveries": {
                "kind": "http",
                "contract": "contracts/deliveries.json",
                "feeds": ["weight", "carrier"],
                "test": {"url": model, **entry},
                "production": {"url": model, "read": "/live/deliveries", **only},
            },
            "planner": {
                "kind": "http",
                "direction": "out",
                "contract": "contracts/planner.json",
                "test": {"url": planner, "via": f"127.0.0.1:{works.lines['planner']}", **exit_},
                "production": {"url": planner, "read": "/live/warnings", **only},
            },
        },
        "flows": [
            {
                "name": "warn",
                "in": "deliveries",
                "out": "planner",
                "key": "id",
                "within": "2s",
                "peak": "80/s",
                "records": "records.jsonl",
                "expect": {"weight": "weight"},
                "fallback": {"source": "schedule"},
                "resend": True,
            }
        ],
        "workflows": {
            "docking": {
                "process": "docking.md",
                "role": "Says which deliveries will be late; the planner decides.",
                "users": "docks",
                "outputs": ["planner"],
                "fallback": {
                    "procedure": "by-hand.yaml",
                    "needed": "45/h",
                    "lands": {"integration": "planner", "key": "id", "matching": {"source": "hand"}},
                },
            }
        },
        "failure_modes": "failure-modes.yaml",
        "do_not_trust": [{"when": f"gusts > {STORM:g}", "handling": "docking.md"}],
        "stress": {
            "noise": {"temp": 0.1, "gusts": 0.1},
            "relations": [
                {
                    "name": "heavier is later",
                    "kind": "direction",
                    "where": "weight < 1400",
                    "change": {"add": {"weight": 50}},
                    "score": "not-lower",
                    "tolerance": 0.001,
                }
            ],
        },
        "adversarial": {
            "queries": 60,
            "threat": {"who": "nobody", "why": "The inputs come from scales and the weather office."},
        },
        "rollback": {"procedure": "rollback.yaml", "within": "1h"},
        "change": {
            "who": "sven",
            "acted_on": {"at_least": 0.6},
            "log": {
                "source": "responses.csv",
                "key": "id",
                "workflow": "workflow",
                "team": "team",
                "response": "did",
                "values": {"acted_on": ["held"], "overridden": ["kept"]},
                "at": "at",
                "workaround": "note",
            },
        },
        "escalation": {"procedure": "doubt.yaml", "within": "10s"},
        "inventory": {
            "who": "amir",
            "logs": [
                {"of": "model", "file": "logs/model.jsonl", "format": "json-lines"},
                {"of": "planner", "file": "logs/planner.jsonl", "format": "json-lines"},
                {"shows": "connections", "file": "logs/connections.jsonl", "format": "json-lines", "name": "to"},
            ],
            "callers": {"pipeline": "Passes warnings on.", "seatrial": "The review.", "gateway": "Sends deliveries."},
        },
        "compliance": {
            "who": "nora",
            "frameworks": {framework.id: str(framework.edition) for framework in FRAMEWORKS},
            "retention": [{"what": "predictions", "keep": "730d", **kept}],
            "logging": [{"what": "calls", "keep": "200d", **kept}],
        },
        "training": {"users": "users.csv", "material": "limits.md", "pass": 0.8},
    }

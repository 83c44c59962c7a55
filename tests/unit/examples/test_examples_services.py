"""The four services are real processes: these tests talk to them as the checks do."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from seatrial.adapters.http import Http
from seatrial.adapters.pagers.catalogue import open_pager
from seatrial.core.errors import Unreachable
from seatrial.examples.arrival_delay.example import EXAMPLE, MODEL, PAGER, PLANNER, WEATHER
from seatrial.examples.running import Services, running
from seatrial.spec.people import Person

DELIVERY = {
    "delivery_id": "test-1",
    "carrier": "DL",
    "origin": "EWR",
    "dest": "ATL",
    "distance": 746,
    "scheduled_at": "2013-09-01T10:30:00Z",
    "sched_dep": 630,
}


def ask(services: Services, name: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
    host = services.environment[name].rpartition("/")[2].rpartition("@")[2]
    connection = HTTPConnection(host, timeout=60)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content[:1] in b"[{" else content
    finally:
        connection.close()


def planned(services: Services, key: str) -> list[dict[str, Any]]:
    status, records = ask(services, PLANNER, "GET", f"/warnings?key=delivery_id&value={key}&value=nobody")
    assert status == 200
    return list(records)


def changed(ready: Path, tmp_path: Path, service: str, **settings: object) -> Path:
    directory = tmp_path / "changed"
    shutil.copytree(ready, directory)
    (directory / "services.json").write_text(json.dumps({service: settings}), encoding="utf-8")
    return directory


def test_a_delivery_reaches_the_planner_with_the_risk_that_the_model_gives_it(services: Services) -> None:
    status, answer = ask(services, MODEL, "POST", "/deliveries", DELIVERY)
    assert (status, answer["source"]) == (201, "model")
    (record,) = planned(services, "test-1")
    assert record == answer
    _, observations = ask(services, WEATHER, "GET", "/observations?limit=3")
    (observation,) = [o for o in observations if o["origin"] == "EWR"]
    row = {k: v for k, v in (DELIVERY | observation).items() if k not in ("delivery_id", "observed_at")}
    _, predicted = ask(services, MODEL, "POST", "/predict", {"rows": [row]})
    assert predicted["predictions"] == [{"late": record["late"], "risk": record["risk"]}]


def test_there_was_traffic_before_anybody_looked(services: Services) -> None:
    for name, path in ((MODEL, "/deliveries"), (PLANNER, "/warnings"), (WEATHER, "/observations")):
        _, records = ask(services, name, "GET", path)
        assert len(records) >= 299


def test_the_newest_observation_is_at_most_an_hour_old_and_the_oldest_comes_first(services: Services) -> None:
    from datetime import UTC, datetime

    _, observations = ask(services, WEATHER, "GET", "/observations")
    times = [datetime.fromisoformat(o["observed_at"]) for o in observations]
    assert times == sorted(times)
    assert 0 <= (datetime.now(UTC) - times[-1]).total_seconds() < 3700


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"rows": []}', b'{"rows": [1]}', b'{"rows": [{}]}'])
def test_the_model_refuses_what_is_no_request_with_a_clear_answer(services: Services, body: bytes) -> None:
    host = services.environment[MODEL].removeprefix("http://")
    connection = HTTPConnection(host, timeout=60)
    connection.request("POST", "/predict", body)
    answer = connection.getresponse()
    assert answer.status == 422
    assert json.loads(answer.read())["error"]
    connection.close()


def test_a_delivery_without_its_key_is_refused_and_a_broken_record_never_reaches_the_board(services: Services) -> None:
    status, answer = ask(services, MODEL, "POST", "/deliveries", {**DELIVERY, "delivery_id": None})
    assert (status, answer["error"]) == (422, "delivery_id missing or of another type")
    status, answer = ask(services, PLANNER, "POST", "/warnings", {"delivery_id": "broken", "late": 2})
    assert status == 422
    assert planned(services, "broken") == []


def test_a_list_of_deliveries_reaches_the_planner_like_each_of_them_alone_or_not_at_all(services: Services) -> None:
    keys = [f"list-{i}" for i in range(3)]
    sent = [{**DELIVERY, "delivery_id": key} for key in keys]
    assert ask(services, MODEL, "POST", "/deliveries/list", sent) == (201, {"taken": 3})
    assert [planned(services, key)[0]["source"] for key in keys] == ["model"] * 3
    broken = [{**DELIVERY, "delivery_id": "list-3"}, {**DELIVERY, "delivery_id": "list-4", "origin": None}]
    status, answer = ask(services, MODEL, "POST", "/deliveries/list", broken)
    assert (status, answer["error"]) == (422, "origin missing or of another type")
    assert planned(services, "list-3") == []
    assert ask(services, MODEL, "POST", "/deliveries/list", {"rows": []})[0] == 422


def test_offline_the_planner_still_gets_the_delivery_by_the_schedule(services: Services) -> None:
    assert ask(services, MODEL, "POST", "/admin/offline", {}) == (200, {"online": False})
    try:
        assert ask(services, MODEL, "POST", "/predict", {"rows": [{}]})[0] == 503
        status, record = ask(services, MODEL, "POST", "/deliveries", {**DELIVERY, "delivery_id": "test-2"})
        assert (status, record["source"], record["risk"], record["note"]) == (
            201,
            "schedule",
            None,
            "the model is offline",
        )
    finally:
        assert ask(services, MODEL, "POST", "/admin/online", {}) == (200, {"online": True})


def test_going_back_restores_model_and_encoder_and_says_so(services: Services) -> None:
    _, before = ask(services, MODEL, "GET", "/version")
    assert ask(services, MODEL, "POST", "/admin/activate", {"version": "2026.8.2"})[0] == 200
    _, during = ask(services, MODEL, "GET", "/version")
    assert (during["version"], during["encoder_version"]) == ("2026.8.2", "2026.8.2")
    assert before["encoder"] != during["encoder"]
    ask(services, MODEL, "POST", "/admin/activate", {"version": "2026.11.1"})
    assert ask(services, MODEL, "GET", "/version")[1] == before
    assert ask(services, MODEL, "POST", "/admin/activate", {"version": "../.."})[0] == 422


def test_with_its_defect_the_rollback_says_ok_and_leaves_the_wrong_encoder(ready: Path, tmp_path: Path) -> None:
    directory = changed(ready, tmp_path, "model_server", rollback_leaves_encoder=True)
    with running(EXAMPLE, directory) as services:
        assert ask(services, MODEL, "POST", "/admin/activate", {"version": "2026.8.2"})[0] == 200
        _, served = ask(services, MODEL, "GET", "/version")
        assert (served["version"], served["encoder_version"]) == ("2026.8.2", "2026.11.1")


def test_with_its_defect_a_missing_field_ends_in_a_500_and_all_others_are_still_refused(
    ready: Path, tmp_path: Path
) -> None:
    directory = changed(ready, tmp_path, "model_server", missing_field_crashes=True)
    with running(EXAMPLE, directory) as services:
        assert ask(services, MODEL, "POST", "/predict", {"rows": [{}]})[0] == 500
        assert ask(services, MODEL, "POST", "/predict", {"rows": [dict.fromkeys(DELIVERY, 1)]})[0] == 500


def test_stale_weather_is_not_used(ready: Path, tmp_path: Path) -> None:
    with running(EXAMPLE, changed(ready, tmp_path, "weather_feed", age_hours=24)) as services:
        _, record = ask(services, MODEL, "POST", "/deliveries", DELIVERY)
        assert (record["source"], record["risk"]) == ("schedule", None)
        assert "older than two hours" in record["note"]


@pytest.mark.parametrize(("person", "answers"), [("ivo", False), ("olga", True)])
def test_a_person_answers_a_signed_page_unless_asleep(ready: Path, tmp_path: Path, person: str, answers: bool) -> None:
    directory = changed(ready, tmp_path, "pager", asleep=["ivo"], answers_after_s=[0.05, 0.1])
    with running(EXAMPLE, directory) as services:
        address = services.environment[PAGER]
        people = {person: Person(name=person, page=f"webhook+{address}/page/{person}")}
        origin = f"http://{address.rpartition('@')[2]}"
        with Http(origins=[origin]) as http:
            pager = open_pager(people, http=http)
            try:
                page = pager.page(person, title="Drill", text="Please answer", action="I am on it", expires_s=10)
                answered = pager.wait(page, timeout_s=1.0)
            finally:
                pager.close()
        assert (answered is not None) is answers


def test_a_page_with_another_secret_is_turned_away(services: Services) -> None:
    origin = f"http://{services.environment[PAGER].rpartition('@')[2]}"
    people = {"olga": Person(name="Olga", page=f"webhook+{origin.replace('://', '://wrong@')}/page/olga")}
    with Http(origins=[origin]) as http:
        pager = open_pager(people, http=http)
        try:
            with pytest.raises(Unreachable, match="401"):
                pager.page("olga", title="Drill", text="", action="Yes", expires_s=5)
        finally:
            pager.close()


def test_all_services_end_with_the_block(ready: Path, tmp_path: Path) -> None:
    directory = changed(ready, tmp_path, "planner")
    with running(EXAMPLE, directory) as services:
        assert all(alive(pid) for pid in services.processes.values())
    assert not any(alive(pid) for pid in services.processes.values())


def test_no_service_outlives_whoever_started_it(ready: Path, tmp_path: Path) -> None:
    directory = changed(ready, tmp_path, "planner")
    starter = (
        "import sys, time; from pathlib import Path; from seatrial.examples.running import running; "
        "from seatrial.examples.arrival_delay.example import EXAMPLE\n"
        f"with running(EXAMPLE, Path({str(directory)!r})) as s:\n"
        "    print(*s.processes.values(), flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        processes = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(processes) == 5
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while any(alive(pid) for pid in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in processes)


def test_a_service_that_cannot_start_says_why_and_leaves_nothing_behind(ready: Path, tmp_path: Path) -> None:
    directory = changed(ready, tmp_path, "planner")
    (directory / "contracts" / "planner.json").write_text("{", encoding="utf-8")
    with pytest.raises(Unreachable, match="planner did not start"), running(EXAMPLE, directory):
        pass


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_what_the_model_server_connects_to_is_written_down_and_only_that(services: Services, ready: Path) -> None:
    assert ask(services, MODEL, "POST", "/deliveries", DELIVERY)[0] == 201
    lines = (ready / "logs" / "connections.jsonl").read_text(encoding="utf-8").splitlines()
    reached = {json.loads(line)["to"] for line in lines}
    assert {services.environment[f"{name}_LINE"] for name in ("ARRIVAL_WEATHER", "ARRIVAL_PLANNER")} <= reached
    assert not reached & {services.environment[name].removeprefix("http://") for name in (MODEL, PAGER)}

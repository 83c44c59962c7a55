"""The labelling room over the API: rows wanted, labels given blind by two, decided, and written."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from plants.server import Server
from plants.site_world import World, invite, plant_site, visiting
from plants.tiny_system import steady

Sends = Callable[..., tuple[int, Any]]
BEGIN: dict[str, Any] = {"rows": 4, "share": 1, "options": [{"value": "1", "title": "late"}, {"value": "0"}]}


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    with Server(steady) as model:
        yield model.url


@pytest.fixture
def world(prepared: Path, tmp_path: Path, served: str) -> World:
    from seatrial.web.models import Account, Registered

    Account.objects.filter(email__endswith="@rounds.example").delete()
    Registered.objects.filter(slug="rounds").delete()
    made = plant_site(tmp_path / "rounds", "rounds", more="data:\n  live: {source: live.csv}\n")
    file = made.folder / "seatrial.yaml"
    file.write_text(file.read_text().replace("http://127.0.0.1:9", served))
    lines = [f"{n % 70},{100 + n},{n % 2}" for n in range(60)]
    (made.folder / "live.csv").write_text("\n".join(["wind,distance,label", *lines, ""]))
    return made


@pytest.fixture
def sends(world: World) -> Sends:
    who = {
        "amir": visiting(invite(world, "amir@rounds.example", person="amir")),
        "u1": visiting(invite(world, "u1@rounds.example", person="u1", listed=True)),
    }

    def sent(person: str, path: str, content: object = None, *, method: str = "post") -> tuple[int, Any]:
        address = f"/api/v1/systems/{world.slug}/labels/{path}"
        client = who[person]
        answer = (
            client.get(address)
            if method == "get"
            else getattr(client, method)(address, json.dumps(content), "application/json")
        )
        return answer.status_code, json.loads(answer.content)

    return sent


def test_two_people_label_blind_one_decides_and_the_file_is_declared(world: World, sends: Sends) -> None:
    assert sends("u1", "", BEGIN)[0] == 403
    assert sends("amir", "", {**BEGIN, "options": BEGIN["options"][:1]})[1]["errors"][0]["pointer"] == "/options"
    code, begun = sends("amir", "", BEGIN)
    assert (code, begun["rows"], begun["by_two"], begun["left_for_you"]) == (201, 4, 4, True)
    at = f"{begun['id']}/"
    _, first = sends("amir", f"{at}wanted/", method="get")
    assert first["row"]["row"] == 1
    assert set(first["row"]["values"]) == {"wind", "distance"}, "neither the label nor how the row was drawn"
    code, wrong = sends("amir", f"{at}labels/", {"labels": [{"row": 1, "value": "1"}, {"row": 2, "value": "soon"}]})
    assert (code, wrong["errors"][0]["pointer"]) == (422, "/labels/1/value")
    assert sends("amir", at, method="get")[1]["labelled"] == 0, "all of them or none"
    mine = {"labels": [{"row": n, "value": "1"} for n in (1, 2, 3, 4)]}
    assert sends("amir", f"{at}labels/", mine) == (201, {"new": 4, "known": 0})
    assert sends("amir", f"{at}labels/", mine) == (201, {"new": 0, "known": 4})
    _, hers = sends("u1", f"{at}rows/", method="get")
    assert [row["labelled"] for row in hers["items"]] == [False] * 4, "what others said is nobody's to see"
    assert sends("u1", at, method="get")[1]["to_decide"] is None
    said = [{"row": 1, "value": "1"}, {"row": 2, "value": "0"}, {"row": 3, "value": None}]
    assert sends("u1", f"{at}labels/", {"labels": said})[1] == {"new": 3, "known": 0}
    assert sends("u1", f"{at}labels/", method="delete") == (200, {"row": 3})
    assert sends("u1", f"{at}labels/", {"labels": [{"row": 3, "value": "1"}, {"row": 4, "value": "1"}]})[0] == 201
    _, shown = sends("amir", at, method="get")
    assert shown["to_decide"] == [{"row": 2, "said": [{"by": "amir", "value": "1"}, {"by": "u1", "value": "0"}]}]
    assert (shown["agreement"]["rows"], shown["agreement"]["agreed"]) == (4, 3)
    assert sends("u1", f"{at}decisions/", {"row": 2, "value": "0"})[0] == 403
    assert sends("amir", f"{at}decisions/", {"row": 1, "value": "0"})[0] == 409
    assert sends("amir", f"{at}decisions/", {"row": 2, "value": "0"})[1]["to_decide"] == []
    code, written = sends("amir", f"{at}file/")
    assert (code, written["declared"]) == (201, True)
    with (world.folder / written["file"]).open(newline="") as file:
        assert [row["label"] for row in csv.DictReader(file)] == ["1", "0", "1", "1"]


def test_numbers_are_taken_on_their_scale_and_judged_by_its_tolerance(world: World, sends: Sends) -> None:
    file = world.folder / "seatrial.yaml"
    text = file.read_text().replace("task: binary", "task: regression")
    text = text.replace("{prediction: label, score: probability, positive: 1, act_at: 0.5}", "{prediction: label}")
    file.write_text(text.replace("metric: recall, minimum: 0.5", "metrics: [{metric: mae, maximum: 5}]"))
    wish = {"rows": 2, "share": 1, "scale": {"unit": "min", "low": 0, "high": 240, "tolerance": 0.2}}
    assert sends("amir", "", BEGIN)[1]["errors"][0]["pointer"].startswith("/scale/"), "no choice where numbers are told"
    code, begun = sends("amir", "", wish)
    assert (code, begun["scale"]["unit"], begun["options"]) == (201, "min", [])
    at = f"{begun['id']}/"
    code, wrong = sends("amir", f"{at}labels/", {"labels": [{"row": 1, "value": 7200}]})
    assert (code, wrong["errors"][0]["pointer"]) == (422, "/labels/0/value")
    assert "0 to 240 min" in wrong["errors"][0]["detail"]
    assert sends("amir", f"{at}labels/", {"labels": [{"row": 1, "value": 12.1}, {"row": 2, "value": "12"}]})[0] == 201
    assert sends("u1", f"{at}labels/", {"labels": [{"row": 1, "value": 12.3}, {"row": 2, "value": 12.3}]})[0] == 201
    _, shown = sends("amir", at, method="get")
    assert [each["row"] for each in shown["to_decide"]] == [2]
    assert shown["agreement"]["within"][1] == 0.5
    assert shown["agreement"]["apart"] == pytest.approx(0.25)
    _, rows = sends("u1", f"{at}rows/", method="get")
    assert [row["mine"] for row in rows["items"]] == ["12.3", "12.3"]

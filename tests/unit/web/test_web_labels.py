"""The labelling room: rows are drawn, two people label without seeing each other, and a label file results."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plants.server import Server
from plants.site_world import World, invite, plant_site, visiting
from plants.tiny_system import steady
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.core.vocabulary import RecordType

_DATA = "data:   # what production sends\n  live: {source: live.csv}\n"


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    with Server(steady) as model:
        yield model.url


@pytest.fixture
def world(prepared: Path, tmp_path: Path, served: str) -> World:
    from seatrial.web.models import Account, Registered

    Account.objects.filter(email__endswith="@labels.example").delete()
    Registered.objects.filter(slug="labelled").delete()
    world = plant_site(tmp_path / "labelled", "labelled", more=_DATA)
    file = world.folder / "seatrial.yaml"
    file.write_text(file.read_text().replace("http://127.0.0.1:9", served))
    lines = [f"{n % 70},{100 + n},{n % 2}" for n in range(60)]
    (world.folder / "live.csv").write_text("\n".join(["wind,distance,label", *lines, ""]))
    return world


def _somebody(world: World, person: str, *, listed: bool = False) -> Any:
    return visiting(invite(world, f"{person}@labels.example", person=person, listed=listed))


def _begun(world: World, client: Any, *, rows: int = 6, share: str = "0.5") -> str:
    answer = client.post(world.url("labels/"), {"rows": str(rows), "options": "1 = late\n0", "share": share})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def _label_all(client: Any, url: str, value: str) -> list[int]:
    said: list[int] = []
    while True:
        page = client.get(f"{url}row/")
        if page.status_code == 302:
            return said
        (place,) = set(re.findall(r'name="row" value="(\d+)"', page.content.decode()))
        said.append(int(place))
        client.post(f"{url}row/", {"row": place, "value": value} if value else {"row": place, "do": "cannot-tell"})


def test_two_people_label_blind_what_differs_is_decided_and_the_file_is_declared(world: World) -> None:
    amir, uma = _somebody(world, "amir"), _somebody(world, "u1", listed=True)
    url = _begun(world, amir)
    page = amir.get(f"{url}row/").content.decode()
    assert "<dt>wind</dt>" in page
    assert "<dt>label</dt>" not in page
    assert "draw_probability" not in page
    assert 'data-key="1"><kbd>1</kbd> late<' in page
    assert 'value="0" data-key="0"' in page, "a key that is an answer means that answer"
    assert _label_all(uma, url, "1") == [0, 1, 2, 3, 4, 5]
    assert "wait for a second person" in uma.get(url).content.decode()
    before = amir.get(url).content.decode()
    assert "Row 1<" not in before, "who still labels sees nothing of what others said"
    second = _label_all(amir, url, "0")
    assert len(second) == 3
    page = amir.get(url).content.decode()
    assert "3 rows to decide" in page
    assert "Cohen&#39;s kappa" in page or "Cohen's kappa" in page
    assert "Row 1<" not in uma.get(url).content.decode(), "users see no results"
    for place in second[:2]:
        amir.post(url, {"do": "decide", "row": str(place), "value": "0"})
    assert "1 row to decide" in amir.get(url).content.decode()
    amir.post(url, {"do": "write"})
    workspace = open_workspace(world.folder)
    source = workspace.system.data.evaluation
    assert source is not None
    with (world.folder / source.source).open() as file:
        lines = list(csv.DictReader(file))
    assert [line["label"] for line in lines] == [
        {**dict.fromkeys(second[:2], "0"), second[2]: ""}.get(n, "1") for n in range(6)
    ]
    assert {"draw_order", "draw_probability"} <= set(lines[0])
    assert "# what production sends" in (world.folder / "seatrial.yaml").read_text()
    event: Any
    (event,) = [
        e.record.body
        for e in read_ledger(workspace, quick=False).evidence
        if e.record.type is RecordType.EVENT and e.record.body["kind"] == "labels"
    ]
    assert event["detail"]["raters"] == {"u1": 6, "amir": 3}
    assert event["detail"]["decided"] == {"amir": 2}
    assert (event["detail"]["labelled"], event["detail"]["agreed"], event["detail"]["labelled by two"]) == (5, 0, 3)
    assert (world.folder / f"labels-{url.rstrip('/').rpartition('/')[2]}.csv").exists()


def test_an_answer_is_taken_back_and_a_double_click_counts_once(world: World) -> None:
    from seatrial.web.models import RowLabel

    amir = _somebody(world, "amir")
    url = _begun(world, amir)
    for _ in range(2):
        amir.post(f"{url}row/", {"row": "0", "value": "1"})
    assert RowLabel.objects.filter(round__system__slug="labelled").count() == 1
    amir.post(f"{url}row/", {"do": "undo"})
    assert RowLabel.objects.filter(round__system__slug="labelled").count() == 0
    refused = amir.post(f"{url}row/", {"row": "0", "value": "maybe"}, follow=True)
    assert "Choose one of the answers." in refused.content.decode()
    assert RowLabel.objects.filter(round__system__slug="labelled").count() == 0


def test_labels_from_a_file_are_taken_over_whole_or_not_at_all(world: World) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    from seatrial.web.models import RowLabel

    amir = _somebody(world, "amir")
    url = _begun(world, amir)
    saved = amir.get(f"{url}sheet/")
    assert saved["Content-Disposition"].startswith("attachment")
    sheet = saved.content.decode("utf-8-sig").splitlines()
    assert sheet[0] == "row,wind,distance,label"
    bad = "\n".join([sheet[0], sheet[1] + "1", sheet[2] + "maybe", "99,1,1,1", ""])
    answer = amir.post(url, {"do": "bring", "file": SimpleUploadedFile("l.csv", bad.encode())})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "line 3: &#39;maybe&#39; is none of the answers: 1, 0" in page
    assert "line 4: 99 is no row of this round" in page
    assert RowLabel.objects.filter(round__system__slug="labelled").count() == 0
    good = "\n".join([sheet[0], sheet[1] + "1", sheet[2] + "0", sheet[3], ""])
    told = amir.post(url, {"do": "bring", "file": SimpleUploadedFile("l.csv", good.encode())}, follow=True)
    assert "2 labels were taken over" in told.content.decode()
    assert set(RowLabel.objects.filter(round__system__slug="labelled").values_list("rater", "value")) == {
        ("amir", "1"),
        ("amir", "0"),
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rows": "many", "options": "1\n0", "share": "0.2"}, "whole number"),
        ({"rows": "5", "options": "1", "share": "0.2"}, "at least two answers"),
        ({"rows": "5", "options": "1\n0", "share": "7"}, "Choose one of these"),
    ],
)
def test_a_round_that_cannot_be_begun_says_why_at_its_field(world: World, given: dict[str, str], said: str) -> None:
    answer = _somebody(world, "amir").post(world.url("labels/"), given)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert f'value="{given["rows"]}"' in answer.content.decode()


def test_a_model_that_is_not_there_is_told_and_nothing_is_begun(world: World) -> None:
    from seatrial.web.models import LabelRound

    file = world.folder / "seatrial.yaml"
    file.write_text(re.sub(r"http://127.0.0.1:\d+", "http://127.0.0.1:9", file.read_text()))
    answer = _somebody(world, "amir").post(world.url("labels/"), {"rows": "5", "options": "1\n0", "share": "0.2"})
    assert answer.status_code == 422
    assert "the model gives no answers" in answer.content.decode()
    assert not LabelRound.objects.filter(system__slug="labelled").exists()


def _numbers(world: World) -> None:
    file = world.folder / "seatrial.yaml"
    text = file.read_text().replace("task: binary", "task: regression")
    text = text.replace("{prediction: label, score: probability, positive: 1, act_at: 0.5}", "{prediction: label}")
    file.write_text(text.replace("metric: recall, minimum: 0.5", "metrics: [{metric: mae, maximum: 5}]"))


SCALE = {"unit": "min", "low": "0", "high": "240", "tolerance": "5"}


def test_rows_of_a_model_that_tells_numbers_are_labelled_with_numbers_of_a_unit(world: World) -> None:
    from seatrial.web.models import RowLabel

    _numbers(world)
    amir, uma = _somebody(world, "amir"), _somebody(world, "u1", listed=True)
    wrong = amir.post(world.url("labels/"), {"rows": "4", "share": "1", **SCALE, "unit": "", "high": "soon"})
    assert wrong.status_code == 422
    assert "what is counted" in wrong.content.decode()
    begun = amir.post(world.url("labels/"), {"rows": "4", "share": "1", **SCALE})
    assert begun.status_code == 302, begun.content.decode()
    url = str(begun["Location"])
    page = amir.get(f"{url}row/").content.decode()
    assert "The right number, in min" in page
    (place,) = set(re.findall(r'name="row" value="(\d+)"', page))
    for said in ("7200", "12,5", ""):
        refused = amir.post(f"{url}row/", {"row": place, "value": said})
        assert refused.status_code == 422, said
        assert f'value="{said}"' in refused.content.decode(), "what was written is not lost"
    assert not RowLabel.objects.filter(round_id=int(url.rstrip("/").rpartition("/")[2])).exists()
    assert len(_label_all(amir, url, "12.50")) == 4
    for place in map(str, range(4)):
        uma.post(f"{url}row/", {"row": place, "value": "17.5" if place != "2" else "100"})
    shown = amir.get(url).content.decode()
    assert "at most 5 min apart" in shown
    assert "1 row to decide" in shown
    amir.post(url, {"do": "decide", "row": "2", "value": "999"})
    assert "1 row to decide" in amir.get(url).content.decode(), "nobody decides for what lies outside of the range"
    amir.post(url, {"do": "decide", "row": "2", "value": "98"})
    assert amir.post(url, {"do": "write"}).status_code == 302
    (file,) = world.folder.glob("labels-*.csv")
    with file.open(newline="") as opened:
        assert [row["label"] for row in csv.DictReader(opened)] == ["12.5", "12.5", "98", "12.5"]
    events: list[Any] = [
        e.record.body["detail"]
        for e in read_ledger(open_workspace(world.folder), quick=True).of(RecordType.EVENT)
        if e.record.body.get("kind") == "labels"
    ]
    (event,) = events
    assert event["scale"] == ["min", 0.0, 240.0, 5.0]
    assert event["within tolerance"][1] == 0.75
    assert event["apart"] == pytest.approx((3 * 5 + 87.5) / 4)

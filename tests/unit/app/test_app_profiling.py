"""Profiles of real sources: a database, a folder of files, data; and proposals that count only once confirmed."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seatrial.app.folder.workspace import open_workspace
from seatrial.app.proposing.profiling import Profiled, profile_sources, write_proposals
from seatrial.app.proposing.source_profile import FieldProfile, SourceProfile, profiled
from seatrial.app.proposing.source_records import of_integration
from seatrial.cli.main import main
from seatrial.core.errors import Malformed
from seatrial.domains.integration.contract_schema import ContractSchema

SYSTEM = """\
# Our dock planner.
system: docks
version: "1"
model: {endpoint: "http://127.0.0.1:9/predict", task: binary}
data:
  live: {source: orders/a.csv}
  freshness: TODO one for each source
integrations:
  weather:                     # the station's database
    kind: sqlite
    test: {url: "sqlite:///erp.db", read: weather}
  orders: {kind: files, test: {url: orders}}
  gone:
    kind: http
    test: {url: "http://127.0.0.1:9", read: /x}
# the end
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=299)
    with sqlite3.connect(tmp_path / "erp.db") as base:
        base.execute("create table weather(origin text, observed_at text, temp real, gust real)")
        for hour in range(300):
            for origin in ("JFK", "EWR"):
                at = (begin + timedelta(hours=hour)).isoformat().replace("+00:00", "Z")
                temp = -9999.0 if hour % 60 == 7 else 40 + hour % 37 + 0.5
                base.execute("insert into weather values (?, ?, ?, ?)", (origin, at, temp, None if hour % 3 else 12.5))
    base.close()
    orders = tmp_path / "orders"
    orders.mkdir()
    lines = [f"{n:06d},{'ABC'[n % 3]},2026-11-{1 + n % 28:02d} 10:00,{n}.5" for n in range(200)]
    (orders / "a.csv").write_text("\n".join(["order_no,dock,due_at,weight", *lines]) + "\n")
    (tmp_path / "seatrial.yaml").write_text(SYSTEM)
    return tmp_path


def looked(folder: Path, *names: str) -> Profiled:
    return profile_sources(open_workspace(folder), names, say=lambda _: None)


def source_of(found: Profiled, name: str) -> SourceProfile:
    return next(source for source in found.sources if source.name == name)


def field_of(source: SourceProfile, name: str) -> FieldProfile:
    return next(field for field in source.fields if field.name == name)


def test_a_database_tells_its_key_times_ranges_and_stand_ins(folder: Path) -> None:
    weather = source_of(looked(folder, "weather"), "weather")
    assert weather.keys == (("origin", "observed_at"),)
    at, temp, gust = (field_of(weather, name) for name in ("observed_at", "temp", "gust"))
    assert at.cadence is not None
    assert at.cadence.zoned
    assert at.cadence.gap_s == 3600
    assert (at.cadence.age_s(datetime.now(UTC)) or -1) < 2 * 3600
    assert temp.sentinels == (-9999.0,)
    assert temp.decimals == 1
    assert isinstance(temp.proposed["minimum"], int | float)
    assert temp.proposed["minimum"] > 0
    assert {"wrong-scale", "decimal-comma", "sentinel"} <= set(temp.faults)
    assert gust.column.missing == 400
    assert field_of(weather, "origin").proposed["values"] == ["EWR", "JFK"]


def test_files_tell_codes_with_leading_zeros_and_times_without_a_zone(folder: Path) -> None:
    orders = source_of(looked(folder, "orders"), "orders")
    assert orders.keys == (("order_no",),)
    assert any("leading zeros" in point for point in field_of(orders, "order_no").confirm)
    assert any("time zone" in point for point in field_of(orders, "due_at").confirm)


def test_days_are_times_without_a_zone_to_ask_for_and_the_contract_says_day(folder: Path) -> None:
    lines = [f"{n:06d},2026-11-{1 + n % 28:02d},{n % 28}.11.2026" for n in range(200)]
    (folder / "orders" / "a.csv").write_text("\n".join(["order_no,day,spoken", *lines]) + "\n")
    found = looked(folder, "orders")
    day, spoken = (field_of(source_of(found, "orders"), name) for name in ("day", "spoken"))
    assert (day.column.type, spoken.column.type) == ("time", "string")
    assert day.confirm == ()
    (text,) = found.files.values()
    contract = json.loads(text)
    assert contract["properties"]["day"]["format"] == "date"
    assert "format" not in contract["properties"]["spoken"]


def test_a_source_that_does_not_answer_says_so_and_the_others_are_looked_at(folder: Path) -> None:
    found = looked(folder)
    assert [source.name for source in found.sources] == ["weather", "orders", "gone", "data.live"]
    gone = source_of(found, "gone")
    assert gone.problem
    assert gone.remedy
    assert source_of(found, "data.live").rows == 200


def test_what_is_written_declares_nothing_until_a_person_confirms_it(folder: Path) -> None:
    before = open_workspace(folder)
    write_proposals(looked(folder))
    after = open_workspace(folder)
    assert after.system == before.system.model_copy(update={"undecided": after.system.undecided})
    text = (folder / "seatrial.yaml").read_text()
    assert all(comment in text for comment in ("# Our dock planner.", "# the station's database", "# the end"))
    assert {
        "data.freshness[0].at_most",
        "integrations.weather.contract",
        "integrations.orders.contract",
        "data.faults.fields.temp",
    } <= set(after.todos)
    assert (folder / "seatrial.yaml.1.bak").read_text() == SYSTEM
    again = looked(folder)
    assert again.patch == ""
    assert not again.files


def test_a_source_that_is_new_while_the_others_are_looked_at_gets_its_freshness(folder: Path) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=20)).isoformat()
    planned = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    with sqlite3.connect(folder / "erp.db") as base:
        base.execute("update weather set observed_at = ? where rowid = (select max(rowid) from weather)", (soon,))
        base.execute("create table shipments(no text, leaves_at text)")
        base.executemany("insert into shipments values (?, ?)", [(f"S-{n}", planned) for n in range(40)])
    base.close()
    also = "  shipments: {kind: sqlite, test: {url: sqlite:///erp.db, read: shipments}}\n# the end"
    (folder / "seatrial.yaml").write_text(SYSTEM.replace("# the end", also))
    found = looked(folder)
    assert "{source: weather, at: observed_at" in found.patch
    assert "source: shipments" not in found.patch
    ends = [source.at for source in found.sources]
    assert ends == sorted(ends)
    assert ends[0] >= found.at


def test_a_confirmed_contract_takes_the_records_that_it_was_made_from_but_for_the_stand_ins(folder: Path) -> None:
    write_proposals(looked(folder))
    schema = ContractSchema((folder / "contracts" / "weather.json").read_bytes(), name="weather.json")
    record: dict[str, Any] = {"origin": "JFK", "observed_at": "2026-11-23T10:00:00Z", "temp": 55.5, "gust": None}
    assert schema.allows(record)
    for broken in ({"temp": -9999.0}, {"temp": "55,5"}, {"origin": "jfk"}, {"observed_at": "yesterday"}):
        assert not schema.allows({**record, **broken})
    assert "confirm" in str(schema.schema["$comment"]).lower()


def test_few_mixed_and_nested_records_are_looked_at_and_said_to_be_so() -> None:
    records = of_integration([{"a": 1, "b": [1]}, {"a": "x", "c": 2.5}])
    found = profiled("feed", "http", records, {"a": "integer|text", "d": "text"}, at=datetime.now(UTC))
    assert [field.name for field in found.fields] == ["a", "c"]
    assert field_of(found, "a").column.type == "string"
    assert found.keys == ()
    told = " ".join(found.confirm)
    assert "only 2 records" in told
    assert "b hold" in told
    assert "d are in" in told


def test_of_too_few_records_nobody_says_that_no_field_tells_them_apart(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for made in (folder / "orders").iterdir():
        made.write_text("\n".join(made.read_text().splitlines()[:10]) + "\n")
    with pytest.raises(SystemExit):
        main(["profile", "orders", "--file", str(folder)])
    told = capsys.readouterr().out
    assert "key: too few records to tell" in told
    assert "tells records apart" not in told


def test_the_command_takes_the_folder_first_as_every_other_command_does(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in (folder, folder / "seatrial.yaml"):
        with pytest.raises(SystemExit) as left:
            main(["profile", str(place), "weather", "--json"])
        assert left.value.code == 0
        assert [source["name"] for source in json.loads(capsys.readouterr().out)["sources"]] == ["weather"]


def test_a_source_that_is_not_declared_is_refused_with_the_nearest_name(folder: Path) -> None:
    with pytest.raises(Malformed, match="wether") as raised:
        looked(folder, "wether")
    assert "weather" in raised.value.remedy


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_shows_80_columns_or_json_and_fails_where_a_source_does(
    folder: Path, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["profile", "--file", str(folder), *(["--json"] if as_json else [])])
    assert left.value.code == 1
    out = capsys.readouterr().out
    if as_json:
        found = json.loads(out)
        temp = next(f for f in found["sources"][0]["fields"] if f["name"] == "temp")
        assert temp["confirm"]
        assert temp["smallest"] == -9999
        assert found["patch"]
        return
    table = out.split("Proposed for the system file")[0]
    assert max(map(len, table.splitlines())) <= 80
    assert "key: origin + observed_at" in table
    assert "gone  http: could not be looked at" in out
    assert "? temp: -9999 seems to stand for a missing value" in out

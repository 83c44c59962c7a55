"""What is not reached is told by its address and with what to do, also where the address came from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Ended, called
from small_run import declare

from plants.tiny_system import SECRET, plant

_WAY_BACK = """\
procedure: rollback
before: [{name: serves, kind: http, with: {url: "${MODEL}/version", expect: {status: 200}}, deadline: 5s}]
steps: [{name: switch, kind: http, with: {method: POST, url: "${MODEL}/activate", json: {}}, deadline: 5s}]
target: [{name: switched, kind: http, with: {url: "${MODEL}/version", expect: {status: 200}}, deadline: 5s}]
"""
_NOBODY = "127.0.0.1:9"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    file = plant(tmp_path, "http://reader:${PASSWORD}@${MODEL_HOST}", count=60)
    (tmp_path / "back.yaml").write_text(_WAY_BACK)
    declare(file, added="rollback: {procedure: back.yaml, within: 1h}\nwatch: {}\n")
    return tmp_path


def _told(place: Path, *command: str) -> Ended:
    environment = {
        "MODEL": f"http://{_NOBODY}",
        "MODEL_HOST": _NOBODY,
        "MODEL_KEY": SECRET,
        "PASSWORD": f"{SECRET}-too",
    }
    ended = called(*command, cwd=place, environment=environment)
    assert f"http://{_NOBODY} cannot be reached: Connection refused" in ended.out
    assert SECRET not in ended.out + ended.err
    return ended


def test_the_plan_of_a_watch_names_the_model_that_is_not_reached_and_what_to_do(place: Path) -> None:
    ended = _told(place, "watch", "--plan")
    assert "(See whether it runs and is reachable from here)" in ended.out


def test_a_probe_of_the_ways_out_names_the_step_and_the_server_that_it_does_not_reach(place: Path) -> None:
    ended = _told(place, "arm", "--quiet")
    assert ended.code == 1
    assert "back.yaml could not be carried out now: 'switch'" in ended.out
    assert "→ Bring back what 'switch' needs" in ended.out

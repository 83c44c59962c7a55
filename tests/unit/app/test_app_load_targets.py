"""What may be given load: ends that may be written to, and production only where a window of it was approved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from plants.load_server import LoadServer
from plants.pipeline_server import declared
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import open_workspace
from seatrial.core.errors import Refused
from seatrial.core.ports import Request, Stream

WINDOW = {"writable": True, "window": "daily 00:00-23:59", "approved_by": "ivo", "remove": "/gone"}


def sent(folder: Path, server: LoadServer, ends: dict[str, Any]) -> int:
    """How many requests reached the server."""
    plain = declared("http://127.0.0.1:9", people={"ivo": {"name": "Ivo", "email": "ivo@example.com"}}, flows=[])
    plain["integrations"] = {"erp": {"kind": "http", **ends}}
    (folder / "seatrial.yaml").write_text(yaml.safe_dump(plain))
    stream = Stream(name="s", requests=[Request(method="POST", url=f"{server.url}/in")], rate_per_s=50)
    with Outside(open_workspace(folder, environment={})) as outside:
        outside.load.run([stream], duration_s=0.2, seed=1)
    return server.count


@pytest.mark.parametrize("more", [{}, {"writable": True, "read_only": True}])
def test_a_test_end_that_may_not_be_written_to_is_given_no_load(tmp_path: Path, more: dict[str, Any]) -> None:
    with LoadServer() as server:
        with pytest.raises(Refused):
            sent(tmp_path, server, {"test": {"url": server.url, **more}})
        assert server.count == 0


def test_a_writable_test_end_is(tmp_path: Path) -> None:
    with LoadServer() as server:
        assert sent(tmp_path, server, {"test": {"url": server.url, "writable": True}}) > 0


def test_production_is_given_load_only_where_a_window_was_approved_and_no_test_end_exists(tmp_path: Path) -> None:
    with LoadServer() as server:
        assert sent(tmp_path, server, {"production": {"url": server.url, **WINDOW}}) > 0
        before = server.count
        for ends in (
            {"production": {"url": server.url}},
            {"production": {"url": server.url, **WINDOW}, "test": {"url": "http://127.0.0.1:9", "writable": True}},
        ):
            with pytest.raises(Refused):
                sent(tmp_path, server, ends)
        assert server.count == before

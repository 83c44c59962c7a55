"""Additions to a YAML text keep comments, order and everything that was there."""

from __future__ import annotations

import pytest
import yaml

from seatrial.app.folder.yaml_edit import Addition, added
from seatrial.core.errors import Malformed

TEXT = """\
# ours
system: docks   # a name
data:
  # on trial
  live: {source: live.csv}
integrations:
  erp:
    kind: sqlite       # read only
    test: {url: "sqlite:///erp.db"}

  # the gate
  gate: {kind: http}
# the end
"""


def put(text: str, *path: str, key: str, value: str = "1", comment: str = "") -> str | None:
    return added(text, Addition(path=path, key=key, value=value, comment=comment))


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (("integrations", "erp"), "contract"),
        (("integrations", "gate"), "contract"),
        (("integrations", "erp", "test"), "read"),
        (("data", "faults", "fields"), "temp"),
        (("load",), "peak"),
        ((), "version"),
    ],
)
def test_what_is_added_is_read_back_and_everything_else_stays(path: tuple[str, ...], key: str) -> None:
    changed = put(TEXT, *path, key=key, value='"TODO x, y"', comment="ask the owner")
    assert changed is not None
    node = yaml.safe_load(changed)
    for part in (*path, key):
        node = node[part]
    assert node == "TODO x, y"
    kept = changed.splitlines()
    assert all(comment in changed for comment in ("# ours", "# a name", "# on trial", "# read only", "# the end"))
    assert len(kept) - len(TEXT.splitlines()) in {0, 1, 2}


def test_what_is_there_is_not_added_again() -> None:
    assert put(TEXT, "integrations", "erp", key="kind") is None
    assert put(TEXT, "system", key="anything") is None


@pytest.mark.parametrize("there", ["TODO", "TODO one for each", "[]", "[{source: a}]", "\n    - {source: a}   # first"])
def test_an_item_joins_the_list_or_takes_the_place_of_a_todo(there: str) -> None:
    text = f"data:\n  freshness: {there}\n  live: {{source: x}}   # stays\n"
    item = Addition(path=("data", "freshness"), key="", value="{source: b}", same=("source", "b"))
    changed = added(text, item)
    assert changed is not None
    found = yaml.safe_load(changed)["data"]
    assert found["freshness"][-1] == {"source": "b"}
    assert len(found["freshness"]) == 1 + ("source" in there)
    assert "# stays" in changed
    assert added(changed, item) is None


def test_a_text_that_is_no_mapping_is_refused() -> None:
    for text in ("- a\n", "a: [\n"):
        with pytest.raises(Malformed):
            put(text, key="b")

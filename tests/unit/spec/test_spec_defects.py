"""Each asset under `defects/` is named after what is wrong with it; `defects.expected.txt` holds what must be said."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.spec.loading import load_system
from seatrial.spec.problem import SpecErrors

ASSETS = Path(__file__).parents[2] / "assets" / "spec"
DEFECTS = sorted((ASSETS / "defects").iterdir())
EXPECTED = (ASSETS / "defects.expected.txt").read_text().splitlines()


@pytest.mark.parametrize("asset", DEFECTS, ids=lambda p: p.stem)
def test_a_defect_is_told_with_its_place_and_what_was_expected(asset: Path) -> None:
    with pytest.raises(SpecErrors) as caught:
        load_system(asset.read_bytes(), name=asset.name, environment={})
    expected = [line for line in EXPECTED if line.startswith(f"{asset.name}:")]
    assert expected
    assert [str(problem) for problem in caught.value.problems] == expected


def test_nothing_is_expected_of_a_file_that_is_not_there() -> None:
    assert {line.partition(":")[0] for line in EXPECTED} == {asset.name for asset in DEFECTS}

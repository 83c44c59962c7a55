import pytest

from seatrial.domains.model.condition_words import spoken
from seatrial.spec.conditions import parse_condition


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('carrier == "EV" and sched_dep > 1620', "carrier is EV and sched_dep is above 1620"),
        ("1040 < sched_dep <= 1620", "sched_dep is above 1040 and at most 1620"),
        ("temp is null", "temp is missing"),
        ("temp is not null", "temp is given"),
        ('carrier in ["EV", "MQ"]', "carrier is EV or MQ"),
        ('carrier != "EV" or visib < 1', "carrier is not EV or visib is below 1"),
        ("1 <= visib < 3 and humid >= 80", "visib is at least 1 and below 3 and humid is at least 80"),
    ],
)
def test_a_condition_reads_as_people_say_it(text: str, words: str) -> None:
    assert spoken(parse_condition(text)) == words

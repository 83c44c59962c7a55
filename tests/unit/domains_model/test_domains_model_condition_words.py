import pytest

from seatrial.domains.condition_words import called, spoken, spoken_text
from seatrial.spec.conditions import parse_condition
from seatrial.spec.model import InputField

NAMED = {
    "visib": InputField(type="number", name="visibility"),
    "planned_at": InputField(type="time", name="planned arrival"),
    "body": InputField(type="string", name="text of the mail"),
    "temp": InputField(type="number"),
}


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
    assert spoken(parse_condition(text), {}) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("visib < 1 and temp > 3", "visibility is below 1 and temp is above 3"),
        ("not (visib < 1 or visib is null)", "not (visibility is below 1 or visibility is missing)"),
        ("`weekday of planned_at` == 'Monday'", "weekday of planned arrival is Monday"),
        ("`length of body in words` > 120", "length of text of the mail in words is above 120"),
        ("`body mentions refund` == 0", "text of the mail does not mention refund"),
        ("risk > 0.8", "risk is above 0.8"),
    ],
)
def test_inputs_go_by_the_names_that_people_have_for_them(text: str, words: str) -> None:
    assert spoken(parse_condition(text), NAMED) == words


def test_what_is_no_condition_stays_as_it_was_written_and_what_is_derived_from_nothing_known_too() -> None:
    assert spoken_text("visib <", NAMED) == "visib <"
    assert called("hour of arrival", NAMED) == "hour of arrival"

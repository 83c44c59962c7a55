"""An appointment that any calendar reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from seatrial.present.calendar import appointment


def test_lines_are_short_escaped_and_in_utc() -> None:
    begins = datetime(2027, 1, 11, 15, 0, tzinfo=timezone(timedelta(hours=1)))
    long = "Straße; Raum 7, 3. Stock\nEND:VEVENT\n" + "ü" * 200
    told = appointment(uid="u", begins=begins, lasts=timedelta(hours=1), title="T", place=long, text="x")
    lines = told.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert lines.count(b"END:VEVENT") == 1, "what somebody typed ends nothing"
    whole = told.replace(b"\r\n ", b"").decode()
    assert "LOCATION:Straße\\; Raum 7\\, 3. Stock\\nEND:VEVENT\\n" + "ü" * 200 in whole
    assert "DTSTART:20270111T140000Z" in whole
    assert "DTEND:20270111T150000Z" in whole
    assert begins.astimezone(UTC).hour == 14

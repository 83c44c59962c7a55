"""An appointment as an iCalendar file (RFC 5545), for any calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_LONGEST: Final = 73
"""Octets of a line before it is folded; the standard allows 75."""


def appointment(*, uid: str, begins: datetime, lasts: timedelta, title: str, place: str, text: str) -> bytes:
    """One event as a calendar file. `begins` has a time zone; line breaks and commas in texts are escaped."""
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//seatrial//review//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{_escaped(uid)}",
        f"DTSTAMP:{_stamp(begins)}",
        f"DTSTART:{_stamp(begins)}",
        f"DTEND:{_stamp(begins + lasts)}",
        f"SUMMARY:{_escaped(title)}",
        f"LOCATION:{_escaped(place)}",
        f"DESCRIPTION:{_escaped(text)}",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return b"".join(_folded(line) for line in lines)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    for mark in ("\\", ";", ","):
        text = text.replace(mark, f"\\{mark}")
    return "\\n".join(text.splitlines())


def _folded(line: str) -> bytes:
    """The line with its end, broken between characters where it is too long."""
    parts, room = [b""], _LONGEST
    for character in line:
        spelled = character.encode()
        if len(parts[-1]) + len(spelled) > room:
            parts.append(b" ")
        parts[-1] += spelled
    return b"\r\n".join(parts) + b"\r\n"

"""The summary of some days as text and as HTML for a mail: pure renderers of plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from seatrial.core.wording import count, percent, span

_STYLE = "font:16px/1.5 system-ui,sans-serif;max-width:44rem"


def summary_text(told: Mapping[str, Any]) -> str:
    """As plain text, for chat."""
    parts = [f"{told['system']} {told['version']}: the last {count(told['days'], 'day')}"]
    for title, lines in _sections(told):
        parts += ["", title, *(f"- {line}" for line in lines)]
    return "\n".join(parts)


def summary_html(told: Mapping[str, Any]) -> str:
    """As HTML without anything that is fetched, for mail."""
    title = escape(f"{told['system']} {told['version']}: the last {count(told['days'], 'day')}")
    sections = "".join(
        f"<h2>{escape(name)}</h2><ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
        for name, lines in _sections(told)
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body style="{_STYLE}"><h1>{title}</h1>{sections}</body></html>'
    )


def _sections(told: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str]]]:
    account = told["account"]
    yield "What was watched", list(_watched(account))
    yield "What it held", [_performance(each) for each in account["performance"]] or ["no limit could be followed"]
    yield "Alarms", list(_alarms(told, account))
    yield "What people did with the outputs", told["adoption"]
    yield "Drills that are due or failed", told["drills"] or ["none"]
    arrived = [f"{name}: {number:,}" for name, number in sorted(told["counts"].items())]
    yield "What has arrived since the beginning", arrived or ["nothing"]


def _watched(account: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{account['days_watched']} of {count(account['days'], 'whole day')}, {percent(account['watched_share'])} "
        "of the time"
    )
    for gap in account["gaps"]:
        yield f"nobody watched from {gap['since']} to {gap['until']}"


def _performance(each: Mapping[str, Any]) -> str:
    return f"{each['says']} ({each['rows']:,} outcomes)" + ("" if each["holds"] else ": NOT CERTAIN")


def _alarms(told: Mapping[str, Any], account: Mapping[str, Any]) -> Iterator[str]:
    numbers = account["alarms"]
    mean = account["mean_time_to_acknowledge_s"]
    yield f"{numbers['look']} to look at, {numbers['page']} that paged, {numbers['offline']} to take it offline"
    yield (
        f"{account['answered']} answered"
        + ("" if mean is None else f", on average after {span(mean)}")
        + f"; {account['unanswered']} never answered"
    )
    for breach in account["breaches_told"]:
        yield f"breach at {breach['at']}: {breach['what']}"
    for alarm in told["open"]:
        yield f"still {alarm['state']} since {alarm['since']}: {alarm['what']}"

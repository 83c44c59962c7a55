"""The terminal tells what happens now and ends in a verdict that fits one screen."""

from __future__ import annotations

import dataclasses
import io
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text
from sample_verdict import sample

from seatrial.core.events import (
    CheckFinished,
    CheckProgressed,
    CheckStarted,
    Event,
    RunFinished,
    RunStarted,
    StageFinished,
    StageStarted,
)
from seatrial.core.observation import Finding, Measure, Observation, Reason
from seatrial.core.vocabulary import Sense
from seatrial.present.terminal import Progress, gap_list, verdict_screen

LATENCY = Measure(name="p99 latency", value=0.08, lower=0.07, upper=0.12, limit=0.3, sense=Sense.AT_MOST, unit="s")

EVENTS: tuple[Event, ...] = (
    RunStarted(
        run="r", system="arrival-delay", at=datetime(2026, 11, 23, tzinfo=UTC), checks=("data.load",), kept=("x",)
    ),
    StageStarted(stage="scoring", title="Scoring rows"),
    StageFinished(stage="scoring", duration_s=1.5),
    CheckStarted(check="data.load", requirement="data.load", title="Load at peak", budget_s=60),
    CheckProgressed(check="data.load", doing="sending 60 a second", share=0.5),
    CheckFinished(
        check="data.load",
        requirement="data.load",
        duration_s=8.1,
        result=Observation(done="drove it", measures=(LATENCY,)),
        record="ab",
    ),
    CheckFinished(
        check="data.faults",
        requirement="data.faults",
        duration_s=8.1,
        result=Observation(done="", findings=(Finding(code="c", summary="temp: null became 0"),)),
        record="ab",
    ),
    CheckFinished(
        check="model.threshold",
        requirement="model.threshold",
        duration_s=0.2,
        result=Reason(code="unreachable", summary="the model did not answer"),
        record="cd",
    ),
    RunFinished(run="r", duration_s=12.0),
)


def shown(*, terminal: bool = False, quiet: bool = False, colour: bool = True) -> str:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=terminal, no_color=not colour)
    with Progress(console, quiet=quiet) as progress:
        assert list(progress.follow(EVENTS)) == list(EVENTS)
    return out.getvalue()


def test_without_a_terminal_each_event_is_one_whole_plain_line() -> None:
    text = shown()
    assert "\x1b" not in text
    assert "1 check to run, 1 check still valid from before" in text
    assert "p99 latency 80 ms, bound 120 ms" in text
    assert "temp: null became 0" in text
    assert "could not look: the model did not answer" in text


def test_quiet_says_nothing() -> None:
    assert shown(quiet=True) == ""


def test_a_live_terminal_ends_with_the_finished_checks() -> None:
    text = Text.from_ansi(shown(terminal=True)).plain
    assert "data.load" in text
    assert all(len(line) <= 80 for line in text.splitlines()[-4:])


def test_the_verdict_fits_one_screen_at_80_columns_even_with_many_gaps() -> None:
    gaps = tuple(dataclasses.replace(g, requirement=f"{g.requirement}-{i}") for i in range(6) for g in sample().gaps)
    many = dataclasses.replace(sample(), gaps=gaps)
    out = io.StringIO()
    Console(file=out, width=80).print(verdict_screen(many))
    lines = out.getvalue().splitlines()
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines)
    assert "NO-GO" in lines[0]
    assert "more requirements" in out.getvalue()


def test_without_colour_the_signs_still_tell_the_outcomes_apart() -> None:
    out = io.StringIO()
    Console(file=out, width=80, no_color=True).print(verdict_screen(sample()))
    assert "✕" in out.getvalue()
    assert "✓" in out.getvalue()
    assert "?" in out.getvalue()


def test_the_gap_list_names_every_gap_with_owner_and_date() -> None:
    out = io.StringIO()
    Console(file=out, width=100).print(gap_list(sample()))
    for gap in sample().gaps:
        assert gap.requirement in out.getvalue()
    assert "nobody declared" in out.getvalue()

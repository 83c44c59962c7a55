"""The terminal: what each check is doing now, then a verdict that fits one screen, at 80 columns, without colour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

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
from seatrial.core.observation import Observation, Reason
from seatrial.core.vocabulary import Answer, Domain, Outcome, Weight
from seatrial.gate.grouping import By, grouped, shortened
from seatrial.gate.verdict import Assessment, Verdict
from seatrial.present import words

_STYLES = {
    Outcome.MET: "green",
    Outcome.NOT_MET: "bold red",
    Outcome.NOT_DETERMINED: "yellow",
    Outcome.NOT_APPLICABLE: "dim",
    Outcome.WAIVED: "dim",
}
_SCREEN_LINES = 24
_FIXED_LINES = 11
"""The word, the six groups, two empty lines, how many more gaps there are, and where the dossier lies."""


def seen(result: Observation | Reason) -> str:
    """One line on what a check saw; the gate, not this line, decides what it means."""
    if isinstance(result, Reason):
        return f"could not look: {result.summary}"
    gaps = [f.summary for f in result.findings if f.weight is not Weight.NOTE]
    if gaps:
        more = f" (and {len(gaps) - 1} more)" if len(gaps) > 1 else ""
        return f"{gaps[0]}{more}"
    judged = [m for m in result.measures if m.limit is not None]
    if judged:
        first = judged[0]
        return f"{first.name} {words.number(first.value, first.unit)}, bound {words.number(first.bound, first.unit)}"
    return result.done


class Progress:
    """Live progress of a run: a line per running check, a line that stays for each finished one.

    On a terminal that cannot redraw, and with `plain`, it prints one line an event.
    """

    def __init__(self, console: Console, *, plain: bool = False, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._plain = plain or not console.is_terminal
        self._running: dict[str, tuple[str, str, float | None]] = {}
        self._live: Live | None = None
        self._total = 0
        self._done = 0

    def __enter__(self) -> Self:
        if not self._plain and not self._quiet:
            self._live = Live(console=self._console, refresh_per_second=8, transient=True, get_renderable=self._draw)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def follow(self, events: Iterable[Event]) -> Iterator[Event]:
        """Show each event and pass it on."""
        for event in events:
            self.show(event)
            yield event

    def show(self, event: Event) -> None:
        """Show one event."""
        if self._quiet:
            return
        match event:
            case RunStarted(checks=checks, kept=kept, system=system):
                self._total = len(checks)
                note = f", {words.count(len(kept), 'check')} still valid from before" if kept else ""
                self._say(f"{system}: {words.count(len(checks), 'check')} to run{note}", "bold")
            case StageStarted(stage=stage, title=title):
                self._start(stage, title)
            case StageFinished(stage=stage, duration_s=took, problem=problem):
                title, _, _ = self._running.pop(stage, (stage, "", None))
                self._say(
                    f"{'!' if problem else '·'} {title} {problem or words.span(took)}", "yellow" if problem else "dim"
                )
            case CheckStarted(check=check, title=title):
                self._start(check, title)
            case CheckProgressed(check=check, doing=doing, share=share):
                title, _, _ = self._running.get(check, (check, "", None))
                self._running[check] = (title, doing, share)
            case CheckFinished(check=check, duration_s=took, result=result):
                self._finish(check, took, result)
            case RunFinished(duration_s=took, interrupted=interrupted):
                self._say(
                    f"{'stopped' if interrupted else 'ran'} in {words.span(took)}", "yellow" if interrupted else "dim"
                )

    def _start(self, key: str, title: str) -> None:
        self._running[key] = (title, "", None)
        if self._plain:
            self._say(f"… {title}", "dim")

    def _finish(self, check: str, took: float, result: Observation | Reason) -> None:
        self._running.pop(check, None)
        self._done += 1
        blocked = isinstance(result, Reason) or any(f.weight is not Weight.NOTE for f in result.findings)
        line = Text.assemble(
            ("! " if blocked else "· ", "yellow" if blocked else "green"),
            (f"{check:<32}", "bold"),
            f"{words.span(took):>8}  ",
            seen(result),
        )
        self._print(line)

    def _say(self, text: str, style: str) -> None:
        self._print(Text(text, style=style))

    def _print(self, line: Text) -> None:
        if self._plain:
            self._console.print(line, highlight=False, soft_wrap=True)
        else:
            self._console.print(line, highlight=False, no_wrap=True, overflow="ellipsis")

    def _draw(self) -> RenderableType:
        rows = Table.grid(padding=(0, 1))
        rows.add_column(width=2)
        rows.add_column(no_wrap=True, overflow="ellipsis", ratio=2)
        rows.add_column(no_wrap=True, overflow="ellipsis", ratio=3)
        for title, doing, share in self._running.values():
            state: RenderableType = Text(doing, style="dim")
            if share is not None:
                state = Group(Text(f"{doing} {share:.0%}", style="dim", no_wrap=True))
            rows.add_row(Spinner("dots", style="cyan"), title, state)
        bar = ProgressBar(total=max(1, self._total), completed=self._done, width=40)
        foot = Table.grid(padding=(0, 1))
        foot.add_row(bar, f"{self._done} of {self._total}")
        return Group(rows, foot)


def verdict_screen(
    verdict: Verdict, *, width: int = 80, lines: int = _SCREEN_LINES, more: str = "seatrial gaps"
) -> Group:
    """The verdict on one screen: the word, the sentence, the six groups, the first gaps, the earliest go-live.

    `more` is the command that lists every gap.
    """
    style = "bold white on green" if verdict.verdict is Answer.GO else "bold white on red"
    head = Text.assemble((f" {verdict.verdict.value} ", style), f"  {verdict.system} {verdict.version}")
    sentence = Padding(Text(verdict.sentence), (0, 0, 0, 1))
    notes = [Text(f"! {n}", style="yellow", no_wrap=True, overflow="ellipsis") for n in words.first_notes(verdict)[:2]]
    wrapped = len(wrap(verdict.sentence, width - 1)) + len(wrap(verdict.timeline.sentence, width))
    shown = max(1, (lines - _FIXED_LINES - len(notes) - wrapped) // 2)
    return Group(head, sentence, Text(), _groups(verdict.requirements), Text(), *_gaps(verdict, shown, more), *notes)


def _groups(requirements: Sequence[Assessment]) -> Table:
    table = Table.grid(padding=(0, 2))
    for domain, title in words.DOMAIN_TITLES.items():
        own = [a for a in requirements if a.domain is domain]
        marks = Text(" ").join(Text(words.OUTCOME_SIGNS[a.outcome], style=_STYLES[a.outcome]) for a in own)
        met = sum(a.outcome not in (Outcome.NOT_MET, Outcome.NOT_DETERMINED) for a in own)
        table.add_row(f" {title}", marks, Text(f"{met} of {len(own)}", style="dim"))
    return table


def _gaps(verdict: Verdict, shown: int, more: str) -> Iterator[RenderableType]:
    """The first gap of each requirement, as many as fit."""
    first = {gap.requirement: gap for gap in reversed(verdict.gaps)}
    order = tuple(dict.fromkeys(gap.requirement for gap in verdict.gaps))
    for requirement in order[:shown]:
        gap = first[requirement]
        sign, style = words.OUTCOME_SIGNS[gap.outcome], _STYLES[gap.outcome]
        yield Text.assemble(
            (f"{sign} ", style),
            (words.place(gap.requirement), "bold"),
            f"  {gap.summary}",
            no_wrap=True,
            overflow="ellipsis",
        )
        who = f"{gap.owner_name}, {words.day(gap.due)}"
        remedy = gap.remedy.partition("\n")[0]
        yield Text.assemble("    → ", (f"{who}: ", "cyan"), remedy, no_wrap=True, overflow="ellipsis")
    if len(order) > shown:
        yield Text(f"  and {words.count(len(order) - shown, 'more requirement')}: {more}", style="dim")
    yield Text(verdict.timeline.sentence, style="bold")


def gap_list(verdict: Verdict) -> Group:
    """Every gap with its remedy, under its requirement with who closes it by when."""
    lines: list[RenderableType] = []
    for requirement in dict.fromkeys(gap.requirement for gap in verdict.gaps):
        own = [gap for gap in verdict.gaps if gap.requirement == requirement]
        head = Text.assemble(
            (words.place(requirement), "bold"),
            f"  {own[0].owner_name}, by {words.day(max(gap.due for gap in own))}",
            no_wrap=True,
            overflow="ellipsis",
        )
        lines.append(head)
        for gap in own:
            row = Table.grid(padding=(0, 1))
            row.add_row(Text(words.OUTCOME_SIGNS[gap.outcome], style=_STYLES[gap.outcome]), gap.summary)
            row.add_row("", Text.assemble(("→ ", "cyan"), gap.remedy.rstrip()))
            lines.append(Padding(row, (0, 0, 0, 1)))
        lines.append(Text())
    return Group(*lines)


def gap_groups(verdict: Verdict, by: By) -> Group:
    """The gaps put together: one line a group, what to do, and what it is about."""
    lines: list[RenderableType] = []
    for group in grouped(verdict.gaps, by):
        title = words.DOMAIN_TITLES.get(Domain(group.title)) if by is By.DOMAIN and group.title else group.title
        who = "" if by is By.OWNER else f"{shortened(group.owners)}, "
        row = Table.grid(padding=(0, 1))
        row.add_column(width=3, justify="right")
        row.add_row(Text(str(len(group.gaps)), style="bold"), title or "The gate, the review and the ledger")
        about = f"{who}by {words.day(group.due)}: {shortened(group.requirements)}"
        row.add_row("", Text(about, style="dim"))
        if by is By.CAUSE:
            row.add_row("", Text.assemble(("→ ", "cyan"), shortened(group.remedies, 1)))
        lines.append(row)
    return Group(*lines)

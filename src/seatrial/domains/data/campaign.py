"""A fault campaign: clean rows are made faulty one by one and sent through the real entry, and what happens is told.

Single rows, as production sends them, a few at the same time. What looks like harm or a crash is asked again alone.
Where the model answers batches like single rows, all cases of one fault first go as one batch: if it is answered,
every row's answer is known at once. Once two rows crashed again and again, the fault is a gap, and no further row of it
is sent: a model that takes its time over a crash is not made to do so for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median

from seatrial.core.check import Trial
from seatrial.core.errors import Unreachable
from seatrial.core.ports import Prediction, Reply, ReplyKind, Row
from seatrial.domains.data.fault_kinds import Fault, Place, Stance
from seatrial.domains.data.few_at_once import few_at_once
from seatrial.domains.legality import excluded, spoiled, unusual
from seatrial.stats.proportions import lower, upper

LOUD = 0.2
"""A fault of a whole feed that is refused for this share of rows shows within its first twenty rows (0.8^20 = 1 %)."""
CRASHES = 2
"""So many rows that crashed, each of them twice, settle a fault."""
Moved = Callable[[Row, Prediction, Prediction], bool]
"""Whether the second answer to a row is another than the first, beyond what counts as the same."""
_ROUNDING = 1e-6
_TESTED = 16
_TRIED = 200
_CONFIRMED = 3
AT_ONCE = 8
_RENEWED = 2
"""So often clean rows are asked anew for one fault, where their own answers are others by then."""
_WAITS_S = (0.2, 0.5, 1.0)


class Ending(StrEnum):
    """How one injected request ended."""

    REFUSED = "refused"
    HANDLED = "handled"
    HARM = "silent harm"
    CRASH = "crash"


BADNESS = (Ending.REFUSED, Ending.HANDLED, Ending.HARM, Ending.CRASH)
"""Worst last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A clean row with its answer, and the same row with the fault.

    `guarded` is True where a guard could have known of this row's fault, `unusual` where a whole feed of it would show.
    """

    clean: Row
    answer: Prediction
    faulty: Row
    guarded: bool
    unusual: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of one case. `steady` is False for a harm or crash that did not come again when asked again."""

    case: Case
    ending: Ending
    moved: bool = False
    after: Prediction | None = None
    said: str = ""
    wordless: bool = False
    steady: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One fault and everything that was told of it; `applies` is the share of clean rows that can have it."""

    fault: Fault
    told: tuple[Told, ...]
    applies: float
    planned: int

    def of(self, ending: Ending) -> list[Told]:
        """The cases that ended so, time after time."""
        return [t for t in self.told if t.ending is ending and t.steady]

    @property
    def worst(self) -> Ending:
        """The worst ending of any case."""
        if self.feed_harm:
            return max((Ending.HARM, *(t.ending for t in self.told)), key=BADNESS.index)
        return max((t.ending for t in self.told), key=BADNESS.index, default=Ending.HANDLED)

    feed_harm: bool = False
    """A whole feed of it would do harm in silence, although each row is within the declaration."""


class Campaign:
    """Sends cases and classifies what comes back. `asked` counts requests; `over` is True when nothing more is sent.

    `texts`: free text is what the model works on, so that a guard could look whether it is one.
    """

    def __init__(
        self,
        trial: Trial,
        *,
        places: Mapping[str, Place],
        moved: Moved,
        clean: Sequence[tuple[Row, Prediction]],
        batches: bool,
        deadline: float,
        texts: bool = False,
    ) -> None:
        self._trial = trial
        self._places = places
        self._moved = moved
        self._clean = clean
        self._batches = batches
        self._deadline = deadline
        self._texts = texts
        self.asked = 0
        self.killed = False

    @property
    def over(self) -> bool:
        """No more is sent: the time is up, or a fault took the endpoint down."""
        return self.killed or self._trial.clock.monotonic() > self._deadline

    def probe(self, fault: Fault, *, wanted: int, smallest: float) -> Probe | None:
        """Inject the fault into up to `wanted` rows; None where no clean row can have it.

        Harm counts against an answer to the clean row from about the same time: one that is worked out from the hour
        may be another by now. Where it is, all clean rows are asked anew, and the fault is injected again.
        """
        made = self._injected(fault, wanted, smallest)
        for _ in range(_RENEWED):
            if made is None or self.over or not self._outdated(made):
                return made
            self._renew()
            made = self._injected(fault, wanted, smallest)
        return made if made is None or not self._outdated(made) else _unsteady(made)

    @property
    def clean(self) -> Sequence[tuple[Row, Prediction]]:
        """The clean rows, each with its newest answer."""
        return self._clean

    def _injected(self, fault: Fault, wanted: int, smallest: float) -> Probe | None:
        cases, tried = self._cases(fault, wanted)
        if not cases:
            return None
        told: list[Told] = []
        first = AT_ONCE
        if self._batches and len(cases) > 1:
            reply = self._asked_together(cases)
            told = self._together(cases, reply)
            # What crashed as a batch mostly crashes row by row: a few tell it as well as many at the same time.
            first = AT_ONCE if reply.kind in (ReplyKind.OK, ReplyKind.REFUSED) else CRASHES
        if not told:
            told = self._singly(cases, first)
        made = Probe(fault=fault, told=tuple(told), applies=len(cases) / tried, planned=len(cases))
        return _with_feed(made, smallest)

    def _outdated(self, made: Probe) -> bool:
        """Whether a clean row whose answer tells harm is answered otherwise now, without any fault."""
        told = [t for t in made.told if t.moved and (t.ending is Ending.HARM or made.feed_harm)]
        pairs = [(t.case.clean, t.case.answer) for t in told]
        now = self._answers([row for row, _ in pairs])
        return any(
            new is not None and self._moved(row, answer, new) for (row, answer), new in zip(pairs, now, strict=True)
        )

    def _renew(self) -> None:
        now = self._answers([row for row, _ in self._clean])
        self._clean = [(row, old if new is None else new) for (row, old), new in zip(self._clean, now, strict=True)]

    def _answers(self, rows: Sequence[Row]) -> list[Prediction | None]:
        """What each clean row is answered now; None where it is not."""
        if self._batches and len(rows) > 1:
            self.asked += 1
            reply = self._trial.model.predict(rows)
            if reply.kind is ReplyKind.OK and len(reply.predictions) == len(rows):
                return list(reply.predictions)
        self.asked += len(rows)
        each = dict(few_at_once(self._trial.model.predict, [[row] for row in rows], first=AT_ONCE, most=AT_ONCE))
        return [
            r.predictions[0] if (r := each[at]).kind is ReplyKind.OK and r.predictions else None for at in sorted(each)
        ]

    def _cases(self, fault: Fault, wanted: int) -> tuple[list[Case], int]:
        cases: list[Case] = []
        tried = 0
        for at, (row, answer) in enumerate(self._clean):
            tried += 1
            faulty = fault.make(row, at)
            if faulty is not None:
                cases.append(self._case(fault, row, answer, faulty))
                if len(cases) == wanted:
                    break
        return cases, tried

    def _case(self, fault: Fault, row: Row, answer: Prediction, faulty: Row) -> Case:
        changed = [n for n in self._places if n in row and (n not in faulty or faulty[n] is not row[n])]
        rules = (excluded, spoiled) if self._texts else (excluded,)
        known = any(self._says(rule, faulty, name) for rule in rules for name in changed)
        guarded = fault.stance is Stance.SAME or (fault.stance is not Stance.LEGAL and known)
        odd = any(self._says(unusual, faulty, name) for name in changed)
        return Case(clean=row, answer=answer, faulty=faulty, guarded=guarded, unusual=odd)

    def _says(self, rule: Callable[..., bool], row: Row, name: str) -> bool:
        place = self._places[name]
        return rule(row, name, place.declared, place.profile)

    def _asked_together(self, cases: Sequence[Case]) -> Reply:
        self.asked += 1
        return self._trial.model.predict([case.faulty for case in cases])

    def _together(self, cases: Sequence[Case], reply: Reply) -> list[Told]:
        """What the reply to one batch of all cases tells; empty where single rows must tell it."""
        if reply.kind is not ReplyKind.OK or len(reply.predictions) != len(cases):
            return []
        told: list[Told] = []
        confirmed = 0
        for case, after in zip(cases, reply.predictions, strict=True):
            seen = self._answered(case, after)
            if seen.ending is Ending.HARM and confirmed < _CONFIRMED:
                again = self._classified(case, self._ask([case.faulty]))
                if again.ending is not Ending.HARM:
                    return []
                confirmed += 1
            told.append(seen)
        return told

    def _singly(self, cases: Sequence[Case], first: int) -> list[Told]:
        """What single rows tell, `first` of them to begin with, in the order of the cases."""
        told: dict[int, Told] = {}
        crashes = 0
        sent: list[Case] = []

        def ask(case: Case) -> Reply:
            sent.append(case)
            return self._trial.model.predict([case.faulty])

        with closing(few_at_once(ask, cases, first=first, most=AT_ONCE)) as answers:
            for at, reply in answers:
                if self.over:
                    break
                case = cases[at]
                seen = self._classified(case, self._alive(reply, [case.faulty]))
                if seen.ending in (Ending.HARM, Ending.CRASH) and not self.killed:
                    again = self._classified(case, self._ask([case.faulty]))
                    if again.ending is not seen.ending:
                        seen = Told(case=case, ending=seen.ending, said=seen.said, after=seen.after, steady=False)
                told[at] = seen
                crashes += seen.ending is Ending.CRASH and seen.steady
                if crashes == CRASHES:
                    break
        # What was under way in vain was asked too.
        self.asked += len(sent)
        return [told[at] for at in sorted(told)]

    def _ask(self, rows: Sequence[Row]) -> Reply:
        self.asked += 1
        return self._alive(self._trial.model.predict(rows), rows)

    def _alive(self, reply: Reply, rows: Sequence[Row]) -> Reply:
        """The reply; for none, whether that took the endpoint down."""
        if reply.kind is not ReplyKind.UNREACHABLE:
            return reply
        for wait_s in _WAITS_S:
            self._trial.clock.sleep(wait_s)
            self.asked += 1
            if self._trial.model.predict([self._clean[0][0]]).kind is not ReplyKind.UNREACHABLE:
                return self._trial.model.predict(rows)
        self.killed = True
        return Reply(
            kind=ReplyKind.CRASHED, latency_s=reply.latency_s, error="afterwards nothing was answered any more"
        )

    def _classified(self, case: Case, reply: Reply) -> Told:
        if reply.kind is ReplyKind.OK and len(reply.predictions) == 1:
            return self._answered(case, reply.predictions[0])
        spoke_of_it = reply.kind is ReplyKind.UNREACHABLE and reply.status is not None and 400 <= reply.status < 500
        if reply.kind is ReplyKind.REFUSED or spoke_of_it:
            words = reply.error.partition(":")[2].strip() if reply.error.startswith("status ") else reply.error
            return Told(case=case, ending=Ending.REFUSED, said=reply.error, wordless=not words)
        return Told(case=case, ending=Ending.CRASH, said=f"{reply.kind.value}: {reply.error}")

    def _answered(self, case: Case, after: Prediction) -> Told:
        moved = self._moved(case.clean, case.answer, after)
        ending = Ending.HARM if moved and case.guarded else Ending.HANDLED
        return Told(case=case, ending=ending, moved=moved, after=after)


def _unsteady(made: Probe) -> Probe:
    """The same, with every harm told as one that nobody saw twice: the clean rows' own answers do not hold still."""
    told = tuple(replace(t, steady=False) if t.ending is Ending.HARM else t for t in made.told)
    return replace(made, told=told, feed_harm=False)


def _with_feed(made: Probe, smallest: float) -> Probe:
    """A feed-wide fault within the declaration is silent harm where it moves rows, stays unnoticed, and need not have.

    Answers moved on at least `smallest` of the cases. Certainly (exact bounds, 95 %) fewer than `LOUD` were refused, so
    that nobody is told early; and certainly at least `LOUD` lie outside the central 99 % of the data, so that a guard
    that looked there would have been loud. Where the wrong values look like right ones no guard can know: no harm.
    """
    if made.fault.stance is not Stance.FEED or not made.told:
        return made
    n = len(made.told)
    moved = sum(t.moved for t in made.told)
    odd = sum(t.case.unusual for t in made.told)
    refused = sum(t.ending in (Ending.REFUSED, Ending.CRASH) for t in made.told)
    harm = moved >= smallest * n and upper(refused, n) < LOUD <= lower(odd, n)
    return Probe(fault=made.fault, told=made.told, applies=made.applies, planned=made.planned, feed_harm=harm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """Rows that the model answers as they are; `refused` of `tried` were not.

    `takes_batches`: it answers several rows at once; `agree`: and each of them as it does alone.
    """

    rows: tuple[tuple[Row, Prediction], ...]
    tried: int
    refused: int
    problem: str
    takes_batches: bool
    agree: bool
    latency_s: float
    """The median time of an answer to a single row, seconds."""


def answered_clean(trial: Trial, rows: Sequence[Row], *, most: int, batch: int) -> Clean:
    """The first `most` rows that are answered. Raises Unreachable when the model cannot be reached."""
    kept: list[tuple[Row, Prediction]] = []
    tried = 0
    problem = ""
    times: list[float] = []
    takes, agree = False, False
    start = 0
    while start < len(rows) and len(kept) < most and (kept or tried < _TRIED):
        part = rows[start : start + (min(batch, most - len(kept)) if agree else _TESTED)]
        start += len(part)
        for row, reply in _each(trial, part, together=agree):
            tried += 1
            if reply.kind is ReplyKind.UNREACHABLE:
                raise Unreachable(
                    f"the model could not be reached: {reply.error}",
                    remedy="Start it, and see that it answers under the declared address.",
                    permanent=False,
                )
            if reply.kind is ReplyKind.OK and len(reply.predictions) == 1:
                kept.append((row, reply.predictions[0]))
                times += [] if agree else [reply.latency_s]
            else:
                problem = problem or f"{reply.kind.value}: {reply.error}"
        if not takes and len(kept) >= _TESTED:
            takes, agree = _batches(trial, kept[:_TESTED])
    return Clean(
        rows=tuple(kept),
        tried=tried,
        refused=tried - len(kept),
        problem=problem,
        takes_batches=takes,
        agree=agree,
        latency_s=median(times) if times else 0.0,
    )


def _each(trial: Trial, rows: Sequence[Row], *, together: bool) -> Iterator[tuple[Row, Reply]]:
    if together:
        reply = trial.model.predict(rows)
        if reply.kind is ReplyKind.OK and len(reply.predictions) == len(rows):
            for row, answer in zip(rows, reply.predictions, strict=True):
                yield row, Reply(kind=ReplyKind.OK, latency_s=reply.latency_s, predictions=(answer,))
            return
    for row in rows:
        yield row, trial.model.predict([row])


def _batches(trial: Trial, alone: Sequence[tuple[Row, Prediction]]) -> tuple[bool, bool]:
    """Whether these rows are answered together, and each as it was alone."""
    reply = trial.model.predict([row for row, _ in alone])
    if reply.kind is not ReplyKind.OK or len(reply.predictions) != len(alone):
        return False, False
    return True, all(_same(answer, now) for (_, answer), now in zip(alone, reply.predictions, strict=True))


def _same(a: Prediction, b: Prediction) -> bool:
    """Equal but for the rounding of another order of addition."""
    pairs = ((a.prediction, b.prediction), (a.score, b.score))
    return all(
        abs(x - y) <= _ROUNDING * max(1.0, abs(x)) if isinstance(x, float) and isinstance(y, int | float) else x == y
        for x, y in pairs
    )

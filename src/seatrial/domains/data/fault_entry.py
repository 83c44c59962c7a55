"""Faults through the pipeline's real entry: faulty records put into a flow, and what comes out of each at its exit.

The same faults as at the model, where the entry's records have the model's inputs. A record that is refused with words,
or comes out as its clean twin does or by the declared fallback, is well; one that comes out otherwise, or was taken and
never comes out, is silent harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError, Unreachable
from seatrial.core.observation import Finding, Json
from seatrial.core.ports import Prediction, Row
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import count
from seatrial.domains.data.campaign import AT_ONCE, CRASHES, Case, Ending, Probe, Told
from seatrial.domains.data.fault_kinds import Fault, Place, Stance
from seatrial.domains.data.few_at_once import few_at_once
from seatrial.domains.flows.lanes import templates_of
from seatrial.domains.flows.looking import seen_within
from seatrial.domains.flows.marking import marked, marker, place_of
from seatrial.domains.flows.samples import Passed, Sampler
from seatrial.domains.legality import excluded, spoiled, unusual
from seatrial.spec.integration import Flow

CODES = {
    "entry-not-tried": "Faults could not be put in at the entry of a flow.",
    "entry-down": "After a fault no clean record came out of a flow any more, so that no other was tried there.",
    "blind-exit": "What comes out of a flow shows nothing that depends on the record, so that no harm could be seen.",
}
_RENEWED = 2
"""So often clean records are put in anew for one fault, where they come out otherwise by then."""
_CONFIRMED = 3
GRACE_S = 0.5
"""So much longer than the flow allows a record is waited for."""


@dataclass(slots=True)
class EntryCampaign:
    """One flow, with clean records and what comes out of each. `asked` counts the records that were put in.

    `down` is set once clean records do not come out any more after a fault: what is put in then tells of no other one.
    """

    trial: Trial
    flow: Flow
    templates: Sequence[Row]
    tolerance: float
    texts: bool = False
    passes: Callable[[Json], bool] | None = None
    """Whether what came out of a field claims nothing, such as an answer that abstains."""
    asked: int = 0
    down: bool = False
    clean: list[Passed] = field(default_factory=list)
    _sampler: Sampler | None = None
    _outdated: bool = False
    """Whether a clean record that was put in again beside faulty ones came out otherwise than before."""

    @classmethod
    def begun(
        cls,
        trial: Trial,
        flow: Flow,
        *,
        most: int,
        tolerance: float,
        texts: bool,
        passes: Callable[[Json], bool] | None = None,
    ) -> EntryCampaign | Finding:
        """With its clean records put in twice; or why faulty ones would tell nothing."""
        try:
            made = cls(trial, flow, templates_of(trial, flow)[:most], tolerance, texts, passes)
            made._sampler = Sampler(trial, flow, [], marker(trial, faulty=True))
            made.clean = made._put_all(list(made.templates))
            again = made._put_all(list(made.templates))
        except SeatrialError as error:
            return not_tried(flow, error.what)
        if problem := next((p for p in made.clean if p.refused is not None or p.out is None), None):
            return _unwell(flow, problem)
        made._sampler.learn(made.clean, again)
        return made if made._telling() else _blind(flow)

    def _telling(self) -> bool:
        """Whether a field comes out that is steady, is more than what was put in, and is not the same for all."""
        outs = [(row, was.out) for row, was in zip(self.templates, self.clean, strict=True) if was.out is not None]
        told = dict.fromkeys(name for _, out in outs for name in out)
        unsteady = self._sampler.unsteady if self._sampler is not None else set[str]()
        for name in told:
            if name == self.flow.key or name in self.flow.expect or name in unsteady:
                continue
            shown = [out.get(name) for _, out in outs]
            if all(_same(value, shown[0]) for value in shown):
                continue
            if not any(all(_same(out.get(name), row.get(put)) for row, out in outs) for put in self.templates[0]):
                return True
        return False

    def probe(self, fault: Fault, places: Mapping[str, Place]) -> Probe | None:
        """The fault in every clean record that can have it; None where none can. Raises SeatrialError.

        Harm counts against what became of the clean record at about the same time. Where that is another by now, as for
        an answer that is worked out from the hour, all clean records are put in anew, and then the faulty ones again.
        """
        made = self._injected(fault, places)
        for _ in range(_RENEWED):
            if made is None or not self._outdated:
                return made
            self.clean = self._put_all(list(self.templates))
            made = self._injected(fault, places)
        if made is None or not self._outdated:
            return made
        return replace(made, told=tuple(replace(t, steady=False) if t.ending is Ending.HARM else t for t in made.told))

    def _injected(self, fault: Fault, places: Mapping[str, Place]) -> Probe | None:
        cases: list[tuple[Case, Passed]] = []
        for at, row in enumerate(self.templates):
            faulty = fault.make(row, at)
            if faulty is not None:
                cases.append((_case(fault, places, row, faulty, texts=self.texts), self.clean[at]))
        if not cases:
            return None
        told = self._tried(cases, until_settled=True)
        return Probe(
            fault=replace(fault, entry=self.flow.from_),
            told=tuple(told),
            applies=len(cases) / len(self.templates),
            planned=len(cases),
        )

    def _tried(self, cases: Sequence[tuple[Case, Passed]], *, until_settled: bool) -> list[Told]:
        """What became of each case; where a few crashed again and again, only of those that were put in by then."""
        seen = self._put([case.faulty for case, _ in cases], until_settled=until_settled)
        put = [pair for pair, now in zip(cases, seen, strict=True) if now is not None]
        left = [pair for pair, now in zip(cases, seen, strict=True) if now is None]
        met = [self._told(case, was, now) for (case, was), now in zip(cases, seen, strict=True) if now is not None]
        told = list(self._confirmed(put, met))
        if left and sum(t.ending is Ending.CRASH and t.steady for t in told) < CRASHES:
            told += self._tried(left, until_settled=False)
        return told

    def _confirmed(self, cases: Sequence[tuple[Case, Passed]], told: Sequence[Told]) -> Iterator[Told]:
        """The first harms and crashes put in again: what does not come again is not steady."""
        bad = [at for at, seen in enumerate(told) if seen.ending in (Ending.HARM, Ending.CRASH)][:_CONFIRMED]
        # Beside each its clean record, so that both are of one time.
        both = [row for at in bad for row in (cases[at][0].faulty, cases[at][0].clean)]
        again = self._put_all(both) if bad else []
        faulty, clean = again[::2], again[1::2]
        if (
            bad
            and not any(map(_came_out, clean))
            and not any(map(_came_out, self._put_all(self.templates[:_CONFIRMED])))
        ):
            self.down = True
            ended = replace(told[bad[0]], ending=Ending.CRASH, said="afterwards no clean record came out any more")
            yield from (*told[: bad[0]], ended)
            return
        self._outdated = any(self._changed(cases[at][1], now) for at, now in zip(bad, clean, strict=True))
        steady = {
            at: self._told(*cases[at], now).ending is told[at].ending for at, now in zip(bad, faulty, strict=True)
        }
        for at, seen in enumerate(told):
            yield replace(seen, steady=steady.get(at, True))

    def _changed(self, was: Passed, now: Passed) -> bool:
        """Whether a clean record came out otherwise than it did."""
        return (
            self._sampler is not None
            and now.out is not None
            and any(
                not self._near(was.out.get(name) if was.out is not None else None, now.out.get(name))
                for name in self._sampler.differing(was, now)
            )
        )

    def _told(self, case: Case, was: Passed, now: Passed) -> Told:
        if now.refused is not None:
            crashed = now.refused.startswith(_CRASHED)
            return Told(
                case=case, ending=Ending.CRASH if crashed else Ending.REFUSED, said=now.refused.removeprefix(_CRASHED)
            )
        if now.out is None:
            lost = Prediction(prediction="nothing came out")
            return Told(case=replace(case, answer=_answer(was.out, ())), ending=Ending.HARM, moved=True, after=lost)
        fields = self._moved(case, was, now)
        told = replace(case, answer=_answer(was.out, fields))
        harm = bool(fields) and case.guarded and not self._fell_back(now.out)
        ending = Ending.HARM if harm else Ending.HANDLED
        return Told(case=told, ending=ending, moved=bool(fields), after=_answer(now.out, fields))

    def _fell_back(self, out: Row) -> bool:
        return bool(self.flow.fallback) and all(out.get(name) == value for name, value in self.flow.fallback.items())

    def _moved(self, case: Case, was: Passed, now: Passed) -> tuple[str, ...]:
        """Fields that came out otherwise, but for those that only pass on what was put in."""
        if self._sampler is None or was.out is None or now.out is None:
            return ()
        differing = self._sampler.differing(was, now)
        if self.passes is not None and any(now.out.get(name) and self.passes(now.out.get(name)) for name in differing):
            return ()
        passed_on = {there for there, here in self.flow.expect.items() if case.faulty.get(here) != case.clean.get(here)}
        return tuple(
            name
            for name in differing
            if name not in passed_on
            and not _echoes(case, was.out.get(name), now.out.get(name))
            and not self._near(was.out.get(name), now.out.get(name))
            and not (self.passes is not None and self.passes(now.out.get(name)))
        )

    def _near(self, one: Json, other: Json) -> bool:
        numbers = [v for v in (one, other) if isinstance(v, int | float) and not isinstance(v, bool)]
        return (
            len(numbers) == 2
            and abs(numbers[0] - numbers[1]) <= self.tolerance * max(1.0, abs(numbers[0]))
            and not all(isinstance(v, int) for v in numbers)
        )

    def _put_all(self, rows: Sequence[Row]) -> list[Passed]:
        return [passed for passed in self._put(rows, until_settled=False) if passed is not None]

    def _put(self, rows: Sequence[Row], *, until_settled: bool) -> list[Passed | None]:
        """Put these in, a few at the same time, and wait for what comes out. Raises SeatrialError.

        With `until_settled` none is put in any more once a few crashed: None for those.
        """
        entry, exit_ = self.trial.integration(self.flow.from_), self.trial.integration(self.flow.to)
        mark = marker(self.trial, faulty=True)
        start = place_of(self.trial, self.flow)
        records = [marked(row, self.flow, mark, self.asked + at, start=start) for at, row in enumerate(rows)]
        self.asked += len(records)

        def put(record: Row) -> str | None:
            try:
                entry.write(record)
            except Unreachable as error:
                return error.what if error.permanent else f"{_CRASHED}{error.what}"
            except SeatrialError as error:
                return error.what
            return None

        exit_.listen()
        answers: dict[int, str | None] = {}
        crashes = 0
        first = CRASHES if until_settled else AT_ONCE
        with closing(few_at_once(put, records, first=first, most=AT_ONCE)) as put_in:
            for at, refused in put_in:
                answers[at] = refused
                crashes += refused is not None and refused.startswith(_CRASHED)
                if until_settled and crashes >= CRASHES:
                    break
        keys = {at: str(records[at][self.flow.key]) for at in answers}
        wanted = [keys[at] for at in sorted(answers) if answers[at] is None]
        found = seen_within(self.trial, exit_, self.flow.key, wanted, self.flow.within + GRACE_S)
        return [
            Passed(refused=answers[at], out=found[keys[at]][-1] if found.get(keys[at]) else None)
            if at in answers
            else None
            for at in range(len(records))
        ]


_CRASHED = "crashed: "


def _came_out(passed: Passed) -> bool:
    return passed.refused is None and passed.out is not None


def _case(fault: Fault, places: Mapping[str, Place], clean: Row, faulty: Row, *, texts: bool) -> Case:
    changed = [n for n in places if n in clean and (n not in faulty or faulty[n] is not clean[n])]

    def says(rule: object, name: str) -> bool:
        place = places[name]
        return bool(callable(rule) and rule(faulty, name, place.declared, place.profile))

    rules = (excluded, spoiled) if texts else (excluded,)
    known = any(says(rule, name) for rule in rules for name in changed)
    return Case(
        clean=clean,
        answer=Prediction(prediction=None),
        faulty=faulty,
        guarded=fault.stance is Stance.SAME or (fault.stance is not Stance.LEGAL and known),
        unusual=any(says(unusual, name) for name in changed),
    )


def _answer(out: Row | None, fields: Sequence[str]) -> Prediction:
    """What came out, as far as it moved; numbers and null as they are, texts by their length."""
    told = sorted(fields, key=lambda name: out is not None and isinstance(out.get(name), str))
    shown = {name: _value(out.get(name)) for name in told[:1]} if out is not None else {}
    return Prediction(prediction=", ".join(f"{name} {value}" for name, value in shown.items()) or "as before")


def _value(value: Json) -> str:
    if isinstance(value, str):
        return f"a text of {len(value)}"
    return "null" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)[:20]


def _unwell(flow: Flow, passed: Passed) -> Finding:
    """That a record as it should be does not get through, so that a faulty one would tell nothing."""
    if passed.refused is not None:
        said = passed.refused.removeprefix(_CRASHED)
        remedy = f"Let records of flows.{flow.name} be such that {flow.from_} takes them: it says why it does not."
        return not_tried(flow, f"a clean record was refused: {said}", remedy=remedy)
    return not_tried(
        flow,
        f"a clean record did not come out within {flow.within:g} s",
        remedy=f"Look in the pipeline's log for what it did with the records of flows.{flow.name}, on a machine that "
        f"has no other work; where it takes longer by nature, declare a longer `within` at flows.{flow.name}.",
    )


def not_tried(flow: Flow, why: str, *, remedy: str = "") -> Finding:
    """That the flow's entry stays open."""
    return Finding(
        code="entry-not-tried",
        summary=f"No faulty record could be put into {flow.name}: {why}",
        weight=Weight.OPEN,
        fields=(f"flows.{flow.name}",),
        why="What the model refuses, the pipeline before it may have made harmless-looking already.",
        remedy=remedy
        or f"Give {flow.from_} a writable test end, {flow.to} an observable one, and the flow clean records.",
    )


def went_down(flow: Flow, after: Fault, missed: Sequence[Fault]) -> Finding:
    """That a fault took the pipeline down, and that those that were to follow were not put in."""
    return Finding(
        code="entry-down",
        summary=f"After {after.name} was put in at {flow.from_}, no clean record came out of {flow.name} any more; "
        f"{count(len(missed), 'fault')} that were to follow were not tried there.",
        weight=Weight.OPEN,
        fields=(f"flows.{flow.name}",),
        why="One such record in a feed stops everything that comes after it.",
        remedy=f"Let what stands between {flow.from_} and {flow.to} outlive that record, start it anew, and run again.",
    )


def _blind(flow: Flow) -> Finding:
    """That harm could not be seen at the flow's exit."""
    return Finding(
        code="blind-exit",
        summary=f"Whether faulty records at {flow.from_} do harm could not be told: at {flow.to} nothing comes out "
        "that is steady, differs from record to record, and is more than what was put in.",
        weight=Weight.OPEN,
        fields=(f"flows.{flow.name}",),
        why="A harm that does not show at the exit looks as if the fault had been handled.",
        remedy=f"Let {flow.to} show the model's answer in its observe, and let the records of flows.{flow.name} be "
        "such that it differs between them.",
    )


def _echoes(case: Case, before: Json, after: Json) -> bool:
    """Whether a field shows the input that was changed: what was put in before, and what is put in now."""
    changed = [name for name in case.clean if case.faulty.get(name) != case.clean[name]]
    return any(_same(before, case.clean[name]) and _same(after, case.faulty.get(name)) for name in changed)


def _same(one: Json, other: Json) -> bool:
    """Equal as JSON: true is not 1, and 1 is 1.0."""
    return isinstance(one, bool) is isinstance(other, bool) and one == other

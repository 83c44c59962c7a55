"""What a fault campaign left out, and why: it tells nothing of that, and must not look as if it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import count
from seatrial.domains.data.campaign import Probe
from seatrial.domains.data.fault_kinds import Fault
from seatrial.spec.model import InputField
from seatrial.spec.system import System

CODES = {
    "not-finished": "The time was up before every fault was injected.",
    "skipped-by-declaration": "Fault kinds that the system file says cannot happen, with its reason.",
    "field-not-tried": "No fault at all was put into an input of the model.",
    "no-entry": "No flow is declared, so that the pipeline's real entry was never given a faulty record.",
    "inputs-not-at-the-entry": "The records at a flow's entry hold none of the model's inputs by their names.",
}
_BEFORE = "What the model refuses, the pipeline before it may have made harmless-looking already."


def left_out(
    system: System, inputs: Mapping[str, InputField], probes: Sequence[Probe], missed: Sequence[Fault]
) -> Iterator[Finding]:
    """Faults for which no time was left, those that are declared impossible, and inputs into which none was put."""
    if missed:
        yield unfinished(missed, at="the model")
    for name, known in system.data.faults.fields.items():
        if known.skip:
            reasons = "; ".join(f"{kind} ({why})" for kind, why in known.skip.items())
            yield Finding(
                code="skipped-by-declaration",
                summary=f"{name}: not tried, because the system file says that it cannot happen: {reasons}.",
                weight=Weight.NOTE,
                fields=(name,),
                remedy="Whoever reviews this reads the reasons; take out what does not convince.",
            )
    tried = {name for probe in probes for name in (probe.fault.field, *probe.fault.beside) if not probe.fault.entry}
    tried |= {fault.field for fault in missed}
    if bare := [name for name in inputs if name not in tried]:
        yield Finding(
            code="field-not-tried",
            summary=f"No fault was put into {', '.join(bare)}: skipped as a whole, or not in the evaluation data.",
            weight=Weight.OPEN,
            fields=tuple(bare),
            why="A field that nobody broke was not seen to be guarded.",
            remedy=f"Leave at least one kind of fault in data.faults.fields for each of {', '.join(bare)}, and let the "
            "evaluation data hold it.",
        )


def unfinished(missed: Sequence[Fault], *, at: str) -> Finding:
    """That these were not injected any more."""
    return Finding(
        code="not-finished",
        summary=f"The time was up before {count(len(missed), 'fault')} were injected at {at}, the first being "
        f"{missed[0].name}.",
        weight=Weight.OPEN,
        fields=tuple(sorted({f.field for f in missed})),
        remedy="Give the test endpoint the speed of production, or take other load off it.",
    )


def entries_left_out(system: System, tried: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """That no pipeline was tried, or one whose records the faults do not fit. `tried`: flow to inputs at its entry."""
    if not system.flows:
        yield Finding(
            code="no-entry",
            summary="No flow is declared: what the pipeline makes of faulty records at its entry was never tried.",
            weight=Weight.OPEN,
            fields=("flows",),
            why=_BEFORE,
            remedy="Declare under flows where records enter (in, a writable test end), where what becomes of them is "
            "seen (out, with observe), and the key by which a record is known again.",
        )
    bare = [name for name, fields in tried.items() if not fields]
    every = len(bare) == len(tried)
    for name in bare:
        yield Finding(
            code="inputs-not-at-the-entry",
            summary=f"The records at the entry of {name} hold none of the model's inputs, so that no faults of theirs "
            "were put in there.",
            weight=Weight.OPEN if every else Weight.NOTE,
            fields=(f"flows.{name}",),
            why=_BEFORE,
            remedy="Declare as a flow where the model's inputs enter, with the names that they have in model.inputs.",
        )

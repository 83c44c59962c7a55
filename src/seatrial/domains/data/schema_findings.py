"""What changed schemas led to, as people can act on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Json
from seatrial.core.schema_change import ChangeKind
from seatrial.core.vocabulary import Weight
from seatrial.domains.data.schema_trying import Fate, Tried

CODES = {
    "schema-altered": "After a change of a source's schema, records come out with other values as if all were well.",
    "schema-defaulted": "After a change of a source's schema, records come out by the fallback, and nobody is told.",
    "schema-missing": "After a change of a source's schema, records never come out, and nobody is told.",
    "schema-kept": "A changed source is left unread in silence, and records come out with its last known values.",
    "schema-unnoticed": "A column that feeds the model is gone at the source, and nobody is told.",
    "source-not-listed": "The file of the model's inputs names a source that no integration says it feeds from.",
    "no-flows": "No flow is declared, so nothing shows what a changed schema does.",
    "no-sources": "No integration feeds the system, so there is no source whose schema could change.",
    "no-way-to-change": "A source's schema cannot be changed for a test: nothing says how.",
    "line-encrypted": "Answers of a source cannot be rewritten on the line, because they are encrypted.",
    "change-failed": "A source's schema could not be changed, or not be changed back.",
    "change-not-met": "The tested system never asked the source while its schema was changed.",
    "source-moves-nothing": "Nothing that comes out shows which values of a source were taken.",
    "not-as-before": "After a change was undone, what comes out was not again what it was before.",
    "not-well-before": "Records did not come out even while the source was as it is.",
    "alarm-always-on": "The declared alarm was up before the schema changed, so that it tells nothing.",
    "alarm-without-change": "The alarm rings, or records are refused, also while the schema is as it was.",
    "alarm-stays-up": "The declared alarm stays up after the change was undone.",
    "columns-left-out": "A source has more columns than are changed one by one.",
}
_WHY = "A renamed column is a routine release for the source's team, and a blind model for yours."
_GONE_ON = {
    Fate.ALTERED: ("schema-altered", "records come out with other values as if nothing were wrong"),
    Fate.DEFAULTED: ("schema-defaulted", "records come out by the fallback, and nobody is told"),
    Fate.MISSING: ("schema-missing", "records never come out, and nobody is told"),
    Fate.KEPT: ("schema-kept", "the source is left unread, its last known values are used, and nobody is told"),
    Fate.UNNOTICED: ("schema-unnoticed", "records come out as before, and nobody is told that the model lost an input"),
}
_SHOWN = 8


def absorbed_findings(name: str, tried: Sequence[Tried], measure: str) -> Iterator[Finding]:
    """One gap for each way in which changes of one kind were absorbed, with all columns and one example."""
    groups: dict[tuple[Fate, ChangeKind], list[Tried]] = {}
    for each in tried:
        if each.fate in _GONE_ON:
            groups.setdefault((each.fate, each.change.kind), []).append(each)
    for (fate, kind), group in groups.items():
        code, words = _GONE_ON[fate]
        example = next((t for t in group if t.example is not None), None)
        columns = () if kind in (ChangeKind.ADDED, ChangeKind.REORDERED) else tuple(t.change.field for t in group)
        yield Finding(
            code=code,
            summary=f"{name}: with {_what(kind, columns)}, {words}{_example(example)}.",
            fields=tuple(f"{name}.{column}" for column in columns) or (f"integrations.{name}",),
            explains=(measure,),
            why=_WHY,
            remedy=f"Check the schema of {name} on arrival against its contract; on a column that is missing or "
            "of another type, or a value that is not listed, refuse the answer and raise an alarm"
            + (
                f", which data.schema_change.sources.{name} declares with `alarm` and `within`."
                if fate is not Fate.ALTERED
                else ", and let nothing out that rests on it."
            ),
            detail={"kind": str(kind), "columns": list(columns), "changes": [t.change.told for t in group]},
        )


def _what(kind: ChangeKind, columns: Sequence[str]) -> str:
    if kind is ChangeKind.ADDED:
        return "a column more"
    if kind is ChangeKind.REORDERED:
        return "its columns in another order"
    shown = ", ".join(columns[:_SHOWN]) + (f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else "")
    return f"{shown} {kind}" + (" (each alone)" if len(columns) > 1 else "")


def _example(tried: Tried | None) -> str:
    if tried is None or tried.example is None:
        return ""
    flow, field, before, after = tried.example
    column = f" with {tried.change.told}" if tried.change.kind not in (ChangeKind.ADDED, ChangeKind.REORDERED) else ""
    return f": {field} of {flow} goes from {_value(before)} to {_value(after)}{column}"


def _value(value: Json) -> str:
    """Texts that could name a person stay out of the record."""
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "null" if value is None else str(value)[:24]


def open_findings(name: str, tried: Sequence[Tried], planned: int) -> Iterator[Finding]:
    """What leaves the question open."""
    place = f"integrations.{name}"
    if unseen := [t for t in tried if t.fate is Fate.UNSEEN]:
        yield Finding(
            code="source-moves-nothing",
            summary=f"Other values of {name} changed nothing that came out, so whether {len(unseen)} changed schemas "
            "were taken or thrown away cannot be told.",
            weight=Weight.OPEN,
            fields=(place,),
            why="A pipeline that throws every answer away in silence looks the same.",
            remedy=f"Let the tested system ask {name} within the policy's outage_duration, give the flow records on "
            "which it matters, and let its exit show a value that depends on it; or raise an alarm on a changed "
            "schema.",
        )
    if any(t.fate is Fate.NOT_MET for t in tried):
        yield Finding(
            code="change-not-met",
            summary=f"The tested system never asked {name} while its schema was changed, or the answer held no record.",
            weight=Weight.OPEN,
            fields=(place,),
            why="What was not met was not tested.",
            remedy=f"Lead the tested system to {name} through the declared `via`; if it asks seldom, let the policy's "
            "outage_duration be longer than the time between two requests. Records are JSON, JSON lines or CSV.",
        )
    for each in tried:
        if each.stays_up:
            yield _open(
                "alarm-stays-up",
                name,
                f"the alarm stayed up after {each.change.told} was undone",
                "Let the alarm go away when the source is understood again.",
            )
        elif not each.recovered:
            yield not_as_before(name, f"after {each.change.told} was undone, other values came out than before")
    if len(tried) < planned and not any(t.stays_up or not t.recovered or t.fate is Fate.NOT_MET for t in tried):
        yield _open("change-failed", name, f"only {len(tried)} of {planned} changes were made", "Run the check again.")


def _open(code: str, name: str, what: str, remedy: str) -> Finding:
    return Finding(
        code=code,
        summary=f"{name}: {what}.",
        weight=Weight.OPEN,
        fields=(f"integrations.{name}",),
        remedy=remedy,
        why=_WHY,
    )


def not_as_before(name: str, what: str) -> Finding:
    """That things are not again as they were."""
    return _open(
        "not-as-before",
        name,
        what,
        "Run the check again when the source's values stand still for its duration; if it is the same, look into what "
        "the pipeline keeps of an answer that it should not have taken.",
    )


def not_well(name: str, what: str) -> Finding:
    """That nothing could be compared."""
    return _open("not-well-before", name, what, "Mend the flow first; what it does is `integration.combined-load`'s.")


def failed(name: str, error: SeatrialError) -> Finding:
    """That the change could not be made, or not be undone."""
    return _open("change-failed", name, f"its schema could not be changed and changed back: {error.what}", error.remedy)


def always_on(name: str) -> Finding:
    """That the alarm tells nothing."""
    return Finding(
        code="alarm-always-on",
        summary=f"The alarm of {name} was up before its schema changed.",
        fields=(f"data.schema_change.sources.{name}.alarm",),
        why="An alarm that is always on wakes nobody.",
        remedy="Let the step look for the alarm of this source alone, and clear old alarms first.",
    )


def rings_anyway(name: str) -> Finding:
    """That an alarm or a refusal is no sign that a change was seen."""
    return Finding(
        code="alarm-without-change",
        summary=f"Also with {name}'s own schema, met in the same way and for as long, its alarm rang or records were "
        "refused: whether a changed schema is seen cannot be told.",
        weight=Weight.OPEN,
        fields=(f"data.schema_change.sources.{name}.alarm",),
        why="An alarm that also rings for nothing is switched off, or no longer believed.",
        remedy=f"Let the alarm look for what {name} delivers in another form alone, and see that the tested system "
        "takes other values of the same form.",
    )


def left_out(name: str, columns: Sequence[str]) -> Finding:
    """Columns that were not changed."""
    return Finding(
        code="columns-left-out",
        summary=f"{name} has more columns than are changed one by one; {len(columns)} were left as they are, the first "
        f"being {columns[0]}.",
        weight=Weight.NOTE,
        fields=(f"integrations.{name}",),
        remedy="Name under `feeds` what the model gets from it: those come first.",
    )


def no_flows() -> Finding:
    """That nothing comes out."""
    return Finding(
        code="no-flows",
        summary="No flow is declared.",
        fields=("flows",),
        why="What nobody declares to arrive, nobody misses.",
        remedy="Declare each flow: where records go in and come out, by which key, within what time, how many.",
    )


def no_sources() -> Finding:
    """That nothing feeds the system."""
    return Finding(
        code="no-sources",
        summary="No integration is declared that feeds the model.",
        weight=Weight.OPEN,
        fields=("integrations",),
        remedy="Declare what feeds the model, with `feeds`, or name it as `fed_by` in model.inputs.",
    )


def not_listed(name: str, inputs: Sequence[str]) -> Finding:
    """That a source is named in the file of inputs alone, so that the plan sets no limit for it."""
    return Finding(
        code="source-not-listed",
        summary=f"{name} feeds {', '.join(inputs)} by the file of inputs, but integrations.{name}.feeds does not say "
        "so: its schema was not changed.",
        weight=Weight.OPEN,
        fields=(f"integrations.{name}.feeds",),
        remedy=f"List in integrations.{name}.feeds the inputs that it feeds; then run the check again.",
    )


def encrypted(name: str) -> Finding:
    """That the line carries TLS."""
    return Finding(
        code="line-encrypted",
        summary=f"Answers of {name} cannot be rewritten: its test end is reached over TLS.",
        weight=Weight.OPEN,
        fields=(f"integrations.{name}.test.url",),
        why=_WHY,
        remedy=f"Let integrations.{name}.test.url be plain http:// behind the line (a local TLS-ending proxy will do), "
        "and lead the tested system to the `via` over http://.",
    )


def no_way(name: str, kind: str) -> Finding:
    """That nothing says how the schema could be changed."""
    way = (
        f"Give integrations.{name}.test a `via`, lead the tested system through it, and run `seatrial proxy`."
        if kind == "http"
        else f"Declare data.schema_change.sources.{name}.scratch: `copy` names a table or folder that may be made "
        "beside the source, and the steps `point` and `back` lead the tested system to it and back again."
    )
    return Finding(
        code="no-way-to-change",
        summary=f"The schema of {name} cannot be changed for a test: nothing says how.",
        weight=Weight.OPEN,
        fields=(f"integrations.{name}.test",),
        why=_WHY,
        remedy=way,
    )

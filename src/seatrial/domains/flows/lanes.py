"""A declared flow made ready to be driven: whether it can be, and the marked records that go in."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding
from seatrial.core.ports import LoadResult, Row, Stream
from seatrial.core.vocabulary import Weight
from seatrial.domains.flows.driving import Lane, spare
from seatrial.domains.flows.marking import enough, marked, place_of
from seatrial.domains.load.rows import CHECKED, MOST, Sent, in_turn, not_clean
from seatrial.domains.load.served import in_flight, timeout_s
from seatrial.domains.sending import answered, inputs_of, rows_to_send
from seatrial.spec.integration import End, Flow, IntegrationSection
from seatrial.spec.one_place import shows_what_is_written
from seatrial.spec.system import System

MODEL = "(model)"
"""The name of the stream that is the model's own peak."""
_MOST_TEMPLATES = 5000
_WHY = "What cannot be driven end to end was never seen to work."
_OR_WINDOW = ", or integrations.{name}.production with writable: true, window, approved_by and remove"
_OWN_FORM = frozenset({"sql", "postgresql", "mysql", "mariadb", "sqlite", "opcua", "soap"})
CODES = {
    "unknown-integration": "A flow names an integration that is not declared.",
    "not-writable": "The entry of a flow may not be written to, so no test record can be put in.",
    "not-observable": "The exit of a flow cannot be observed.",
    "exit-is-entry": "A flow is observed where its records are put in, so that nothing needs to pass them on.",
    "no-flow-records": "There are no records from which test records could be made.",
}


def unready(system: System, flow: Flow, *, windows: bool = False) -> Iterator[Finding]:
    """Why the flow cannot be driven; nothing where it can. `windows` as for `end_of`."""
    where = f"flows.{flow.name}"
    for name in (flow.from_, flow.to):
        if name not in system.integrations:
            yield Finding(
                code="unknown-integration",
                summary=f"The flow {flow.name} names {name}, which is not declared.",
                fields=(where,),
                remedy=f"Declare integrations.{name}.",
            )
            return
    target = system.integrations[flow.to]
    entry, exit_ = (end_of(system.integrations[name], windows=windows) for name in (flow.from_, flow.to))
    if entry is None or not entry.writable or entry.read_only:
        yield Finding(
            code="not-writable",
            summary=f"No test record can be put into {flow.name}: {flow.from_} has no writable test end"
            f"{', and no approved window of production' if windows else ''}.",
            weight=Weight.OPEN,
            fields=(f"integrations.{flow.from_}.test",),
            why=_WHY,
            remedy=f"Declare integrations.{flow.from_}.test with url, write and writable: true (a scratch copy of the "
            f"same version will do){_OR_WINDOW.format(name=flow.from_) if windows else ''}.",
        )
    if exit_ is None or not target.tells(exit_, "observe"):
        yield Finding(
            code="not-observable",
            summary=f"Nobody can see what arrives of {flow.name}: {flow.to} declares no observe at a test end.",
            weight=Weight.OPEN,
            fields=(f"integrations.{flow.to}.test.observe",),
            why=_WHY,
            remedy=f"Declare integrations.{flow.to}.test with url and observe.",
        )
    elif entry is not None and shows_what_is_written(system.integrations[flow.from_], entry, target, exit_):
        yield Finding(
            code="exit-is-entry",
            summary=f"{flow.name} is observed where it is put in: at {flow.to} every record is seen at once, whether "
            "anything passed it on or not.",
            fields=(f"flows.{flow.name}.out", f"integrations.{flow.to}.test.observe"),
            why="A flow that is looked at in the wrong place delivers everything, even while the pipeline is down.",
            remedy=f"Let integrations.{flow.to}.test.observe look where results arrive, such as a query that gives "
            "only records that were worked on.",
        )


def end_of(section: IntegrationSection, *, windows: bool = False) -> End | None:
    """Where test records are put in or looked for: the test end.

    With `windows` it is production in its approved window where there is no test end.
    """
    if windows and section.test is None and section.production is not None and section.production.opens() is not None:
        return section.production
    return section.test


def has_own_form(section: IntegrationSection) -> bool:
    """Whether what is put in takes the form of a table, of nodes or of an operation.

    A record with a field more or less is then refused by the statement that we write, and nobody else has seen it.
    """
    end = section.test
    return section.kind in _OWN_FORM or (
        end is not None and end.format is not None and end.format.kind == "fixed-width"
    )


def lane_of(
    trial: Trial,
    flow: Flow,
    mark: str,
    duration_s: float,
    *,
    most_failed: int | None = None,
    behind: Lane | None = None,
    templates: Sequence[Row] = (),
) -> Lane:
    """A flow with records of our own for that long at its peak, made of the `templates` where there are some.

    Raises SeatrialError where there is nothing of which they could be made.

    What is sent differs from check to check, and goes on behind the lane `behind` which it runs: its records may still
    be there, and known. So do the keys of a range that is reserved for tests.
    """
    count, taken = spare(flow.peak, duration_s), 0 if behind is None else len(behind.records)
    enough(flow, count + taken)
    start = place_of(trial, flow) if behind is None else behind.start + taken
    expected = round(flow.peak * duration_s)
    if templates:
        first, chosen = 0, [templates[at % len(templates)] for at in range(count)]
    else:
        found = templates_of(trial, flow)
        first = trial.seed % len(found) if behind is None else behind.first + behind.expected
        chosen = [found[at] for at in in_order_of_novelty(len(found), count, expected, first=first, seed=trial.seed)]
    records = tuple(marked(row, flow, mark, at, start=start) for at, row in enumerate(chosen))
    entry = trial.integration(flow.from_)
    requests = None
    if entry.request(records[0]) is not None:
        requests = tuple(r for row in records if (r := entry.request(row)) is not None)
    return Lane(
        flow=flow,
        records=records,
        requests=requests,
        most_failed=most_failed,
        start=start,
        first=first,
        expected=expected,
    )


def in_order_of_novelty(available: int, count: int, expected: int, *, first: int, seed: int) -> list[int]:
    """Which of so many templates each of `count` records is made of, beginning at `first`.

    A cache by content must have no part in what is timed: where the templates suffice for the `expected` records, none
    is taken twice. Else new ones are spread evenly over them, with others that were sent before in between.
    """
    at = np.arange(count)
    if available >= expected:
        places = at
    else:
        newest = np.minimum(at * available // expected, available - 1)
        drawn = (np.random.default_rng(seed).random(count) * (newest + 1)).astype(np.int64)
        places = np.where(np.diff(newest, prepend=-1) > 0, newest, drawn)
    found: list[int] = ((first + places) % available).tolist()
    return found


def templates_of(trial: Trial, flow: Flow) -> list[Row]:
    """Records to make ours of: the declared file, else what the entry shows. Raises SeatrialError for none."""
    if flow.records is None:
        found = list(trial.integration(flow.from_).read(200))
    else:
        lines = trial.files.read(flow.records).decode("utf-8", "replace").splitlines()
        found = [_record(line, flow.records, at) for at, line in enumerate(lines, start=1) if line.strip()]
    if not found:
        raise SeatrialError(
            f"there are no records from which test records for {flow.name} could be made",
            remedy=f"Name a JSON-lines file with some in flows.{flow.name}.records.",
        )
    return found[:_MOST_TEMPLATES]


def _record(line: str, path: str, at: int) -> Row:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, Mapping):
        raise SeatrialError(f"{path}, line {at}, is no JSON record", remedy="One JSON object a line.")
    return content


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPeak:
    """The model's declared peak, to run beside the flows, and the rows that it sends."""

    stream: Stream
    sent: Sent

    def answerable(self, trial: Trial, result: LoadResult) -> LoadResult:
        """What became of its requests, but for rows that the model refuses alone, too."""
        kept = np.flatnonzero(~not_clean(trial, self.sent, result)).tolist()
        return replace(
            result,
            planned=len(kept),
            scheduled_s=[result.scheduled_s[at] for at in kept],
            latency_s=[result.latency_s[at] for at in kept],
            lag_s=[result.lag_s[at] for at in kept],
            status=[result.status[at] for at in kept],
        )


def drives_model(system: System) -> bool:
    """Whether the model's own peak may run beside the flows."""
    return (
        system.load is not None
        and system.model.test_endpoint
        and system.data.evaluation is not None
        and system.model.endpoint is not None
    )


def model_peak(system: System, trial: Trial, duration_s: float) -> ModelPeak | None:
    """The model's declared peak for that long, where it may be put under load and answers.

    A few rows are asked whether it does; the load sends others as far as the data have them.
    """
    if system.load is None or not drives_model(system):
        return None
    inputs = inputs_of(system, trial)
    planned = math.ceil(system.load.peak * duration_s)
    most = min(planned, MOST) + CHECKED
    rows = rows_to_send(trial, inputs, table="evaluation", most=most, seed=trial.seed) if inputs else []
    asked = rows[: min(CHECKED, max(1, len(rows) // 5))]
    known = answered(trial.model, asked, batch=system.model.batch)
    others = [(row, r) for row in rows[len(asked) :] or known if (r := trial.model.request([row])) is not None]
    if not known or not others:
        return None
    sent = in_turn([row for row, _ in others], [request for _, request in others], planned, trial.seed)
    given_up_s = timeout_s(system, system.load)
    stream = Stream(
        name=MODEL,
        requests=sent.requests,
        rate_per_s=system.load.peak,
        timeout_s=given_up_s,
        in_flight=in_flight(system.load.peak, given_up_s),
    )
    return ModelPeak(stream=stream, sent=sent)

"""What became of every record that was put into a flow: each one is counted once, by the worst that happened to it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from seatrial.core.ports import Row
from seatrial.domains.flows.driving import Passage
from seatrial.domains.flows.same_value import same
from seatrial.spec.integration import Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Every record of one flow, once. `overtaken` is informative and beside the rest, seen to within two looks."""

    delivered: int
    late: int
    lost: int
    doubled: int
    altered: int
    disordered: int
    refused: int
    overtaken: int
    n: int
    p95_s: float
    changed: tuple[str, ...]


def account(passage: Passage, out_of_order: Collection[int] = ()) -> Account:
    """What became of each record; the worst that happened to it counts. `out_of_order`: of these numbers."""
    flow = passage.flow
    counts = dict.fromkeys(("delivered", "late", "lost", "doubled", "altered", "disordered", "refused"), 0)
    changed: set[str] = set()
    each = zip(passage.sent, passage.accepted, passage.after_s, strict=True)
    for at, (row, accepted, after_s) in enumerate(each):
        copies = passage.copies.get(str(row[flow.key]), ())
        other = {f for copy in copies for f in differing(flow, row, copy)}
        changed |= other
        if not copies:
            counts["lost" if accepted else "refused"] += 1
        elif other:
            counts["altered"] += 1
        elif len(copies) > 1:
            counts["doubled"] += 1
        elif at in out_of_order:
            counts["disordered"] += 1
        else:
            counts["delivered" if after_s <= flow.within else "late"] += 1
    seen = sorted(s for s in passage.after_s if not math.isnan(s))
    return Account(
        **counts,
        overtaken=_overtaken(passage),
        n=len(passage.sent),
        p95_s=seen[max(0, math.ceil(0.95 * len(seen)) - 1)] if seen else math.nan,
        changed=tuple(sorted(changed)),
    )


def differing(flow: Flow, sent: Row, arrived: Row) -> Iterator[str]:
    """The fields of a record that arrived otherwise than they were sent."""
    for there, here in flow.expect.items():
        if there not in arrived or not same(arrived[there], sent.get(here)):
            yield there


def _overtaken(passage: Passage) -> int:
    """Records seen at least two looks before one that was put in earlier."""
    newest = -math.inf
    count = 0
    gaps = [s for s in passage.after_s if not math.isnan(s)]
    for after_s in gaps:
        count += after_s < newest - 2.0 * passage.step_s
        newest = max(newest, after_s)
    return count

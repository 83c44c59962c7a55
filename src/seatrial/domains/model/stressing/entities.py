"""Which rows are asked where several belong to one entity: one of each, when that is enough to be certain.

Rows of one customer or one thread of mails say less than as many strangers. With one row of each entity the bound is
exact, and tighter than with all rows as long as nothing breaks.
"""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.core.ports import Row
from seatrial.domains.model.stressing.rates import groups_of

Drawn = tuple[Row, Row]
"""A row as it is sent, and what stands beside it in the data."""


def one_of_each_first(drawn: Sequence[Drawn], entity: str | None, *, enough: int) -> tuple[list[Drawn], int]:
    """The rows with one of each entity first, and how many of them to ask.

    These are all of them where no entity is declared, or where fewer than `enough` entities are there.

    >>> rows = [({"a": 1}, {"who": "x"}), ({"a": 2}, {"who": "x"}), ({"a": 3}, {"who": "y"})]
    >>> ordered, asked = one_of_each_first(rows, "who", enough=2)
    >>> [row["a"] for row, _ in ordered], asked
    ([1, 3, 2], 2)
    >>> one_of_each_first(rows, "who", enough=3)[1]
    3
    """
    if entity is None:
        return list(drawn), len(drawn)
    groups = groups_of([beside.get(entity, row.get(entity)) for row, beside in drawn])
    first = {group: at for at, group in reversed(list(enumerate(groups)))}
    if len(first) < enough:
        return list(drawn), len(drawn)
    chosen = sorted(first.values())
    others = sorted(set(range(len(drawn))) - set(chosen))
    return [drawn[at] for at in (*chosen, *others)], len(chosen)

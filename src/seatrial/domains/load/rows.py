"""Which rows a load sends, so that a cache in front of the model cannot make it look fast, and whether there is one.

Rows are sent once each as far as the data have them. First-seen rows are spread evenly over the whole load, with
rows that were seen before in between: whether those are answered faster is then told from the same moments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seatrial.core.check import Trial
from seatrial.core.observation import Finding, Json
from seatrial.core.ports import LoadResult, ReplyKind, Request, Row
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent, span
from seatrial.domains.load.served import Served
from seatrial.stats import quantiles

CODES = {
    "rows-repeat": "Rows that were sent before are answered clearly faster: a cache carried a part of the load.",
    "too-few-rows": "So few different rows could be sent that a cache in front of the model would not be seen.",
    "rows-not-clean": "Some evaluation rows are refused, under load and alone; they were left out.",
}
MOST = 20_000
CHECKED = 64
"""So many rows are asked before the load, and watched beside it: none of them is a first-seen one."""
_REPEATED = 0.1
"""At least this share of the load is of rows that were seen before, to compare."""
_CARRIED = 0.2
"""Of more repeated rows than this a cache takes too much of the load off the model."""
_FEWEST = 20
_CLEARLY = 1.5
_SURE = 0.995
_MOST_BYTES = 64_000_000
_REFUSED = (400, 422)
_ASKED_AGAIN = 100
_WHY = "In production every request brings something new, and waits for the model."


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a load sends in turn: rows, the requests of them, and the place at which each is first seen (else False)."""

    rows: Sequence[Row]
    requests: Sequence[Request]
    first: npt.NDArray[np.bool_]
    different: int

    def of(self, planned: int) -> npt.NDArray[np.bool_]:
        """Of so many planned requests, those whose row had not been sent before."""
        known = np.zeros(planned, dtype=np.bool_)
        known[: min(planned, self.first.size)] = self.first[:planned]
        return known


def in_turn(rows: Sequence[Row], requests: Sequence[Request], planned: int, seed: int) -> Sent:
    """Different rows first-seen at even distances, others again in between, for so many planned requests."""
    distinct = list({request.body: at for at, request in reversed(list(enumerate(requests)))}.values())[::-1]
    size = max(1, sum(len(requests[at].body or b"") for at in distinct) // max(1, len(distinct)))
    length = max(1, min(planned, max(len(distinct), _MOST_BYTES // size)))
    count = max(1, min(len(distinct), int((1.0 - _REPEATED) * length)))
    first = np.zeros(length, dtype=np.bool_)
    first[(np.arange(count) * length) // count] = True
    drawn = np.random.default_rng(seed)
    upto = np.cumsum(first)
    places = np.where(first, upto - 1, (drawn.random(length) * upto).astype(np.int64))
    chosen = [distinct[place] for place in places]
    return Sent(
        rows=[rows[at] for at in chosen],
        requests=[requests[at] for at in chosen],
        first=first,
        different=count,
    )


def not_clean(trial: Trial, sent: Sent, result: LoadResult) -> npt.NDArray[np.bool_]:
    """Requests whose row is refused with 400 or 422 under load and alone: that is no matter of load."""
    status = np.asarray(result.status, dtype=np.int64)
    unclean = np.zeros(status.size, dtype=np.bool_)
    asked: dict[int, bool] = {}
    for at in np.flatnonzero(np.isin(status, _REFUSED)).tolist():
        row = sent.rows[at % len(sent.rows)]
        if id(row) not in asked:
            if len(asked) == _ASKED_AGAIN:
                break
            asked[id(row)] = trial.model.predict([row]).kind is ReplyKind.REFUSED
        unclean[at] = asked[id(row)]
    return unclean


def clean(sent: Sent, unclean: npt.NDArray[np.bool_]) -> Sequence[Request]:
    """What further load sends: no row again that is refused alone, too."""
    refused = {sent.requests[at % len(sent.requests)].body for at in np.flatnonzero(unclean).tolist()}
    return [request for request in sent.requests if request.body not in refused]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """First-seen rows beside repeated ones, in the judged part of a load. `helped`: those were clearly faster."""

    fresh: Served
    again: Served
    different: int
    left_out: int

    @property
    def share(self) -> float:
        """Of the judged requests, those of rows that had been sent before."""
        return self.again.n / max(1, self.again.n + self.fresh.n)

    @property
    def told(self) -> bool:
        """Whether a cache would have shown."""
        return min(self.fresh.n, self.again.n) >= _FEWEST

    @property
    def helped(self) -> bool:
        """Whether repeated rows are certainly faster by half, at the median or where nine of ten have their answer."""
        return self.told and any(_slower(self.fresh, self.again, share) for share in (0.5, 0.9))

    def facts(self) -> dict[str, Json]:
        """For the evidence."""
        return {
            "different rows": self.different,
            "share of requests whose row was sent before": self.share,
            "median of first-seen rows, s": _plain(self.fresh.at(0.5)),
            "median of repeated rows, s": _plain(self.again.at(0.5)),
        }


def _slower(fresh: Served, again: Served, share: float) -> bool:
    low, high = quantiles.lower(fresh.latency_s, share, _SURE), quantiles.upper(again.latency_s, share, _SURE)
    return low is not None and high is not None and np.isfinite(low) and low > _CLEARLY * high


def findings(seen: Repeats, *, further: bool) -> Iterator[Finding]:
    """What rows that repeat leave open; `further`: soak or capacity rested on repeated rows as well."""
    if seen.left_out:
        yield Finding(
            code="rows-not-clean",
            summary=f"{seen.left_out} requests were left out: the model refuses their rows alone, too.",
            weight=Weight.NOTE,
            fields=("data.evaluation",),
            remedy="Give evaluation rows as production sends them.",
        )
    if not seen.told and seen.share > _CARRIED:
        yield Finding(
            code="too-few-rows",
            summary=f"Only {seen.different} different rows could be sent, and each again and again: whether a cache "
            "answered in the model's place cannot be told.",
            weight=Weight.OPEN,
            fields=("data.evaluation",),
            why=_WHY,
            remedy="Give as many different evaluation rows as the load has requests, or at least some hundred.",
        )
    if seen.helped:
        carried = further or seen.share > _CARRIED
        yield Finding(
            code="rows-repeat",
            summary=f"Rows that were sent before are answered in {span(seen.again.at(0.5))}, first-seen ones in "
            f"{span(seen.fresh.at(0.5))} (medians); {percent(seen.share)} of the requests were of rows sent before. "
            "The latency is judged by the first-seen ones"
            + (", and the model itself had less to do than at the peak." if carried else "."),
            weight=Weight.OPEN if carried else Weight.NOTE,
            fields=("data.evaluation", "load"),
            why=_WHY,
            remedy="Give as many different evaluation rows as the load has requests, or switch the cache off for the "
            "test.",
        )


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None

"""What can silently change in a field of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.core.vocabulary import Weight
from seatrial.measure.format_change import Change, surely_more
from seatrial.measure.format_writing import mask_changes, shape_changes, writing_changes
from seatrial.measure.kinds import reads_as_dates

MOST_CATEGORIES = 500
_FEWEST = 100
_LEAST = 0.005
_DEFAULTS = frozenset({"", "-", "?", "0", "-1", "na", "n/a", "nan", "nil", "none", "null", "unknown", "undefined"})


def is_category(side: Mapping[str, Any]) -> bool:
    """Whether the field holds few values that repeat."""
    values = side["values"]
    return bool(values) and len(values) <= MOST_CATEGORIES and side["n"] >= 5 * len(values)


def text_changes(
    name: str, training: Mapping[str, Any], live: Mapping[str, Any], order: Sequence[str] | None
) -> Iterator[Change]:
    """The changes of one field of text; `order` is the declared list of codes, where there is one."""
    damaged = list(_damaged(name, training, live))
    yield from damaged
    yield from _date_order(name, training, live)
    if reads_as_dates(training):
        yield from mask_changes(name, training, live)
    elif is_category(training):
        yield from category_changes(name, training, live, order)
    else:
        shaped = list(shape_changes(name, training, live))
        yield from shaped or mask_changes(name, training, live)
        if not damaged:
            yield from writing_changes(name, training, live)


def _damaged(name: str, training: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Change]:
    now, before = live["forms"].get("damaged", 0), training["forms"].get("damaged", 0)
    if now >= 3 and surely_more(now, live["n"], before, training["n"]) > 0:
        yield Change(
            code="encoding-damaged",
            fields=(name,),
            summary=f"{name} has damaged characters such as Ã¼ in {now / live['n']:.1%} of the live rows",
            evidence={"share": now / live["n"]},
        )


def _date_order(name: str, training: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Change]:
    first, second = "first-over-12", "second-over-12"
    before, now = training["forms"], live["forms"]
    if min(before.get("parted-date", 0), now.get("parted-date", 0)) < _FEWEST:
        return
    day_first = before.get(first, 0) > 0 and not before.get(second, 0)
    month_first = before.get(second, 0) > 0 and not before.get(first, 0)
    wrong = now.get(second if day_first else first, 0)
    if (day_first or month_first) and wrong:
        was, found = ("day", "month") if day_first else ("month", "day")
        yield Change(
            code="date-order-swapped",
            fields=(name,),
            summary=f"{name} arrives {found} first in {wrong} rows; training had the {was} first",
        )


def category_changes(
    name: str, training: Mapping[str, Any], live: Mapping[str, Any], order: Sequence[str] | None
) -> Iterator[Change]:
    """New spellings, new categories, and codes that stand for others."""
    if not live["n"]:
        return
    if live["values"] is None:
        yield _replaced(name, live["n"], live["n"])
        return
    known = training["values"]
    unseen = {value: n for value, n in live["values"].items() if value not in known}
    count = sum(unseen.values())
    surely = surely_more(count, live["n"], 0, training["n"])
    folded = {_folded(value) for value in known}
    respelled = sum(n for value, n in unseen.items() if _folded(value) in folded)
    default = [
        v for v, n in unseen.items() if v.strip().lower() in _DEFAULTS and n >= max(0.02 * live["n"], 0.5 * count)
    ]
    if surely >= _LEAST and respelled >= 0.8 * count:
        new = max((v for v in unseen if _folded(v) in folded), key=lambda value: unseen[value])
        was = next(value for value in known if _folded(value) == _folded(new))
        yield Change(
            code="categories-respelled",
            fields=(name,),
            summary=f"{name} arrives in another spelling in {count / live['n']:.0%} of the rows: {new!r} for {was!r}",
            evidence={"share": count / live["n"]},
        )
    elif default:
        yield Change(
            code="default-value-spike",
            fields=(name,),
            summary=f"{name} is {default[0]!r} in {unseen[default[0]] / live['n']:.1%} of the rows; training had none",
            evidence={"value": default[0], "share": unseen[default[0]] / live["n"]},
        )
    elif surely >= 0.3:
        yield _replaced(name, count, live["n"])
    elif shaped := list(shape_changes(name, training, live)):
        yield from shaped
    elif surely >= 0.01:
        yield Change(
            code="categories-new",
            fields=(name,),
            summary=f"{count / live['n']:.1%} of the live rows have a {name} that training did not have",
            weight=Weight.NOTE,
            evidence={"share": count / live["n"]},
        )
    if surely < 0.3:
        yield from _shifted(name, training, live, order)


def _replaced(name: str, count: int, n: int) -> Change:
    return Change(
        code="categories-replaced",
        fields=(name,),
        summary=f"{count / n:.0%} of the live rows have a {name} that training did not have: another code list",
        evidence={"share": count / n},
    )


def _folded(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def _shifted(
    name: str, training: Mapping[str, Any], live: Mapping[str, Any], order: Sequence[str] | None
) -> Iterator[Change]:
    known = sorted(training["values"])
    if len(known) == 2 and live["n"] >= _FEWEST:
        yield from turned_round(name, training, live)
    if len(known) < 3 or live["n"] < _FEWEST:
        return
    p, q = _shares(training, known), _shares(live, known)
    apart = _variation(p, q)
    noise = float(np.sqrt(len(known) / (6.3 * live["n"])))
    close = max(0.4 * (apart - noise), 0.05) + noise
    if apart < 0.15 + noise:
        return
    lists = [known] if not order or set(order) - set(known) else [known, list(order)]
    best, by = min(
        (_variation(_shares(training, codes, by), _shares(live, codes)), by) for codes in lists for by in _STEPS
    )
    if best <= close:
        yield _codes(name, f"look shifted by {by:+d} in the code list", apart, best)
        return
    ranked = _variation(np.sort(p), np.sort(q))
    if len(known) >= 6 and apart >= 0.35 and ranked <= 0.25 * apart:
        yield _codes(name, "have training's shares, but under other codes", apart, ranked)


def turned_round(name: str, training: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Change]:
    """Two values, the rare one of which is now as frequent as the other was."""
    if not training["values"] or not live["values"] or live["n"] < _FEWEST:
        return
    known = sorted(training["values"])
    if len(known) != 2 or not set(live["values"]) <= set(known):
        return
    p, q = _shares(training, known), _shares(live, known)
    apart, put_back = _variation(p, q), _variation(p[::-1], q)
    if apart >= _TURNED and put_back <= _CLOSE + float(np.sqrt(2 / (6.3 * live["n"]))):
        yield _codes(name, "have changed places", apart, put_back)


_TURNED, _CLOSE = 0.3, 0.02
_STEPS = (1, -1, 2, -2, 3, -3)


def _codes(name: str, how: str, apart: float, left: float) -> Change:
    return Change(
        code="codes-shifted",
        fields=(name,),
        summary=f"the codes of {name} {how}: {apart:.0%} of the rows differ in code, {left:.0%} when put back",
        evidence={"apart": apart, "apart_put_back": left},
    )


def _shares(side: Mapping[str, Any], codes: Sequence[str], by: int = 0) -> npt.NDArray[np.float64]:
    counts = np.array([side["values"].get(code, 0) for code in codes], dtype=np.float64)
    return np.roll(counts, by) / max(float(counts.sum()), 1.0)


def _variation(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]) -> float:
    return float(np.abs(p - q).sum()) / 2

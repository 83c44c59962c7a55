"""What can silently change in a field of numbers or times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.core.vocabulary import Weight
from seatrial.measure.clock_change import hours_explained, marked
from seatrial.measure.format_change import Change, surely_more
from seatrial.measure.log_bins import LogBins
from seatrial.measure.strangers import numbers_of, strangers, told_by_values
from seatrial.measure.transforms import explanation, fit_of, is_clock, outside_share
from seatrial.measure.units import CLOCKS, Transform

SENTINELS = (
    -1.0,
    -9.0,
    -99.0,
    -999.0,
    -9999.0,
    -99_999.0,
    99.0,
    999.0,
    9999.0,
    99_999.0,
    999_999.0,
    32_767.0,
    65_535.0,
)
DEFAULTS = (0.0, *SENTINELS)
_APART, _APART_IN_SEASON = 0.12, 0.06
"""Profiles over the hours of the day that are less apart than that, beyond chance, are those of one kind of work."""
_FEWEST = 100
_RARE, _SPIKE, _PLAIN_SPIKE = 0.01, 0.02, 0.04
_NULLS = 0.02
_FEW = 50
_DAY_S = 86_400.0
_ALL = 0.8
_MANY_MONTHS = 4
_FAR_OUTSIDE, _AROUND, _STANDS_OUT = 0.5, 0.05, 4.0


def number_changes(
    name: str,
    training: Mapping[str, Any],
    live: Mapping[str, Any],
    *,
    minimum: float | None,
    maximum: float | None,
    unit: str | None,
) -> Iterator[Change]:
    """The changes of one field of numbers."""
    shifted = list(hour_changes(name, training, live))
    yield from shifted
    unit_change = None if shifted else _unit_change(name, training, live, (minimum, maximum), unit)
    if unit_change is not None:
        yield unit_change
        return
    if shifted:
        return
    spikes = list(spike_changes(name, training, live))
    yield from spikes
    yield from _lost_precision(name, training, live)
    outside = outside_share(training, live, minimum, maximum)
    if outside >= 0.1 and not spikes:
        yield Change(
            code="outside-training",
            fields=(name,),
            summary=f"at least {outside:.0%} of {name} lies outside what training had, and no known change explains it",
            weight=Weight.NOTE,
            evidence={"outside": outside},
        )


def _unit_change(
    name: str,
    training: Mapping[str, Any],
    live: Mapping[str, Any],
    ends: tuple[float | None, float | None],
    unit: str | None,
) -> Change | None:
    """Numbers that training did not know and that one change of unit makes known, else a fit of all of them."""
    found = strangers(training, live, unit=unit)
    if found is not None and found.share < _ALL:
        transform = found.transform
        return Change(
            code=_unit_code(transform),
            fields=(name,),
            summary=f"{name} looks like {transform.name} in {found.share:.1%} of the live rows: {transform.formula} "
            f"makes known numbers of what training never had",
            evidence={"transform": transform.name, "share": found.share, "known": found.known},
        )
    if found is not None and (fit := fit_of(found.transform, training, live)) is None:
        return Change(
            code=_unit_code(found.transform),
            fields=(name,),
            summary=f"{name} looks like {found.transform.name}: {found.transform.formula} makes known numbers of what "
            f"training never had",
            evidence={"transform": found.transform.name, "share": found.share, "known": found.known},
        )
    fit = (
        fit
        if found is not None
        else explanation(
            training,
            live,
            minimum=ends[0],
            maximum=ends[1],
            unit=unit,
            only_bold=told_by_values(training, live, unit=unit),
        )
    )
    if fit is None:
        return None
    how = "explains the size of all numbers" if fit.r is None else f"fits training, r = {fit.r:.3f}"
    return Change(
        code=_unit_code(fit.transform),
        fields=(name,),
        summary=f"{name} looks like {fit.transform.name}: {fit.transform.formula} {how}",
        evidence={
            "transform": fit.transform.name,
            "r": fit.r,
            "error": fit.error,
            "error_as_is": fit.identity,
            "outside": fit.outside,
        },
    )


def _unit_code(transform: Transform) -> str:
    return "clock-format-changed" if transform in CLOCKS else "unit-changed"


def _lost_precision(name: str, training: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Change]:
    broken, whole = sum(training["decimals"][1:]), live["decimals"][0]
    if live["numbers"] < _FEWEST or not training["numbers"]:
        return
    before, now = broken / training["numbers"], 1.0 - whole / live["numbers"]
    if before >= 0.5 and now <= 0.1 * before:
        yield Change(
            code="precision-lost",
            fields=(name,),
            summary=f"{name} arrives in whole numbers; in training {before:.0%} had decimals",
            evidence={"with_decimals_training": before, "with_decimals_live": now},
        )


def spike_changes(name: str, training: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Change]:
    """Values that stand out live and did not in training."""
    for value in _candidates(live):
        count = count_at(live, value)
        known = count_at(training, value)
        outside = training["min"] is not None and not training["min"] <= value <= training["max"]
        share = count / max(live["n"], 1)
        if outside and value in SENTINELS and count >= 3 and known == 0 and _is_apart(training, live, value):
            yield _spike("sentinel-value", name, value, share, "training never had it and it lies outside its range")
        elif _spikes(training, live, value, count, known):
            yield _spike("default-value-spike", name, value, share, "it was rare in training")
        elif _replaces_nulls(training, live, count, known):
            yield _spike("default-value-spike", name, value, share, "it stands where training had nulls")


def _is_apart(training: Mapping[str, Any], live: Mapping[str, Any], value: float) -> bool:
    """Far outside and alone there, or much more frequent than its neighbours: -1 may be a reading as winter begins."""
    low, high = training["min"], training["max"]
    far = max(low - value, value - high) > _FAR_OUTSIDE * (high - low)
    others = numbers_of(live).values
    near = np.abs(others[others != value] - value) <= _AROUND * (high - low)
    return bool(far and not near.any()) or stands_out(live, value, _STANDS_OUT)


def _spikes(training: Mapping[str, Any], live: Mapping[str, Any], value: float, count: int, known: int) -> bool:
    """A rare value that became frequent; at the end of a range, where values gather by nature, much more frequent."""
    more = surely_more(count, live["n"], known, training["n"])
    at_end = value in (training["min"], training["max"]) and known > 0
    needed = max(5 * _RARE, 5 * known / training["n"]) if at_end else _SPIKE - _RARE
    # Readings of one hour are alike by nature: of a value that is no usual default more is asked.
    needed = needed if value in DEFAULTS else max(needed, _PLAIN_SPIKE)
    if known > _RARE * training["n"] or more < needed:
        return False
    # Among a few values every one is frequent: there a default that training never had is enough.
    is_code = training["values"] is not None and len(training["values"]) <= _FEW
    if is_code and value in DEFAULTS and known == 0:
        return True
    return stands_out(live, value, 4.0 if value in DEFAULTS else 8.0)


def _spike(code: str, name: str, value: float, share: float, why: str) -> Change:
    return Change(
        code=code,
        fields=(name,),
        summary=f"{name} is {value:g} in {share:.1%} of the live rows; {why}",
        evidence={"value": value, "share": share},
    )


def _candidates(live: Mapping[str, Any]) -> list[float]:
    """Known defaults that occur, and the most frequent values."""
    frequent: list[float] = []
    for text in list(live["values"] or {})[:5]:
        try:
            frequent.append(float(text))
        except ValueError:
            continue
    return [value for value in dict.fromkeys([*DEFAULTS, *frequent]) if count_at(live, value)]


def count_at(side: Mapping[str, Any], value: float) -> int:
    """How often that very value occurs: exact while values are counted, else all of its log bin."""
    if value == 0.0:
        return int(side["zeros"])
    if side["values"] is not None:
        text = str(int(value)) if value.is_integer() else repr(value)
        if text in side["values"]:
            return int(side["values"][text])
        return sum(n for other, n in side["values"].items() if _same(other, value)) if side["forms"] else 0
    low, high, counts = LogBins.of(side["bins"]).ordered()
    return int(counts[(low <= value) & (value < high)].sum())


def _same(text: str, value: float) -> bool:
    try:
        return float(text.replace(",", ".")) == value
    except ValueError:
        return False


def stands_out(side: Mapping[str, Any], value: float, times: float) -> bool:
    """Whether a value is so many times more frequent than its six nearest neighbours are on average."""
    if side["values"] is not None and not side["forms"]:
        values = np.array([float(text) for text in side["values"] if _is_number(text)])
        counts = np.array([n for text, n in side["values"].items() if _is_number(text)], dtype=np.float64)
    else:
        low, high, held = LogBins.of(side["bins"]).ordered()
        values, counts = (low + high) / 2, held.astype(np.float64)
    others = values != value
    if not others.any():
        return True
    nearest = np.argsort(np.abs(values[others] - value), kind="stable")[:6]
    return count_at(side, value) >= times * float(counts[others][nearest].mean())


def _is_number(text: str) -> bool:
    return text not in {"true", "false"}


def _replaces_nulls(training: Mapping[str, Any], live: Mapping[str, Any], count: int, known: int) -> bool:
    rows, live_rows = training["n"] + training["nulls"], live["n"] + live["nulls"]
    fewer = surely_more(training["nulls"], rows, live["nulls"], live_rows)
    more = surely_more(count, live_rows, known, rows)
    gained = count / max(live_rows, 1) - known / max(rows, 1)
    return fewer >= _NULLS and more >= 0.5 * fewer and gained <= 2 * fewer and known <= 0.3 * rows


def hour_changes(name: str, training: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Change]:
    """A profile over the hours of the day that is turned by whole hours, and days that never pass the 12th."""
    if (in_season := _turned_in_season(name, training, live)) is not None:
        yield in_season
        return
    before, now = hours_of(name, training), hours_of(name, live)
    if before is not None and now is not None and min(before.sum(), now.sum()) >= _FEWEST:
        apart, turned, hours = _turn(before, now)
        if hours:
            evidence = {"hours": hours, "apart": apart, "apart_turned": turned}
            yield _clock_changed(name, training, live, evidence) or Change(
                code="time-zone-shifted",
                fields=(name,),
                summary=f"the hours of {name} are training's turned by {hours:+d} h: another time zone, such as UTC",
                evidence=evidence,
            )
            return
    yield from _swapped_dates(name, training, live)
    if training["zones"] and live["zones"] and set(training["zones"]) != set(live["zones"]):
        yield Change(
            code="zone-marker-changed",
            fields=(name,),
            summary=f"{name} is marked {_marks(live)} where training had {_marks(training)}; the hours are the same",
            weight=Weight.NOTE,
        )


def _turn(
    before: npt.NDArray[np.float64], now: npt.NDArray[np.float64], *, least: float = _APART, whole: bool = False
) -> tuple[float, float, int]:
    """How far apart two profiles are, how far once the first is turned, and by how many hours; 0 where it is not.

    `whole` where all of it is turned alike, and none by an hour more. `least`: closer ones, but for noise, are alike.
    """
    p, q = before / before.sum(), now / now.sum()
    apart = _variation(p, q)
    turns = [(h, [np.roll(p, h)]) for h in range(1, 24)] if whole else [(h, _turned(p, h)) for h in range(24)]
    turned, hours = min((_variation(turn, q), h or 1) for h, each in turns for turn in each)
    noise = _noise(now)
    if apart < least + noise or turned > max(0.5 * (apart - noise), 0.05) + noise:
        return apart, turned, 0
    return apart, turned, hours - 24 * (hours > 12)


def _noise(now: npt.NDArray[np.float64]) -> float:
    """How far apart two samples of one profile are by chance."""
    return float(np.sqrt(24 / (6.3 * now.sum())))


def _turned_in_season(name: str, training: Mapping[str, Any], live: Mapping[str, Any]) -> Change | None:
    """A profile that is turned by an hour in one half of the year and as in training in the other one.

    Each half is held against training's own, so that work which moves with the season moves in both. The other half
    shows how far apart the two are without a turn, so that less of one is seen; nobody can tell that from work that
    moved in this half alone.
    """
    halves = [(np.array(training["seasons"][at]), np.array(live["seasons"][at])) for at in range(2)]
    if min(float(side.sum()) for half in halves for side in half) < _FEWEST:
        return None
    turns = [_turn(before, now, least=_APART_IN_SEASON, whole=True) for before, now in halves]
    if {abs(hours) for _, _, hours in turns} != {0, 1}:
        return None
    at = 0 if turns[0][2] else 1
    (apart, turned, hours), like = turns[at], turns[1 - at][0]
    if like > _APART_IN_SEASON + _noise(halves[1 - at][1]):
        return None
    sure = apart >= _APART + _noise(halves[at][1])
    when, other = ("April to September", "December to February")[:: 1 - 2 * at]
    return Change(
        code="time-zone-shifted",
        fields=(name,),
        summary=f"the hours of {name} are training's turned by {hours:+d} h from {when}, and as in training from "
        f"{other}: one offset for the whole year where training follows a change of clocks, or the other way round"
        f"{'' if sure else ', unless work itself moved by so much in that half'}",
        weight=Weight.GAP if sure else Weight.OPEN,
        evidence={"hours": hours, "apart": apart, "apart_turned": turned, "apart_otherwise": like},
    )


def _clock_changed(
    name: str, training: Mapping[str, Any], live: Mapping[str, Any], evidence: Mapping[str, Any]
) -> Change | None:
    """What a change of clocks may explain: times in UTC of who works by local time; None for anything else."""
    hours, explained = evidence["hours"], hours_explained(training, live)
    told = {marked(training), marked(live)}
    if abs(hours) != 1 or not explained or "local" in told:
        return None
    if told == {"utc"}:
        north = hours == explained
        return Change(
            code="hour-of-clock-change",
            fields=(name,),
            summary=f"the hours of {name} are training's turned by {hours:+d} h: as of who works by local time in the "
            f"{'north' if north else 'south'}, told in UTC, since clocks were changed between"
            f"{'' if north else '; in the north it would be another time zone'}",
            weight=Weight.NOTE if north else Weight.OPEN,
            evidence=evidence,
        )
    if hours != explained:
        return None
    return Change(
        code="hour-of-clock-change",
        fields=(name,),
        summary=f"the hours of {name}, which have no mark of their zone, are training's turned by {hours:+d} h, and "
        "clocks were changed between: right for times in UTC, and an hour wrong for local ones",
        weight=Weight.OPEN,
        evidence=evidence,
    )


def _marks(side: Mapping[str, Any]) -> str:
    return " and ".join(sorted(side["zones"]))


def _swapped_dates(name: str, training: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Change]:
    """No days after the 12th over months; or such days in few months, and earlier days in many others.

    The second is what a reader leaves behind that takes the month for the day wherever it can.
    """
    n = sum(live["hours"])
    if not live["zones"] or n < _FEWEST or not training["late_days"]:
        return
    months = (live["max"] - live["min"]) / (30.0 * _DAY_S)
    if months >= 3 and live["late_days"] <= 0.05 * n and training["late_days"] >= 0.3 * sum(training["hours"]):
        yield Change(
            code="date-order-swapped",
            fields=(name,),
            summary=f"{name} has no days after the 12th over {months:.0f} months: day and month have changed places",
        )
        return
    early, late = (np.array(live[which], dtype=np.int64) for which in ("early_months", "late_months"))
    odd = early[late == 0]
    if late.sum() >= _FEW and (odd > 0).sum() >= _MANY_MONTHS and surely_more(int(odd.sum()), n, 0, n) >= _SPIKE:
        yield Change(
            code="date-order-swapped",
            fields=(name,),
            summary=f"{name} has days after the 12th only in {int((late > 0).sum())} months, earlier ones in "
            f"{int((early > 0).sum())}: day and month have changed places where that makes a date",
            evidence={"share": float(odd.sum()) / n},
        )


def hours_of(name: str, side: Mapping[str, Any]) -> npt.NDArray[np.float64] | None:
    """Counts by hour of the day: of times, of clock numbers (HHMM), or of a field that is called an hour."""
    if sum(side["hours"]):
        return np.array(side["hours"], dtype=np.float64)
    called_hour = "hour" in name.lower() and side["max"] is not None and 0 <= side["min"] <= side["max"] <= 24
    if side["values"] is None or side["forms"] or not (called_hour or is_clock(side)):
        return None
    hours = np.zeros(24)
    for text, n in side["values"].items():
        hours[int(float(text)) // (1 if called_hour else 100) % 24] += n
    return hours


def _turned(profile: npt.NDArray[np.float64], hours: int) -> Sequence[npt.NDArray[np.float64]]:
    """Turned by that many hours, where it is any, and, as over a change of daylight saving time, partly by one more."""
    one, more = np.roll(profile, hours), np.roll(profile, hours + 1)
    partly = [(one + more) / 2, (2 * one + more) / 3, (one + 2 * more) / 3]
    return [one, *partly] if hours else partly


def _variation(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]) -> float:
    return float(np.abs(p - q).sum()) / 2

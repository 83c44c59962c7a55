"""How a text is written: its mask, and whether it reads as a number, a date or damaged encoding.

Works on the distinct values of a batch, with Arrow's kernels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

FORMS = {
    "number": r"^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$",
    "comma": r"^\s*[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+\s*$",
    "iso-date": r"^\d{4}-\d\d-\d\d$",
    "iso-time": r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d",
    "zoned": r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*(Z|[+-]\d\d(:?\d\d)?)$",
    "in-utc": r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*(Z|[+-]00(:?00)?)$",
    "parted-date": r"^\d{1,2}[./-]\d{1,2}[./-]\d{2,4}",
    "first-over-12": r"^(1[3-9]|2\d|3[01])[./-]\d{1,2}[./-]\d{2,4}",
    "second-over-12": r"^\d{1,2}[./-](1[3-9]|2\d|3[01])[./-]\d{2,4}",
    "damaged": "(\u00c3[\u0080-\u00bf\u0192\u201a\u201e\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u017d]"
    "|\u00c2[\u0080-\u00bf]|\u00e2\u20ac|\ufffd|\u00ef\u00bb\u00bf)",
    "padded": r"^\s+\S|\S\s+$",
    "leading-zero": r"^0\d+$",
    "entity": r"&(amp|lt|gt|quot|apos|nbsp|#\d{1,6}|#x[0-9a-fA-F]{1,6});",
    "tag": r"(?i)</?(html|body|div|span|br|p|b|i|table|td)\b[^<>]*>",
    "quoted-printable": r"=([0-9A-F]{2}|\r?\n)",
    "percent-escape": r"%[0-9A-F]{2}",
    "escape": r"\\([nrt\"/]|u[0-9a-fA-F]{4})",
    "lines": r"\n",
    "beyond-ascii": r"[^\x00-\x7f]",
    "no-capital": r"^\P{Lu}*\p{Ll}\P{Lu}*$",
    "no-small": r"^\P{Ll}*\p{Lu}\P{Ll}*$",
}
"""Name of each form to its RE2 pattern."""
_MONTH_AT, _DAY_AT, _HOUR_AT, _EARLY_DAYS = 5, 8, 11, 12
SEASONS = ((3, 4, 5, 6, 7, 8), (11, 0, 1))
"""Months from 0 in which clocks surely stand otherwise: April to September, and December to February."""
Ints = npt.NDArray[np.int64]


def forms(values: pa.Array, counts: npt.NDArray[np.int64]) -> dict[str, int]:
    """How many values have each form."""
    return {
        name: int(counts[np.asarray(pc.match_substring_regex(values, pattern), dtype=bool)].sum())
        for name, pattern in FORMS.items()
    }


def masks(values: pa.Array, counts: npt.NDArray[np.int64]) -> dict[str, int]:
    """Counts by mask: runs of capitals become `A`, other letters `a`, digits `9`; the rest stands as it is."""
    masked = pc.replace_substring_regex(values, r"\d+", "9")
    masked = pc.replace_substring_regex(masked, r"\p{Lu}+", "A")
    masked = pc.replace_substring_regex(masked, r"[\p{Ll}\p{Lo}\p{Lt}\p{Lm}]+", "a")
    return _summed(pc.utf8_slice_codeunits(masked, 0, 40), counts)


def shapes(values: pa.Array, counts: npt.NDArray[np.int64]) -> dict[str, int]:
    """Counts by shape: every capital becomes `A`, other letters `a`, digits `9`, so that lengths show."""
    shaped = pc.replace_substring_regex(values, r"\d", "9")
    shaped = pc.replace_substring_regex(shaped, r"\p{Lu}", "A")
    shaped = pc.replace_substring_regex(shaped, r"[\p{Ll}\p{Lo}\p{Lt}\p{Lm}]", "a")
    return _summed(shaped, counts)


def lengths(values: pa.Array, counts: npt.NDArray[np.int64]) -> dict[str, int]:
    """Counts by number of characters."""
    return _summed(pc.utf8_length(values).cast(pa.string()), counts)


def _summed(texts: pa.Array, counts: npt.NDArray[np.int64]) -> dict[str, int]:
    encoded = texts.dictionary_encode()
    sums = np.bincount(np.asarray(encoded.indices), weights=counts, minlength=len(encoded.dictionary))
    return dict(zip(encoded.dictionary.to_pylist(), sums.astype(np.int64).tolist(), strict=True))


def as_numbers(values: pa.Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The numbers that texts with a decimal point or comma stand for, and which of the values those are."""
    point = np.asarray(pc.match_substring_regex(values, FORMS["number"]), dtype=bool)
    comma = np.asarray(pc.match_substring_regex(values, FORMS["comma"]), dtype=bool)
    text = pc.utf8_trim_whitespace(values)
    german = pc.replace_substring(pc.replace_substring(text, ".", ""), ",", ".")
    readable = pc.if_else(pa.array(comma), german, text)
    either = point | comma
    numbers = readable.filter(pa.array(either)).cast(pa.float64())
    return np.asarray(numbers.to_numpy(zero_copy_only=False)), either


def hours_of(values: pa.Array, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many of the ISO times lie in each hour as written."""
    stamped = np.asarray(pc.match_substring_regex(values, FORMS["iso-time"]), dtype=bool)
    hours = pc.utf8_slice_codeunits(values.filter(pa.array(stamped)), 11, 13).cast(pa.int64())
    found: npt.NDArray[Any] = np.bincount(np.minimum(np.asarray(hours), 24), weights=counts[stamped], minlength=25)
    return found[:24].astype(np.int64)


def seasons_of(values: pa.Array, counts: Ints) -> Ints:
    """How many of the ISO times lie in each hour as written, in the seasons of `SEASONS`: 2 × 24."""
    stamped = np.asarray(pc.match_substring_regex(values, FORMS["iso-time"]), dtype=bool)
    texts, n = values.filter(pa.array(stamped)), counts[stamped]
    month, hour = (
        np.asarray(pc.utf8_slice_codeunits(texts, at, at + 2).cast(pa.int64())) for at in (_MONTH_AT, _HOUR_AT)
    )
    return by_season(np.clip(month, 1, 12) - 1, hour, n)


def by_season(month: Ints, hour: Ints, n: Ints) -> Ints:
    """Counts by season and hour, of times with their month from 0 and their hour, each there `n` times."""
    found = np.zeros((len(SEASONS), 24), dtype=np.int64)
    for at, months in enumerate(SEASONS):
        which = np.isin(month, months) & (hour < found.shape[1])
        np.add.at(found[at], hour[which], n[which])
    return found


def months_of(values: pa.Array, counts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """How many of the ISO times lie up to the 12th of each month of the year, and how many after it."""
    stamped = np.asarray(pc.match_substring_regex(values, FORMS["iso-time"]), dtype=bool)
    texts, n = values.filter(pa.array(stamped)), counts[stamped]
    month, day = (
        np.asarray(pc.utf8_slice_codeunits(texts, at, at + 2).cast(pa.int64())) for at in (_MONTH_AT, _DAY_AT)
    )
    place, late = np.clip(month, 1, 12) - 1, day > _EARLY_DAYS
    early_n, late_n = (np.bincount(place[which], weights=n[which], minlength=12) for which in (~late, late))
    return early_n.astype(np.int64), late_n.astype(np.int64)

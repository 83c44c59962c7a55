"""How texts are written: masks, shapes of codes, escapes that were left in, capitals, line breaks, a length cut off."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from seatrial.measure.format_change import Change, surely_more
from seatrial.measure.kinds import has_leading_zeros

_FEWEST = 100
_WORD = re.compile(r"(?<![^ ])A?a(?![^ .,;:!?])")
_SENTENCE = 3
"""Words one after the other, without a digit in them, that make a sentence."""
_LEAST, _MANY_MASKS = 0.005, 0.2
_MOST_CODE, _MOST_SHAPES = 16, 8
_LEFT_IN = {
    "entity": "HTML entities such as &amp;",
    "tag": "HTML tags",
    "quoted-printable": "quoted-printable escapes such as =20",
    "percent-escape": "percent escapes such as %20",
    "escape": "backslash escapes such as \\n",
}
_THROUGHOUT = {"no-capital": "no capital letter", "no-small": "capitals only"}
_TIMES = 3.0
_ESCAPED, _CASED, _LINES = 0.01, 0.05, 0.15
_RARE = 0.004
_CUT, _STANDS_OUT, _AROUND, _SHORTEST, _TEXTS = 0.02, 8.0, 10, 10, 5


def mask_changes(name: str, training: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Change]:
    """Patterns of letters and digits that training did not have: few rows tell it where training has few patterns."""
    if not training["masks"] or not live["masks"] or live["n"] < _FEWEST or _sentences(training["masks"]):
        return
    new = {mask: n for mask, n in live["masks"].items() if mask not in training["masks"]}
    least = _LEAST if len(training["masks"]) <= _MOST_SHAPES else _MANY_MASKS
    if surely_more(sum(new.values()), live["n"], 0, training["n"]) >= least:
        found, was = max(new, key=lambda mask: new[mask]), next(iter(training["masks"]))
        yield Change(
            code="mask-changed",
            fields=(name,),
            summary=f"{name} arrives as {found!r} where training had {was!r} (A letters, 9 digits)",
            evidence={"share": sum(new.values()) / live["n"]},
        )


def _sentences(masks: Mapping[str, int]) -> bool:
    """Whether most texts are sentences: how people word them is no format.

    >>> _sentences({"Aa a a `a-a`?": 9}), _sentences({"A9 9 9": 9}), _sentences({"A-9": 9, "A 9": 3})
    (True, False, False)
    """
    worded = sum(n for mask, n in masks.items() if len(_WORD.findall(mask)) >= _SENTENCE)
    return 2 * worded > sum(masks.values())


def shape_changes(name: str, training: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Change]:
    """Codes of another length or make than all that training had; a counter may grow a digit."""
    was, now = training["shapes"], live["shapes"]
    if not was or live["n"] < _FEWEST or not _are_codes(training):
        return
    if now is None:
        now = live["masks"] or {}
    fixed = has_leading_zeros(training)
    known = {_make(shape, fixed=fixed) for shape in was}
    new = {shape: n for shape, n in now.items() if _make(shape, fixed=fixed) not in known}
    if surely_more(sum(new.values()), live["n"], 0, training["n"]) < _LEAST:
        return
    found = max(new, key=lambda shape: new[shape])
    usual = next(iter(was))
    zeros = live["forms"].get("leading-zero", 0) / live["n"], training["forms"].get("leading-zero", 0) / training["n"]
    lost = fixed and found.isdigit() and len(found) < len(usual) and zeros[0] < zeros[1]
    yield Change(
        code="leading-zeros-lost" if lost else "mask-changed",
        fields=(name,),
        summary=f"{name} arrives without its leading zeros, such as {found!r} where training had {usual!r}"
        if lost
        else f"{name} arrives as {found!r} where training had {usual!r} (A letters, 9 digits)",
        evidence={"share": sum(new.values()) / live["n"]},
    )


def _make(shape: str, *, fixed: bool) -> str:
    return shape if fixed else re.sub(r"9+", "9", shape)


def _are_codes(training: Mapping[str, Any]) -> bool:
    shapes = training["shapes"]
    short = all(len(shape) <= _MOST_CODE and " " not in shape for shape in shapes)
    return short and len(shapes) <= _MOST_SHAPES and 2 * len(shapes) <= max(int(training["distinct"]), 2)


def writing_changes(name: str, training: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Change]:
    """Free text that was processed on its way: escapes left in, another case, line breaks or characters lost."""
    if live["n"] < _FEWEST:
        return
    before, now = training["forms"], live["forms"]
    for form, words in {**_LEFT_IN, **_THROUGHOUT}.items():
        count, known = now.get(form, 0), before.get(form, 0)
        least = _ESCAPED if form in _LEFT_IN else _CASED
        more = surely_more(count, live["n"], known, training["n"])
        if more >= least and count / live["n"] >= _TIMES * known / training["n"]:
            yield _rewritten(name, f"has {words} in {count / live['n']:.1%} of the live rows", known / training["n"])
    lines, kept = before.get("lines", 0), now.get("lines", 0)
    if surely_more(lines, training["n"], kept, live["n"]) >= _LINES:
        yield _rewritten(name, f"has line breaks in {kept / live['n']:.1%} of the live rows", lines / training["n"])
    beyond = before.get("beyond-ascii", 0)
    if not now.get("beyond-ascii", 0) and surely_more(beyond, training["n"], 0, live["n"]) >= _RARE:
        yield Change(
            code="encoding-damaged",
            fields=(name,),
            summary=f"{name} has no character beyond ASCII in any live row; training had some in "
            f"{beyond / training['n']:.1%}: they were lost or replaced",
        )
    yield from _cut(name, training, live)


def _rewritten(name: str, what: str, before: float) -> Change:
    return Change(
        code="text-rewritten",
        fields=(name,),
        summary=f"{name} {what}, {before:.1%} in training: it was processed on its way",
    )


def _cut(name: str, training: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Change]:
    """Many different texts of exactly one length, which training hardly had, and fewer longer ones than there."""
    if not live["lengths"] or not training["lengths"] or live["values"] is None:
        return
    counts = {int(length): n for length, n in live["lengths"].items()}
    length, count = max(counts.items(), key=lambda item: item[1])
    around = [counts.get(length + by, 0) for by in range(-_AROUND, _AROUND + 1) if by]
    more = surely_more(count, live["n"], training["lengths"].get(str(length), 0), training["n"])
    texts = sum(1 for text in live["values"] if len(text) == length)
    longer, were = (sum(n for text, n in side["lengths"].items() if int(text) > length) for side in (live, training))
    if surely_more(were, training["n"], longer, live["n"]) < _CUT / 2:
        return
    if length < _SHORTEST or texts < _TEXTS or more < _CUT or count < _STANDS_OUT * float(np.mean(around)):
        return
    yield Change(
        code="text-cut",
        fields=(name,),
        summary=f"{name} is exactly {length} characters long in {count / live['n']:.1%} of the live rows: cut off",
        evidence={"length": length, "share": count / live["n"]},
    )

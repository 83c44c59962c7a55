"""Figures as static SVG through Vega-Lite; colours are the page's own, so that light, dark and print each fit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from seatrial.core.observation import Figure
from seatrial.present.figures import SPECIFICATIONS

WIDTH = 560
_FONT = "Arial, Helvetica, sans-serif"
_CONFIG: dict[str, Any] = {
    "background": None,
    "font": _FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--ink)",
        "titleColor": "var(--ink)",
        "gridColor": "var(--rule)",
        "domainColor": "var(--rule)",
        "tickColor": "var(--rule)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelLimit": 320,
        "tickCount": 6,
    },
    "legend": {"labelColor": "var(--ink)", "titleColor": "var(--ink)", "labelFontSize": 12, "titleFontSize": 12},
    "header": {"labelColor": "var(--ink)", "titleColor": "var(--ink)"},
    "text": {"color": "var(--ink)", "fontSize": 12},
    "rule": {"color": "var(--ink)"},
}
_ARIA = re.compile(r'\s(?:role|aria-[a-z]+)="[^"]*"')


def drawable(figure: Figure) -> bool:
    """True when a picture exists for this kind and there is something to draw."""
    return figure.kind in SPECIFICATIONS and bool(figure.rows)


def start() -> None:
    """Have the first picture drawn as fast as those after it."""
    _render(json.dumps({"mark": "bar", "data": {"values": [{"a": 1}]}, "encoding": {"x": {"field": "a"}}}))


def svg(figure: Figure) -> str:
    """The figure as inline SVG without scripts, roles or styles of its own."""
    specification = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": WIDTH,
        "config": _CONFIG,
        "padding": 2,
        **SPECIFICATIONS[figure.kind](figure),
    }
    return _render(json.dumps(specification, sort_keys=True, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be drawn")


@lru_cache(maxsize=256)
def _render(specification: str) -> str:
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg(json.loads(specification))
    return _ARIA.sub("", drawn)

"""The live page of a watch: what is wrong, what is held, and what is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

_LEVELS = {"look": "Look at this when there is time", "page": "Somebody must look now", "offline": "Take it offline"}
_PIECES = 40


def page(standing: Mapping[str, Any]) -> str:
    """One HTML page that renews itself, from a watch's standing as plain data."""
    return _template().render(standing=standing, words=_LEVELS, figure=_figure, spark=_spark)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _spark(stream: Mapping[str, Any]) -> str:
    """The means of the newest values as a line, oldest left."""
    means = _means(stream["newest"])
    if len(means) < 2:
        return ""
    most = max(*means, 1e-9)
    points = " ".join(f"{100 * i / (len(means) - 1):.1f},{28 - 26 * m / most:.1f}" for i, m in enumerate(means))
    label = f"from {means[0]:.3f} to {means[-1]:.3f}"
    return Markup(
        '<svg class="spark" viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<polyline points="{}" fill="none" stroke="currentColor" stroke-width="2" vector-effect="non-scaling-stroke"/>'
        "</svg>"
    ).format(label, points)


def _means(values: Sequence[float]) -> list[float]:
    size = max(1, -(-len(values) // _PIECES))
    pieces = [values[start : start + size] for start in range(0, len(values), size)]
    return [sum(piece) / len(piece) for piece in pieces]


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("seatrial.present"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("watch.html")

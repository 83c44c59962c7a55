"""One Vega-Lite specification per kind of figure; the data come with the observation, the colours with the page.

Kinds and their rows:

- `metric`: name, value, lower, upper, limit, sense; option `shares`, true where all of them are shares
- `slices`: label, error, rest, share, n, lower; option `measured`, what the errors are where they are no shares
- `reliability`: score, observed, n
- `drift`: field, distance, cutoff
- `staleness`: lag_h, metric
- `latency`: share, latency_s (the quantile curve); option `limit_s`, `percentile`
- `throughput`: at_s, latency_s
- `capacity`: rate, latency_s, upper_s, state (`held`, `broke a limit`); options `limit_s`, `percentile`, `peak` and
  `needed`
- `faults`: field, kind, outcome (`refused`, `handled`, `silent harm`, `crash`)
- `flows`: flow, state, records
- `durations`: name, part, seconds; option `limit_s`
- `people`: name, state
- `gaps`: requirement, starts, due, owner, outcome; options `review_from`, `review_to`, `go_live`, `today`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seatrial.core.observation import Figure, Json

Specification = dict[str, Any]
_OUTCOME_COLOURS = {"domain": ["NOT_MET", "NOT_DETERMINED"], "range": ["var(--not-met)", "var(--open)"]}
_FAULT_COLOURS = {
    "domain": ["refused", "handled", "silent harm", "crash"],
    "range": ["var(--met)", "var(--met-soft)", "var(--not-met)", "var(--open)"],
}

_ISOLATION_COLOURS = {
    "domain": ["kept its limits", "degraded, recovered", "stopped, recovered", "gave other answers", "did not recover"],
    "range": ["var(--met)", "var(--met-soft)", "var(--open)", "var(--not-met-soft)", "var(--not-met)"],
}


def _values(figure: Figure) -> Specification:
    return {"values": [dict(row) for row in figure.rows]}


def _height(figure: Figure, per_row: int = 26) -> int:
    return max(60, per_row * len(figure.rows))


def _rule_at(value: Json, channel: str, label: str) -> list[Specification]:
    """A dashed line with its name at one value of an axis."""
    if value is None:
        return []
    data = {"values": [{"at": value, "label": label}]}
    place = {"field": "at", "type": "quantitative"}
    text = {"align": "left", "dx": 4, "dy": -4} if channel == "x" else {"align": "right", "dy": -6}
    anchor = {"y": {"value": 10}} if channel == "x" else {"x": {"value": "width"}}
    return [
        {"data": data, "mark": {"type": "rule", "strokeDash": [5, 4]}, "encoding": {channel: place}},
        {
            "data": data,
            "mark": {"type": "text", **text},
            "encoding": {channel: place, "text": {"field": "label"}, **anchor},
        },
    ]


def _metric(figure: Figure) -> Specification:
    y = {"field": "name", "type": "nominal", "title": None, "sort": None}
    return {
        "data": _values(figure),
        "height": _height(figure, 34),
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 3, "color": "var(--accent)"},
                "encoding": {
                    "y": y,
                    "x": {
                        "field": "lower",
                        "type": "quantitative",
                        "title": "estimate with its bounds; the red mark is the limit",
                        "axis": {"format": "~%"} if figure.options.get("shares") else {},
                        "scale": {"zero": False, "padding": 12},
                    },
                    "x2": {"field": "upper"},
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 80, "color": "var(--accent)"},
                "encoding": {"y": y, "x": {"field": "value", "type": "quantitative"}},
            },
            {
                "mark": {"type": "tick", "thickness": 3, "size": 24, "color": "var(--not-met)"},
                "encoding": {"y": y, "x": {"field": "limit", "type": "quantitative"}},
            },
        ],
    }


def _slices(figure: Figure) -> Specification:
    measured = figure.options.get("measured")
    y = {"field": "label", "type": "nominal", "title": None, "sort": None}
    return {
        "data": _values(figure),
        "height": _height(figure, 34),
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 2, "color": "var(--rule)"},
                "encoding": {
                    "y": y,
                    "x": {
                        "field": "rest",
                        "type": "quantitative",
                        "title": f"{measured or 'share wrong'}: everywhere else (ring) and here (dot)",
                        "axis": {} if measured else {"format": ".0%"},
                    },
                    "x2": {"field": "error"},
                },
            },
            {
                "mark": {"type": "point", "filled": False, "size": 70, "color": "var(--ink)"},
                "encoding": {"y": y, "x": {"field": "rest", "type": "quantitative"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90, "color": "var(--not-met)"},
                "encoding": {"y": y, "x": {"field": "error", "type": "quantitative"}},
            },
        ],
    }


def _reliability(figure: Figure) -> Specification:
    diagonal = {"values": [{"score": 0, "observed": 0}, {"score": 1, "observed": 1}]}
    x = {"field": "score", "type": "quantitative", "title": "what the model says", "axis": {"format": ".0%"}}
    y = {"field": "observed", "type": "quantitative", "title": "what happened", "axis": {"format": ".0%"}}
    return {
        "height": 260,
        "width": 320,
        "layer": [
            {
                "data": diagonal,
                "mark": {"type": "line", "strokeDash": [5, 4], "color": "var(--muted)"},
                "encoding": {"x": x, "y": y},
            },
            {
                "data": _values(figure),
                "mark": {"type": "line", "point": {"filled": True, "color": "var(--accent)"}, "color": "var(--accent)"},
                "encoding": {"x": x, "y": y},
            },
        ],
    }


def _drift(figure: Figure) -> Specification:
    y = {"field": "field", "type": "nominal", "title": None, "sort": "-x"}
    return {
        "data": _values(figure),
        "height": _height(figure, 20),
        "layer": [
            {
                "mark": {"type": "bar", "height": 11},
                "encoding": {
                    "y": y,
                    "x": {"field": "distance", "type": "quantitative", "title": "distance, in standard deviations"},
                    "color": {
                        "condition": {"test": "datum.distance > datum.cutoff", "value": "var(--not-met)"},
                        "value": "var(--accent)",
                    },
                },
            },
            {
                "mark": {"type": "tick", "thickness": 2, "size": 16, "color": "var(--ink)"},
                "encoding": {"y": y, "x": {"field": "cutoff", "type": "quantitative"}},
            },
        ],
    }


def _staleness(figure: Figure) -> Specification:
    x = {"field": "lag_h", "type": "quantitative", "title": "age of the data, hours"}
    y = {"field": "metric", "type": "quantitative", "title": figure.options.get("metric"), "scale": {"zero": False}}
    line = {"type": "line", "point": {"filled": True, "color": "var(--accent)"}, "color": "var(--accent)"}
    return {
        "height": 200,
        "layer": [
            {"data": _values(figure), "mark": line, "encoding": {"x": x, "y": y}},
            *_rule_at(figure.options.get("minimum"), "y", "minimum"),
        ],
    }


def _latency(figure: Figure) -> Specification:
    x = {"field": "share", "type": "quantitative", "title": "share of requests", "axis": {"format": ".0%"}}
    y = {"field": "latency_s", "type": "quantitative", "title": "latency from the intended start, seconds"}
    line = {"type": "line", "interpolate": "step-after", "color": "var(--accent)", "strokeWidth": 2}
    return {
        "height": 220,
        "layer": [
            {"data": _values(figure), "mark": line, "encoding": {"x": x, "y": y}},
            *_rule_at(
                figure.options.get("limit_s"), "y", f"limit of {figure.options.get('percentile', 'the percentile')}"
            ),
        ],
    }


def _throughput(figure: Figure) -> Specification:
    x = {"field": "at_s", "type": "quantitative", "title": "seconds into the test"}
    y = {"field": "latency_s", "type": "quantitative", "title": "latency, seconds"}
    return {
        "height": 180,
        "layer": [
            {
                "data": _values(figure),
                "mark": {"type": "point", "filled": True, "size": 12, "opacity": 0.6, "color": "var(--accent)"},
                "encoding": {"x": x, "y": y},
            },
            *_rule_at(figure.options.get("limit_s"), "y", "limit"),
        ],
    }


def _capacity(figure: Figure) -> Specification:
    colours = {"domain": ["held", "broke a limit"], "range": ["var(--met)", "var(--not-met)"]}
    x = {"field": "rate", "type": "quantitative", "title": "requests a second"}
    title = f"{figure.options.get('percentile', 'latency')}, seconds (line: its upper bound)"
    y = {"field": "latency_s", "type": "quantitative", "title": title, "scale": {"type": "log"}}
    colour = {"field": "state", "type": "nominal", "title": None, "scale": colours, "legend": {"orient": "top"}}
    return {
        "height": 220,
        "layer": [
            {
                "data": _values(figure),
                "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.6},
                "encoding": {"x": x, "y": y, "y2": {"field": "upper_s"}, "color": colour},
            },
            {
                "data": _values(figure),
                "mark": {"type": "point", "filled": True, "size": 50},
                "encoding": {"x": x, "y": y, "color": colour},
            },
            *_rule_at(figure.options.get("limit_s"), "y", "limit"),
            *_rule_at(figure.options.get("needed"), "x", "needed"),
            *_rule_at(figure.options.get("peak"), "x", "peak"),
        ],
    }


def _isolation(figure: Figure) -> Specification:
    return {
        "data": _values(figure),
        "height": {"step": 22},
        "width": {"step": 130},
        "mark": {"type": "rect", "stroke": "var(--page)", "strokeWidth": 2},
        "encoding": {
            "y": {"field": "disturbed", "type": "nominal", "title": "while this was …", "sort": None},
            "x": {"field": "stream", "type": "nominal", "title": None, "sort": None, "axis": {"labelAngle": 0}},
            "color": {
                "field": "state",
                "type": "nominal",
                "title": None,
                "scale": _ISOLATION_COLOURS,
                "legend": {"orient": "top"},
            },
        },
    }


def _faults(figure: Figure) -> Specification:
    return {
        "data": _values(figure),
        "height": {"step": 22},
        "width": {"step": 34},
        "mark": {"type": "rect", "stroke": "var(--page)", "strokeWidth": 2},
        "encoding": {
            "y": {"field": "field", "type": "nominal", "title": None},
            "x": {"field": "kind", "type": "nominal", "title": None, "axis": {"labelAngle": -45}},
            "color": {
                "field": "outcome",
                "type": "nominal",
                "title": None,
                "scale": _FAULT_COLOURS,
                "legend": {"orient": "top"},
            },
        },
    }


def _flows(figure: Figure) -> Specification:
    states = ["delivered once", "late", "lost", "doubled", "altered", "out of order"]
    colours = ["var(--met)", "var(--open)", "var(--not-met)", "var(--not-met)", "var(--not-met)", "var(--open)"]
    return {
        "data": _values(figure),
        "height": {"step": 34},
        "mark": {"type": "bar", "height": 18},
        "encoding": {
            "y": {"field": "flow", "type": "nominal", "title": None},
            "x": {"field": "records", "type": "quantitative", "title": "records"},
            "color": {
                "field": "state",
                "type": "nominal",
                "title": None,
                "scale": {"domain": states, "range": colours},
                "legend": {"orient": "top"},
            },
        },
    }


def _durations(figure: Figure) -> Specification:
    return {
        "height": {"step": 30},
        "layer": [
            {
                "data": _values(figure),
                "mark": {"type": "bar", "height": 16},
                "encoding": {
                    "y": {"field": "name", "type": "nominal", "title": None, "sort": None},
                    "x": {"field": "seconds", "type": "quantitative", "title": "seconds"},
                    "color": {
                        "field": "part",
                        "type": "nominal",
                        "title": None,
                        "scale": {"range": ["var(--accent)", "var(--met-soft)", "var(--muted)", "var(--open)"]},
                        "legend": {"orient": "top"},
                    },
                },
            },
            *_rule_at(figure.options.get("limit_s"), "x", "limit"),
        ],
    }


def _catch_up(figure: Figure) -> Specification:
    y = {"field": "label", "type": "nominal", "title": None, "sort": None}
    x = {"field": "seconds", "type": "quantitative", "title": "seconds after the source came back"}
    return {
        "height": _height(figure),
        "layer": [
            {"data": _values(figure), "mark": {"type": "bar", "color": "var(--accent)"}, "encoding": {"x": x, "y": y}},
            *_rule_at(figure.options.get("limit_s"), "x", "limit"),
        ],
    }


def _people(figure: Figure) -> Specification:
    return {
        "data": _values(figure),
        "height": {"step": 30},
        "mark": {"type": "bar", "height": 16},
        "encoding": {
            "y": {"field": "name", "type": "nominal", "title": None, "sort": None},
            "x": {"aggregate": "count", "type": "quantitative", "title": "people"},
            "color": {
                "field": "state",
                "type": "nominal",
                "title": None,
                "scale": {"domain": ["passed", "not passed"], "range": ["var(--met)", "var(--not-met)"]},
                "legend": {"orient": "top"},
            },
        },
    }


def _day_rule(when: Json, label: str, dy: int, colour: str) -> list[Specification]:
    if when is None:
        return []
    data = {"values": [{"at": when, "label": label}]}
    x = {"field": "at", "type": "temporal"}
    return [
        {"data": data, "mark": {"type": "rule", "color": colour, "strokeWidth": 2}, "encoding": {"x": x}},
        {
            "data": data,
            "mark": {"type": "text", "align": "left", "dx": 4, "color": "var(--ink)"},
            "encoding": {"x": x, "y": {"value": dy}, "text": {"field": "label"}},
        },
    ]


def _gaps(figure: Figure) -> Specification:
    options: Mapping[str, Json] = figure.options
    window = {"values": [{"from": options.get("review_from"), "to": options.get("review_to")}]}
    y = {"field": "requirement", "type": "nominal", "title": None, "sort": None}
    return {
        "height": _height(figure, 20),
        "width": 640,
        "padding": {"top": 46, "left": 4, "right": 70, "bottom": 4},
        "layer": [
            {
                "data": window,
                "mark": {"type": "rect", "color": "var(--accent)", "opacity": 0.15},
                "encoding": {"x": {"field": "from", "type": "temporal"}, "x2": {"field": "to"}},
            },
            {
                "data": _values(figure),
                "mark": {"type": "bar", "height": 12, "cornerRadius": 2},
                "encoding": {
                    "y": y,
                    "x": {"field": "starts", "type": "temporal", "title": None, "axis": {"format": "%-d %b"}},
                    "x2": {"field": "due"},
                    "color": {"field": "outcome", "type": "nominal", "scale": _OUTCOME_COLOURS, "legend": None},
                },
            },
            *_day_rule(options.get("review_from"), "review window", -34, "var(--accent)"),
            *_day_rule(options.get("today"), "today", -8, "var(--muted)"),
            *_day_rule(options.get("go_live"), "planned go-live", -21, "var(--not-met)"),
            *_day_rule(options.get("earliest"), "earliest go-live", -8, "var(--met)"),
        ],
    }


SPECIFICATIONS: Mapping[str, Callable[[Figure], Specification]] = {
    "metric": _metric,
    "slices": _slices,
    "reliability": _reliability,
    "drift": _drift,
    "staleness": _staleness,
    "latency": _latency,
    "throughput": _throughput,
    "capacity": _capacity,
    "faults": _faults,
    "flows": _flows,
    "durations": _durations,
    "catch-up": _catch_up,
    "isolation": _isolation,
    "people": _people,
    "gaps": _gaps,
}

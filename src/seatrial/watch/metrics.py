"""What a watch knows, as metrics for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


def exposition(standing: Mapping[str, Any]) -> str:
    """The metrics of a watch's standing, as `Door` tells it, in Prometheus' text format.

    >>> print(exposition({"system": "a", "counts": {"prediction": 3}, "lag": 0, "streams": [], "alarms": []}).strip())
    # HELP seatrial_watch_events_total Events that were taken, refused or known already.
    # TYPE seatrial_watch_events_total counter
    seatrial_watch_events_total{system="a",what="prediction"} 3.0
    # HELP seatrial_watch_lag_events Events that the monitors have not looked at yet.
    # TYPE seatrial_watch_lag_events gauge
    seatrial_watch_lag_events{system="a"} 0.0
    """
    registry = CollectorRegistry()
    registry.register(_Standing(standing))
    return generate_latest(registry).decode()


class _Standing(Collector):
    def __init__(self, standing: Mapping[str, Any]) -> None:
        self._standing = standing

    def collect(self) -> Iterator[Metric]:
        standing, system = self._standing, str(self._standing["system"])
        events = CounterMetricFamily(
            "seatrial_watch_events", "Events that were taken, refused or known already.", labels=["system", "what"]
        )
        for name, number in sorted(standing["counts"].items()):
            events.add_metric([system, name], number)
        yield events
        lag = GaugeMetricFamily(
            "seatrial_watch_lag_events", "Events that the monitors have not looked at yet.", labels=["system"]
        )
        lag.add_metric([system], standing["lag"])
        yield lag
        yield from self._streams(system)
        if standing["alarms"]:
            labels = ["system", "monitor", "level", "state", "id"]
            alarms = GaugeMetricFamily("seatrial_watch_alarm", "1 for each alarm that is not closed.", labels=labels)
            for alarm in standing["alarms"]:
                alarms.add_metric([system, *(str(alarm[key]) for key in labels[1:])], 1)
            yield alarms

    def _streams(self, system: str) -> Iterator[Metric]:
        streams = self._standing["streams"]
        if not streams:
            return
        level = GaugeMetricFamily(
            "seatrial_watch_level", "The mean of a stream's newest values.", labels=["system", "stream"]
        )
        evidence = GaugeMetricFamily(
            "seatrial_watch_evidence",
            "Log evidence that a limit is broken; at its line it is an alarm.",
            labels=["system", "stream", "detector", "which"],
        )
        for stream in streams:
            if stream["now"] is not None:
                level.add_metric([system, stream["name"]], stream["now"])
            for detector in stream["detectors"]:
                for which in ("evidence", "line"):
                    evidence.add_metric([system, stream["name"], detector["name"], which], detector[which])
        yield level
        yield evidence

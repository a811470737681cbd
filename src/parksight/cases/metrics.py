"""Figures of the engine for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from parksight.cases.escalation import Escalator


class CaseCollector(Collector):
    """Register it on ``app.state.metrics``."""

    def __init__(self, escalator: Escalator) -> None:
        self._escalator = escalator

    def collect(self) -> Iterator[Metric]:
        rungs = CounterMetricFamily(
            "parksight_case_escalation", "Rungs of escalation fired, left out and failed.", labels=["event"]
        )
        for event in ("fired", "undeclared", "failures"):
            rungs.add_metric([event], self._escalator.counters[event])
        yield rungs

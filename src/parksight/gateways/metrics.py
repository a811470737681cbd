"""Figures of the gateways for Prometheus, read at scrape time from the counters that are kept anyway."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from parksight.gateways.manager import GatewayManager


class GatewayCollector(Collector):
    """Register it on ``app.state.metrics``. Series per gateway and reason, never per device."""

    def __init__(self, manager: GatewayManager) -> None:
        self._manager = manager

    def collect(self) -> Iterator[Metric]:
        running = GaugeMetricFamily("parksight_gateway_running", "1 while it runs.", labels=["gateway"])
        peers = GaugeMetricFamily("parksight_gateway_connections", "Open connections.", labels=["gateway"])
        counts = GaugeMetricFamily(
            "parksight_gateway_count", "What the gateway counts.", labels=["gateway", "counter"]
        )
        rejected = CounterMetricFamily(
            "parksight_gateway_rejected", "Frames and readings refused.", labels=["gateway", "reason"]
        )
        restarts = CounterMetricFamily("parksight_gateway_restarts", "Restarts.", labels=["gateway"])
        for status in self._manager.status():
            running.add_metric([status.name], int(status.running))
            peers.add_metric([status.name], status.connections)
            for counter, number in status.counters.items():
                counts.add_metric([status.name, counter], number)
            for reason, number in status.rejected.items():
                rejected.add_metric([status.name, reason], number)
            restarts.add_metric([status.name], self._manager.supervision[status.name].restarts)
        yield from (running, peers, counts, rejected, restarts)
        frames = CounterMetricFamily("parksight_frame_log", "Frames logged and left out.", labels=["event"])
        for event, number in self._manager.context.frames.counters.items():
            frames.add_metric([event], number)
        yield frames

"""Figures of telemetry for Prometheus, read at scrape time from the counters that are kept anyway."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from parksight.kernel.clock import Clock
from parksight.telemetry.ingest.pipeline import IngestPipeline
from parksight.telemetry.live.hub import LiveHub
from parksight.telemetry.live_table import LiveTable


class TelemetryCollector(Collector):
    """Register it on ``app.state.metrics``. No series per source or point: their number is not bounded here."""

    def __init__(self, clock: Clock, ingest: IngestPipeline, live: LiveTable, hub: LiveHub) -> None:
        self._clock, self._ingest, self._live, self._hub = clock, ingest, live, hub

    def collect(self) -> Iterator[Metric]:
        total, figures, hub = self._ingest.books.total(), self._ingest.figures(), self._hub.figures()
        yield CounterMetricFamily("parksight_ingest_received", "Readings handed in.", total.received)
        yield CounterMetricFamily("parksight_ingest_stored", "Readings made durable.", total.stored)
        rejected = CounterMetricFamily("parksight_ingest_rejected", "Readings rejected.", labels=["reason"])
        for reason, count in total.rejected.items():
            rejected.add_metric([reason], count)
        yield rejected
        yield GaugeMetricFamily("parksight_ingest_in_flight", "Readings not yet decided.", total.in_flight)
        notes = CounterMetricFamily(
            "parksight_ingest_noted", "Stored readings with a remark.", labels=["note"]
        )
        for note, count in figures["notes"].items():
            notes.add_metric([note], count)
        yield notes
        yield CounterMetricFamily("parksight_ingest_ticks", "Group commits.", figures["ticks"])
        yield CounterMetricFamily(
            "parksight_ingest_busy_seconds", "Time spent in ticks.", figures["busy_seconds"]
        )
        pressure = figures["back_pressure"]
        yield CounterMetricFamily("parksight_ingest_full", "Times it took no more.", pressure["times_full"])
        yield GaugeMetricFamily(
            "parksight_ingest_throttled_sources",
            "Sources over their rate.",
            len(figures["throttled_sources"]),
        )
        points = GaugeMetricFamily("parksight_points", "Active points by state.", labels=["state"])
        for state, count in self._live.coverage(self._clock.now_ms()).as_dict().items():
            if state != "total":
                points.add_metric([state], count)
        yield points
        yield GaugeMetricFamily("parksight_live_clients", "Open live connections.", hub["clients"])
        live = CounterMetricFamily("parksight_live", "Events of the live push.", labels=["event"])
        for event, count in hub["counters"].items():
            live.add_metric([event], count)
        yield live

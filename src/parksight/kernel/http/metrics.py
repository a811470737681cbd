"""Numbers about ourselves for Prometheus. Modules add collectors to ``app.state.metrics``."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from parksight import __version__


class HttpMetrics:
    """Request figures by route template, never by raw path: the number of series stays bounded."""

    def __init__(self, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        Gauge("parksight_info", "Version of this installation.", ["version"], registry=registry).labels(
            __version__
        ).set(1)
        self.requests = Counter(
            "parksight_http_requests", "Answered requests.", ["method", "route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "parksight_http_seconds",
            "Time to the last byte of the answer.",
            ["route"],
            registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
        )
        self.refused = Counter(
            "parksight_http_refused", "Requests refused before any route.", ["reason"], registry=registry
        )
        self.errors = Counter(
            "parksight_http_unexpected_errors", "Exceptions nobody expected.", registry=registry
        )

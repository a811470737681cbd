"""Figures of notifications for Prometheus, read at scrape time."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from parksight.kernel.db import Database
from parksight.notifications.models import QUEUED, SENDING, Delivery
from parksight.notifications.worker import Worker


class NotificationCollector(Collector):
    """Register it on ``app.state.metrics``. Series per kind of channel, never per person."""

    def __init__(self, db: Database, worker: Worker) -> None:
        self._db, self._worker = db, worker

    def describe(self) -> Iterator[Metric]:
        """Names without a look at the records, which may not be there yet when this is registered."""
        yield GaugeMetricFamily("parksight_notifications_waiting", "Deliveries queued or on their way.")
        yield CounterMetricFamily("parksight_notifications", "What became of deliveries since the start.")

    def collect(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "parksight_notifications_waiting", "Deliveries queued or on their way.", labels=["channel", "state"]
        )  # fmt: skip
        with self._db.read() as session:
            rows = session.execute(
                select(Delivery.kind, Delivery.state, func.count())
                .where(Delivery.state.in_((QUEUED, SENDING)))
                .group_by(Delivery.kind, Delivery.state)
            )
            for kind, state, number in rows:
                waiting.add_metric([kind, state], number)
        yield waiting
        counted = CounterMetricFamily(
            "parksight_notifications", "What became of deliveries since the start.", labels=["channel", "outcome"]
        )  # fmt: skip
        for (kind, outcome), number in self._worker.counters.copy().items():
            counted.add_metric([kind, outcome], number)
        yield counted

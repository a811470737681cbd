"""The gateways' figures as Prometheus reads them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from tests.gateways.test_api import QuietGateway

from parksight.gateways.context import GatewayContext
from parksight.gateways.manager import GatewayManager
from parksight.gateways.metrics import GatewayCollector


def test_figures_per_gateway(context: GatewayContext) -> None:
    registry = CollectorRegistry()
    registry.register(GatewayCollector(GatewayManager(context, [QuietGateway()])))
    context.frames.add(1, 1, b"x")
    text = generate_latest(registry).decode()
    assert 'parksight_gateway_running{gateway="hj212"} 0.0' in text
    assert 'parksight_gateway_count{counter="frames",gateway="hj212"} 7.0' in text
    assert 'parksight_frame_log_total{event="taken"} 1.0' in text

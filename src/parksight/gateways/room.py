"""The gateways as one service: what ``app.state.gateways`` holds and the routes ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from parksight.gateways.context import GatewayContext
from parksight.gateways.doctor import BooksView, Doctor, LiveView
from parksight.gateways.manager import GatewayManager
from parksight.gateways.onboarding import Onboarding, PointMaker
from parksight.gateways.protocols import Gateway
from parksight.gateways.service import GatewaysService
from parksight.gateways.spec import ProtocolSpec


@dataclass(frozen=True, slots=True)
class Gateways:
    """Built once by the composition root; ``manager.start()`` and ``stop()`` are its life."""

    context: GatewayContext
    service: GatewaysService
    onboarding: Onboarding
    manager: GatewayManager
    doctor: Doctor


def build(
    context: GatewayContext,
    gateways: Sequence[Gateway],
    specs: Sequence[ProtocolSpec],
    points: PointMaker,
    *,
    live: LiveView | None = None,
    books: BooksView | None = None,
    clock_skew_s: int = 120,
) -> Gateways:
    """Put the parts together.

    Args:
        context: shared parts.
        gateways: the running protocols, in start order.
        specs: the protocols devices may use; one more than there are gateways is fine.
        points: makes points at onboarding.
        live: live table, for the diagnosis.
        books: ingest books, for the diagnosis.
        clock_skew_s: clock deviation that counts as a finding.
    """
    service = GatewaysService(context, specs)
    manager = GatewayManager(context, gateways)
    return Gateways(
        context=context,
        service=service,
        onboarding=Onboarding(service, points),
        manager=manager,
        doctor=Doctor(context, manager, live, books, clock_skew_s),
    )

"""Which device feeds which point, for those who group by source. Plain tuples: the rooms above know no gateway."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.gateways.models import Device, PointMapping

_PORTION = 500


def sources_of(session: Session, points: Iterable[int]) -> dict[int, tuple[int, str, str, str]]:
    """Point id -> (device id, code, name, English name) of the enabled device that feeds it; the lowest id of several."""
    ids, found = sorted(set(points)), {}
    for start in range(0, len(ids), _PORTION):
        statement = (
            select(PointMapping.point_id, Device.id, Device.code, Device.name, Device.name_en)
            .join(Device, Device.id == PointMapping.device_id)
            .where(PointMapping.point_id.in_(ids[start : start + _PORTION]), Device.enabled.is_(True))
            .order_by(Device.id.desc())
        )
        found.update({row[0]: (row[1], row[2], row[3], row[4]) for row in session.execute(statement)})
    return found

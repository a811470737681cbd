"""Use cases of camera links: who may see and change them, sealing, audit."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from parksight.gateways.cameras.config import LinkOptions
from parksight.gateways.cameras.events import CameraLinksChanged
from parksight.gateways.cameras.models import CameraLink
from parksight.gateways.cameras.schemas import CameraLinkIn, CameraLinkOut, CameraLinkRow, CameraLinksDone
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.errors import ProblemError, conflict, invalid, not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.sealing import Sealer
from parksight.registry.models import Camera

_FIELDS = (
    "protocol", "host", "port", "main_url", "sub_url", "channel", "username", "simulated", "enabled",
)  # fmt: skip


def camera(session: Session, caller: Caller, camera_id: int) -> Camera:
    """The camera, 404 for one the caller may not know of."""
    found: Camera | None = session.scalar(
        caller.scoped(select(Camera).where(Camera.id == camera_id), Camera.enterprise_id)
    )
    if found is None:
        raise not_found("registry.camera", camera_id)
    return found


class CameraLinks:
    """Links and their changes.

    Args:
        clock: stamps of changes.
        sealer: keeps passwords.
    """

    def __init__(self, clock: Clock, sealer: Sealer) -> None:
        self._clock, self._sealer = clock, sealer

    def all(
        self, session: Session, caller: Caller, limit: int, offset: int
    ) -> tuple[list[CameraLinkOut], int]:
        """One page by code, and how many there are."""
        every: Any = select(CameraLink, Camera).join(Camera, Camera.id == CameraLink.camera_id)
        query = caller.scoped(every, Camera.enterprise_id)
        total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
        rows = session.execute(query.order_by(Camera.code).limit(limit).offset(offset)).all()
        return [shown(link, place) for link, place in rows], total

    def one(self, session: Session, caller: Caller, camera_id: int) -> CameraLinkOut:
        place = camera(session, caller, camera_id)
        row = session.get(CameraLink, camera_id)
        if row is None:
            raise not_found("gateways.camera_link", place.code)
        return shown(row, place)

    def put(self, session: Session, caller: Caller, camera_id: int, data: CameraLinkIn) -> CameraLinkOut:
        """Enter or replace a link.

        Raises:
            ProblemError: 404; 409 changed meanwhile; 422 what the protocol needs is missing, credentials in an address.
        """
        place = camera(session, caller, camera_id)
        row = session.get(CameraLink, camera_id)
        if row is not None and data.version != row.version:
            raise conflict("gateways.cameras.link_changed", camera=place.name, version=row.version)
        found, outcome = self._apply(session, caller, place, row, data)
        if outcome != "unchanged":
            emit(session, CameraLinksChanged(ids=(camera_id,)))
        return shown(found, place)

    def put_many(self, session: Session, caller: Caller, rows: list[CameraLinkRow]) -> CameraLinksDone:
        """Enter links by code, replacing what is there, or none of them."""
        codes = [r.code for r in rows]
        places = {
            c.code: c
            for c in session.scalars(
                caller.scoped(select(Camera).where(Camera.code.in_(codes)), Camera.enterprise_id)
            )
        }
        outcomes: list[str] = []
        changed: list[int] = []
        for number, row in enumerate(rows):
            place = places.get(row.code)
            if place is None:
                raise not_found("registry.camera", row.code)
            try:
                _, outcome = self._apply(session, caller, place, session.get(CameraLink, place.id), row)
            except ProblemError as error:
                error.where = f"/links/{number}{error.where or ''}"
                raise
            outcomes.append(outcome)
            if outcome != "unchanged":
                changed.append(place.id)
        if changed:
            emit(session, CameraLinksChanged(ids=tuple(changed)))
        return CameraLinksDone(
            created=outcomes.count("created"), updated=outcomes.count("updated"),
            unchanged=outcomes.count("unchanged"),
        )  # fmt: skip

    def delete(self, session: Session, caller: Caller, camera_id: int) -> None:
        place = camera(session, caller, camera_id)
        row = session.get(CameraLink, camera_id)
        if row is None:
            raise not_found("gateways.camera_link", place.code)
        before = _values(row)
        session.delete(row)
        audit.record(
            session,
            caller,
            action="cameras.link.delete",
            subject=("registry.camera", camera_id),
            before=before,
        )
        emit(session, CameraLinksChanged(ids=(camera_id,)))

    def _apply(
        self, session: Session, caller: Caller, place: Camera, row: CameraLink | None, data: CameraLinkIn
    ) -> tuple[CameraLink, str]:
        self._check(data)
        now = self._clock.now()
        before = _values(row) if row is not None else None
        options = data.options.model_dump(mode="json", exclude_defaults=True)
        made = row if row is not None else CameraLink(camera_id=place.id, created_at=now)
        for name in _FIELDS:
            setattr(made, name, getattr(data, name))
        made.options = options
        fresh_password = data.password is not None and data.password != self._opened(row)
        if data.password is not None and (fresh_password or row is None):
            made.password = self._sealer.seal(data.password).encode("ascii") if data.password else None
        if data.username is None:
            made.password = None
        after = _values(made)
        if before == after and not fresh_password:
            return made, "unchanged"
        made.updated_at = now
        if row is None:
            made.version = 1
            session.add(made)
        else:
            made.version = row.version + 1
        session.flush()
        audit.record(
            session, caller, action="cameras.link.update" if row is not None else "cameras.link.create",
            subject=("registry.camera", place.id), before=before,
            after={**after, "password_changed": True} if fresh_password else after,
        )  # fmt: skip
        return made, "updated" if row is not None else "created"

    def _opened(self, row: CameraLink | None) -> str | None:
        if row is None or row.password is None:
            return None
        try:
            return self._sealer.open(row.password.decode("ascii"))
        except ProblemError:
            return None

    @staticmethod
    def _check(data: CameraLinkIn) -> None:
        for name in ("main_url", "sub_url"):
            url = getattr(data, name)
            if url is None:
                continue
            try:
                parts = urlsplit(url)
                _ = parts.port
            except ValueError:
                raise invalid("gateways.cameras.link_address", f"/{name}", url=url) from None
            if not parts.hostname:
                raise invalid("gateways.cameras.link_address", f"/{name}", url=url)
            if parts.username or parts.password:
                raise invalid("gateways.cameras.link_credentials", f"/{name}")
        if data.protocol in ("onvif", "isapi") and not data.host:
            raise invalid("gateways.cameras.link_needs", "/host", protocol=data.protocol, field="host")
        if data.protocol in ("rtsp", "isapi") and not (data.main_url or data.options.upstream_main):
            raise invalid(
                "gateways.cameras.link_needs", "/main_url", protocol=data.protocol, field="main_url"
            )
        if data.protocol == "gb28181" and not data.channel:
            raise invalid("gateways.cameras.link_needs", "/channel", protocol=data.protocol, field="channel")


def _values(row: CameraLink) -> dict[str, Any]:
    return {
        **{n: getattr(row, n) for n in _FIELDS},
        "options": dict(row.options),
        "has_password": bool(row.password),
    }


def shown(row: CameraLink, place: Camera) -> CameraLinkOut:
    return CameraLinkOut(
        camera_id=row.camera_id, code=place.code, name=place.name, has_password=row.password is not None,
        options=LinkOptions.model_validate(row.options), version=row.version, updated_at=row.updated_at,
        **{n: getattr(row, n) for n in _FIELDS},
    )  # fmt: skip

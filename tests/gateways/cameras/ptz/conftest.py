"""Records with cameras, and the heads over them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.gateways.support import NOW

from parksight.gateways.cameras.models import CameraLink
from parksight.kernel.db import Database
from parksight.kernel.sealing import Sealer
from parksight.registry.models import Camera, Enterprise

MakeCamera = Callable[..., int]


@pytest.fixture
def make_camera(db: Database, tmp_path: Path) -> MakeCamera:
    """A camera with its link: ``make_camera("T01", port=…, options={…}, enterprise=…)``."""

    def make(code: str, *, port: int | None = None, enterprise: str | None = None, **more: Any) -> int:
        with db.session() as session:
            owner = None
            if enterprise is not None:
                firm = Enterprise(code=enterprise, name=enterprise, created_at=NOW, updated_at=NOW)
                session.add(firm)
                session.flush()
                owner = firm.id
            camera = Camera(
                code=code, name=code, kind="ptz", enterprise_id=owner, created_at=NOW, updated_at=NOW
            )  # fmt: skip
            session.add(camera)
            session.flush()
            if port is not None:
                password = Sealer(tmp_path).seal(more.pop("password", "Pass-1234")).encode()
                link: dict[str, Any] = {
                    "protocol": "onvif",
                    "host": "127.0.0.1",
                    "username": "admin",
                    "options": {},
                }
                row = CameraLink(
                    camera_id=camera.id, port=port, created_at=NOW, updated_at=NOW, password=password, **{**link, **more}
                )  # fmt: skip
                session.add(row)
            return camera.id

    return make

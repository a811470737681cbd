"""Tells the platform of the cameras: how they are reached, and what a surveyor measured at each."""

from __future__ import annotations

from typing import Any

from parkzone.api import Api, ApiError
from parkzone.cameras.remote import Doors


def links(doors: Doors) -> list[dict[str, Any]]:
    """Rows of the platform's camera links, by code."""
    return [
        {
            "code": code, "protocol": "onvif", "host": doors.host, "port": doors.http,
            "main_url": f"rtsp://{doors.host}:{doors.rtsp}/{code}/main",
            "sub_url": f"rtsp://{doors.host}:{doors.rtsp}/{code}/sub",
            "username": doors.username, "password": doors.password, "simulated": True, "enabled": True,
            "options": {"device_path": f"/{code}/onvif/device_service"},
        }
        for code in doors.codes
    ]  # fmt: skip


async def introduce(api: Api, doors: Doors) -> int:
    """Enter the links; how many were news. 0 on a platform without cameras.

    Raises:
        ApiError: it refused them.
    """
    try:
        done = await api.put("/camera-links", {"links": links(doors)})
    except ApiError as error:
        if error.status in (404, 405):
            return 0
        raise
    return int(done["created"] + done["updated"])

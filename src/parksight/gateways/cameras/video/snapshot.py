"""The newest picture as a JPEG: the cached group decoded by OpenCV's in-memory reader, in threads of its own."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ.setdefault(
    "OPENCV_FFMPEG_LOGLEVEL", "8"
)  # a damaged stream must not fill the log; we count instead

import cv2
import numpy as np

from parksight.gateways.cameras.protocols import AccessUnit, CameraError
from parksight.gateways.cameras.video.nal import annex_b

QUALITY = 88
#: Waiting for a thread; more are refused at once.
WAITING = 16


class Snapshots:
    """Decoding of single pictures.

    Args:
        most: decoded at the same time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._pool: ThreadPoolExecutor | None = None
        self._under_way = 0
        self.taken = 0
        self.failed = 0

    async def take(self, group: Sequence[AccessUnit], width: int | None = None) -> bytes:
        """A JPEG of the newest unit.

        Raises:
            CameraError: ``undecodable``; ``busy`` when too many wait.
        """
        if self._under_way >= self._most + WAITING:
            self.failed += 1
            raise CameraError("snapshots_busy", str(self._under_way))
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._most, thread_name_prefix="camera-snapshot")
        self._under_way += 1
        try:
            made = await asyncio.get_running_loop().run_in_executor(self._pool, jpeg, tuple(group), width)
        except CameraError:
            self.failed += 1
            raise
        finally:
            self._under_way -= 1
        self.taken += 1
        return made

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def jpeg(group: Sequence[AccessUnit], width: int | None = None) -> bytes:
    """Decode and encode; runs in a thread."""
    if not group or not group[0].key:
        raise CameraError("undecodable", "no key picture to begin with")
    data = b"".join(annex_b(unit.nals) for unit in group)
    picture = None
    source: Any = io.BytesIO(data)  # the library's types know no streams but its own
    reader = cv2.VideoCapture(source, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    try:
        while reader.grab():
            done, found = reader.retrieve()
            if not done:
                break
            picture = found
    except cv2.error as error:
        raise CameraError("undecodable", str(error)[:200]) from error
    finally:
        reader.release()
    if picture is None:
        raise CameraError("undecodable", f"{len(group)} units, {len(data)} bytes")
    if width is not None and width < picture.shape[1]:
        height = max(1, round(picture.shape[0] * width / picture.shape[1]))
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    done, out = cv2.imencode(".jpg", np.asarray(picture), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise CameraError("undecodable", "the picture could not be written as JPEG")
    return bytes(out.tobytes())

"""Pictures from coded ones: OpenCV's reader over memory, in a small pool of threads, never on the event loop."""

from __future__ import annotations

import asyncio
import io
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

os.environ.setdefault(
    "OPENCV_FFMPEG_LOGLEVEL", "8"
)  # a damaged stream must not fill the log; we count instead

import cv2
import numpy as np
import numpy.typing as npt

from parksight.gateways.cameras.protocols import AccessUnit

P = ParamSpec("P")
T = TypeVar("T")
Image = npt.NDArray[np.uint8]
_START = b"\x00\x00\x00\x01"
#: More than any camera of a park sends; a header that claims more is not believed.
_MOST_PIXELS = 8192 * 4608


class UndecodableError(Exception):
    """The bytes are no picture."""


def annex_b(units: Sequence[AccessUnit]) -> bytes:
    """Units as a byte stream with start codes."""
    return b"".join(_START + nal for unit in units for nal in unit.nals)


def decode(units: Sequence[AccessUnit], *, last_only: bool = True) -> list[Image]:
    """BGR pictures of units that begin with a key picture; with ``last_only`` the newest of them.

    Raises:
        UndecodableError: no picture came out.
    """
    if not units or not units[0].key:
        raise UndecodableError("no key picture to begin with")
    source = io.BytesIO(annex_b(units))  # the reader keeps no reference of its own: it must outlive release()
    reader = cv2.VideoCapture(source, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])  # type: ignore[call-overload]  # any BufferedIOBase
    found: list[Image] = []
    try:
        while reader.grab():
            if last_only:
                found.clear()
            done, picture = reader.retrieve()
            if not done or picture is None or picture.shape[0] * picture.shape[1] > _MOST_PIXELS:
                break
            found.append(np.asarray(picture, np.uint8))
    except cv2.error as error:
        raise UndecodableError(str(error)) from error
    finally:
        reader.release()
        source.close()
    if not found:
        raise UndecodableError("no picture came out")
    return found


def jpeg(picture: Image, quality: int = 90) -> bytes:
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise UndecodableError("the picture could not be written as JPEG")
    return data.tobytes()


def small(picture: Image, size: tuple[int, int] = (640, 360)) -> Image:
    """The size at which pictures are looked at."""
    if picture.shape[1::-1] == size:
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


class Pool:
    """Threads for looking at pictures; measures what they cost.

    Attributes:
        cpu_s: processor time used so far.
        failures: pictures that could not be decoded.
    """

    def __init__(self, threads: int = 1) -> None:
        cv2.setNumThreads(1)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="lookout-picture")
        self.cpu_s = 0.0
        self.jobs = 0
        self.failures = 0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``work`` in a thread of the pool."""

        def measured() -> T:
            begun = time.thread_time()
            try:
                return work(*args, **kwargs)
            finally:
                self.cpu_s += time.thread_time() - begun
                self.jobs += 1

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, measured)
        except UndecodableError:
            self.failures += 1
            raise

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

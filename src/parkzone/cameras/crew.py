"""The film crew: a process of its own that renders and encodes on order; started when somebody looks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import sys
import time
from typing import BinaryIO

import cv2
import msgspec
import numpy as np

from parkzone.cameras.cast import filmers
from parkzone.cameras.encoder import Encoder, frame_of
from parkzone.cameras.order import FPS, LOOP, SIZES, Order, Ready, Taken, shot
from parkzone.cameras.renderer import NoGraphicsError, Renderer
from parkzone.cameras.scenery import scenery
from parkzone.cameras.sketch import Sketcher

_LENGTH = struct.Struct("<I")
MAX_MESSAGE = 16 * 1024 * 1024
#: The crew gives way to everything else on the machine.
NICE = 5
_START_S = 90.0
_ANSWER_S = 30.0


class CrewError(RuntimeError):
    """The crew has left or cannot work."""


class Crew:
    """The studio's end of the pipe; one order at a time."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self.ready: Ready | None = None
        self.cpu_s = 0.0
        self.taken = 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> Ready:
        """Have it ready; at once when it already is.

        Raises:
            CrewError: it did not get ready.
        """
        async with self._lock:
            if self.running and self.ready is not None:
                return self.ready
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "parkzone.cameras.crew", str(self._seed),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=MAX_MESSAGE,
            )  # fmt: skip
            self.ready = msgspec.msgpack.decode(await self._read(_START_S), type=Ready)
            return self.ready

    async def take(self, order: Order) -> Taken:
        """Film.

        Raises:
            CrewError: the crew has left.
        """
        await self.start()
        async with self._lock:
            process = self._process
            assert process is not None
            assert process.stdin is not None
            data = msgspec.msgpack.encode(order)
            try:
                process.stdin.write(_LENGTH.pack(len(data)) + data)
                await process.stdin.drain()
            except OSError as error:
                raise CrewError(str(error)) from error
            taken = msgspec.msgpack.decode(await self._read(_ANSWER_S), type=Taken)
            self.cpu_s += taken.cpu_s
            self.taken += 1
            return taken

    async def _read(self, timeout_s: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(timeout_s):
                (length,) = _LENGTH.unpack(await self._process.stdout.readexactly(_LENGTH.size))
                if length > MAX_MESSAGE:
                    raise CrewError(f"answer of {length} bytes")
                return await self._process.stdout.readexactly(length)
        except (asyncio.IncompleteReadError, OSError, TimeoutError) as error:
            self._end()
            raise CrewError(f"the film crew has left: {type(error).__name__}") from error
        except asyncio.CancelledError:
            # an answer would be left in the pipe and be taken for the next one's
            self._end()
            raise

    def _end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        self.ready = None

    async def stop(self) -> None:
        process = self._process
        self._end()
        if process is not None:
            await process.wait()
        self._process = None


class _Set:
    """The crew's side: scenery, renderer and an encoder per live stream."""

    def __init__(self, seed: int) -> None:
        self._filmers = filmers(seed)
        built = scenery(seed)
        self._renderer: Renderer | Sketcher
        try:
            self._renderer = Renderer(built, seed)
            self.name = "opengl"
        except NoGraphicsError as error:
            sys.stderr.write(f"no OpenGL ({error}); pictures are sketched without it\n")
            self._renderer = Sketcher(built, seed)
            self.name = "sketch"
        self._live: dict[tuple[str, str], Encoder] = {}

    def take(self, order: Order) -> Taken:
        began = time.process_time()
        truth = self._filmers[order.code].truth
        largest = max((SIZES[s] for s in order.streams), default=SIZES["main"])
        picture = self._renderer.film(shot(truth, order, largest))
        streams: dict[str, list[list[bytes]]] = {}
        for stream in order.streams:
            size = SIZES[stream]
            fitting = picture
            if size != largest:
                fitting = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
            if order.what == "jpeg":
                _, data = cv2.imencode(".jpg", fitting[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
                streams[stream] = [[data.tobytes()]]
            elif order.what == "still":
                encoder, frame = Encoder(size, FPS), frame_of(fitting)
                streams[stream] = [encoder.encode_frame(frame, key=i == 0) for i in range(LOOP)]
            else:
                encoder = self._live.get((order.code, stream)) or Encoder(size, FPS)
                fresh = (order.code, stream) not in self._live
                self._live[order.code, stream] = encoder
                streams[stream] = [encoder.encode(fitting, key=fresh or stream in order.key)]
        return Taken(streams, time.process_time() - began)

    def parameters(self) -> dict[str, list[bytes]]:
        """SPS and PPS of each stream: of a black picture, they do not depend on what is seen."""
        out = {}
        for stream, size in SIZES.items():
            units = Encoder(size, FPS).encode(np.zeros((size[1], size[0], 3), np.uint8), key=True)
            out[stream] = [u for u in units if u[0] & 31 in (7, 8)]
        return out


def main() -> None:
    """Work on orders from standard input until it ends."""
    os.nice(NICE)
    inward, outward = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # drivers that chat must not chat into the answers
    crew = _Set(int(sys.argv[1]))
    _write(outward, msgspec.msgpack.encode(Ready(crew.name, crew.parameters())))
    while (data := _receive(inward)) is not None:
        try:
            answer = crew.take(msgspec.msgpack.decode(data, type=Order))
        except Exception as error:  # one bad order must not end the filming
            answer = Taken({}, 0.0, f"{type(error).__name__}: {error}"[:300])
        _write(outward, msgspec.msgpack.encode(answer))


def _receive(source: BinaryIO) -> bytes | None:
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    return source.read(_LENGTH.unpack(head)[0])


def _write(target: BinaryIO, data: bytes) -> None:
    target.write(_LENGTH.pack(len(data)) + data)
    target.flush()


if __name__ == "__main__":
    main()

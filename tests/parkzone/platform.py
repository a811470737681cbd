"""A small real platform side of HJ 212 for tests: listens, records, acknowledges as told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from parkzone.hj212.codec import Deframer, Message, frame, parse


class Platform:
    """Acknowledges uploads while ``accept(message)`` says so."""

    def __init__(self, accept: Callable[[Message], bool] = lambda _m: True) -> None:
        self.accept = accept
        self.got: list[Message] = []
        self.segments: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.news = asyncio.Condition()
        self.port = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Platform:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self.writers:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        deframer = Deframer()
        try:
            while data := await reader.read(65536):
                for segment in deframer.feed(data):
                    message = parse(segment)
                    if not message.cn.startswith("9") and message.wants_answer and self.accept(message):
                        version = message.flag & ~3
                        writer.write(frame(
                            f"QN={message.qn};ST=91;CN=9014;PW=123456;MN={message.fields['MN']};Flag={version};CP=&&&&"
                        ))  # fmt: skip
                    async with self.news:
                        self.got.append(message)
                        self.segments.append(segment)
                        self.news.notify_all()
        except ConnectionError:
            pass

    async def wait(self, until: Callable[[list[Message]], bool], timeout: float = 20.0) -> None:
        async with self.news:
            await asyncio.wait_for(self.news.wait_for(lambda: until(self.got)), timeout)

    def send(self, segment: str) -> None:
        self.writers[-1].write(frame(segment))

    def of(self, cn: str) -> list[Message]:
        return [m for m in self.got if m.cn == cn]

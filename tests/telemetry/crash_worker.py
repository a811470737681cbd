"""A process that ingests into the real store until it is killed: numbers in on stdin, receipts out on stdout.

Each line ``<n>`` is a batch of :data:`ROWS` rows; the answer ``<n> <stored> <duplicates>`` is written only once
the receipt has come.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import numpy as np

from parksight.kernel.bus import Bus
from parksight.kernel.clock import SystemClock
from parksight.kernel.db import Database
from parksight.kernel.settings import IngestSettings, StoreSettings
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.ingest import IngestPipeline
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.protocols import Columns, ReadingBatch
from parksight.telemetry.store import DuckDbStore

ROWS = 20
START = 1_772_337_600_000


def rows_of(number: int) -> Columns:
    """What batch ``number`` holds."""
    at = np.full(ROWS, START + number * 1000, np.int64)
    ids = np.arange(1, ROWS + 1, dtype=np.int32)
    return Columns(ids, at, number + ids / 100.0, np.zeros(ROWS, np.uint8), at)


def open_store(folder: Path) -> DuckDbStore:
    return DuckDbStore(folder / "store", StoreSettings(), "Asia/Shanghai", SystemClock())


async def main(folder: Path) -> None:
    db = Database(f"sqlite:///{folder / 'records.sqlite'}", Bus())
    catalogue = Catalogue(db)
    pipeline = IngestPipeline(
        IngestSettings(tick_ms=10), SystemClock(), open_store(folder), LiveTable(catalogue), catalogue,
        folder / "rejects",
    )  # fmt: skip
    pipeline.start()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    os.write(1, b"ready\n")

    async def one(number: int) -> None:
        rows = rows_of(number)
        batch = ReadingBatch(
            rows.point, rows.observed_at, rows.value, rows.quality, int(rows.observed_at[0]), 1, backfill=True
        )
        receipt = await pipeline.submit(batch)
        os.write(1, f"{number} {receipt.stored} {receipt.rejected.get('duplicate', 0)}\n".encode())

    tasks = set()
    while line := await reader.readline():
        task = asyncio.create_task(one(int(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

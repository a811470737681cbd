"""The door as a whole: books that always add up, back-pressure, bounded memory, shutdown, crash of the store."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.telemetry.kit import NOW, Bench, batch

from parksight.telemetry.ingest import IngestClosed
from parksight.telemetry.ingest.counters import OTHER, Books
from parksight.telemetry.protocols import Columns, Receipt


async def test_receipts_come_only_once_the_rows_are_durable(tmp_path: Path) -> None:
    async with Bench(tmp_path) as b:
        b.store.gate.clear()
        task = asyncio.create_task(b.pipeline.submit(batch([1, 2])))
        await asyncio.sleep(0.05)
        assert not task.done()
        assert b.pipeline.ingest_counters() == {"received": 2, "stored": 0, "rejected": {}, "in_flight": 2}
        assert b.live.rows([1], NOW).observed_at[0] == -1
        b.store.gate.set()
        assert await task == Receipt(2)
        assert b.pipeline.ingest_counters() == {"received": 2, "stored": 2, "rejected": {}, "in_flight": 0}


async def test_batches_of_a_tick_are_one_append_in_order(tmp_path: Path) -> None:
    async with Bench(tmp_path, tick_ms=200) as b:
        receipts = await asyncio.gather(
            *(b.pipeline.submit(batch([i % 10 + 1, -1], NOW + i, float(i), source=i)) for i in range(500))
        )
        assert receipts == [Receipt(1, {"unmapped": 1})] * 500
        assert len(b.store.ticks) == 1
        assert b.store.ticks[0].value.tolist() == [float(i) for i in range(500)]
        assert b.pipeline.books.source(7).as_dict() == {
            "received": 2, "stored": 1, "rejected": {"unmapped": 1}, "in_flight": 0,
        }  # fmt: skip


async def test_nowait_tells_once_for_the_group_in_order(tmp_path: Path) -> None:
    async with Bench(tmp_path, source_rate_limit=5) as b:
        told: list[tuple[list[Receipt], BaseException | None]] = []
        done = asyncio.Event()

        def tell(receipts: Sequence[Receipt], error: BaseException | None) -> None:
            told.append((list(receipts), error))
            done.set()

        group = [
            batch([1] * 11, [NOW + i for i in range(11)], source=1),
            batch([2], source=1),
            batch([-1], source=2),
        ]
        assert b.pipeline.submit_nowait(group, tell)
        await done.wait()
        assert told == [([Receipt(11), Receipt(0, {"rate_limited": 1}), Receipt(0, {"unmapped": 1})], None)]
        done.clear()
        assert b.pipeline.submit_nowait([batch([2], source=1)], tell)  # nothing admitted: told all the same
        await done.wait()
        assert told[-1] == ([Receipt(0, {"rate_limited": 1})], None)


async def test_a_full_pipeline_refuses_and_makes_room_again(tmp_path: Path) -> None:
    async with Bench(tmp_path, max_in_flight_rows=10_000, max_rows_per_tick=1_000, points=100) as b:
        b.store.gate.clear()
        sent = 0
        while b.pipeline.submit_nowait([_many(sent)], lambda *_: None):
            sent += 1
        assert sent == 10
        waiting = [asyncio.create_task(b.pipeline.submit(_many(20 + i))) for i in range(5)]
        await asyncio.sleep(0.05)
        assert not any(t.done() for t in waiting)
        figures = b.pipeline.figures()["back_pressure"]
        assert (figures["full"], figures["in_flight_rows"], figures["waiting"]) == (True, 10_000, 5)
        assert figures["times_full"] >= 1
        b.store.gate.set()
        assert [r.stored for r in await asyncio.gather(*waiting)] == [1000] * 5
        await b.pipeline.room()
        assert b.pipeline.books.total().balanced
        assert b.pipeline.figures()["back_pressure"]["full"] is False


def _many(i: int, rows: int = 1000) -> Any:
    return batch(
        [k % 100 + 1 for k in range(rows)], [NOW + i * 100 + k // 100 for k in range(rows)], source=i
    )


async def test_memory_stays_bounded_under_ten_times_too_much(tmp_path: Path) -> None:
    """A store that takes 5,000 rows a second meets senders of ten times that and more, raw frames included."""
    import tracemalloc

    class Slow:
        def __init__(self) -> None:
            self.rows = 0

        def last(self) -> Columns:
            from tests.telemetry.kit import columns

            return columns([])

        def append(self, rows: Columns) -> None:
            threading.Event().wait(len(rows) / 5_000)
            self.rows += len(rows)

    limits = {
        "max_in_flight_rows": 10_000,
        "max_rows_per_tick": 2_000,
        "max_in_flight_mb": 16,
        "dedupe_rows": 1_000,
    }
    async with Bench(tmp_path, store=Slow(), points=100, **limits) as b:
        await b.pipeline.submit(_many(0))
        tracemalloc.start()
        refused, taken, most = 0, 0, 0
        for i in range(2_000):
            group = [_many(i * 5 + k, 20) for k in range(5)]
            for one in group:
                one.raw = bytes(1000)
            if b.pipeline.submit_nowait(group, lambda *_: None):
                taken += 1
            else:
                refused += 1
            assert b.pipeline.books.total().in_flight <= 10_000
            if i % 100 == 0:
                most = max(most, tracemalloc.get_traced_memory()[1])
                await asyncio.sleep(0)
        tracemalloc.stop()
        assert refused > taken > 0
        assert most < 40_000_000
        await b.pipeline.stop()
        total = b.pipeline.books.total()
        assert (total.balanced, total.in_flight, total.stored) == (True, 0, b.store.rows)


async def test_shutdown_finishes_what_is_in_flight_and_refuses_the_rest(tmp_path: Path) -> None:
    async with Bench(tmp_path, tick_ms=1000, max_in_flight_rows=10_000, points=100) as b:
        b.store.gate.clear()
        tasks = [asyncio.create_task(b.pipeline.submit(_many(i))) for i in range(10)]
        await asyncio.sleep(0.01)
        late = asyncio.create_task(b.pipeline.submit(_many(11)))
        await asyncio.sleep(0.01)
        stopping = asyncio.create_task(b.pipeline.stop())
        await asyncio.sleep(0.05)
        with pytest.raises(IngestClosed):
            await late
        with pytest.raises(IngestClosed):
            await b.pipeline.submit(batch([1]))
        with pytest.raises(IngestClosed):
            await b.pipeline.room()
        b.store.gate.set()
        await stopping
        assert all(t.done() for t in tasks)
        assert sum(t.result().stored for t in tasks) == len(b.store) == 10_000
        await b.pipeline.stop()


async def test_a_failing_listener_neither_stops_nor_hides(tmp_path: Path) -> None:
    class Broken:
        def on_tick(self, rows: Columns, now_ms: int) -> None:
            raise RuntimeError("no")

    class Working:
        def __init__(self) -> None:
            self.seen: list[tuple[list[int], int]] = []

        def on_tick(self, rows: Columns, now_ms: int) -> None:
            self.seen.append((rows.point.tolist(), now_ms))

    working = Working()
    async with Bench(tmp_path) as b:
        b.pipeline.add_listener(Broken())
        b.pipeline.add_listener(working)
        assert (await b.pipeline.submit(batch([1, 2]))).stored == 2
        assert working.seen == [([1, 2], NOW)]
        assert b.pipeline.figures()["failures"] == {"listener:Broken": 1}


@pytest.mark.parametrize(
    ("field", "value"),
    [("point", np.zeros(2, np.int64)), ("value", np.zeros(3)), ("quality", np.zeros(2, np.int8)),
     ("observed_at", np.zeros(2, np.float64))],
)  # fmt: skip
async def test_a_malformed_batch_is_refused_at_the_door(tmp_path: Path, field: str, value: Any) -> None:
    async with Bench(tmp_path) as b:
        wrong = batch([1, 2])
        setattr(wrong, field, value)
        with pytest.raises(ValueError, match="equally long columns"):
            await b.pipeline.submit(wrong)
        assert b.pipeline.books.total().received == 0
        with pytest.raises(ValueError, match="max_in_flight_rows"):
            b.pipeline.submit_nowait([batch([1] * 2_000_001)], lambda *_: None)
        assert (await b.pipeline.submit(batch([]))) == Receipt(0)


async def test_the_books_add_up_at_every_moment_under_concurrency(tmp_path: Path) -> None:
    """Several loops submit, reject and get throttled while others read the books without pause."""
    async with Bench(
        tmp_path, points=50, tick_ms=10, max_in_flight_rows=10_000, source_rate_limit=30_000
    ) as b:
        wrong: list[str] = []
        reading = threading.Event()
        looks = 0

        def read() -> None:
            nonlocal looks
            while not reading.is_set():
                total, lines = b.pipeline.books.all()
                looks += 1
                if not total.balanced or not all(line.balanced for line in lines.values()):
                    wrong.append(f"{total} {lines}")
                wrong.extend(
                    f"{name}: {total} {lines}"
                    for name in ("received", "stored", "in_flight")
                    if getattr(total, name) != sum(getattr(line, name) for line in lines.values())
                )

        def work(seed: int) -> None:
            rng = np.random.default_rng(seed)

            async def run() -> int:
                rejected = 0
                for i in range(60):
                    n = int(rng.integers(0, 200))
                    rows = batch(
                        rng.integers(-2, 55, n).tolist(), (NOW + rng.integers(-500, 500, n)).tolist(),
                        rng.choice([1.0, 2.0, np.nan, np.inf, -400.0], n).tolist(), source=seed % 3,
                    )  # fmt: skip
                    receipt = await b.pipeline.submit(rows)
                    assert receipt.stored + sum(receipt.rejected.values()) == n
                    rejected += sum(receipt.rejected.values())
                    if i % 7 == 0:
                        b.pipeline.reject(seed % 3, "bad_crc", 2)
                        rejected += 2
                return rejected

            results.append(asyncio.run(run()))

        results: list[int] = []
        reader = threading.Thread(target=read)
        reader.start()
        workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for worker in workers:
            worker.start()
        await asyncio.to_thread(lambda: [w.join() for w in workers])
        reading.set()
        reader.join()
        total = b.pipeline.books.total()
        assert not wrong, wrong[0]
        assert looks > 10
        assert len(results) == 4
        assert total.in_flight == 0
        assert total.rejected.total() == sum(results)
        assert total.stored == len(b.store)


step = st.one_of(
    st.tuples(st.just("admit"), st.integers(0, 3), st.integers(0, 9)),
    st.tuples(st.just("refuse"), st.integers(0, 3), st.integers(0, 9)),
    st.tuples(st.just("settle"), st.integers(0, 3), st.integers(0, 9)),
)


@given(st.lists(step, max_size=60))
@settings(max_examples=50, deadline=None)
def test_books_balance_after_any_sequence(steps: list[tuple[str, int, int]]) -> None:
    books = Books(max_sources=2)
    open_rows: dict[int, int] = {}
    for what, source, rows in steps:
        if what == "admit":
            books.admit([(source, rows)])
            open_rows[source] = open_rows.get(source, 0) + rows
        elif what == "refuse":
            books.refuse(source, "bad_crc", rows)
        else:
            rows = open_rows.pop(source, 0)
            books.settle([(source, rows, rows // 2, {"duplicate": rows - rows // 2})])
        total, lines = books.all()
        assert total.balanced
        assert all(line.balanced for line in lines.values())
        assert total.in_flight == sum(open_rows.values())
        assert len(lines) <= 3  # two of their own and the common one
        assert OTHER not in lines or len(lines) == 3


def test_hostile_reasons_share_one_line() -> None:
    books = Books()
    for i in range(400):
        books.refuse(1, f"reason{i}", 1)
    rejected = books.total().rejected
    assert len(rejected) <= 256
    assert rejected.total() == 400

"""The push gateway: one request is one hand-over, answered only when everything accepted is durable."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import numpy as np

from parksight.gateways.context import GatewayContext
from parksight.gateways.directory import DeviceRecord
from parksight.gateways.fields import NO_TIME
from parksight.gateways.http.columnar import parse_arrow
from parksight.gateways.http.points import PointIndex
from parksight.gateways.http.rows import MalformedPushError, RowError, Rows, note_errors, select
from parksight.gateways.http.textual import Push, parse_csv, parse_json
from parksight.gateways.protocols import ConnectionView, GatewayStatus
from parksight.kernel.errors import ProblemError, not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import PushSettings
from parksight.telemetry.ingest import IngestClosed, IngestFailed
from parksight.telemetry.protocols import F64, I32, UNMAPPED, ReadingBatch, Receipt

PATH = "/api/v1/ingest/observations"
#: Rows handed to the ingest as one batch; larger pushes travel as several, at the same time.
BATCH_ROWS = 250_000
_RECENT = 500
_RAW_KEPT = 4_096
NOBODY = 0

_PARSERS: dict[str, Callable[[bytes, int, int], Push]] = {
    "application/json": parse_json,
    "text/csv": parse_csv,
    "application/vnd.apache.arrow.stream": parse_arrow,
}
MEDIA_TYPES = tuple(_PARSERS)


@dataclass(slots=True)
class PushReport:
    """What became of a push; ``received`` = ``stored`` + all of ``rejected``."""

    received: int = 0
    stored: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    errors: list[RowError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Prepared:
    batches: list[ReadingBatch]
    report: PushReport
    device: DeviceRecord | None
    unmapped: list[str]


class HttpGateway:
    """Implements :class:`parksight.gateways.protocols.Gateway` for requests that the web process takes in.

    Args:
        context: shared parts of the gateways.
        settings: limits.
        points: point codes.
    """

    name = "http"

    def __init__(self, context: GatewayContext, settings: PushSettings, points: PointIndex) -> None:
        self._context = context
        self.settings = settings
        self._points = points
        self._slots = asyncio.Semaphore(settings.max_concurrent)
        self._running = False
        self._busy = 0
        self._held = 0
        self._counters: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._recent: OrderedDict[str, ConnectionView] = OrderedDict()

    async def start(self) -> None:
        self._running = True

    async def stop(self) -> None:
        self._running = False

    def status(self) -> GatewayStatus:
        limits = {
            "max_body_mb": self.settings.max_body_mb,
            "max_in_flight_mb": self.settings.max_in_flight_mb,
            "max_rows": self.settings.max_rows,
            "max_concurrent": self.settings.max_concurrent,
        }
        return GatewayStatus(
            self.name, self._running, PATH, self._busy, limits, dict(self._counters), dict(self._rejected)
        )

    def connections(self, limit: int = 1000) -> list[ConnectionView]:
        """Who pushed lately, newest first."""
        return list(reversed(self._recent.values()))[:limit]

    def reload_devices(self) -> None:
        """Devices are looked up per request; nothing is kept."""

    async def push(
        self, caller: Caller, media_type: str, body: bytes, *, peer: str, device: str | None, backfill: bool
    ) -> PushReport:
        """Take a push in and wait until it is durable.

        Args:
            caller: a device credential or a person's token with ``gateways.observation.push``.
            media_type: one of :data:`MEDIA_TYPES`.
            body: the whole document.
            peer: address of the sender, for the page.
            device: device code from the query, where the document cannot name it.
            backfill: history sent on purpose.

        Raises:
            ProblemError: 415, 422 unreadable, 404 unknown device, 429 pipeline full, 503 not durable.
        """
        if not self._running:
            raise ProblemError("gateways.push.stopped", HTTPStatus.SERVICE_UNAVAILABLE, {"retry_after_s": 5})
        parser = _PARSERS.get(media_type)
        if parser is None:
            raise ProblemError(
                "gateways.push.media_type", HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                {"got": media_type or "-", "known": ", ".join(_PARSERS)},
            )  # fmt: skip
        self._counters["requests"] += 1
        self._counters["bytes"] += len(body)
        try:
            async with self._slots:
                prepared = await asyncio.to_thread(self._prepare, parser, caller, body, device, backfill)
                report = await self._hand_over(prepared)
        except MalformedPushError as error:
            self._malformed(caller, error, body)
            raise ProblemError(
                f"gateways.push.{error.reason}",
                HTTPStatus.UNPROCESSABLE_ENTITY,
                error.params,
                error.where or None,
            ) from error
        self._note(caller, prepared, report, body, peer)
        return report

    @contextmanager
    def intake(self) -> Iterator[Callable[[int], None]]:
        """Room in memory for one request: call what it yields with the size of each piece that came in.

        Raises:
            ProblemError: 413 when this request, 429 when all requests together are beyond their limit.
        """
        held = 0

        def take(size: int) -> None:
            nonlocal held
            held += size
            self._held += size
            if held > self.settings.max_body_mb * 2**20:
                raise ProblemError(
                    "gateways.push.too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    {"limit_mb": self.settings.max_body_mb},
                )  # fmt: skip
            if self._held > self.settings.max_in_flight_mb * 2**20 and self._held > held:
                self._counters["busy"] += 1
                raise self._full()

        self._busy += 1
        try:
            yield take
        finally:
            self._busy -= 1
            self._held -= held

    # -- reading -----------------------------------------------------------------------------------

    def _prepare(
        self,
        parser: Callable[[bytes, int, int], Push],
        caller: Caller,
        body: bytes,
        code: str | None,
        backfill: bool,
    ) -> _Prepared:
        limit = self.settings.max_rows if parser is parse_arrow else self.settings.max_json_rows
        push = parser(body, limit, self.settings.row_errors)
        device = self._device(caller, push.device or code)
        now = self._context.clock.now_ms()
        rows = self._with_times(push.rows, device, now)
        point, factor, shift, unmapped = self._resolve(rows, caller, device)
        missing = point[rows.name] == UNMAPPED
        if missing.any():
            described = [rows.names[i][1] for i in rows.name[missing][: self.settings.row_errors]]
            # The ingest counts these itself; only describe them here.
            counted = Counter(rows.rejected)
            note_errors(rows, rows.row[missing], "unmapped", described, self.settings.row_errors)
            rows.rejected = counted
        value = rows.value if factor is None else rows.value * factor[rows.name] + shift[rows.name]
        quality = rows.quality | np.uint8(device.quality_flags) if device else rows.quality
        source = device.id if device else NOBODY
        flag = backfill if push.backfill is None else push.backfill
        raw = body[:_RAW_KEPT] if parser is not parse_arrow else None
        batches = [
            ReadingBatch(
                point[rows.name[s]].astype(np.int32),
                rows.observed_at[s],
                value[s],
                quality[s],
                now,
                source,
                flag,
                raw,
            )
            for s in (slice(i, i + BATCH_ROWS) for i in range(0, len(rows), BATCH_ROWS))
        ]
        report = PushReport(len(rows) + rows.rejected.total(), 0, Counter(rows.rejected), rows.errors)
        return _Prepared(batches, report, device, unmapped)

    def _device(self, caller: Caller, code: str | None) -> DeviceRecord | None:
        directory = self._context.directory
        if caller.kind == "device":
            own = directory.device(caller.id or NOBODY)
            if own is None or not own.enabled:
                raise ProblemError(
                    "gateways.push.device_disabled", HTTPStatus.FORBIDDEN, {"device": caller.name}
                )
            if code is not None and code != own.code:
                raise ProblemError(
                    "gateways.push.other_device", HTTPStatus.FORBIDDEN, {"device": code, "own": own.code}
                )
            return own
        if code is None:
            return None
        found = directory.by_code(code)
        if found is None or not caller.may_see_enterprise(found.enterprise_id):
            if caller.enterprises is None:
                self._context.unknown.seen("http", code, self._context.clock.now_ms(), peer=caller.name)
            raise not_found("gateways.device", code)
        if not found.enabled:
            raise ProblemError("gateways.push.device_disabled", HTTPStatus.FORBIDDEN, {"device": code})
        return found

    def _with_times(self, rows: Rows, device: DeviceRecord | None, now: int) -> Rows:
        timeless = rows.observed_at == NO_TIME
        if not timeless.any():
            return rows
        if device is not None and device.config.get("time") == "arrival":
            rows.observed_at = np.where(timeless, now, rows.observed_at)
            return rows
        note_errors(rows, rows.row[timeless], "no_time", [""] * int(timeless.sum()), self.settings.row_errors)
        return select(rows, ~timeless)

    def _resolve(
        self, rows: Rows, caller: Caller, device: DeviceRecord | None
    ) -> tuple[I32, F64 | None, F64, list[str]]:
        """Point id and conversion per distinct name; what the caller may not reach is as unmapped as the rest."""
        codes, owners = self._points.current()
        mappings = self._context.directory.mappings(device.id) if device else {}
        own = {m.point for m in mappings.values()} if caller.kind == "device" else None
        point = np.full(len(rows.names), UNMAPPED, np.int32)
        factor, shift = np.ones(len(rows.names)), np.zeros(len(rows.names))
        unmapped: list[str] = []
        converted = False
        for i, (kind, name) in enumerate(rows.names):
            if kind == "address":
                mapped = mappings.get(str(name))
                if mapped is not None:
                    point[i], factor[i], shift[i] = mapped.point, mapped.factor, mapped.shift
                    converted = converted or mapped.factor != 1.0 or mapped.shift != 0.0
                    continue
            else:
                found = codes.get(str(name)) if kind == "point" else int(name)
                if found is not None and found in owners and self._reaches(caller, own, found, owners[found]):
                    point[i] = found
                    continue
            unmapped.append(str(name))
        return point, factor if converted else None, shift, unmapped

    @staticmethod
    def _reaches(caller: Caller, own: set[int] | None, point: int, enterprise: int | None) -> bool:
        return point in own if own is not None else caller.may_see_enterprise(enterprise)

    # -- handing over ------------------------------------------------------------------------------

    async def _hand_over(self, prepared: _Prepared) -> PushReport:
        report, ingest = prepared.report, self._context.ingest
        source = prepared.device.id if prepared.device else NOBODY
        try:
            if prepared.batches:
                try:
                    async with asyncio.timeout(self.settings.wait_s):
                        await ingest.room()
                except TimeoutError:
                    self._counters["pipeline_full"] += 1
                    raise self._full() from None
            receipts: list[Receipt] = await asyncio.gather(*(ingest.submit(b) for b in prepared.batches))
        except IngestClosed as error:
            raise ProblemError(
                "gateways.push.stopped", HTTPStatus.SERVICE_UNAVAILABLE, {"retry_after_s": 5}
            ) from error
        except IngestFailed as error:
            self._counters["not_durable"] += 1
            raise ProblemError(
                "gateways.push.not_durable", HTTPStatus.SERVICE_UNAVAILABLE, {"retry_after_s": 5}
            ) from error
        for reason, number in report.rejected.items():
            ingest.reject(source, reason, number)
        for receipt in receipts:
            report.stored += receipt.stored
            report.rejected.update(receipt.rejected)
        return report

    def _full(self) -> ProblemError:
        return ProblemError("gateways.push.full", HTTPStatus.TOO_MANY_REQUESTS, {"retry_after_s": 2})

    def _malformed(self, caller: Caller, error: MalformedPushError, body: bytes) -> None:
        source = (caller.id or NOBODY) if caller.kind == "device" else NOBODY
        self._rejected[error.reason] += 1
        self._context.ingest.reject(source, f"http_{error.reason}", 1, body[:_RAW_KEPT])
        self._context.frames.add(
            source, self._context.clock.now_ms(), body[:65_536], peer=caller.name, deviations=[error.reason]
        )
        if source:
            self._context.activity.of(source).error(error.reason)

    def _note(self, caller: Caller, prepared: _Prepared, report: PushReport, body: bytes, peer: str) -> None:
        now = self._context.clock.now_ms()
        self._counters["readings"] += report.received
        self._counters["stored"] += report.stored
        self._rejected.update(report.rejected)
        device_id = prepared.device.id if prepared.device else None
        key = prepared.device.code if prepared.device else caller.name
        view = self._recent.pop(key, None) or ConnectionView(key, device_id, peer, now, None, state="request")
        view.peer, view.last_frame_at = peer, now
        view.frames += 1
        view.readings += report.received
        self._recent[key] = view
        while len(self._recent) > _RECENT:
            self._recent.popitem(last=False)
        if device_id is None:
            return
        activity = self._context.activity.of(device_id)
        activity.frame(now, report.received)
        activity.receipt(Receipt(report.stored, dict(report.rejected)))
        for address in prepared.unmapped[:50]:
            activity.miss(address)
        self._context.frames.add(device_id, now, body[:65_536], peer=peer, deviations=sorted(report.rejected))

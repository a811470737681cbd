"""Alarms to CSV and XLSX, safe to open in spreadsheet programs."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from parksight.alarms.schemas import AlarmOut
from parksight.registry.transfer.exporter import MEDIA, guarded

__all__ = ["COLUMNS", "MEDIA", "to_csv", "to_xlsx"]

COLUMNS = (
    "id", "priority", "step", "condition", "handling", "point_code", "point_name", "enterprise_code",
    "enterprise_name", "thing_code", "value", "limit", "unit", "raised_at", "recorded_at", "cleared_at",
    "cleared_reason", "acknowledged_by", "acknowledged_at", "comment", "rule_id", "rule_version", "simulated",
    "longitude", "latitude",
)  # fmt: skip


def _cells(alarm: AlarmOut, zone: ZoneInfo) -> list[str | int | float | None]:
    def when(ms: int | None) -> str | None:
        if ms is None:
            return None
        return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).isoformat(timespec="milliseconds")

    point, firm, thing = alarm.point, alarm.enterprise, alarm.thing
    lon, lat = alarm.position or (None, None)
    return [
        alarm.id, alarm.priority, alarm.step, alarm.condition, alarm.handling,
        point.code if point else None, point.name if point else None,
        firm.code if firm else None, firm.name if firm else None, thing.code if thing else None,
        alarm.value, alarm.limit, "s" if alarm.step == "STALE" else point.unit if point else None,
        when(alarm.raised_at), when(alarm.recorded_at), when(alarm.cleared_at), alarm.cleared_reason,
        alarm.acknowledged_by, when(alarm.acknowledged_at), alarm.comment, alarm.rule_id, alarm.rule_version,
        "true" if alarm.simulated else "false", lon, lat,
    ]  # fmt: skip


def to_csv(alarms: Iterator[AlarmOut], zone: ZoneInfo) -> Iterator[bytes]:
    """CSV with the mark that makes spreadsheet programs read UTF-8; instants in the zone's civil time."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("﻿")
    writer.writerow(COLUMNS)
    for alarm in alarms:
        writer.writerow([guarded(c) if isinstance(c, str) else c for c in _cells(alarm, zone)])
        if buffer.tell() > 64 * 1024:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def to_xlsx(alarms: Iterator[AlarmOut], zone: ZoneInfo) -> Iterator[bytes]:
    """One sheet; text cells are typed as text, so that none is taken for a formula."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("alarms")
    sheet.append(list(COLUMNS))
    for alarm in alarms:
        line: list[object] = []
        for value in _cells(alarm, zone):
            if isinstance(value, str):
                cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value))
                cell.data_type = "s"
                line.append(cell)
            else:
                line.append(value)
        sheet.append(line)
    with tempfile.SpooledTemporaryFile(max_size=8 * 1024 * 1024) as file:
        book.save(file)
        file.seek(0)
        while portion := file.read(64 * 1024):
            yield portion

"""A consistent copy of a running store, and a store from such a copy.

The copy is a folder: ``manifest.json`` (segments, and every file with its SHA-256), the segment files, and as
Parquet what is in the database: hot rows, day aggregates, newest values. Segment files never change, so most of
a copy is copying files; appends wait only while the list of what belongs to it is taken.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from parksight.telemetry.protocols import Columns
from parksight.telemetry.store import aggregate as agg
from parksight.telemetry.store import database as db
from parksight.telemetry.store.errors import BackupUnusable
from parksight.telemetry.store.hot import HotFiles
from parksight.telemetry.store.rows import NAMES
from parksight.telemetry.store.segment import Segment
from parksight.telemetry.store.versions import View

MANIFEST = "manifest.json"
_KIND = "parksight-observations"


def dump(
    cursors: db.Cursors,
    hots: HotFiles,
    folder: Path,
    view: View,
    hot_rows: Mapping[int, int],
    newest: Columns,
    timezone: str,
    target: Path,
) -> dict[str, Any]:
    """Copy what ``view`` names; ``hot_rows`` says how many rows of each hot table belong to the copy.

    Raises:
        BackupUnusable: ``target`` is not empty.
        OSError: the copy could not be written.
    """
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise BackupUnusable(target, "the folder is not empty")
    names: dict[str, int] = {}
    for s in view.segments():
        for path, size in ((s.rows_path(folder), s.row_bytes), (s.roll_path(folder), s.roll_bytes)):
            if size:
                shutil.copyfile(path, target / path.name)
                names[path.name] = size
    rows = 0
    with pq.ParquetWriter(target / "hot.parquet", db.arrow(newest).schema, compression="zstd") as writer:
        for hot in view.hots:
            part = hots.part(hot.number, 0, hot_rows[hot.number])
            writer.write_table(db.arrow(part))
            rows += len(part)
    days = db.day_table(cursors, [s.id for s in view.segments()])
    pq.write_table(days, target / "day_roll.parquet", compression="zstd")
    pq.write_table(db.arrow(newest), target / "newest.parquet", compression="zstd")
    manifest = {
        "kind": _KIND,
        "format": db.FORMAT,
        "timezone": timezone,
        "hot_rows": rows,
        "rows": rows + sum(s.rows for s in view.segments() if s.has_rows),
        "segments": [asdict(s) for s in view.segments()],
        "files": {p.name: _digest(p) for p in sorted(target.iterdir())},
    }
    (target / MANIFEST).write_text(json.dumps(manifest, indent=1), "utf-8")
    return {
        "rows": manifest["rows"],
        "files": len(names) + 3,
        "bytes": sum(p.stat().st_size for p in target.iterdir()),
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def restore(source: Path, directory: Path, names: tuple[str, str, str]) -> dict[str, Any]:
    """Build a store folder from a copy; ``names`` are those of the main file and the two folders in it.

    Raises:
        BackupUnusable: a file is missing or changed, or the folder already holds observations.
    """
    manifest = _verified(source)
    database_name, segments_name, hot_name = names
    if (directory / database_name).exists():
        raise BackupUnusable(directory, "it already holds observations: restore into an empty folder")
    segments = [Segment(**item) for item in manifest["segments"]]
    folder = directory / segments_name
    folder.mkdir(parents=True, exist_ok=True)
    for s in segments:
        for path, size in ((s.rows_path(folder), s.row_bytes), (s.roll_path(folder), s.roll_bytes)):
            if size:
                shutil.copyfile(source / path.name, path)
    cursors = db.Cursors(directory / database_name, 1024, 2)
    try:
        db.create(cursors, manifest["timezone"])
        hots = HotFiles(cursors, directory / hot_name)
        number = max((s.newest for s in segments), default=0) + 1
        hots.create(number)
        # By batches: the hot rows of a store that was behind may be many.
        for batch in pq.ParquetFile(source / "hot.parquet").iter_batches(500_000):
            hots.append(number, Columns(*(batch.column(n).to_numpy() for n in NAMES)))
        with cursors.transaction() as c:
            for table in ("newest", "day_roll"):
                for batch in pq.ParquetFile(source / f"{table}.parquet").iter_batches(500_000):
                    _insert(c, table, pa.Table.from_batches([batch]))
            for s in segments:
                db.add_segment(c, s, agg.empty())
            db.set_meta(c, "next_segment", max((s.id for s in segments), default=0) + 1)
    finally:
        cursors.close()
    return {"rows": manifest["rows"], "segments": len(segments)}


def _insert(cursor: duckdb.DuckDBPyConnection, table: str, rows: Any) -> None:
    cursor.register("restored", rows)
    try:
        cursor.execute(f"INSERT INTO {table} SELECT * FROM restored")  # noqa: S608 - our own names
    finally:
        cursor.unregister("restored")


def _verified(source: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((source / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise BackupUnusable(source, f"{MANIFEST}: {problem}") from problem
    if not isinstance(manifest, dict) or manifest.get("kind") != _KIND:
        raise BackupUnusable(source, "this is no copy of observations")
    if manifest.get("format") != db.FORMAT:
        raise BackupUnusable(source, f"format {manifest.get('format')}, this version reads {db.FORMAT}")
    known = {f.name for f in fields(Segment)}
    if any(set(s) != known for s in manifest["segments"]):
        raise BackupUnusable(source, "the list of segments is not of this version")
    for name, digest in manifest["files"].items():
        path = source / Path(name).name
        try:
            found = _digest(path)
        except OSError as problem:
            raise BackupUnusable(source, f"{name}: {problem}") from problem
        if found != digest:
            raise BackupUnusable(source, f"{name} was changed after the copy was made")
    return manifest

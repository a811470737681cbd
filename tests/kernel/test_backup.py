"""Backup and restore: what comes back is what was there, and a bad archive changes nothing."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from tests.kernel.site import make_settings

from parksight.kernel import audit, migrate
from parksight.kernel.backup import SqlitePart, backup, restore
from parksight.kernel.bus import Bus
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Base, Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.files.models import StoredFile
from parksight.kernel.files.service import Files
from parksight.kernel.permissions import SYSTEM
from parksight.kernel.sealing import KEY_FILE, Sealer
from parksight.kernel.settings import Settings


class Notes:
    """A part with files of its own."""

    name = "notes"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def dump(self, folder: Path) -> None:
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)

    def restore(self, folder: Path) -> None:
        shutil.copytree(folder, self.folder, dirs_exist_ok=True)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def home(request: pytest.FixtureRequest, tmp_path: Path, clock: SimulatedClock) -> Iterator[Settings]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    made = make_settings(tmp_path / "home", **({"database_url": url} if url else {}))
    made.data_dir.mkdir()
    fill(made, clock)
    return made


def fill(made: Settings, clock: SimulatedClock) -> None:
    db = Database(made.records_url, Bus(), clock)
    migrate.upgrade(db)
    files = Files(made, clock)
    with db.session() as session:
        for i in range(20):
            files.keep(session, SYSTEM, [f"report {i}\n".encode()], f"{i}.txt", purpose="test")
    db.close()
    Sealer(made.data_dir).seal("makes the key")
    (made.data_dir / "notes").mkdir()
    (made.data_dir / "notes" / "园区.txt").write_text("memo")


def state(made: Settings) -> dict[str, object]:
    """Everything that must come back: rows of all tables, bytes of all files."""
    db = Database(made.records_url, Bus())
    out: dict[str, object] = {}
    with db.read() as session:
        for name, table in Base.metadata.tables.items():
            out[name] = sorted(map(repr, session.execute(select(table)).all()))
        out["revision"] = session.scalar(text("SELECT version_num FROM alembic_version"))
        out["chain"] = audit.verify(session)
    db.close()
    for path in made.data_dir.rglob("*"):
        if path.is_file() and not path.name.startswith("records.sqlite"):
            out[str(path.relative_to(made.data_dir))] = path.read_bytes()
    return out


def parts(made: Settings) -> list[Notes]:
    return [Notes(made.data_dir / "notes")]


@pytest.mark.parametrize("ending", ["tar.zst", "tar.gz"])
def test_full_cycle_gives_everything_back(
    home: Settings, tmp_path: Path, clock: SimulatedClock, ending: str
) -> None:
    before = state(home)
    archive = tmp_path / f"b.{ending}"
    made = backup(home, archive, parts(home), clock)
    assert made["files"] == 20 + 3
    assert archive.stat().st_mode & 0o077 == 0
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]
    # Afterwards somebody loses a file and changes records.
    db = Database(home.records_url, Bus(), clock)
    with db.session() as session:
        for row in session.scalars(select(StoredFile)):
            row.name = "changed"
        audit.record(session, SYSTEM, action="test.thing.later", subject=("thing", 1))
    db.close()
    shutil.rmtree(home.data_dir / "files")
    with pytest.raises(ProblemError, match=r"kernel\.backup\.occupied"):
        restore(archive, home, parts(home))
    assert not (home.data_dir / "files").exists()
    report = restore(archive, home, parts(home), force=True, clock=clock)
    assert report["audit_sound"]
    assert report["revision"] == migrate.head()
    assert state(home) == before
    assert (home.data_dir / KEY_FILE).stat().st_mode & 0o077 == 0
    aside = Path(report["moved_aside"])
    assert aside.name == "home.before-restore-20260302T010000"
    assert (aside / "notes").is_dir()
    db = Database(home.records_url, Bus())
    assert migrate.check(db) == []
    db.close()


def test_into_an_empty_place_no_force_is_needed(tmp_path: Path, clock: SimulatedClock) -> None:
    home = make_settings(tmp_path / "home")
    home.data_dir.mkdir()
    fill(home, clock)
    backup(home, tmp_path / "b.tar.zst", parts(home))
    other = make_settings(tmp_path / "elsewhere" / "data")
    report = restore(tmp_path / "b.tar.zst", other, parts(other))
    assert report["moved_aside"] is None
    assert state(other) == state(home)
    with pytest.raises(ProblemError, match=r"kernel\.backup\.exists"):
        backup(home, tmp_path / "b.tar.zst")
    with pytest.raises(ProblemError, match=r"kernel\.backup\.not_readable"):
        backup(home, tmp_path / "b.zip")


def test_backup_while_others_write_is_consistent(tmp_path: Path, clock: SimulatedClock) -> None:
    home = make_settings(tmp_path / "home")
    home.data_dir.mkdir()
    fill(home, clock)
    db = Database(home.records_url, Bus(), clock)
    files = Files(home, clock)
    done = threading.Event()

    def write() -> None:
        i = 0
        while not done.is_set():
            with db.session() as session:
                files.keep(session, SYSTEM, [f"busy {i}\n".encode()], "busy.txt")
            i += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for n in range(3):
            backup(home, tmp_path / f"{n}.tar.zst")
    finally:
        done.set()
        writer.join()
        db.close()
    for n in range(3):
        other = make_settings(tmp_path / f"other{n}")
        assert restore(tmp_path / f"{n}.tar.zst", other)["audit_sound"]
        copy = Database(other.records_url, Bus())
        kept = Files(other, clock)
        with copy.read() as session:
            assert all(kept.intact(row) for row in session.scalars(select(StoredFile)))
        copy.close()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    made = make_settings(folder / "home")
    made.data_dir.mkdir()
    db = Database(made.records_url, Bus())
    migrate.upgrade(db)
    with db.session() as session:
        Files(made, db.clock).keep(session, SYSTEM, [b"evidence\n"], "e.txt")
    db.close()
    backup(made, folder / "good.tar.gz")
    backup(made, folder / "good.tar.zst")
    return folder / "good.tar.gz"


def rewrite(good: Path, target: Path, change: object) -> Path:
    """The same archive with a change to its members."""
    members: list[tuple[tarfile.TarInfo, bytes]] = []
    with tarfile.open(good) as tar:
        for info in tar:
            source = tar.extractfile(info)
            assert source is not None
            members.append((info, source.read()))
    members = change(members)  # type: ignore[operator]
    with tarfile.open(target, "w:gz") as tar:
        for info, content in members:
            info.size = len(content) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(content))
    return target


Members = list[tuple[tarfile.TarInfo, bytes]]


def flip_last_byte(members: Members) -> Members:
    return [(i, c if i.name == "manifest.json" else c[:-1] + bytes([c[-1] ^ 1])) for i, c in members]


def drop_last(members: Members) -> Members:
    return members[:-1]


def add_stranger(members: Members) -> Members:
    return [*members, (tarfile.TarInfo("files/extra"), b"x")]


def climb_out(members: Members) -> Members:
    manifest = json.loads(members[0][1])
    manifest["members"]["../../escaped"] = {"size": 1, "sha256": "0" * 64}
    return [
        (members[0][0], json.dumps(manifest).encode()),
        (tarfile.TarInfo("../../escaped"), b"x"),
        *members[1:],
    ]


def make_link(members: Members) -> Members:
    info = tarfile.TarInfo(members[1][0].name)
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return [members[0], (info, b""), *members[2:]]


def no_manifest(members: Members) -> Members:
    return members[1:]


def newer(members: Members) -> Members:
    manifest = {**json.loads(members[0][1]), "version": "99.0.0"}
    return [(members[0][0], json.dumps(manifest).encode()), *members[1:]]


def other_engine(members: Members) -> Members:
    manifest = {**json.loads(members[0][1]), "engine": "postgresql"}
    return [(members[0][0], json.dumps(manifest).encode()), *members[1:]]


def foreign_part(members: Members) -> Members:
    manifest = {**json.loads(members[0][1]), "parts": ["unheard_of"]}
    return [(members[0][0], json.dumps(manifest).encode()), *members[1:]]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (flip_last_byte, "damaged"), (drop_last, "damaged"), (add_stranger, "damaged"),
        (climb_out, "not_readable"), (make_link, "damaged"), (no_manifest, "not_readable"),
        (newer, "newer"), (other_engine, "other_engine"), (foreign_part, "unknown_part"),
    ],
)  # fmt: skip
def test_bad_archives_are_refused_and_change_nothing(
    good: Path, tmp_path: Path, change: object, code: str
) -> None:
    archive = rewrite(good, tmp_path / "bad.tar.gz", change)
    home = make_settings(tmp_path / "deep" / "er" / "home")
    home.data_dir.mkdir(parents=True)
    (home.data_dir / "precious.txt").write_text("kept")
    with pytest.raises(ProblemError, match=rf"kernel\.backup\.{code}"):
        restore(archive, home, force=True)
    assert [p.name for p in home.data_dir.iterdir()] == ["precious.txt"]
    assert [p.name for p in home.data_dir.parent.iterdir()] == ["home"]
    assert not (tmp_path / "escaped").exists()
    assert not (tmp_path / "deep" / "escaped").exists()


def test_a_failure_half_way_puts_the_old_data_back(good: Path, tmp_path: Path) -> None:
    class Failing(Notes):
        def restore(self, folder: Path) -> None:
            raise OSError("disk full")

    def with_part(members: Members) -> Members:
        manifest = {**json.loads(members[0][1]), "parts": ["notes"]}
        return [(members[0][0], json.dumps(manifest).encode()), *members[1:]]

    archive = rewrite(good, tmp_path / "part.tar.gz", with_part)
    home = make_settings(tmp_path / "home")
    home.data_dir.mkdir()
    (home.data_dir / "precious.txt").write_text("kept")
    with pytest.raises(OSError, match="disk full"):
        restore(archive, home, [Failing(tmp_path)], force=True)
    assert [p.name for p in home.data_dir.iterdir()] == ["precious.txt"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_are_found_or_harmless(
    good: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    ending = data.draw(st.sampled_from(["gz", "zst"]))
    content = bytearray(good.with_name(f"good.tar.{ending}").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    kept = data.draw(st.sampled_from([len(content), len(content) // 2]))
    folder = tmp_path_factory.mktemp("fuzz")
    archive = folder / f"x.tar.{ending}"
    archive.write_bytes(bytes(content[:kept]))
    home = make_settings(folder / "home")
    try:
        report = restore(archive, home)
    except ProblemError as error:
        assert error.code in ("kernel.backup.damaged", "kernel.backup.not_readable", "kernel.backup.newer")
        assert not home.data_dir.exists() or not any(home.data_dir.iterdir())
    else:
        assert report["audit_sound"]


def test_a_part_that_is_a_sqlite_file(tmp_path: Path) -> None:
    file = tmp_path / "frames.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.commit()
        (tmp_path / "out").mkdir()
        SqlitePart("frames", file).dump(tmp_path / "out")
    SqlitePart("frames", tmp_path / "back" / "frames.sqlite").restore(tmp_path / "out")
    with sqlite3.connect(tmp_path / "back" / "frames.sqlite") as connection:
        assert connection.execute("SELECT x FROM t").fetchall() == [(1,)]
    SqlitePart("absent", tmp_path / "absent.sqlite").dump(tmp_path / "out")

"""Files: kept by content, judged by content, never found by a path a stranger chose."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.kernel.site import Site, make_settings, sign_in

from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.files.models import StoredFile
from parksight.kernel.files.service import Files, clean_name
from parksight.kernel.files.sniff import ALLOWED, sniff
from parksight.kernel.permissions import SYSTEM, Caller

PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)
FIRM = Caller(id=None, name="firm", kind="system", grants=("*",), enterprises=frozenset({7}))


@pytest.fixture
def store(tmp_path: Path, clock: SimulatedClock) -> Files:
    return Files(make_settings(tmp_path, files={"max_mb": 1}), clock)


def keep(
    db: Database, store: Files, content: bytes, name: str = "a.txt", caller: Caller = SYSTEM, **more: int
) -> StoredFile:
    with db.session() as session:
        return store.keep(session, caller, [content[:5], content[5:]], name, **more)


def test_one_content_is_kept_once(sqlite_db: Database, store: Files) -> None:
    first, second = keep(sqlite_db, store, b"same text\n"), keep(sqlite_db, store, b"same text\n", "b.txt")
    assert first.sha256 == second.sha256 == hashlib.sha256(b"same text\n").hexdigest()
    kept = [path for path in store.folder.rglob("*") if path.is_file()]
    assert kept == [store.path(first.sha256)]
    assert store.intact(first)
    kept[0].write_bytes(b"other text")
    assert not store.intact(first)
    kept[0].write_bytes(b"longer than before")
    with pytest.raises(ProblemError, match=r"kernel\.file\.lost"):
        store.open_path(first)


def test_limits_and_kinds(sqlite_db: Database, store: Files) -> None:
    for content, name, code in (
        (b"x" * (2**20 + 1), "big.txt", "too_large"), (b"", "empty.txt", "empty"),
        (b"MZ\x90\x00" + bytes(60), "photo.png", "kind"), (b"<svg onload=alert(1)>", "a.txt", "kind"),
        (b"\n <!DOCTYPE html>", "a.csv", "kind"), (b"\x7fELF" + bytes(60), "a.pdf", "kind"),
    ):  # fmt: skip
        with pytest.raises(ProblemError, match=rf"kernel\.file\.{code}"):
            keep(sqlite_db, store, content, name)
    assert not [path for path in store.folder.rglob("*") if path.is_file()]
    keep(sqlite_db, store, b"x" * 2**20, "fits.txt")


def workbook() -> bytes:
    out = io.BytesIO()
    openpyxl.Workbook().save(out)
    return out.getvalue()


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (PNG, "x.exe", "image/png"), (b"\xff\xd8\xff\xe0" + bytes(9), "", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "", "image/webp"), (b"RIFF\x00\x00\x00\x00WAVEfmt ", "", "audio/wav"),
        (b"12345678WEBP\x00", "", None), (b"%PDF-1.7\n", "x.txt", "application/pdf"),
        (b"\x00\x00\x00\x18ftypmp42", "", "video/mp4"), (b"a,b\n1,2\n", "x.CSV", "text/csv"),
        ("企业,数值\n".encode("gb18030"), "x.csv", "text/csv"), ("说明".encode(), "readme", "text/plain"),
        (b'{"a": 1}', "x.json", "application/json"), (b'{"a": ', "x.json", None),
        (b'{"type": "FeatureCollection"}', "x.geojson", "application/geo+json"),
        (b"\x00\x01\x02", "x.txt", None), (zipped("evil.exe"), "x.xlsx", None), (b"PK\x03\x04broken", "x.xlsx", None),
        (zipped("xl/workbook.xml", "xl/vbaProject.bin"), "x.xlsx", None),
        (workbook(), "x", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (b"[" * 100_000, "x.json", None),
    ],
)  # fmt: skip
def test_kinds_are_told_by_content(tmp_path: Path, content: bytes, name: str, kind: str | None) -> None:
    (tmp_path / "f").write_bytes(content)
    assert sniff(tmp_path / "f", name) == kind


@given(st.binary(max_size=200), st.sampled_from(["", "a.json", "a.csv", "a.xlsx"]))
def test_sniffing_anything_gives_an_allowed_kind_or_none(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    file = tmp_path_factory.mktemp("s") / "f"
    for lead in (b"", b"PK\x03\x04", b"RIFF"):
        file.write_bytes(lead + content)
        assert sniff(file, name) in ALLOWED | {None}


@given(st.text(max_size=300))
def test_names_are_harmless(name: str) -> None:
    got = clean_name(name)
    assert 0 < len(got) <= 200
    assert not set(got) & set("/\\\0\r\n\u202e\u200b")
    assert not got.startswith(".")
    assert clean_name(got) == got
    got.encode("utf-8")


@given(st.text(max_size=80) | st.from_regex(r"(\.\./|%2e|[0-9a-f]){1,40}", fullmatch=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_other_path_can_be_asked_for(store: Files, asked: str) -> None:
    try:
        path = store.path(asked)
    except ProblemError:
        return
    assert path.resolve().is_relative_to(store.folder.resolve())
    assert len(asked) == 64


def test_scopes(sqlite_db: Database, store: Files) -> None:
    own = keep(sqlite_db, store, b"ours\n", enterprise_id=7)
    other = keep(sqlite_db, store, b"theirs\n", enterprise_id=8)
    zone = keep(sqlite_db, store, b"zone\n")
    with sqlite_db.read() as session:
        assert store.find(session, FIRM, own.id).sha256 == own.sha256
        for row in (other, zone):
            with pytest.raises(ProblemError, match="not_found"):
                store.find(session, FIRM, row.id)
    for more in ({"enterprise_id": 8}, {}):
        with pytest.raises(ProblemError, match="forbidden"):
            keep(sqlite_db, store, b"x\n", caller=FIRM, **more)


def test_removed_content_goes_only_when_nobody_needs_it(
    db: Database, tmp_path: Path, clock: SimulatedClock
) -> None:
    store = Files(make_settings(tmp_path), clock)
    first, second = keep(db, store, b"shared\n"), keep(db, store, b"shared\n")
    alone = keep(db, store, b"alone\n")

    def remove(row: StoredFile) -> int:
        with db.session() as session:
            store.remove(session, SYSTEM, row.id, "test")
        clock.advance(31 * 86_400)
        with db.session() as session:
            return store.sweep(session)

    assert remove(first) == 0
    assert store.path(first.sha256).is_file()
    with db.session() as session:
        store.remove(session, SYSTEM, alone.id, "test")
        assert store.sweep(session) == 0  # not at once
    assert remove(second) == 2
    assert not [path for path in store.folder.rglob("*") if path.is_file()]
    with db.session() as session:
        assert store.sweep(session) == 0
        with pytest.raises(ProblemError, match="not_found"):
            store.find(session, SYSTEM, second.id)


@pytest.fixture
def client(quick_site: Site) -> Iterator[httpx.Client]:
    with quick_site.client() as made:
        sign_in(made, "admin")
        yield made


def test_upload_list_download_remove(quick_site: Site, client: httpx.Client) -> None:
    files = {"file": ("../../现场 照片.png", PNG, "text/html")}
    made = client.post("/api/v1/files", files=files, data={"purpose": "case.evidence", "enterprise_id": "7"})
    assert made.status_code == 201
    row = made.json()
    assert (row["name"], row["media_type"], row["size"]) == ("现场 照片.png", "image/png", len(PNG))
    got = client.get(f"/api/v1/files/{row['id']}/content")
    assert got.content == PNG
    assert got.headers["content-type"] == "image/png"
    assert got.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert got.headers["etag"] == f'"{row["sha256"]}"'
    assert got.headers["content-disposition"].startswith("inline")
    text = client.post("/api/v1/files", files={"file": ("a.txt", b"hello\n")}).json()
    shown = client.get(f"/api/v1/files/{text['id']}/content")
    assert shown.headers["content-disposition"].startswith("attachment")
    with quick_site.client() as firm:
        sign_in(firm, "firm")
        assert [f["id"] for f in firm.get("/api/v1/files").json()["items"]] == [row["id"]]
        assert firm.get(f"/api/v1/files/{text['id']}/content").status_code == 404
        assert firm.delete(f"/api/v1/files/{row['id']}", params={"reason": "x"}).status_code == 403
    assert client.get("/api/v1/files", params={"purpose": "case.evidence"}).json()["total"] == 1
    assert client.delete(f"/api/v1/files/{row['id']}").status_code == 422
    assert client.delete(f"/api/v1/files/{row['id']}", params={"reason": "误传"}).status_code == 204
    assert client.get(f"/api/v1/files/{row['id']}").status_code == 404
    assert client.post("/api/v1/files", files={"file": ("a.html", b"<html>")}).status_code == 415
    assert client.post("/api/v1/files", json={}).status_code == 422


def test_uploads_may_be_larger_than_other_bodies(client: httpx.Client) -> None:
    big = b"line of text\n" * 200_000  # 2.6 MB; other routes of this site take 1 MB
    assert client.post("/api/v1/files", files={"file": ("big.txt", big)}).status_code == 201
    assert client.get("/api/v1/files/../../secret.key/content").status_code == 404

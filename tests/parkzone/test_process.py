"""The zone as a process: starts, says where it listens, ends on a signal and with its parent, leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

COMMAND = [
    sys.executable, "-m", "parkzone.cli", "run", "--url", "http://127.0.0.1:9", "--hj212-port", "9",
    "--mqtt-port", "0", "--modbus-port", "0", "--control-port", "0",
]  # fmt: skip


def environment() -> dict[str, str]:
    src = str(Path(__file__).resolve().parents[2] / "src")
    return {**os.environ, "PYTHONPATH": src, "PARKZONE_TOKEN": "t", "PARKZONE_CONTROL_TOKEN": "secret"}


def line(process: subprocess.Popen[str], event: str) -> dict[str, object]:
    assert process.stdout is not None
    for text in process.stdout:
        note = json.loads(text)
        if note["event"] == event:
            return note
    raise AssertionError(f"ended without saying {event}")


def gone(pid: int, within_s: float = 15.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_all_it_started(number: signal.Signals) -> None:
    process = subprocess.Popen(COMMAND, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        note = line(process, "listening")
        control, mqtt = int(str(note["control"])), int(str(note["mqtt"]))
        children = psutil.Process(process.pid).children(recursive=True)
        # the broker, and the servers of the cameras
        assert sorted(c.name()[:6] for c in children) == ["nats-s", "python"]
        assert listens(mqtt)
        headers = {"authorization": "Bearer secret"}
        assert len(httpx.get(f"http://127.0.0.1:{control}/scenarios", headers=headers).json()) == 11
        process.send_signal(number)
        line(process, "stopped")
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()
    assert all(gone(c.pid) for c in children)
    assert not listens(control)
    assert not listens(mqtt)


@pytest.mark.parametrize("pipe", [False, True], ids=["file", "pipe"])
def test_it_dies_with_its_parent(tmp_path: Path, pipe: bool) -> None:
    said = tmp_path / "said"
    out = "subprocess.PIPE" if pipe else f"open({str(said)!r}, 'w')"
    wait = (
        "p.stdout.readline()\n"
        if pipe
        else f"while '\"listening\"' not in open({str(said)!r}).read(): time.sleep(0.05)\n"
    )
    starter = (
        "import os, subprocess, sys, time\n"
        f"p = subprocess.Popen({COMMAND!r} + ['--parent', str(os.getpid())], stdout={out}, text=True)\n"
        f"{wait}print(p.pid, flush=True); time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", starter], env=environment(), stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    zone = int(parent.stdout.readline())
    try:
        children = psutil.Process(zone).children()
        parent.kill()  # hard, as a crash: nobody tells the zone, and its pipe is broken
        parent.wait()
        assert gone(zone)
        assert all(gone(c.pid) for c in children)
    finally:
        if psutil.pid_exists(zone):
            os.kill(zone, signal.SIGKILL)
    if not pipe:
        events = [json.loads(text)["event"] for text in said.read_text().splitlines()]
        assert events[-2:] == ["orphaned", "stopped"]


def test_without_a_token_it_explains_itself() -> None:
    env = {k: v for k, v in environment().items() if k != "PARKZONE_TOKEN"}
    done = subprocess.run(COMMAND, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "PARKZONE_TOKEN" in done.stderr


def test_dump_writes_every_import_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "parkzone.cli", "dump", "--out", str(tmp_path)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = {p.name for p in tmp_path.iterdir()}
    assert {"points.csv", "devices.json", "alarm-rules.json", "labels.geojson"} <= names
    assert len(json.loads((tmp_path / "devices.json").read_text("utf-8"))) > 500


def test_scenario_command_without_a_zone_says_so() -> None:
    command = [sys.executable, "-m", "parkzone.cli", "scenario", "--control", "http://127.0.0.1:9"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no running zone" in done.stderr

"""Prepares a bare machine: environment, packages, front end, test programs. Standard library only.

Called by the Makefile: ``python3 tools/bootstrap.py run|test``. Each step leaves a stamp with the hash of what it
was made from, so that a second call takes a moment.
"""

from __future__ import annotations

import ctypes.util
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMPS = ROOT / ".stamps"
WINDOWS = os.name == "nt"
BIN = VENV / ("Scripts" if WINDOWS else "bin")
PYTHON = BIN / ("python.exe" if WINDOWS else "python")
NODE_AT_LEAST = (22, 18)
STATIC = ROOT / "src" / "parksight" / "web" / "static"


def say(text: str) -> None:
    print(f"[parksight] {text}", flush=True)


def run(*command: str | Path, **env: str) -> None:
    subprocess.run([str(c) for c in command], check=True, cwd=ROOT, env={**os.environ, **env})


def quiet(*command: str | Path) -> bool:
    try:
        return subprocess.run([str(c) for c in command], cwd=ROOT, capture_output=True).returncode == 0
    except OSError:
        return False


def digest(*paths: Path) -> str:
    seen = hashlib.sha256(sys.version.encode())
    for path in paths:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            if "node_modules" in file.parts:
                continue
            seen.update(str(file.relative_to(ROOT)).encode())
            seen.update(file.read_bytes())
    return seen.hexdigest()


def fresh(name: str, key: str) -> bool:
    stamp = STAMPS / name
    return stamp.exists() and stamp.read_text() == key


def stamp(name: str, key: str) -> None:
    STAMPS.mkdir(exist_ok=True)
    (STAMPS / name).write_text(key)


def make_venv() -> None:
    if PYTHON.exists() and quiet(PYTHON, "-c", "import pip"):
        return
    say("making the environment in .venv")
    shutil.rmtree(VENV, ignore_errors=True)
    if quiet(sys.executable, "-m", "venv", VENV):
        return
    shutil.rmtree(VENV, ignore_errors=True)
    # Debian ships python3 without ensurepip; its package manager or virtualenv can help.
    if quiet(sys.executable, "-m", "virtualenv", VENV):
        return
    if system_install("python3-venv") and quiet(sys.executable, "-m", "venv", VENV):
        return
    if quiet(sys.executable, "-m", "pip", "install", "--user", "virtualenv") and quiet(
        sys.executable, "-m", "virtualenv", VENV
    ):
        return
    raise SystemExit(
        "Python cannot make a virtual environment here: its venv module is incomplete.\n"
        "On Debian or Ubuntu install it with:  apt-get install python3-venv   and run make again."
    )


def system_install(*packages: str) -> bool:
    """Install through the system's package manager where we may; False where we may not."""
    if shutil.which("apt-get") is None:
        return False
    prefix: list[str] = []
    if not WINDOWS and os.geteuid() != 0:
        if not quiet("sudo", "-n", "true"):
            return False
        prefix = ["sudo", "-n"]
    say(f"installing {', '.join(packages)} with apt-get")
    env = ["env", "DEBIAN_FRONTEND=noninteractive"]
    if quiet(*prefix, *env, "apt-get", "install", "-y", "--no-install-recommends", *packages):
        return True
    quiet(*prefix, "apt-get", "update")
    return quiet(*prefix, *env, "apt-get", "install", "-y", "--no-install-recommends", *packages)


def install(requirements: str) -> None:
    """Install a hashed requirements file with uv; with pip where uv does not reach the index."""
    file = ROOT / "requirements" / requirements
    bootstrap = ROOT / "requirements" / "bootstrap.txt"
    if not (BIN / ("uv.exe" if WINDOWS else "uv")).exists():
        quiet(PYTHON, "-m", "pip", "install", "-q", "--require-hashes", "-r", bootstrap)
    uv = BIN / ("uv.exe" if WINDOWS else "uv")
    if uv.exists() and quiet(uv, "pip", "install", "-q", "--python", PYTHON, "--require-hashes", "-r", file):
        return
    run(PYTHON, "-m", "pip", "install", "-q", "--require-hashes", "-r", file)


def packages(kind: str) -> None:
    requirements = {"run": "demo.txt", "test": "dev.txt"}[kind]
    key = digest(ROOT / "requirements" / requirements)
    if fresh(f"packages-{kind}", key) or (kind == "run" and fresh("packages-test-demo", key)):
        return
    say(f"installing Python packages ({requirements}); the first time takes a minute or two")
    install(requirements)
    stamp(f"packages-{kind}", key)
    if kind == "test":  # dev.txt holds everything of demo.txt
        stamp("packages-test-demo", digest(ROOT / "requirements" / "demo.txt"))


def project() -> None:
    """Put src/ on the environment's path and the commands into its bin folder."""
    key = digest(ROOT / "pyproject.toml") + str(ROOT)
    if fresh("project", key) and (BIN / "parksight").exists():
        return
    site = subprocess.run(
        [str(PYTHON), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    Path(site, "parksight-source.pth").write_text(str(ROOT / "src") + "\n")
    for name in ("parksight", "parkzone"):
        script = BIN / name
        script.write_text(
            f"#!{PYTHON}\nimport sys\nfrom {name}.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
        )
        script.chmod(0o755)
    stamp("project", key)


def node_version() -> tuple[int, ...]:
    try:
        out = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
        return tuple(int(x) for x in out.lstrip("v").split(".")[:2])
    except (OSError, ValueError):
        return (0,)


def node() -> dict[str, str]:
    """The environment in which node and npm answer; brings Node as a Python package where it is missing."""
    if node_version() >= NODE_AT_LEAST and shutil.which("npm"):
        return {}
    key = digest(ROOT / "requirements" / "node.txt")
    if not fresh("node", key):
        say("installing Node.js (a Python package) for the front-end build")
        install("node.txt")
        stamp("node", key)
    return {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


def web_key() -> str:
    sources = [ROOT / "web" / "src", ROOT / "web" / "index.html", ROOT / "web" / "package-lock.json"]
    sources += sorted((ROOT / "web").glob("*.ts"))
    if (ROOT / "web" / "public").exists():
        sources.append(ROOT / "web" / "public")
    return digest(*sources)


def node_modules(env: dict[str, str]) -> None:
    key = digest(ROOT / "web" / "package-lock.json")
    if fresh("node-modules", key) and (ROOT / "web" / "node_modules").exists():
        return
    say("installing front-end packages")
    run("npm", "--prefix", "web", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", **env)
    stamp("node-modules", key)


def web() -> None:
    key = web_key()
    if fresh("web", key) and (STATIC / "index.html").exists():
        return
    env = node()
    node_modules(env)
    say("building the front end")
    run("npm", "--prefix", "web", "run", "--silent", "build", **env)
    stamp("web", key)


def warm_up() -> None:
    """Compile the numba kernels once, so that starting does not wait for them."""
    key = digest(ROOT / "src") + digest(ROOT / "requirements" / "runtime.txt")
    if fresh("warm", key):
        return
    say("compiling the numeric kernels")
    run(PYTHON, "-m", "parksight", "warm-up")
    stamp("warm", key)


def test_programs() -> None:
    """System programs that tests drive; each missing one is said plainly and its tests are skipped."""
    wanted = {
        "chromium": (("chromium", "chromium-browser", "google-chrome"), ("chromium", "fonts-noto-cjk")),
        "mosquitto": (("mosquitto", "/usr/sbin/mosquitto"), ("mosquitto",)),
        "postgresql": (("initdb", "/usr/lib/postgresql"), ("postgresql",)),
    }
    for name, (probes, debs) in wanted.items():
        if any(shutil.which(p) or Path(p).exists() for p in probes):
            continue
        if not system_install(*debs):
            say(
                f"{name} is not installed and cannot be installed from here; its tests will be skipped. "
                f"Install it with: apt-get install {' '.join(debs)}"
            )


def graphics() -> None:
    """OpenGL without a screen, with which the demo zone's cameras draw what they see."""
    library = ctypes.util.find_library("EGL")
    if library is not None or WINDOWS or fresh("graphics", "asked"):
        return
    if not system_install("libegl1", "libgl1-mesa-dri"):
        say(
            "OpenGL (libegl1, libgl1-mesa-dri) cannot be installed from here; demo cameras draw a slower panorama"
        )
    stamp("graphics", "asked")


def main() -> None:
    if sys.version_info < (3, 11):
        raise SystemExit(f"ParkSight needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    kind = sys.argv[1] if len(sys.argv) > 1 else "run"
    make_venv()
    packages(kind)
    project()
    graphics()
    if kind == "test":
        node_modules(node())
        test_programs()
    web()
    warm_up()


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as failed:
        raise SystemExit(f"[parksight] this step failed ({failed.returncode}): {failed.cmd}") from None

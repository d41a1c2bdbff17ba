"""A Docker Engine: the one that answers, or the one we start."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opsbook.lab import kernel
from opsbook.lab.docker import LabError, attempt, last_lines
from opsbook.lab.lab import state_folder
from opsbook.lab.wait import until
from opsbook.places import private_folder

Progress = Callable[[str], None]

PID_FILES = {  # what a killed engine leaves, and the program whose id it must hold to be true
    Path("/run/docker.pid"): "dockerd",
    Path("/run/docker/containerd/containerd.pid"): "containerd",
}


@dataclass(frozen=True)
class Engine:
    """What answered, as far as the lab cares."""

    version: str
    cgroups: str
    memory: int


def engine(progress: Progress) -> Engine:
    """Return a reachable engine; start one where we may and none is running."""
    found = ask()
    if found is None:
        start(progress)
        found = ask()
    if found is None:
        raise LabError("the Docker Engine was started and does not answer", saw=log_tail(), next="docker info")
    return found


def ask() -> Engine | None:
    """Ask `docker info`; None when no engine answers."""
    done = attempt("info", "--format", "{{json .}}", within=20)
    if done.returncode:
        return None
    info = json.loads(done.stdout)
    if not info.get("ServerVersion"):  # newer clients print their own half and exit 0
        return None
    return Engine(info["ServerVersion"], str(info.get("CgroupVersion", "1")), info["MemTotal"])


def start(progress: Progress) -> None:
    """Start dockerd: through systemd where it runs, else by hand."""
    if os.environ.get("DOCKER_HOST"):
        raise LabError("no Docker Engine answers", saw=f"DOCKER_HOST={os.environ['DOCKER_HOST']}", next="docker info")
    if os.geteuid() != 0:
        raise LabError("no Docker Engine answers, and only root can start one", next="sudo scripts/setup, then join the group docker")
    if not shutil.which("dockerd"):
        raise LabError("no Docker Engine answers, and dockerd is not installed", next="scripts/setup  (or: apt-get install docker.io)")
    progress("starting the Docker Engine")
    if Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "start", "docker.service"], check=False)
    else:
        clear_stale_pids(PID_FILES)
        launch(log_file())
    until("the Docker Engine answers", lambda: ask() is not None, within=60, saw=why_not)


def launch(log: Path) -> None:
    """Start dockerd in a session of its own, so that it outlives us and is no child of ours, with its talk in a file."""
    private_folder(log.parent)
    with log.open("ab") as sink:
        subprocess.run(["setsid", "--fork", "dockerd"], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, cwd="/", check=True)


def clear_stale_pids(files: dict[Path, str], processes: Path = Path("/proc")) -> list[Path]:
    """Remove a pid file only when its process is gone or is another program."""
    stale = [path for path, program in files.items() if path.exists() and running(path, processes) != program]
    for path in stale:
        path.unlink()
    return stale


def running(pid_file: Path, processes: Path) -> str:
    """Return the name of the program whose id a pid file holds; empty when there is none."""
    try:
        return (processes / pid_file.read_text().strip() / "comm").read_text().strip()
    except OSError:
        return ""


def log_file() -> Path:
    """Return the log of an engine that we started."""
    return state_folder() / "dockerd.log"


def log_tail() -> str:
    """Return the end of that log."""
    log = log_file()
    return last_lines(log.read_bytes()) if log.exists() else ""


def why_not() -> str:
    """Say what is known about an engine that does not start."""
    return "\n".join([*kernel.suspects(), log_tail()]).strip()

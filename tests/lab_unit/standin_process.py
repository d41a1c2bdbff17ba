"""Run a packed stand-in as a real process on loopback, and wait on what it does."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from opsbook.lab.standins import program
from opsbook.lab.standins.serving import Answer, Server, ask, tell

PATIENCE = 10.0
CONFIG = "global:\n  scrape_interval: 2s\n  external_labels:\n    cluster: p24\n    replica: vps-i1\nscrape_configs:\n- job_name: x\n"


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def port_of(address: str) -> str:
    return address.rpartition(":")[2]


def eventually(holds: Callable[[], bool], what: str) -> None:
    """Wait until it holds; an address that does not answer yet does not hold yet."""
    pause, end = threading.Event(), time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if holds():
                return
        pause.wait(0.02)
    raise AssertionError(f"not within {PATIENCE:g}s: {what}")


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[str]
    log: Path

    def said(self, text: str) -> bool:
        return text in self.log.read_text(encoding="utf-8")


def install(folder: Path, name: str) -> Path:
    """Place the stand-in as one file, as an image does."""
    path = folder / name
    path.write_bytes(program(name))
    return path


@contextlib.contextmanager
def running(folder: Path, name: str, *args: str) -> Iterator[Running]:
    log = folder / f"{name}-{time.monotonic_ns()}.log"
    with log.open("w") as stderr:
        process = subprocess.Popen([sys.executable, str(install(folder, name)), *args], stdout=stderr, stderr=stderr, text=True)
    try:
        yield Running(process, log)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def finished(folder: Path, name: str, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(install(folder, name)), *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def status(address: str, path: str) -> int:
    return ask(f"http://{address}{path}").status


def text(address: str, path: str) -> str:
    return ask(f"http://{address}{path}").body.decode()


@contextlib.contextmanager
def prometheus(address: str, config: str = CONFIG, longest: str = "2h") -> Iterator[Server]:
    """Answer what Thanos asks of a Prometheus, in its own words."""
    flags = {"storage.tsdb.min-block-duration": "2h", "storage.tsdb.max-block-duration": longest}
    up = {"metric": {"__name__": "up", "job": "loki"}, "value": [1, "1"]}
    refused = Answer(400, json.dumps({"status": "error", "errorType": "bad_data", "error": "parse error"}).encode(), "application/json")

    def query(request: object) -> Answer:
        asked = getattr(request, "query", "")
        return tell({"status": "success", "data": {"resultType": "vector", "result": [up]}}) if asked == "query=up" else refused

    server = Server(
        address,
        {
            "/api/v1/status/flags": lambda _: tell({"status": "success", "data": flags}),
            "/api/v1/status/config": lambda _: tell({"status": "success", "data": {"yaml": config}}),
            "/api/v1/query": query,
        },
    )
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()

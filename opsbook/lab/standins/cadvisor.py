"""The stand-in for cAdvisor: the engine's containers as metrics, asked of its socket."""

from __future__ import annotations

import http.client
import json
import os
import platform
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .arguments import Flags, UsageError, goflag
from .exposition import Metrics, labels
from .logfmt import Log
from .serving import Answer, Ask, Life, Routes, Server, say
from .settings import seconds

VERSION = "v0.60.5"
FLAGS = {
    "port": "8080",
    "listen_ip": "",
    "docker": "unix:///var/run/docker.sock",
    "containerd": "/run/containerd/containerd.sock",
    "housekeeping_interval": "1s",
    "max_housekeeping_interval": "60s",
    "global_housekeeping_interval": "1m0s",
    "storage_duration": "2m0s",
    "disable_metrics": "",
    "enable_metrics": "",
    "raw_cgroup_prefix_whitelist": "",
    "whitelisted_container_labels": "",
    "env_metadata_whitelist": "",
    "url_base_prefix": "",
    "prometheus_endpoint": "/metrics",
    "http_auth_file": "",
    "machine_id_file": "/etc/machine-id,/var/lib/dbus/machine-id",
    "v": "0",
    "stderrthreshold": "2",
}
SWITCHES = frozenset(
    {"docker_only", "version", "logtostderr", "alsologtostderr", "store_container_labels", "profiling", "disable_root_cgroup_stats"}
)
WITHIN = 5.0


def main() -> None:
    """Check the command line, then serve until a signal or a failure."""
    try:
        flags = goflag(sys.argv[1:], FLAGS, SWITCHES)
        every = seconds(flags.one("housekeeping_interval"))
    except (UsageError, ValueError) as error:
        print(f"{error}\nUsage of cadvisor:", file=sys.stderr)
        sys.exit(2)
    if flags.on("version"):
        print(f"cAdvisor version {VERSION} (opsbook-lab stand-in)")
        return
    sys.exit(lived(flags, every))


def lived(flags: Flags, every: float) -> int:
    """Look at the containers again and again; return the exit code."""
    log, life = Log("cadvisor"), Life.begin()
    log.confess()
    view = View(flags, log)
    life.repeat(lambda: view.look(every))
    try:
        Server(f"{flags.one('listen_ip')}:{flags.one('port')}", view.routes())
    except OSError as error:
        life.fail(str(error))
    life.over.wait()
    for reason in life.failures:
        log.line("error", "error running", {"err": reason})
    return 1 if life.failures else 0


@dataclass
class View:
    """What was last seen of the containers: a page that is made anew, so that a container that is gone leaves it."""

    flags: Flags
    log: Log
    page: str = ""

    def routes(self) -> Routes:
        endpoint = self.flags.one("prometheus_endpoint")
        return {"/healthz": lambda _: say("ok"), endpoint: self.metrics, "/api/": self.machine}

    def metrics(self, _: Ask) -> Answer:
        return Answer(200, self.page.encode(), "text/plain; version=0.0.4; charset=utf-8")

    def machine(self, _: Ask) -> Answer:
        return Answer(200, json.dumps({"num_cores": os.cpu_count()}).encode(), "application/json")

    def look(self, every: float) -> float:
        """Ask the engine; return when to ask again. Where it does not answer, the machine itself is all that is seen."""
        try:
            path = self.flags.one("docker").removeprefix("unix://")
            found, engine = asked(path, "/containers/json"), asked(path, "/version")
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.log.line("warn", "Registration of the docker container factory failed", {"err": error})
            found, engine = [], {}
        self.page = page(found if isinstance(found, list) else [], engine if isinstance(engine, dict) else {})
        return every


def page(containers: list[dict[str, object]], engine: Mapping[str, object]) -> str:
    """Write what is known of the machine, its engine and its containers."""
    metrics, now = Metrics(), time.time()
    about = {"cadvisorRevision": "opsbook-lab", "cadvisorVersion": VERSION, "dockerVersion": str(engine.get("Version", ""))}
    metrics.set("cadvisor_version_info", 1, labels({**about, "kernelVersion": platform.release(), "osVersion": "stand-in"}))
    metrics.set("machine_cpu_cores", os.cpu_count() or 1)
    for pairs, begun in (({"id": "/"}, now), *described(containers)):
        metrics.set("container_last_seen", now, labels(pairs))
        metrics.set("container_start_time_seconds", begun, labels(pairs))
    return metrics.page()


def described(containers: list[dict[str, object]]) -> Iterator[tuple[dict[str, str], float]]:
    """Give each container its labels, as the real one names them, and its start."""
    for one in containers:
        names, own = one["Names"], one.get("Labels") or {}
        name = str(names[0]).lstrip("/") if isinstance(names, list) and names else ""
        shown = {f"container_label_{plain(key)}": str(text) for key, text in own.items()} if isinstance(own, dict) else {}
        where = f"/system.slice/docker-{one['Id']}.scope"
        yield {**shown, "id": where, "image": str(one["Image"]), "name": name}, float(str(one["Created"]))


def plain(key: str) -> str:
    """Make a label of the engine one of Prometheus."""
    return "".join(letter if letter.isalnum() else "_" for letter in key)


def asked(path: str, question: str) -> object:
    """Ask the engine at its socket. Raise OSError or ValueError where it gives no answer."""
    link = Socket(path)
    try:
        link.request("GET", question)
        answer: object = json.loads(link.getresponse().read())
        return answer
    finally:
        link.close()


class Socket(http.client.HTTPConnection):
    """HTTP over a socket of the file system."""

    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=WITHIN)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(WITHIN)
        self.sock.connect(self.path)


if __name__ == "__main__":
    main()

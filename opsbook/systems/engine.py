"""The Docker engine about itself."""

from __future__ import annotations

import json
from dataclasses import dataclass

from opsbook.host import Read, Result
from opsbook.shell import cmd

SNAPSHOTTER = "io.containerd.snapshotter.v1"


@dataclass(frozen=True)
class Engine:
    """Version, where it keeps its data, and how."""

    version: str
    driver: str
    root: str
    containerd_store: bool = False      # images are kept by containerd, as Docker 29 does from the start
    rootless: bool = False


def engine() -> Read[Engine]:
    """The engine as it tells of itself; fails when it does not answer."""
    return Read(cmd("docker", "info", "--format={{json .}}"), parse_engine)


def parse_engine(result: Result) -> Engine:
    """Given `docker info` as JSON, return the engine; raise ValueError where it only says why it does not answer."""
    raw = json.loads(result.out)
    if raw.get("ServerErrors"):
        raise ValueError("; ".join(raw["ServerErrors"]))
    status = {value for _, value in raw.get("DriverStatus") or ()}
    security = raw.get("SecurityOptions") or ()
    return Engine(raw["ServerVersion"], raw["Driver"], raw["DockerRootDir"], SNAPSHOTTER in status, "name=rootless" in security)

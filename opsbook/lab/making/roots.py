"""Debian roots by mmdebstrap: a server's, and one that only holds the services' programs."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from opsbook.lab.docker import LabError, last_lines
from opsbook.lab.engine import Progress

SUITE = "trixie"
BASE = ("systemd", "systemd-sysv", "dbus", "openssh-server", "openssh-client", "sudo", "curl", "ufw", "git", "iproute2")
SERVER = (*BASE, "procps", "iptables", "ca-certificates", "netbase", "tzdata", "dnsmasq-base")
ENGINE = ("docker.io", "docker-cli", "docker-compose")
PROGRAMS = (
    "prometheus",
    "prometheus-alertmanager",
    "prometheus-blackbox-exporter",
    "prometheus-node-exporter",
    "caddy",
    "python3",
    "busybox-static",
    "bash",
    "grep",
    "ca-certificates",
)
# Documentation doubles the time that unpacking takes; unsafe-io is right for a root that is thrown away when it breaks.
LEAN = (
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale", "info", "bash-completion")),
    "--dpkgopt=force-unsafe-io",
    "--aptopt=Acquire::Languages none",
)
BY_PACKAGES = 600.0
COMPILED = (  # what the stand-ins import: without compiled files each starts half a second later
    "argparse, collections, dataclasses, datetime, decimal, email, glob, gzip, hashlib, http.client, http.server, inspect, "
    "json, logging, pathlib, random, runpy, secrets, shutil, signal, ssl, tempfile, threading, urllib.request, uuid, zipimport"
)
PROGRAMS_DIGEST = hashlib.sha256(repr((SUITE, PROGRAMS, LEAN, COMPILED)).encode()).hexdigest()[:12]


def server(finish: Path, mirror: str) -> tuple[str, ...]:
    """Build the command that writes a server's root to standard output, as a tar."""
    hook = f'--customize-hook=sh {shlex.quote(str(finish))} "$1"'
    return ("mmdebstrap", "--variant=minbase", *LEAN, include(*SERVER, *ENGINE), hook, "--format=tar", SUITE, "-", mirror)


def programs(folder: Path, mirror: str) -> tuple[str, ...]:
    """Build the command that unpacks the services' programs into a folder, without installing anything."""
    return ("mmdebstrap", "--variant=extract", *LEAN, include(*PROGRAMS), "--format=directory", SUITE, str(folder), mirror)


def include(*packages: str) -> str:
    """Name the packages."""
    return "--include=" + ",".join(packages)


def mirror(environ: Mapping[str, str] = os.environ) -> str:
    """Return the Debian mirror; OPSBOOK_LAB_MIRROR names a nearer one."""
    return environ.get("OPSBOOK_LAB_MIRROR", "http://deb.debian.org/debian")


def unpacked(cache: Path, progress: Progress) -> Path:
    """Return the folder with the services' programs; what a killed run left of it is made anew."""
    done = target(cache)
    if not done.is_dir():
        progress("service images: unpacking Debian's programs")
        half = done.with_suffix(f".half-{os.getpid()}")  # a killed run's mmdebstrap may still be writing into its own
        build(programs(half, mirror()), cache)
        warm_python(half)
        half.rename(done)
    return done


def target(cache: Path) -> Path:
    """Return the folder that `unpacked` fills."""
    return cache / f"programs-{PROGRAMS_DIGEST}"


def warm_python(root: Path) -> None:
    """Let Python compile what the stand-ins import, once; where that cannot be, they only start more slowly."""
    for name in ("bin", "lib", "lib64"):
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
    imports = ("chroot", str(root), "/usr/bin/python3", "-I", "-c", f"import {COMPILED}")
    subprocess.run(imports, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def build(command: tuple[str, ...], scratch: Path, into: tuple[str, ...] = ()) -> None:
    """Run mmdebstrap, its output into another command when one is given; both must succeed."""
    able()
    scratch.mkdir(parents=True, exist_ok=True, mode=0o755)
    environ = {**os.environ, "TMPDIR": str(scratch), "LC_ALL": "C"}
    with (scratch / f"{command[1].rpartition('=')[2]}.log").open("w+b") as log:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environ) as source:
            sink = subprocess.run(into or ("cat",), stdin=source.stdout, capture_output=True, check=False, timeout=BY_PACKAGES)
        log.seek(0)
        if source.returncode or sink.returncode:
            raise LabError("a Debian root could not be made", saw=last_lines(log.read() + sink.stderr), next="opsbook lab up")


def able() -> None:
    """Refuse where there is no mmdebstrap."""
    if not shutil.which("mmdebstrap"):
        raise LabError("no registry answers, and mmdebstrap is not installed", next="scripts/setup  (or: apt-get install mmdebstrap)")


def swept(path: Path) -> None:
    """Remove what a killed build left, but never follow a mount that it left too."""
    subprocess.run(("rm", "--recursive", "--force", "--one-file-system", "--", str(path)), check=False)

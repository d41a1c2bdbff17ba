"""The servers' images: one with a Docker Engine, and a plain one without."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

from opsbook.lab.docker import docker, holds
from opsbook.lab.engine import Progress
from opsbook.lab.making import roots
from opsbook.lab.making.services import REPOSITORY

HERE = Path(__file__).parent
SCRIPTS = ("boot.sh", "finish-root.sh")
MARK = ("--change", "LABEL opsbook.lab.image=true", "--change", 'ENTRYPOINT ["/sbin/lab-boot"]')
BASE = "debian:trixie-slim"


@dataclass(frozen=True)
class Servers:
    """The tags of the two images."""

    docker: str
    plain: str


def servers(progress: Progress, cache: Path, from_registry: bool) -> Servers:
    """Make the images that are not there yet."""
    tags = names()
    if holds("image", "inspect", tags.docker):
        progress("server image: reused")
    else:
        progress(f"server image: making Debian {roots.SUITE}")
        make = from_base if from_registry else from_packages
        make(tags.docker, cache)
    if not holds("image", "inspect", tags.plain):
        docker("build", "--quiet", "--network=none", "--tag", tags.plain, "-", stdin=without_engine(tags.docker), within=300)
    return tags


def names() -> Servers:
    """Name the images by a digest of what they are made from."""
    scripts = b"".join((HERE / name).read_bytes() for name in SCRIPTS)
    made_from = hashlib.sha256(repr((roots.SUITE, roots.SERVER, roots.ENGINE, roots.LEAN, MARK)).encode() + scripts)
    digest = made_from.hexdigest()[:12]
    tag = f"{REPOSITORY}/docker-server:{digest}"
    return Servers(tag, f"{REPOSITORY}/server:{hashlib.sha256(without_engine(tag)).hexdigest()[:12]}")


def from_packages(tag: str, cache: Path) -> None:
    """Stream a root from mmdebstrap into the engine; it gets its name only when both ends succeeded."""
    half = f"{REPOSITORY}/half:{os.getpid()}"
    roots.build(roots.server(HERE / "finish-root.sh", roots.mirror()), cache, into=("docker", "import", *MARK, "-", half))
    docker("tag", half, tag)
    docker("image", "rm", half)


def from_base(tag: str, _cache: Path) -> None:
    """Build on a registry's Debian instead."""
    packages = " ".join((*roots.SERVER, *roots.ENGINE))
    lines = (
        f"FROM {BASE}",
        "COPY boot.sh finish-root.sh /opt/lab/",
        f"RUN apt-get update && apt-get install --yes --no-install-recommends {packages} && rm -r /var/lib/apt/lists",
        "RUN sh /opt/lab/finish-root.sh / && rm -r /opt/lab",
        'ENTRYPOINT ["/sbin/lab-boot"]',
        "LABEL opsbook.lab.image=true",
    )
    docker("build", "--quiet", "--tag", tag, "-", stdin=context("\n".join(lines)), within=600)


def without_engine(tag: str) -> bytes:
    """Return the Dockerfile of a plain server: the same Debian, its engine purged."""
    purge = f"dpkg --purge --force-depends {' '.join(roots.ENGINE)} containerd runc"
    return f"FROM {tag}\nRUN {purge} && gpasswd --delete claude-admin docker && groupdel docker\n".encode()


def context(dockerfile: str) -> bytes:
    """Pack a Dockerfile and our scripts."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in (("Dockerfile", dockerfile.encode()), *((name, (HERE / name).read_bytes()) for name in SCRIPTS)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()

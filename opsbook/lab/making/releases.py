"""node_exporter's releases in upstream's layout, made once from Debian's packages: the versions are what the programs say."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from opsbook.lab.docker import LabError, attempt, last_lines
from opsbook.lab.engine import Progress
from opsbook.lab.making import roots

SUITES = {"1.9.0": "trixie", "1.5.0": "bookworm"}  # which of Debian's suites has that version
CORRUPT = "1.8.2"  # its sums are not those of its files
ARCHITECTURES = ("amd64", "arm64")
SUMS = "sha256sums.txt"
UPSTREAM = (1001, 1002)  # who owns the files of a release: whoever unpacks as root must not keep that
TAMPERED = b"#!/bin/sh\necho 'this program is not the one that was released' >&2\nexit 1\n"
NOTICE = "Repacked for the lab of opsbook from Debian's package prometheus-node-exporter {package}, suite {suite}.\n"
FETCH = """
mirror=$1; shift
apt=(apt-get --quiet=2 --option=Dir::Etc::sourceparts=- --option=Dir::Etc::sourcelist=/tmp/sources.list --option=Acquire::Languages=none)
apt+=(--option=APT::Architectures::=amd64 --option=APT::Architectures::=arm64 --option=APT::Sandbox::User=root)
mkdir /tmp/out
for suite in $(printf '%s\\n' "${@%%/*}" | sort -u); do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
done > /tmp/sources.list
"${apt[@]}" update >&2
for one in "$@"; do
    suite=${one%%/*} arch=${one##*/}
    mkdir -p "/tmp/out/$one"
    cd "/tmp/out/$one"
    "${apt[@]}" download "prometheus-node-exporter:$arch/$suite" >&2
    dpkg-deb --field ./*.deb Version > package
    dpkg-deb --fsys-tarfile ./*.deb | tar --extract --to-stdout ./usr/bin/prometheus-node-exporter > node_exporter
    dpkg-deb --fsys-tarfile ./*.deb | tar --extract --to-stdout ./usr/share/doc/prometheus-node-exporter/copyright > LICENSE
    rm ./*.deb
done
tar --create --directory=/tmp/out .
"""
MADE_FROM = hashlib.sha256(repr((SUITES, CORRUPT, ARCHITECTURES, UPSTREAM, TAMPERED, NOTICE, FETCH)).encode()).hexdigest()[:12]
WITHIN = 300.0


def releases(cache: Path, image: str, progress: Progress) -> Path:
    """Return the folder with a folder for each version, as `releases/download` has them; `image` is a Debian that can fetch."""
    done = target(cache)
    if not done.is_dir():
        progress("node_exporter releases: fetching Debian's packages")
        half = done.with_suffix(f".half-{os.getpid()}")
        for path, content in layout(fetched(image)):
            (half / path).parent.mkdir(parents=True, exist_ok=True)
            (half / path).write_bytes(content)
        half.rename(done)
    return done


def target(cache: Path) -> Path:
    """Return the folder that `releases` fills."""
    return cache / f"releases-{MADE_FROM}"


def fetched(image: str) -> Mapping[str, bytes]:
    """Let apt fetch and verify the packages; return their files by SUITE/ARCHITECTURE/NAME."""
    wanted = [f"{suite}/{architecture}" for suite in SUITES.values() for architecture in ARCHITECTURES]
    seat = ("--network=host", "--env=http_proxy", "--env=https_proxy", "--env=no_proxy")  # the network as this machine has it
    run = ("run", "--rm", *seat, "--entrypoint=bash", image, "-euo", "pipefail", "-c", FETCH, "lab", roots.mirror(), *wanted)
    done = attempt(*run, within=WITHIN)
    if done.returncode:
        raise LabError("Debian's packages of node_exporter could not be fetched", saw=last_lines(done.stderr), next="opsbook lab up")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        members = [(member.name.removeprefix("./"), archive.extractfile(member)) for member in archive if member.isfile()]
        return {name: file.read() for name, file in members if file is not None}


def layout(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield every file of the mirror: the versions of Debian, and one whose programs were exchanged."""
    for version, suite in SUITES.items():
        yield from release(version, {one: contents(files, version, suite, one) for one in ARCHITECTURES})
    newest = next(iter(SUITES))
    honest = {one: contents(files, newest, SUITES[newest], one) for one in ARCHITECTURES}
    tampered = {one: {**held, "node_exporter": TAMPERED} for one, held in honest.items()}
    yield from ((path, content) for path, content in release(CORRUPT, tampered) if not path.endswith(SUMS))
    yield from ((path, content) for path, content in release(CORRUPT, honest) if path.endswith(SUMS))


def contents(files: Mapping[str, bytes], version: str, suite: str, architecture: str) -> dict[str, bytes]:
    """Return what the tarball of one architecture holds."""
    package = files[f"{suite}/{architecture}/package"].decode().strip()
    if not package.startswith(f"{version}-"):
        raise LabError(f"Debian's {suite} has no node_exporter {version} any more", saw=package)
    notice = NOTICE.format(package=package, suite=suite).encode()
    named = {name: files[f"{suite}/{architecture}/{name}"] for name in ("LICENSE", "node_exporter")}
    return {**named, "NOTICE": notice}


def release(version: str, held: Mapping[str, Mapping[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Yield the files of one version: a tarball for each architecture, and their sums."""
    sums = ""
    for architecture, files in held.items():
        name = f"node_exporter-{version}.linux-{architecture}"
        packed = tarball(name, files)
        sums += f"{hashlib.sha256(packed).hexdigest()}  {name}.tar.gz\n"
        yield f"v{version}/{name}.tar.gz", packed
    yield f"v{version}/{SUMS}", sums.encode()


def tarball(top: str, files: Mapping[str, bytes]) -> bytes:
    """Pack files below one folder; the same files are the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name in ("", *sorted(files)):
            info = tarfile.TarInfo(f"{top}/{name}".rstrip("/"))
            info.type, info.size = (tarfile.REGTYPE, len(files[name])) if name else (tarfile.DIRTYPE, 0)
            info.mode = 0o644 if name in ("LICENSE", "NOTICE") else 0o755
            info.uid, info.gid = UPSTREAM
            archive.addfile(info, io.BytesIO(files.get(name, b"")))
    return buffer.getvalue()

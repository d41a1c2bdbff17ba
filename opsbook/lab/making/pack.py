"""Write a service's image as a tar: the chosen files of a Debian root, and what every image has."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from opsbook.lab.making.recipes import Recipe

VERSION = 1  # of what this module writes: part of every image's name
LINKS = (("bin", "usr/bin"), ("sbin", "usr/bin"), ("lib", "usr/lib"), ("lib64", "usr/lib64"))
USERS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"
GROUPS = "root:x:0:\nnogroup:x:65534:\n"
CERTIFICATES = "usr/share/ca-certificates/mozilla/*.crt"


def write(root: Path, recipe: Recipe, program: bytes, sink: IO[bytes]) -> None:
    """Write the image of a recipe; `program` is the stand-in or the real binary where it has one."""
    with tarfile.open(fileobj=sink, mode="w|") as archive:
        for name in ("usr", "usr/bin", "usr/lib", "usr/lib64", "etc", "etc/ssl", "etc/ssl/certs"):
            archive.addfile(folder(name))
        for name, target in LINKS:
            archive.addfile(link(name, target))
        archive.addfile(folder("tmp", mode=0o1777))
        for name, owner in recipe.data:
            archive.addfile(folder(name, owner=owner))
        for name, content, mode in texts(root, recipe, program):
            archive.addfile(file(name, content, mode), io.BytesIO(content))
        for source, name in chosen(root, recipe):
            archive.add(root / source, name, filter=owned_by_root)
        for name, target in (*shell_links(root, recipe.busybox), *recipe.links):
            archive.addfile(link(name, target))


def texts(root: Path, recipe: Recipe, program: bytes) -> Iterator[tuple[str, bytes, int]]:
    """Name the files that no package holds."""
    yield "etc/passwd", USERS.encode(), 0o644
    yield "etc/group", GROUPS.encode(), 0o644
    yield "etc/ssl/certs/ca-certificates.crt", b"".join(path.read_bytes() for path in sorted(root.glob(CERTIFICATES))), 0o644
    if recipe.binary:
        yield recipe.binary, program, 0o755


def chosen(root: Path, recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Pair each path in the root with its path in the image; one that is missing is an error of the recipe."""
    for pattern in dict.fromkeys(recipe.holds):
        for path in sorted(root.glob(pattern)):
            name = path.relative_to(root).as_posix()
            yield name, name
    yield from recipe.renamed
    if recipe.busybox:
        yield "usr/bin/busybox", f"{recipe.busybox}/busybox"
    if "usr/bin/bash" in recipe.holds:
        yield "usr/bin/bash", "usr/bin/sh"


def shell_links(root: Path, where: str) -> Iterator[tuple[str, str]]:
    """Name busybox's links, as upstream's images have them."""
    if where:
        listed = subprocess.run([root / "usr/bin/busybox", "--list"], capture_output=True, check=True, text=True)
        yield from ((f"{where}/{name}", "busybox") for name in listed.stdout.split() if name != "busybox")


def owned_by_root(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Forget who unpacked the file here."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def folder(name: str, mode: int = 0o755, owner: int = 0) -> tarfile.TarInfo:
    """Describe a folder."""
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid, info.gid = tarfile.DIRTYPE, mode, owner, owner
    return info


def link(name: str, target: str) -> tarfile.TarInfo:
    """Describe a symbolic link."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
    return info


def file(name: str, content: bytes, mode: int) -> tarfile.TarInfo:
    """Describe a file."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    return info

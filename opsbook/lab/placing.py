"""Files to be put into a host, as a tar: owner and mode are part of what is placed."""

from __future__ import annotations

import hashlib
import io
import tarfile
import time
from collections.abc import Iterable
from dataclasses import dataclass

ADMIN = 1000  # claude-admin
GIT_USER = 1001


@dataclass(frozen=True)
class Placed:
    """One file, or a folder when there is no content."""

    path: str
    content: bytes | None
    mode: int = 0o644
    owner: int = 0
    group: int = -1  # -1: the owner's own

    @property
    def gid(self) -> int:
        """The group's number."""
        return self.owner if self.group < 0 else self.group


def text(path: str, content: str, mode: int = 0o644, owner: int = 0) -> Placed:
    """Place a text."""
    return Placed(path, content.encode(), mode, owner)


def folder(path: str, mode: int = 0o755, owner: int = 0) -> Placed:
    """Place a folder."""
    return Placed(path, None, mode, owner)


def tar(files: Iterable[Placed]) -> bytes:
    """Pack them for `docker cp -` or `tar --extract`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in files:
            archive.addfile(entry(file), io.BytesIO(file.content or b""))
    return buffer.getvalue()


def entry(file: Placed) -> tarfile.TarInfo:
    """Describe one file to the tar."""
    info = tarfile.TarInfo(file.path.lstrip("/"))
    info.type = tarfile.DIRTYPE if file.content is None else tarfile.REGTYPE
    info.size, info.mode = len(file.content or b""), file.mode
    info.uid, info.gid, info.mtime = file.owner, file.gid, int(time.time())
    return info


def digest(files: Iterable[Placed]) -> str:
    """Return what tells two sets of files apart."""
    return hashlib.sha256(repr(sorted((file.path, file.content, file.mode, file.owner) for file in files)).encode()).hexdigest()[:16]

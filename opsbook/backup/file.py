"""A backup as a file of the operator's: 0600, whole or not there, a checksum beside it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from opsbook import age
from opsbook.errors import Refused, UsageError
from opsbook.places import data_folder, private_folder
from opsbook.typed_path import typed_path

SUM = ".sha256"
LARGEST = 128 * 2**20


def default_folder(environment: Mapping[str, str], host: str, *, lab: bool) -> Path:
    """Return where the backups of the host lie; a lab's apart, because its hosts are called like the real ones."""
    return data_folder(environment) / "backups" / ("LAB" if lab else "") / host


def keep(folder: Path, name: str, content: bytes) -> tuple[Path, str]:
    """Write a new file, and its checksum beside it; return its path and SHA-256. Raise Refused where that cannot be."""
    digest, path = hashlib.sha256(content).hexdigest(), folder / name
    try:
        if path.exists():
            raise Refused("a backup of this name is there already", saw=str(path), next="run it again")
        private_folder(folder)
        _place(folder / f"{name}{SUM}", f"{digest}  {name}\n".encode())     # first: a backup that is there has its checksum
        _place(path, content)
    except OSError as error:
        raise Refused("the backup cannot be written", saw=f"{path}: {error.strerror}", next="give another folder: --into FOLDER") from None
    return path, digest


def load(path: Path) -> tuple[bytes, str]:
    """Return the file's bytes, and its SHA-256 if one beside it says the same; raise Refused where that says something else."""
    path = typed_path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise Refused("too large for a backup of certificates", saw=f"{path}: {path.stat().st_size} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise UsageError("the backup cannot be read", saw=f"{path}: {error.strerror}", next=age.WRITTEN) from None
    digest, told = hashlib.sha256(content).hexdigest(), _told(path)
    if told and told != digest:
        raise Refused("the backup is damaged: the checksum beside it says something else", saw=f"{digest}, not {told}")
    return content, digest if told else ""


def text_of(path: Path, instead: str) -> str:
    """Return the text of a small file that the operator named; raise UsageError, with what else could be given, where it cannot be read."""
    try:
        return typed_path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UsageError("it cannot be read", saw=f"{path}: {why}", next=instead) from None


def _told(path: Path) -> str:
    beside = path.with_name(path.name + SUM)
    return (beside.read_text(errors="replace").split() or [""])[0] if beside.exists() else ""


def _place(path: Path, content: bytes) -> None:
    """Write it whole, 0600, under a name that nobody has; raise OSError."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".opsbook-")       # 0600 from its first moment
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        path.hardlink_to(draft)
    finally:
        Path(draft).unlink()
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

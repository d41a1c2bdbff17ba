"""Files of known host keys: which keys a host may show, and how a new one is written down."""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import hmac
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from opsbook.places import private_folder

SSH_PORT = 22
REVOKED = "@revoked"


@dataclass(frozen=True)
class HostKey:
    """A host's public key as it goes over the wire."""

    type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """Return the fingerprint as `ssh-keygen -l` prints it."""
        digest = hashlib.sha256(self.blob).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def __str__(self) -> str:
        return f"{self.type} {self.fingerprint}"


@dataclass(frozen=True)
class Known:
    """One line of a known_hosts file that speaks of a host."""

    file: Path
    line: int
    key: HostKey
    revoked: bool = False

    def __str__(self) -> str:
        return f"{self.key}  ({self.file}, line {self.line})"


def name_of(address: str, port: int) -> str:
    """Return the name under which a host's key is filed."""
    lowered = address.lower()
    return lowered if port == SSH_PORT else f"[{lowered}]:{port}"


def lookup(files: Iterable[Path], name: str) -> tuple[Known, ...]:
    """Return what the files know of the host filed under that name; a missing file knows nothing."""
    return tuple(known for file in files for patterns, known in _entries(file) if _speaks_of(patterns, name))


def append(file: Path, name: str, key: HostKey) -> None:
    """Add the key to the file, which is made if there is none."""
    line = f"{name} {key.type} {base64.b64encode(key.blob).decode()}\n"
    _rewrite(file, lambda text: text + ("\n" if text and not text.endswith("\n") else "") + line)


def forget(file: Path, dropped: Iterable[int]) -> None:
    """Drop these lines, counted from 1, from the file."""
    numbers = set(dropped)
    _rewrite(file, lambda text: "".join(line for number, line in enumerate(_lines(text), 1) if number not in numbers))


def _rewrite(file: Path, change: Callable[[str], str]) -> None:
    """Change the file as a whole, 0600, so that a reader sees the old one or the new one and two writers lose nothing."""
    target = file.resolve()     # a link stays a link
    folder = os.open(private_folder(target.parent), os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        with tempfile.NamedTemporaryFile("w", dir=target.parent, prefix=f".{target.name}.", delete=False) as new:
            new.write(change(_text(target)))
        Path(new.name).replace(target)
    finally:
        os.close(folder)


def _text(file: Path) -> str:
    try:
        return file.expanduser().read_text(errors="replace")
    except FileNotFoundError:
        return ""


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _entries(file: Path) -> Iterator[tuple[str, Known]]:
    for number, line in enumerate(_lines(_text(file)), 1):
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#") or marker not in {"", REVOKED}:    # noqa: PLR2004 - names, type, key
            continue    # also @cert-authority: certificates of hosts are not read
        try:
            blob = base64.b64decode(words[2], validate=True)
        except binascii.Error:
            continue
        yield words[0], Known(file, number, HostKey(words[1], blob), marker == REVOKED)


def _speaks_of(patterns: str, name: str) -> bool:
    listed = patterns.split(",")
    if any(_matches(pattern[1:], name) for pattern in listed if pattern.startswith("!")):
        return False
    return any(_matches(pattern, name) for pattern in listed if not pattern.startswith("!"))


def _matches(pattern: str, name: str) -> bool:
    if pattern.startswith("|1|"):
        return _matches_hashed(pattern, name)
    wild = re.escape(pattern.lower()).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(wild, name) is not None


def _matches_hashed(pattern: str, name: str) -> bool:
    try:
        salt, wanted = (base64.b64decode(part) for part in pattern.removeprefix("|1|").split("|"))
    except ValueError:
        return False
    return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), wanted)

"""Public keys: a line of authorized_keys, and the public half that a private key in OpenSSH's format carries in the open."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from opsbook.typed_path import typed_path

TYPES = r"ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com"
LINE = re.compile(rf"(?P<type>{TYPES}) (?P<blob>[A-Za-z0-9+/]+={{0,2}})(?: (?P<comment>[^\x00-\x1f\x7f]*))?")


@dataclass(frozen=True)
class PublicKey:
    """A key that may be let in."""

    type: str
    blob: str               # in base64
    comment: str = ""

    def __str__(self) -> str:
        return f"{self.type} {self.blob} {self.comment}".rstrip()


def parse_line(text: str) -> PublicKey:
    """Given one line of a `.pub` file, return the key; raise ValueError for anything else."""
    found = LINE.fullmatch(text.strip())
    if found is None or type_of(_packed(found["blob"])) != found["type"]:
        raise ValueError("not the line of a public key, such as `ssh-ed25519 AAAA… anna@laptop`")
    return PublicKey(found["type"], found["blob"], found["comment"] or "")


def given(text: str) -> PublicKey:
    """Given the line itself, or the name of a file with it, return the key; raise ValueError for anything else."""
    return parse_line(text if " " in text.strip() else text_of(Path(text)))


def text_of(path: Path) -> str:
    """Return the text of a file that was named; raise ValueError where it cannot be read."""
    try:
        return typed_path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: it is no text") from None


def public_half(private: str, comment: str = "") -> PublicKey:
    """Given a private key in OpenSSH's format, return its public half; raise ValueError where it does not tell it."""
    packed = public_part(private)
    if not packed:
        raise ValueError("only a private key in OpenSSH's format tells its public half")
    return parse_line(f"{type_of(packed)} {base64.b64encode(packed).decode()} {comment}")


def public_part(text: str) -> bytes | None:
    """Given a private key in OpenSSH's format, return its public part, which no passphrase hides."""
    inner = re.search(r"-----BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END", text, re.DOTALL)
    try:
        packed = base64.b64decode(inner[1]) if inner else b""
        at = len(b"openssh-key-v1\0")
        for _ in ("cipher", "kdf", "kdf options"):
            at += 4 + struct.unpack_from(">I", packed, at)[0]
        at += 4     # the number of keys
        size = struct.unpack_from(">I", packed, at)[0]
        return packed[at + 4 : at + 4 + size]
    except (binascii.Error, struct.error):
        return None


def type_of(packed: bytes) -> str:
    """Given the bytes of a public key, return its type, which they begin with; empty where they do not."""
    try:
        size = struct.unpack_from(">I", packed)[0]
    except struct.error:
        return ""
    return packed[4 : 4 + size].decode(errors="replace")


def _packed(blob: str) -> bytes:
    try:
        return base64.b64decode(blob, validate=True)
    except binascii.Error:
        return b""

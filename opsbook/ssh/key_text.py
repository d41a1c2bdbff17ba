"""Private keys as text."""

from __future__ import annotations

import base64
import binascii
import io
import re
import struct

import paramiko

CLASSES: dict[str, type[paramiko.PKey]] = {
    "ssh-ed25519": paramiko.Ed25519Key,
    "ssh-rsa": paramiko.RSAKey,
    "RSA": paramiko.RSAKey,
    "EC": paramiko.ECDSAKey,
}


def parse(text: str) -> paramiko.PKey:
    """Given the text of a private key, return the key; raise PasswordRequiredException if a passphrase protects it."""
    public = public_part(text)
    kind = _type_of(public) if public else _pem_type(text)
    found = paramiko.ECDSAKey if kind.startswith("ecdsa-") else CLASSES.get(kind)
    if found is None:
        raise ValueError(f"keys of type {kind or 'unknown'} are not supported")
    return found.from_private_key(io.StringIO(text))


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


def _type_of(public: bytes) -> str:
    size = struct.unpack_from(">I", public)[0]
    return public[4 : 4 + size].decode(errors="replace")


def _pem_type(text: str) -> str:
    found = re.search(r"-----BEGIN (\w+) PRIVATE KEY-----", text)
    return found[1] if found else ""


def unfolded(text: str) -> str:
    """Given a key from an environment variable, return it with the line breaks that such variables often lose."""
    return text.replace("\\r", "").replace("\\n", "\n").replace("\r\n", "\n").strip() + "\n"

"""Private keys as text."""

from __future__ import annotations

import io
import re

import paramiko

from opsbook.public_key import public_part, type_of

CLASSES: dict[str, type[paramiko.PKey]] = {
    "ssh-ed25519": paramiko.Ed25519Key,
    "ssh-rsa": paramiko.RSAKey,
    "RSA": paramiko.RSAKey,
    "EC": paramiko.ECDSAKey,
}


def parse(text: str) -> paramiko.PKey:
    """Given the text of a private key, return the key; raise PasswordRequiredException if a passphrase protects it."""
    public = public_part(text)
    kind = type_of(public) if public else _pem_type(text)
    found = paramiko.ECDSAKey if kind.startswith("ecdsa-") else CLASSES.get(kind)
    if found is None:
        raise ValueError(f"keys of type {kind or 'unknown'} are not supported")
    return found.from_private_key(io.StringIO(text))


def _pem_type(text: str) -> str:
    found = re.search(r"-----BEGIN (\w+) PRIVATE KEY-----", text)
    return found[1] if found else ""


def unfolded(text: str) -> str:
    """Given a key from an environment variable, return it with the line breaks that such variables often lose."""
    return text.replace("\\r", "").replace("\\n", "\n").replace("\r\n", "\n").strip() + "\n"

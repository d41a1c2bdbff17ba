"""Encryption of files by age (https://age-encryption.org); the only importer of pyrage."""

from __future__ import annotations

import re

import pyrage

from opsbook.errors import Refused, UsageError
from opsbook.hints import hint_for
from opsbook.shell import Secret

MAGIC, BY_PASSPHRASE = b"age-encryption.org/v1\n", b"age-encryption.org/v1\n-> scrypt "
AGE_IDENTITY = re.compile(r"AGE-SECRET-KEY-1\w+", re.IGNORECASE)
OPENSSH_KEY = "-----BEGIN"
WRITTEN = "give the file that backup-certs has written, a `.tar.age`"
WHICH = "an age identity, or an SSH key without a passphrase"
RECIPIENTS = "age1…, ssh-ed25519 …, ssh-rsa …, or a file of them"


def sealed_for(recipients: tuple[str, ...], plain: bytes) -> bytes:
    """Return the bytes, readable for these recipients alone (`age1…`, `ssh-ed25519 …`, `ssh-rsa …`); raise UsageError for a wrong one."""
    return bytes(pyrage.encrypt(plain, [_recipient(one) for one in recipients]))


def sealed_by(passphrase: Secret, plain: bytes) -> bytes:
    """Return the bytes, readable for whoever knows the passphrase; its hashing takes about a second on purpose."""
    return bytes(pyrage.passphrase.encrypt(plain, passphrase.value))


def wants_passphrase(sealed: bytes) -> bool:
    """Return whether a passphrase opens it, and no key; raise Refused where age has not made it."""
    if not sealed.startswith(MAGIC):
        raise Refused("this file is not encrypted by age", saw=f"{len(sealed)} bytes that begin otherwise", next=WRITTEN)
    return sealed.startswith(BY_PASSPHRASE)


def opened_by(passphrase: Secret, sealed: bytes) -> bytes:
    """Return the plain bytes; raise Refused for a wrong passphrase or a file that is not whole, which look alike by design."""
    try:
        return bytes(pyrage.passphrase.decrypt(sealed, passphrase.value))
    except pyrage.DecryptError as error:
        hint = hint_for(str(error)) or "try again with another passphrase, or with another copy of the file"
        raise Refused("the passphrase does not open this file, or the file is damaged", saw=str(error), next=hint) from None


def opened_with(identity: str, sealed: bytes) -> bytes:
    """Given the text of a file of age identities or of an SSH key, return the plain bytes; raise Refused where it does not fit."""
    try:
        return bytes(pyrage.decrypt(sealed, list(identities(identity))))
    except pyrage.DecryptError as error:
        what = "the identity does not open this file, or the file is damaged"
        raise Refused(what, saw=str(error), next="give another identity, or another copy of the file") from None


def checked(recipient: str) -> str:
    """Return the recipient; raise UsageError where it is none."""
    _recipient(recipient)
    return recipient


def identities(text: str) -> tuple[pyrage.x25519.Identity | pyrage.ssh.Identity, ...]:
    """Return the private keys in the text; raise UsageError where there is none, or one that asks for a passphrase of its own."""
    try:
        if OPENSSH_KEY in text:
            return (pyrage.ssh.Identity.from_buffer(text.encode()),)
        found = tuple(pyrage.x25519.Identity.from_str(one) for one in AGE_IDENTITY.findall(text))
    except (pyrage.IdentityError, ValueError) as error:
        raise UsageError("this identity cannot be used", saw=str(error), next=f"give {WHICH}") from None
    if not found:
        raise UsageError("there is no identity in this file", next="give a file with a line AGE-SECRET-KEY-1…, or an SSH private key")
    return found


def _recipient(text: str) -> pyrage.x25519.Recipient | pyrage.ssh.Recipient:
    kind = pyrage.ssh if text.startswith("ssh-") else pyrage.x25519
    try:
        return kind.Recipient.from_str(text)
    except (pyrage.RecipientError, ValueError) as error:
        raise UsageError(f"not a recipient: {text[:12]}…", saw=str(error), next=f"give {RECIPIENTS}") from None

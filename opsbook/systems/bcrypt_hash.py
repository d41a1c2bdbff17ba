"""Password hashes, made and compared on the operator's machine: neither password nor hash is an argument of anything."""

from __future__ import annotations

import re

import bcrypt

from opsbook.errors import Refused
from opsbook.shell import Secret

BCRYPT = "bcrypt"
NAMED = re.compile(r"\$([a-z0-9-]+)\$")     # how the hash of any algorithm begins
FORM = re.compile(r"\$2[abxy]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{53}")
LEAST = 10      # cost of a hash that is made here, whatever the old one had
LONGEST = 72    # bytes: bcrypt hears nothing of what comes after


def is_hash(text: str) -> bool:
    """Return whether the text is a whole hash; one of which Compose has eaten the `$` parts is none."""
    return FORM.fullmatch(text) is not None


def algorithm(text: str) -> str:
    """Return the name of the algorithm; what is left of a bcrypt hash, be it nothing, is one of bcrypt's still."""
    if not text or text.startswith("$2"):
        return BCRYPT
    found = NAMED.match(text)
    return found[1] if found else "unknown"


def cost(text: str) -> int | None:
    """Return the cost of the hash, or nothing where it is none."""
    found = FORM.fullmatch(text)
    return int(found["cost"]) if found else None


def hashed(password: Secret, rounds: int) -> Secret:
    """Return a new hash with the prefix that Caddy itself writes; raise Refused for a password that is too long for bcrypt."""
    plain = password.value.encode()
    if len(plain) > LONGEST:
        raise Refused(f"the password is longer than the {LONGEST} bytes that bcrypt compares", saw=f"{len(plain)} bytes")
    return Secret(bcrypt.hashpw(plain, bcrypt.gensalt(max(rounds, LEAST), prefix=b"2a")).decode())


def fits(password: Secret, text: str) -> bool:
    """Return whether the hash is one of this password."""
    plain = password.value.encode()
    return is_hash(text) and len(plain) <= LONGEST and bcrypt.checkpw(plain, text.encode())

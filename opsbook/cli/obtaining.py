"""Secrets from the operator's side: standard input, a file that nobody else can read, or made here."""

from __future__ import annotations

import os
import secrets
import stat
import sys

from opsbook.errors import Refused
from opsbook.shell import Secret
from opsbook.typed_path import typed_path

OWN_FILE = "give a file that only you can read, prompt, or -"
BYTES = 24      # 32 characters


def generated() -> Secret:
    """Return a new password that no program takes for a flag."""
    while (made := secrets.token_urlsafe(BYTES)).startswith("-"):
        pass
    return Secret(made)


def from_stdin(what: str) -> Secret:
    """Return the one line of standard input; raise Refused at a terminal, which would show it."""
    if sys.stdin.isatty():
        raise Refused(f"{what} would be seen on the terminal", next="give prompt instead of -")
    return checked(what, sys.stdin.readline().removesuffix("\n"))


def from_file(what: str, path: str) -> Secret:
    """Return the first line of the file; raise Refused when there is none, or when others may read it."""
    try:
        with typed_path(path).open(encoding="utf-8") as file:
            _is_private(path, os.fstat(file.fileno()))
            return checked(what, file.readline().removesuffix("\n"))
    except (OSError, UnicodeDecodeError) as error:
        saw = error.strerror or "" if isinstance(error, OSError) else "it is no text"
        raise Refused(f"{what} cannot be read from {path}", saw=saw, next=OWN_FILE) from None


def checked(what: str, value: str) -> Secret:
    """Return the secret; raise Refused when it is empty, or has what no password field takes."""
    if not value:
        raise Refused(f"{what} is empty", next=OWN_FILE)
    if not value.isprintable():
        raise Refused(f"{what} has characters that cannot be typed", next=OWN_FILE)
    return Secret(value)


def _is_private(path: str, found: os.stat_result) -> None:
    if stat.S_ISREG(found.st_mode) and found.st_mode & 0o077:
        raise Refused(f"others may read {path}", saw=f"mode {stat.S_IMODE(found.st_mode):04o}", next=f"chmod 600 {path}")

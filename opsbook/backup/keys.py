"""Who can open a backup: recipients and identities, as the operator names them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from opsbook import age
from opsbook.backup import file
from opsbook.errors import UsageError

GIVE_IDENTITY = "give --identity FILE: its age identity or SSH key"


def is_recipient(given: str) -> bool:
    """Return whether it is meant as a recipient itself, and not as a file of them."""
    return given.startswith(("age1", "ssh-"))


def recipients(given: Iterable[str]) -> tuple[str, ...]:
    """Given recipients and files of them, return the recipients; raise UsageError for one that is none."""
    return tuple(age.checked(one) for each in given for one in _lines(each))


def identity(path: Path) -> str:
    """Return the text of a file of identities or of an SSH key; raise UsageError where it holds none."""
    text = file.text_of(path, GIVE_IDENTITY)
    age.identities(text)
    return text


def _lines(given: str) -> list[str]:
    """Return the recipient, or those in the file of that name."""
    if is_recipient(given):
        return [given]
    text = file.text_of(Path(given), f"give {age.RECIPIENTS}")
    found = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not found:
        raise UsageError("there is no recipient in this file", saw=given, next=f"write one a line: {age.RECIPIENTS}")
    return found

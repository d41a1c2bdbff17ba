"""What was typed about this machine, judged before any host is contacted: files, keys, and where a new secret goes."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from opsbook.errors import OpsbookError, UsageError
from opsbook.page.fields import BACKUP, IDENTITY, KEPT_SECRET, PUBLIC_KEY, RECIPIENT, SECRET, TAKER, Field, Marker
from opsbook.typed_path import typed_path

LATER = {"prompt", "-"}     # ways of a secret that no file is read for
MADE = "generate"
OPENERS = "give --passphrase prompt|-|FILE"


def are_judged(fields: Iterable[Field]) -> bool:
    """Return whether one of them is judged here."""
    return any(field.marker in JUDGES for field in fields)


def judge_here(fields: Iterable[Field], typed: Mapping[str, Any]) -> None:
    """Given the values that were typed, by name, raise UsageError for one that this machine already shows to be of no use."""
    ours = [field for field in fields if field.name in typed and field.marker in JUDGES]
    for field in ours:
        for one in typed[field.name] if field.several else (typed[field.name],):
            _told(field, one, partial(JUDGES[field.marker], str(one)))
    if backup := [field for field in ours if field.marker == BACKUP]:
        named = {field.marker: typed[field.name] for field in ours}
        path = Path(typed[backup[0].name])
        _told(backup[0], path, lambda: _expect_key(path, named.get(IDENTITY), named.get(SECRET)))


def _told(field: Field, value: object, act: Callable[[], object]) -> None:
    """Do it; what it refuses was typed wrong, and nothing is contacted yet."""
    try:
        act()
    except OpsbookError as error:
        raise UsageError(f"{field.flag}: {error.what}", saw=error.saw or str(value), next=error.next) from None


def _backup(value: str) -> None:
    from opsbook import age
    from opsbook.backup import file

    if _can_be_read_twice(Path(value)):
        age.wants_passphrase(file.load(Path(value))[0])


def _identity(value: str) -> None:
    from opsbook.backup import keys

    if _can_be_read_twice(Path(value)):
        keys.identity(Path(value))


def _recipient(value: str) -> None:
    from opsbook.backup import keys

    if keys.is_recipient(value) or _can_be_read_twice(Path(value)):
        keys.recipients([value])


def _secret(value: str) -> None:
    from opsbook.cli import obtaining

    if value not in LATER and _can_be_read_twice(Path(value)):
        obtaining.from_file("it", value)


def _kept_secret(value: str) -> None:
    if value != MADE and _is_there(Path(value)):      # a file that is missed is told by the run, where it needs it
        _secret(value)


def _taker(value: str) -> None:
    from opsbook.cli import handing_over

    if value.startswith("!"):
        handing_over.words(value)
    elif value != "terminal":
        handing_over.look_at_folder(value)


def _public_key(value: str) -> None:
    from opsbook.public_key import given

    try:
        given(value)
    except ValueError as error:
        raise UsageError("there is no public key", saw=str(error), next="give FILE.pub, or 'ssh-ed25519 AAAA… you@there'") from None


def _expect_key(backup: Path, identity: Path | None, passphrase: str | None) -> None:
    """Raise UsageError, or what opening raises, where what was given does not open the backup; a passphrase is tried later."""
    from opsbook import age
    from opsbook.backup import file, keys

    if not _can_be_read_twice(backup) or (identity is not None and not _can_be_read_twice(identity)):
        return
    sealed = file.load(backup)[0]
    if age.wants_passphrase(sealed):
        if identity is not None and passphrase is None:
            raise UsageError("a passphrase opens this backup, and no identity does", saw=f"--identity {identity}", next=OPENERS)
    elif identity is None:
        raise UsageError("this backup is sealed for a recipient", next=keys.GIVE_IDENTITY)
    else:
        age.opened_with(keys.identity(identity), sealed)


def _is_there(path: Path) -> bool:
    try:
        return typed_path(path).exists()
    except (OSError, ValueError):
        return True     # whoever reads it says why not


def _can_be_read_twice(path: Path) -> bool:
    """Return False for a pipe, which gives what it has once: that is for the run."""
    try:
        return not stat.S_ISFIFO(typed_path(path).stat().st_mode)
    except OSError:
        return True     # whoever reads it says why not


JUDGES: Mapping[Marker | None, Callable[[str], None]] = {
    BACKUP: _backup,
    IDENTITY: _identity,
    RECIPIENT: _recipient,
    SECRET: _secret,
    KEPT_SECRET: _kept_secret,
    TAKER: _taker,
    PUBLIC_KEY: _public_key,
}

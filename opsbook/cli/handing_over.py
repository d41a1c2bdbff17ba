"""A new secret on its way to the operator: into a file of the operator's alone, or to a secret manager's standard input."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from opsbook.errors import CommandFailed, Refused
from opsbook.shell import Secret
from opsbook.typed_path import typed_path

WITHIN = 120    # seconds for a secret manager, which may ask its own questions
AGAIN = "the same command tries again; its --to may be another"


def words(to: str) -> list[str]:
    """Given `!COMMAND …`, return its words; raise Refused when there is no such program."""
    try:
        found = shlex.split(to.removeprefix("!"))
    except ValueError as error:
        raise Refused(f"{to} is no command", saw=str(error), next="give --to FILE") from None
    if not found or shutil.which(found[0]) is None:
        raise Refused(f"there is no program {found[0] if found else 'in ' + to}", next="give --to FILE")
    return found


def to_command(what: str, secret: Secret, to: str) -> None:
    """Give the secret to the command by standard input; raise CommandFailed when it does not take it."""
    program = words(to)
    try:
        done = subprocess.run(program, input=f"{secret.value}\n", text=True, capture_output=True, timeout=WITHIN, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(f"{program[0]} did not take {what}", saw=str(error), next=AGAIN) from None
    if done.returncode:
        saw = (done.stderr or done.stdout).strip()
        raise CommandFailed(f"{program[0]} did not take {what}: exit code {done.returncode}", saw=saw, next=AGAIN)


def look_at_file(what: str, to: str, secret: Secret | None) -> None:
    """Return when the file can be made, or has this very secret from before; raise Refused else."""
    file = typed_path(to)
    look_at_folder(to)
    if (file.exists() or file.is_symlink()) and (secret is None or not _has(file, secret)):
        raise Refused(f"{to} is there already, and {what} overwrites nothing", next="give --to a new file")


def look_at_folder(to: str) -> None:
    """Return when such a file may be there; raise Refused where it is a folder, or has none that takes it."""
    another = "give --to a new file in a folder of yours"
    try:
        file = typed_path(to)
        if file.is_dir():
            raise Refused(f"{to} is a folder", next=f"give a new file in it: --to {file / 'NAME'}")
        if not file.exists() and not os.access(file.parent, os.W_OK | os.X_OK):
            raise Refused(f"{to} cannot be made", saw=f"{file.parent} is not there, or is not yours to write in", next=another)
    except (OSError, ValueError) as error:      # a name too long; a zero byte
        raise Refused(f"{to} cannot be made", saw=str(getattr(error, "strerror", None) or error), next=another) from None


def to_file(what: str, secret: Secret, to: str, link: Callable[[str, Path], None] = os.link) -> None:
    """Make the file, 0600 and whole or not at all; it stays where it has this secret already. Raise Refused when another one is there."""
    file = typed_path(to)
    look_at_file(what, to, secret)
    if file.exists():
        return
    try:
        _make(file, secret, link)
    except FileExistsError:
        raise Refused(f"{to} is there already, and {what} overwrites nothing", next="give --to a new file") from None
    except OSError as error:
        raise CommandFailed(f"{to} cannot be made", saw=error.strerror or "", next=AGAIN) from None


def _make(file: Path, secret: Secret, link: Callable[[str, Path], None]) -> None:
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}.") as new:     # 0600, and gone in the end
        new.write(f"{secret.value}\n")
        new.flush()
        os.fsync(new.fileno())
        try:
            link(new.name, file)    # fails where there is one, rename would not
        except FileExistsError:
            raise
        except OSError:             # a file system without hard links
            _write(file, secret)


def _write(file: Path, secret: Secret) -> None:
    with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "w") as new:
        try:
            new.write(f"{secret.value}\n")
            new.flush()
            os.fsync(new.fileno())
        except OSError:
            file.unlink()
            raise


def _has(file: Path, secret: Secret) -> bool:
    try:
        return not file.is_symlink() and file.read_text() == f"{secret.value}\n"
    except (OSError, UnicodeDecodeError):
        return False

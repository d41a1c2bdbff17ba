"""Scratch folders on the host, ours alone and soon gone."""

from __future__ import annotations

from opsbook.host import Read
from opsbook.shell import script
from opsbook.systems.answers import nothing, stripped

# Leftovers of operators who vanished go with the first scratch folder of another day.
SCRATCH = """
find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'opsbook.????????' -user "$(id --user)" -mmin +1440 -exec rm --recursive --force -- {} +
exec mktemp --directory --tmpdir opsbook.XXXXXXXX
"""
DROP = 'case $1 in */opsbook.????????) exec rm --recursive --force -- "$1" ;; *) exit 64 ;; esac'


def scratch() -> Read[str]:
    """A new folder of our own, readable by nobody else."""
    return Read(script(SCRATCH), stripped)


def drop(folder: str) -> Read[None]:
    """Remove a folder that `scratch` made; anything else is refused."""
    return Read(script(DROP, folder), nothing)

"""Scratch folders on the host, ours alone and soon gone."""

from __future__ import annotations

from opsbook.host import Read
from opsbook.shell import script
from opsbook.systems.answers import nothing, stripped

# Leftovers of operators who vanished go with the first scratch folder of another day.
SWEEP = """
find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'opsbook.????????' -user "$(id --user)" -mmin +1440 -exec rm --recursive --force -- {} +
"""
MAKE = "mktemp --directory --tmpdir opsbook.XXXXXXXX"
SCRATCH = f"{SWEEP}exec {MAKE}\n"
# for scripts that need it themselves: $scratch, gone when they end
OWN = f"{SWEEP}scratch=$({MAKE}) || exit\ntrap 'rm --recursive --force -- \"$scratch\"' EXIT\n"
DROP = 'case $1 in */opsbook.????????) exec rm --recursive --force -- "$1" ;; *) exit 64 ;; esac'


def scratch() -> Read[str]:
    """A new folder of our own, readable by nobody else."""
    return Read(script(SCRATCH), stripped)


def drop(folder: str) -> Read[None]:
    """Remove a folder that `scratch` made; anything else is refused."""
    return Read(script(DROP, folder), nothing)

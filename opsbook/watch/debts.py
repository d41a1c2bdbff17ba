"""What the host must do if we vanish: a file with a command, written before a service is stopped and dropped once it runs again."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from opsbook.errors import Bug
from opsbook.host import Write
from opsbook.record.folder import STATE, TAKE_STDIN
from opsbook.shell import Command, script

UNASKED = 126       # a debt that failed once, or is too old to be paid unasked
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
REGISTER = STATE + TAKE_STDIN + 'mv --force "$new" "$state/debts/$2"\n'
DROP = STATE + 'rm --force "$state/debts/$1" "$state/owed/$1"\n'


@dataclass(frozen=True)
class Payment:
    """A debt that the host paid in our place; with another code than 0 it is still owed."""

    name: str
    code: int

    @classmethod
    def told(cls, line: str) -> Payment:
        """Given a line such as `paid start-loki 0`, return it as a value."""
        _, name, code = line.split()
        return cls(name, int(code))

    @property
    def what(self) -> str:
        """Return what was to be done, in words."""
        return self.name.replace("-", " ")

    def __str__(self) -> str:
        if self.code == 0:
            return f"the host did what an interrupted run owed: {self.what}"
        if self.code == UNASKED:
            where = "~/.local/state/opsbook/owed on the host; --discard drops it"
            return f"still owed from before, and not done unasked: {self.what} ({where})"
        return f"still owed: {self.what} ended with exit code {self.code} (~/.local/state/opsbook/debts.log on the host)"


def debt(name: str, command: Command) -> Write:
    """Return the write that makes the host run this command if we vanish; the same name replaces."""
    line = command.line() + "\n"
    order = replace(script(REGISTER, len(line.encode()), _checked(name)), shown=f"leave {name} to the host")
    return Write(order, f"let the host {name.replace('-', ' ')} if we vanish", stdin=line)


def paid(name: str) -> Write:
    """Return the write that drops the debt."""
    order = replace(script(DROP, _checked(name)), shown=f"drop {name} from what the host does if we vanish")
    return Write(order, f"the host need no longer {name.replace('-', ' ')} if we vanish")


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise Bug(f"not a name for a debt: {name!r}")
    return name

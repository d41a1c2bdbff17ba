"""What sudo lets us do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from opsbook.host import Read, Result
from opsbook.shell import cmd, script
from opsbook.systems.answers import is_good

# English, for sudo has no machine format: the transport gives every command LC_ALL=C. In another language nothing is granted.
MAY_RUN = re.compile(r"may run the following commands on \S+:")
GRANT = re.compile(r"\s+\((?P<as_user>[^)]*)\)\s*(?P<rest>.*)")
TAG = re.compile(r"(?P<tag>[A-Z_]+):\s*")
COMMA = re.compile(r"(?<!\\),\s*")
ANYTHING = "ALL"
NO_ARGUMENTS = '""'      # so sudoers says that a command is allowed without any
NOTHING = frozenset({0, 1})
# Each of these is a root shell, or writes any file, when its arguments are free.
SHELLS = frozenset({"awk", "bash", "ed", "env", "find", "less", "more", "nano", "perl", "python", "python3", "sh", "su", "vi", "vim"})
WRITERS = frozenset({"chmod", "chown", "cp", "dd", "install", "ln", "mount", "mv", "rsync", "sed", "tar", "tee", "visudo"})
STARTERS = frozenset({"apt", "apt-get", "docker", "docker-compose", "dpkg", "nsenter", "systemctl"})
AS_GOOD_AS_ROOT = SHELLS | WRITERS | STARTERS
WARNING = "sudo: unable to resolve host "       # where the host does not know its own name; sudo goes on all the same


@dataclass(frozen=True)
class Grant:
    """One command that we may run as somebody else; without arguments in it, with any."""

    as_user: str
    command: str
    password: bool      # a password is asked for, so it is of no use to us

    @property
    def program(self) -> str:
        """Return the program's name without its folder."""
        return self.command.split(maxsplit=1)[0].rpartition("/")[2]

    def allows(self, line: str) -> bool:
        """Return whether the command, its program without a folder, may be run as root without a password."""
        if self.password or self.as_user.split(":")[0].strip() not in {"root", ANYTHING}:
            return False
        program, _, arguments = self.command.partition(" ")
        own = program.rpartition("/")[2]
        exactly = line == (own if arguments == NO_ARGUMENTS else f"{own} {arguments}".strip())
        return exactly or self.command == ANYTHING or (not arguments and line.partition(" ")[0] == own)

    @property
    def is_root(self) -> bool:
        """Return whether this is as good as being root."""
        free = " " not in self.command or "*" in self.command
        return not self.password and (self.command == ANYTHING or (free and self.program in AS_GOOD_AS_ROOT))


def is_installed() -> Read[bool]:
    """Whether the host has sudo, and visudo to judge its files."""
    return Read(script("[ -x /usr/bin/sudo ] && [ -x /usr/sbin/visudo ]"), is_good, answers=NOTHING)


def grants() -> Read[tuple[Grant, ...]]:
    """What we may run; fails where sudo wants a password even for that, or is not there."""
    return Read(cmd("sudo", "-n", "-l"), parse_grants)


def grants_of(user: str) -> Read[tuple[Grant, ...]]:
    """What that user may run, as root sees it; nothing where sudo knows no rule for that user."""
    return Read(cmd("sudo", "-n", "-l", "-U", user), parse_grants, answers=NOTHING)


def complaint(text: str) -> str:
    """Given what a command under sudo wrote, return the line that says why it failed: not sudo's usual warning, if there is another."""
    lines = [line.strip() for line in text.strip().splitlines()]
    return next((line for line in lines if not line.startswith(WARNING)), next(iter(lines), ""))


def allows(granted: Iterable[Grant], line: str) -> bool:
    """Return whether one of the grants allows the command."""
    return any(grant.allows(line) for grant in granted)


def parse_grants(result: Result) -> tuple[Grant, ...]:
    """Given the output of `sudo -l`, return the grants."""
    _, _, listed = result.out.partition(found[0]) if (found := MAY_RUN.search(result.out)) else ("", "", "")
    return tuple(grant for line in listed.splitlines() for grant in _of_line(line))


def _of_line(line: str) -> Iterator[Grant]:
    found = GRANT.match(line)
    if found is None:
        return
    password = True
    for entry in COMMA.split(found["rest"]):
        command = entry.strip()
        while tag := TAG.match(command):
            password = {"NOPASSWD": False, "PASSWD": True}.get(tag["tag"], password)
            command = command[tag.end() :]
        if command:
            yield Grant(found["as_user"].strip(), command, password)

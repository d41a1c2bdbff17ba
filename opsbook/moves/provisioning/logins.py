"""What the inventory's user can do after a new login: the only thing that proves that it can come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opsbook.check import Seen
from opsbook.errors import CommandFailed, Unreachable
from opsbook.host import Host, Read
from opsbook.moves.provisioning.account import needs_docker
from opsbook.moves.provisioning.rights import amount_to
from opsbook.moves.provisioning.seat import admin
from opsbook.shell import cmd
from opsbook.systems import sudo
from opsbook.systems.answers import stripped


@contextmanager
def new_login(host: Host) -> Iterator[Host]:
    """Log in anew for a moment."""
    fresh = host.anew()
    try:
        yield fresh
    finally:
        fresh.transport.close()


def gets_in(host: Host) -> Seen:
    """A new login by key gets in as the inventory's user."""
    return _of_a_new_login(host, _is_admin)


def may_do(host: Host) -> Seen:
    """sudo lets the user run the programs for root's part, and nothing else."""
    return _of_a_new_login(host, lambda fresh: amount_to(fresh.read(sudo.grants())))


def reaches_docker(host: Host) -> Seen:
    """Docker answers the user where the inventory says that it runs there, and else the user is not in its group."""
    return _of_a_new_login(host, _reaches_docker)


def _is_admin(fresh: Host) -> Seen:
    who = fresh.read(Read(cmd("id", "--user", "--name"), stripped))
    return Seen(ok=who == admin(fresh), saw=f"logged in as {who}")


def _reaches_docker(fresh: Host) -> Seen:
    groups = fresh.read(Read(cmd("id", "--name", "--groups"), stripped)).split()
    if not needs_docker(fresh):
        return Seen(ok="docker" not in groups, saw=f"groups: {' '.join(groups)}")
    running = fresh.read(Read(cmd("docker", "ps", "--quiet"), stripped)).split()
    return Seen(ok=True, saw=f"{len(running)} containers run")


def _of_a_new_login(host: Host, asked: Callable[[Host], Seen]) -> Seen:
    try:
        with new_login(host) as fresh:
            return asked(fresh)
    except (Unreachable, CommandFailed) as failed:
        return Seen(ok=False, saw=f"{failed.what}\n{failed.saw}".strip(), next=f"opsbook doctor {host.name}")

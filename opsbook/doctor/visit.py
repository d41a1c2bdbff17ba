"""One host from the operator's keys to the flags of its Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from opsbook.doctor.findings import findings
from opsbook.doctor.gather import gather
from opsbook.doctor.way import walk
from opsbook.errors import Bug, CommandFailed, OpsbookError
from opsbook.events import Event
from opsbook.findings.finding import Finding
from opsbook.host import Host, Run, Write
from opsbook.inventory import HostEntry
from opsbook.mask import Mask, env_secrets
from opsbook.record import Record
from opsbook.shell import Command
from opsbook.ssh import Ssh
from opsbook.systems import files
from opsbook.systems.docker import locate
from opsbook.systems.dotenv import parse_env, rough


class Bystander:
    """A guard for who only looks."""

    @contextmanager
    def writing(self, change: Write) -> Iterator[None]:
        """Refuse."""
        raise Bug(f"the doctor only looks, yet wants to: {change.title}")
        yield

    def wrap(self, command: Command, within: float) -> Command:  # noqa: ARG002
        """Return the command as it is."""
        return command

    def stopped(self) -> None:
        """Nobody stops a look but by Ctrl-C."""


def visit(entry: HostEntry, ssh: Ssh, mask: Mask, again: Callable[[Record], str]) -> Iterator[Finding]:
    """Yield what is found on the way there and, if it leads there, on the host; `again` tells the line that resumes a run."""
    way = walk(ssh)
    yield from way.findings
    if not way.open:
        return
    host = Host(entry, ssh, Run("", "doctor", "", reads_only=True), _unheard, Bystander(), mask, locate=locate)
    try:
        yield from _secrets(host)
        facts = gather(host, ssh)
        yield from findings(replace(facts, again=again(facts.record)) if facts.record is not None else facts)
    except OpsbookError as error:
        yield Finding("bad", error.what, error.saw, error.next)


def _secrets(host: Host) -> Iterator[Finding]:
    """Get to know what must not be shown; an `.env` that cannot be read is a finding of its own."""
    if host.entry.stack is None:
        return
    path = f"{host.stack.directory}/{host.stack.env_file}"
    try:
        text = host.read(files.read(path)) or ""
        host.mask.learn(env_secrets(rough(text)))
        host.mask.learn(env_secrets(parse_env(text)))
    except CommandFailed as error:
        yield Finding("bad", f"{path} cannot be understood", error.saw or error.what, f"ssh {host.name} ls -l {path}")


def _unheard(_: Event) -> None:
    """Nobody listens."""

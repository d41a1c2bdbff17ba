"""Plug the real things into a job: SSH, the watch, the secrets of `.env`, where services listen."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from opsbook.downloads import Downloads
from opsbook.errors import AuthenticationFailed, CommandFailed, Refused, Unreachable
from opsbook.host import Door
from opsbook.mask import env_secrets
from opsbook.places import cache_folder, config_folder, state_folder
from opsbook.record import Record, current, done
from opsbook.runner.job import Tools
from opsbook.shell import Command
from opsbook.ssh import Settle, Ssh
from opsbook.systems import files
from opsbook.systems.docker import locate
from opsbook.systems.dotenv import parse_env, rough
from opsbook.watch import Watch
from opsbook.watch.holder import Holder

if TYPE_CHECKING:
    from opsbook.cli.state import State
    from opsbook.host import Hands, Host, Read, Transport
    from opsbook.inventory import HostEntry


def tools(state: State, operator: str, hands: Hands | None = None) -> Tools:
    """Return what a job needs to reach the hosts of the state's inventory."""

    def open_transport(entry: HostEntry) -> Ssh:
        return open_ssh(entry, state)

    def take_watch(transport: Transport, entry: HostEntry, runbook: str) -> Watch:
        assert isinstance(transport, Ssh)  # noqa: S101 - made by open_transport above
        user, _, machine = operator.partition("@")
        who = Holder(user, machine, runbook, entry.name)
        return Watch.take(transport.talk, who, wait=state.options.wait, on_lost=transport.close)

    downloads = Downloads(cache_folder(state.environment) / "downloads")
    return Tools(
        open_transport,
        take_watch,
        learn_secrets,
        locate,
        page=lambda name: state.pages().get(name),
        try_door=lambda entry: knock(entry, state),
        fetch_here=downloads.fetched,
        hands=hands,
    )


def open_ssh(entry: HostEntry, state: State, *, settle: Settle | None = None) -> Ssh:
    """Return the connection to a host of the inventory, opened by its first use; `settle` meets host keys that are not known."""
    inventory = state.inventory()
    own = config_folder(state.environment) / "known_hosts"
    log = state_folder(state.environment) / "ssh.log" if state.options.debug else None
    return Ssh(entry, known_hosts=(*inventory.known_hosts, own), gateway=inventory.jumps(entry), log=log, settle=settle)


def knock(entry: HostEntry, state: State) -> Door:
    """Return what the host's sshd has for this login: the methods that it offers, and whether our keys open it."""
    methods, asking = open_ssh(entry, state).offered(), open_ssh(entry, state)
    try:
        asking.open()
    except AuthenticationFailed:
        return Door(methods, opens=False)
    finally:
        asking.close()
    return Door(methods, opens=True)


def kept_record(run: str, entry: HostEntry, state: State) -> Record:
    """Return the record of a run from its host, closed or still open; raise Refused when there is none that an undo could use."""
    transport = open_ssh(entry, state)
    try:
        record = _asked(done(run), transport) or _asked(current(), transport)
    finally:
        transport.close()
    if record is None or record.id != run:
        raise Refused(f"the host keeps no record of {run}", next=f"opsbook history --on {entry.name}", host=entry.name)
    if record.phase == "undone":
        raise Refused(f"{run} was undone already", next=f"opsbook history --on {entry.name}", host=entry.name)
    return record


def _asked(question: Read[Record | None], transport: Transport) -> Record | None:
    assert isinstance(question.ask, Command)  # noqa: S101 - no request: it is a file on the host
    try:
        return question.parse(transport.run(question.ask, None, question.within))
    except TimeoutError:
        raise Unreachable(f"the host did not tell its run records within {question.within:g} s") from None


def learn_secrets(host: Host) -> None:
    """Read the stack's `.env` so that its secrets are hidden from here on, also where Compose would refuse the file."""
    if host.entry.stack is None:
        return
    path = f"{host.stack.directory}/{host.stack.env_file}"
    try:
        text = host.read(files.read(path)) or ""
    except CommandFailed as failed:     # what only looks must work on a broken host, too
        if not host.run.reads_only:
            raise
        host.say(f"the secrets of {path} are not known, so they are not hidden: {failed.what}")
        return
    host.mask.learn(env_secrets(rough(text)))
    with contextlib.suppress(CommandFailed):    # a line that is no assignment: whoever needs the file says so
        host.mask.learn(env_secrets(parse_env(text)))

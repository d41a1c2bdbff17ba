"""`opsbook trust HOST`: get to know a host's key before anything is sent to it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from opsbook.cli import complete
from opsbook.cli.shared_options import common_options, confirm_options
from opsbook.cli.state import State, pass_state
from opsbook.errors import Refused

if TYPE_CHECKING:
    from opsbook.cli.ceremony import Ceremony
    from opsbook.ssh.known_hosts import Known


@click.command("trust")
@click.argument("host", shell_complete=complete.hosts)
@click.option("--fingerprint", "fingerprints", multiple=True, metavar="SHA256:…", help="The key is this one: no question is asked.")
@click.option("--replace", is_flag=True, help="The key has changed and you know why; the host's name is asked for, or --confirm NAME.")
@confirm_options
@common_options
@pass_state
def trust(state: State, host: str, fingerprints: tuple[str, ...], *, replace: bool) -> None:
    """Show the key of HOST, and of every unknown jump host on the way, and remember it.

    Nobody logs in to HOST for this. Compare the fingerprint with what its own console prints:
    ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
    """
    from opsbook.cli.connect import open_ssh
    from opsbook.cli.selection import need_addresses

    entry = state.inventory().host(host)
    need_addresses(state.inventory(), [entry])
    ceremony = _ceremony(state, host, fingerprints, replace=replace)
    ssh = open_ssh(entry, state, settle=ceremony.settle)
    ssh.greet()
    known = ssh.known_keys()
    _compare(host, fingerprints, known)
    _tell(state, ceremony, known)


def _ceremony(state: State, host: str, fingerprints: tuple[str, ...], *, replace: bool) -> Ceremony:
    from opsbook.cli.ceremony import Ceremony
    from opsbook.desk import ask_on_stderr
    from opsbook.places import config_folder

    line = ask_on_stderr if sys.stdin.isatty() and not state.options.json else None
    own = config_folder(state.environment) / "known_hosts"
    return Ceremony(host, own, fingerprints, replace, state.options.confirm, line)


def _compare(host: str, fingerprints: tuple[str, ...], known: tuple[Known, ...]) -> None:
    if fingerprints and not any(line.key.fingerprint in fingerprints for line in known):
        raise Refused("the key that is known already is not the one you named", saw="\n".join(map(str, known)), host=host)


def _tell(state: State, ceremony: Ceremony, known: tuple[Known, ...]) -> None:
    if state.options.json:
        new = [
            {"host": key.host, "address": key.address, "type": key.key.type, "fingerprint": key.key.fingerprint, "file": str(key.file)}
            for key in ceremony.trusted
        ]
        click.echo(json.dumps({"host": ceremony.host, "trusted": new, "known": [line.key.fingerprint for line in known]}))
        return
    for key in ceremony.trusted:
        click.echo(f"{key.host}: {key.key} is trusted from now on ({key.file})")
    if not ceremony.trusted:
        for line in known:
            click.echo(f"{ceremony.host}: known already: {line}")

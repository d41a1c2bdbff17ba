"""A host of the lab that can be logged in to anew, and whose peers can be asked: what a run plugs in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from opsbook.host import Host
from opsbook.inventory_file import load
from opsbook.lab.lab import Lab
from opsbook.ssh import Ssh
from tests.lab.open_host import open_host


@contextmanager
def host_with_logins(lab: Lab, name: str) -> Iterator[Host]:
    """Connect to a host; its writes pass unguarded, `anew` is a further connection, a peer is found by its role."""
    inventory = load(lab.inventory, dict(os.environ))
    with open_host(lab, name) as host, ExitStack() as logins:

        def anew(known: Host) -> Host:
            again = Ssh(known.entry, known_hosts=inventory.known_hosts)
            logins.callback(again.close)
            return replace(known, transport=again, _remembered={})

        def peer(role: str) -> Host:
            entry = next(entry for entry in inventory.hosts if role in entry.roles)
            return logins.enter_context(open_host(lab, entry.name))

        yield replace(host, connect_anew=anew, connect_peer=peer)

"""A `Host` on the lab over real SSH, for tests below the runner."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from opsbook.host import Host, Run
from opsbook.inventory_file import load
from opsbook.lab.lab import Lab
from opsbook.ssh import Ssh
from opsbook.systems.docker import locate
from tests.fake import FakeGuard, a_run, fake_host
from tests.lab.reach import VPS


@contextmanager
def open_host(lab: Lab, name: str = VPS, run: Run | None = None) -> Iterator[Host]:
    """Connect to a host of the lab; its writes pass unguarded."""
    inventory = load(lab.folder / "inventory.yaml", dict(os.environ))
    entry = inventory.host(name)
    transport = Ssh(entry, known_hosts=inventory.known_hosts)
    try:
        made = fake_host(transport, entry=entry, run=run or a_run(), guard=FakeGuard(), locate=locate)
        yield _in_real_time(made)
    finally:
        transport.close()


def _in_real_time(made: Host) -> Host:
    real = Host(made.entry, made.transport, made.run, made.tell, made.guard)
    return replace(made, clock=real.clock, pause=real.pause)

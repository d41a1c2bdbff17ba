"""The other hosts that a run asks, each read-only, over a connection of its own; and further logins on the host itself."""

from __future__ import annotations

from dataclasses import replace

from opsbook.errors import UsageError
from opsbook.host import Guard, Host, Run, Transport
from opsbook.inventory import HostEntry
from opsbook.runner.job import Job
from opsbook.runner.other_login import OtherLogin


class Peers:
    """The peers of one host's run, by role or name, each connected once, and its further logins."""

    def __init__(self, job: Job, own: HostEntry, run: Run, guard: Guard) -> None:
        self._own = own.name
        self._job, self._run, self._guard = job, run, guard
        self._known: dict[str, Host] = {}
        self._again: list[Transport] = []

    def __call__(self, role: str) -> Host:
        """Return the read-only host with that role or name; raise UsageError unless exactly one has it, or one besides this host."""
        if role not in self._known:
            self._known[role] = peer = self._connect(self._entry(role))
            self._job.tools.prepare(peer)       # it has secrets of its own
        return self._known[role]

    def anew(self, host: Host) -> Host:
        """Return the host itself behind one more login, that of the inventory's user; it writes as the host does."""
        entry = replace(host.entry, login=None)
        self._again.append(self._job.tools.open_transport(entry))
        guard = self._guard if entry == host.entry else OtherLogin(self._guard)
        return replace(host, entry=entry, transport=self._again[-1], guard=guard, _remembered={})

    def close(self) -> None:
        """Close all these connections."""
        for transport in (*(peer.transport for peer in self._known.values()), *self._again):
            transport.close()

    def _entry(self, role: str) -> HostEntry:
        entries = [entry for entry in self._job.inventory.hosts if role in entry.roles or role == entry.name]
        if len(entries) > 1:    # where another one has it, too, it is the other that is meant
            entries = [entry for entry in entries if entry.name != self._own]
        if len(entries) != 1:
            raise UsageError(f'{len(entries)} hosts of the inventory have the role "{role}"; exactly one must', next="opsbook hosts")
        return entries[0]

    def _connect(self, entry: HostEntry) -> Host:
        job, own = self._job, self._run
        run = Run(own.id, own.runbook, own.operator, reads_only=True, started=own.started)
        return Host(entry, job.tools.open_transport(entry), run, job.tell, self._guard, job.mask, locate=job.tools.locate)

"""What stands between a run and its writes: the operator's yes, the lock that is still ours, the record on the host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from opsbook import record as records
from opsbook.desk import Asking
from opsbook.errors import CommandFailed
from opsbook.host import Host, Result, Write
from opsbook.record import Record
from opsbook.runner.gate import Gate
from opsbook.shell import Command
from opsbook.stop import Stop
from opsbook.watch import Watch

SAVING = 30     # seconds for a command on the run record


class WriteGuard:
    """One host's guard; `watch` is None for runs that only read or plan."""

    def __init__(self, stop: Stop, gate: Gate, make_record: Callable[[], Record]) -> None:
        self.watch: Watch | None = None
        self.record: Record | None = None       # the open record on the host, created by the first write or adopted
        self.closed = ""                        # the id of the record that was closed and still has what an undo needs
        self.host: Host | None = None
        self._passed = False                    # the gate let this host through
        self._stop, self._gate, self._make_record = stop, gate, make_record

    @contextmanager
    def writing(self, change: Write) -> Iterator[None]:
        """Enter when the operator agreed, the record exists and the lock is still ours."""
        host = self._host()
        self._stop.check()
        title = host.mask(change.title)
        if not self._passed:
            self._gate.arrive(Asking(host.name, _where(host), host.mask(change.about or change.title)))
            self._passed = True
        if self.record is None:
            self._create()
        if self.watch is not None:
            self.watch.beat()
        with self._stop.writing(host.name, title):
            yield

    def by_hand(self, question: str) -> None:
        """Return when the operator may be asked to do something by hand, which counts as a change."""
        host = self._host()
        self._gate.ask_by_hand(Asking(host.name, _where(host), f"ask: {host.mask(question)}", by_hand=True))

    def wrap(self, command: Command, within: float) -> Command:
        """Return the command under the write lock and a time limit, deaf to our vanishing."""
        return self.watch.wrap(command, within) if self.watch is not None else command

    def stopped(self) -> None:
        """Raise Interrupted when the operator has pressed Ctrl-C."""
        self._stop.check()

    def keep(self, kept: dict[str, Any]) -> None:
        """Save what undo and a rerun need; before the first write it waits for the record to be created."""
        if self.record is not None:
            self.update(kept=dict(kept))

    def keep_secrets(self, secrets: dict[str, str]) -> None:
        """Save the secrets of the run in its record; before the first write they wait for it to be created."""
        if self.record is not None:
            self.update(secrets=dict(secrets))

    def update(self, **changes: Any) -> None:
        """Change fields of the open record on the host."""
        if self.record is not None:
            self.record = replace(self.record, **changes)
            self.send(records.save(self.record))

    def close(self, phase: records.Phase, code: int) -> None:
        """Close the open record: the run is proven, or undone."""
        if self.record is not None:
            self.record = replace(self.record, phase=phase, kept=dict(self._host().run.kept))
            self.send(records.close(self.record, code))
            self.closed = "" if self.record.secrets else self.record.id     # its secrets are gone, and with them the way back
            self.record = None

    def _create(self) -> None:
        self.record = self._make_record()
        self.send(records.create(self.record))

    def send(self, order: records.Order) -> Result:
        """Run a command on the record; raise CommandFailed when the host cannot do it."""
        try:
            result = self._host().transport.run(self.wrap(order.command, SAVING), order.stdin, SAVING)
        except TimeoutError:
            raise CommandFailed(f"the run record on the host could not be written within {SAVING} s") from None
        if result.code != 0:
            raise CommandFailed(f"the run record on the host could not be written (exit code {result.code})", saw=result.err.strip())
        return result

    def _host(self) -> Host:
        assert self.host is not None  # noqa: S101 - set by the runner before the first step
        return self.host


def _where(host: Host) -> str:
    address = host.entry.address or host.name
    return f"{address}:{host.entry.port}" if host.entry.port else address

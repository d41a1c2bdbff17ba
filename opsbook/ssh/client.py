"""One connection to one host: commands, requests to its services, long-lived processes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko

from opsbook.errors import CommandFailed, ConnectionLost
from opsbook.host import Result, Upload
from opsbook.inventory import HostEntry
from opsbook.places import config_folder
from opsbook.shell import Command
from opsbook.ssh.dial import Dial, dial_tcp
from opsbook.ssh.known_hosts import Known
from opsbook.ssh.line import Line
from opsbook.ssh.log import log_to
from opsbook.ssh.route import Hop, Router
from opsbook.ssh.sending import send
from opsbook.ssh.services import Services
from opsbook.ssh.session import begin, execute, lost
from opsbook.ssh.talking import LongTalk, follow
from opsbook.ssh.trust import FILES, Settle, Trust, refuse
from opsbook.ssh.tunnel import Forbidden, forward
from opsbook.web import Endpoint, Request

SESSIONS = 5        # sshd allows 10 on one connection, and may hear of the next before it has let go of the last; ports are not counted


class Ssh:
    """Opened by its first use, never opened again: what a lost connection was doing has to be looked at first."""

    def __init__(
        self,
        entry: HostEntry,
        *,
        known_hosts: tuple[Path, ...] = (),
        gateway: HostEntry | tuple[HostEntry, ...] | None = None,
        dial: Dial = dial_tcp,
        log: Path | None = None,
        connect_within: float = 10,
        settle: Settle | None = None,
    ) -> None:
        self.entry = entry
        files = (*FILES, *(known_hosts or (config_folder(os.environ) / "known_hosts",)))
        self._line = Line(dial, Trust(files, settle or refuse(entry.name)), connect_within)
        self._gateways = gateway if isinstance(gateway, tuple) else (gateway,) if gateway else ()
        self._log = log
        self._transport: paramiko.Transport | None = None
        self._opening = threading.Lock()
        self._closed = False
        self._slots = threading.BoundedSemaphore(SESSIONS)
        self._services = Services(self.run, self._slot)

    @property
    def forwarding(self) -> bool | None:
        """Return whether the host's sshd forwards ports; None until it was seen."""
        return self._services.forwarding

    def known_keys(self) -> tuple[Known, ...]:
        """Return what the files say of the host itself."""
        return self._line.trust.known(self.hops()[-1])

    def hops(self) -> tuple[Hop, ...]:
        """Return the way to the host, the host last."""
        return Router.of_the_user().route(self.entry, self._gateways)

    def open(self) -> None:
        """Connect; raise Unreachable or one of its children, or ConnectionLost if there was a connection."""
        self._opened()

    def greet(self) -> None:
        """Have the key of every hop judged; log in to the jump hosts, not to the host."""
        log_to(self._log)
        try:
            self._line.lay_up_to_the_door(self.hops())
        finally:
            self.close()

    def offered(self) -> tuple[str, ...]:
        """Return the methods by which the host lets this user prove who it is; nobody is logged in."""
        log_to(self._log)
        try:
            return self._line.offered(self.hops())
        finally:
            self.close()

    def run(self, command: Command, stdin: str | None = None, within: float = 30) -> Result:
        """Run the command; raise TimeoutError after `within` seconds, ConnectionLost when no exit code came."""
        transport = self._opened()
        with self._slot(within):
            return execute(transport, command, stdin, within)

    def fetch(self, endpoint: Endpoint, request: Request, within: float = 30) -> Result:
        """Send the request from the host; raise ConnectionRefusedError when nothing listens, else as `run` does."""
        return self._services.fetch(self._opened(), endpoint, request, within)

    def send(self, upload: Upload, within: float = 600) -> Result:
        """Copy a file to the host; raise CommandFailed when the host takes no files, else as `run` does."""
        transport = self._opened()
        with self._slot(within):
            return send(transport, upload, within)

    def forwards(self, endpoint: Endpoint, within: float = 5) -> bool:
        """Return whether the host's sshd carries bytes to this port, on which something listens."""
        try:
            forward(self._opened(), endpoint, within).close()
        except (ConnectionRefusedError, Forbidden, TimeoutError):
            return False
        return True

    def talk(self, command: Command) -> LongTalk:
        """Start a process that is spoken with line by line; close it when done."""
        transport = self._opened()
        self._slots.acquire()
        try:
            return LongTalk(transport, begin(transport, command), self._slots.release)
        except BaseException:
            self._slots.release()
            raise

    def follow(self, command: Command) -> Iterator[str]:
        """Yield the command's lines as they come, both outputs; closing the iterator ends the command on the host."""
        transport = self._opened()
        with self._slot():
            try:
                yield from follow(transport, command)
            except (CommandFailed, ConnectionLost) as error:
                error.host = error.host or self.entry.name
                raise

    def close(self) -> None:
        """Close the connection for good; what waits for an answer gets ConnectionLost."""
        self._closed = True
        self._line.cut()

    def _opened(self) -> paramiko.Transport:
        with self._opening:
            if self._closed or (self._transport is not None and not self._transport.is_active()):
                raise lost()
            if self._transport is None:
                log_to(self._log)
                self._transport = self._lay()
            return self._transport

    def _lay(self) -> paramiko.Transport:
        try:
            return self._line.lay(self.hops())
        except BaseException:
            self._line.cut()
            raise

    @contextmanager
    def _slot(self, within: float | None = None) -> Iterator[None]:
        if not self._slots.acquire(timeout=within):
            raise TimeoutError
        try:
            yield
        finally:
            self._slots.release()

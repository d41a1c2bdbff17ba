"""All hops to one host, opened one through the other."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass, field

import paramiko

from opsbook.errors import Unreachable
from opsbook.ssh.dial import Brisk, Dial
from opsbook.ssh.hop import Way, enter, greet, offered
from opsbook.ssh.route import Hop
from opsbook.ssh.trust import Trust
from opsbook.ssh.tunnel import Relay


@dataclass
class Line:
    """The connections so far, the outermost first."""

    dial: Dial
    trust: Trust
    within: float
    _dialled: socket.socket | None = None
    _clients: list[paramiko.SSHClient] = field(default_factory=list)

    def lay(self, hops: tuple[Hop, ...]) -> paramiko.Transport:
        """Open every hop and return the last one's transport."""
        for hop in hops:
            self._clients.append(enter(hop, self._way_to(hop), self.trust, self._patience(hop)))
        return self._transport()

    def lay_up_to_the_door(self, hops: tuple[Hop, ...]) -> None:
        """Open every hop but the last, which only shows its key."""
        if hops[:-1]:
            self.lay(hops[:-1])
        greet(hops[-1], self._way_to(hops[-1]), self.trust, self._patience(hops[-1]))

    def offered(self, hops: tuple[Hop, ...]) -> tuple[str, ...]:
        """Open every hop but the last, which only tells the methods by which its user may log in."""
        if hops[:-1]:
            self.lay(hops[:-1])
        return offered(hops[-1], self._way_to(hops[-1]), self.trust, self._patience(hops[-1]))

    def cut(self) -> None:
        """Close everything."""
        if self._dialled is not None:
            with contextlib.suppress(OSError):              # the peer was faster
                self._dialled.shutdown(socket.SHUT_RDWR)    # wakes paramiko's reader, which else looks up ten times a second
        for client in reversed(self._clients):
            client.close()
        if self._dialled is not None:
            self._dialled.close()

    def _patience(self, hop: Hop) -> float:
        return hop.connect_within or self.within

    def _transport(self) -> paramiko.Transport:
        return self._clients[-1].get_transport()

    def _way_to(self, hop: Hop) -> Way:
        return self._through(hop) if self._clients else self._dial(hop)

    def _dial(self, hop: Hop) -> socket.socket:
        try:
            self._dialled = Brisk(self.dial(hop.address, hop.port, self._patience(hop)))
        except (socket.gaierror, UnicodeError) as error:    # the latter for what can be no name, such as a..b
            saw = error.strerror if isinstance(error, OSError) else error
            raise Unreachable(f"the name {hop.address} does not resolve", saw=str(saw), host=hop.name) from None
        except TimeoutError:
            raise Unreachable(f"no answer from {hop} within {self._patience(hop):g} s", host=hop.name) from None
        except ConnectionRefusedError:
            raise Unreachable(f"nothing listens on {hop}", saw="connection refused", host=hop.name) from None
        except OSError as error:
            raise Unreachable(f"{hop} cannot be reached", saw=error.strerror or str(error), host=hop.name) from None
        return self._dialled

    def _through(self, hop: Hop) -> Relay:
        try:
            channel = self._transport().open_channel("direct-tcpip", (hop.address, hop.port), ("", 0), timeout=self._patience(hop))
        except paramiko.SSHException as error:
            raise Unreachable(
                f"the jump host does not lead to {hop}",
                saw=f"{error}: it has no way there, nothing listens there, or its sshd has AllowTcpForwarding no",
                host=hop.name,
            ) from None
        return Relay(channel)

"""One SSH connection over a socket or channel that leads to the server: its host key first, then our keys, then it is open."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import TypeAlias

import paramiko
from paramiko.auth_strategy import AuthFailure, AuthStrategy, InMemoryPrivateKey

from opsbook.errors import AuthenticationFailed, Unreachable
from opsbook.ssh.keys import Keyring, Offer
from opsbook.ssh.known_hosts import HostKey
from opsbook.ssh.route import Hop
from opsbook.ssh.trust import Trust
from opsbook.ssh.tunnel import Relay

KEEPALIVE = 15      # seconds between packets that keep us in the memory of a NAT
NO_WORD = ("banner", "No existing session")    # what paramiko says when the server did not speak in time
RSA = ("rsa-sha2-512", "rsa-sha2-256")

Way: TypeAlias = socket.socket | Relay


class Judging(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    """Hands every host key to our judge; paramiko itself is told of none, so it asks about each."""

    def __init__(self, hop: Hop, trust: Trust) -> None:
        self._hop, self._trust = hop, trust

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        """Return if the key is trusted."""
        self._trust.judge(self._hop, HostKey(key.get_name(), key.asbytes()))


class Offering(AuthStrategy):  # type: ignore[misc]
    """Offers each key once."""

    def __init__(self, user: str, offers: list[Offer]) -> None:
        super().__init__(ssh_config=paramiko.SSHConfig())
        self._user, self._offers = user, offers

    def get_sources(self) -> Iterator[InMemoryPrivateKey]:
        """Yield the keys as paramiko wants them."""
        return (InMemoryPrivateKey(self._user, offer.key) for offer in self._offers)


class Stopping(AuthStrategy):  # type: ignore[misc]
    """Stops where authentication would begin; by then the host has shown its key."""

    def __init__(self) -> None:
        super().__init__(ssh_config=paramiko.SSHConfig())

    def authenticate(self, transport: paramiko.Transport) -> None:
        """Do nothing."""


class Asking(Stopping):
    """Asks what sshd offers somebody who has shown nothing yet, and goes."""

    def __init__(self, user: str) -> None:
        super().__init__()
        self._user = user
        self.offered: tuple[str, ...] = ()

    def authenticate(self, transport: paramiko.Transport) -> None:
        """Send the request `none`, whose refusal names the methods."""
        try:
            transport.auth_none(self._user)
            self.offered = ("none",)
        except paramiko.BadAuthenticationType as refused:
            self.offered = tuple(refused.allowed_types)


def enter(hop: Hop, way: Way, trust: Trust, within: float) -> paramiko.SSHClient:
    """Return the open connection; raise HostKeyUnknown, HostKeyChanged, AuthenticationFailed or another Unreachable."""
    keyring = Keyring(hop.identity)
    try:
        offers = keyring.offers()
        return _connect(hop, way, trust, within, Offering(hop.user, offers))
    except AuthFailure as failure:
        raise _not_let_in(hop, offers, keyring.notes, failure) from None
    finally:
        keyring.close()


def greet(hop: Hop, way: Way, trust: Trust, within: float) -> None:
    """Have the hop's key judged, without logging in."""
    _connect(hop, way, trust, within, Stopping()).close()


def offered(hop: Hop, way: Way, trust: Trust, within: float) -> tuple[str, ...]:
    """Return the methods by which this hop's user may log in."""
    asking = Asking(hop.user)
    _connect(hop, way, trust, within, asking).close()
    return asking.offered


def _connect(hop: Hop, way: Way, trust: Trust, within: float, strategy: AuthStrategy) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(Judging(hop, trust))
    factory = _preferring([known.key.type for known in trust.known(hop)])
    try:
        client.connect(
            hop.address, hop.port, hop.user, sock=way, timeout=within, banner_timeout=within,
            transport_factory=factory, auth_strategy=strategy,
        )  # fmt: skip
    except AuthFailure:
        client.close()
        raise
    except (paramiko.SSHException, EOFError, OSError) as error:
        client.close()
        raise _no_session(hop, error, within) from None
    except BaseException:
        client.close()
        raise
    client.get_transport().set_keepalive(KEEPALIVE)
    return client


def _preferring(types: list[str]) -> Callable[..., paramiko.Transport]:
    """Return a maker of transports that ask for a host key of a type we know, lest a known host shows an unknown key."""

    def make(way: Way, disabled_algorithms: object = None) -> paramiko.Transport:  # noqa: ARG001
        transport = paramiko.Transport(way)
        options = transport.get_security_options()
        wanted = [name for known in types for name in (RSA if known == "ssh-rsa" else (known,)) if name in options.key_types]
        options.key_types = tuple(dict.fromkeys((*wanted, *options.key_types)))
        return transport

    return make


def _not_let_in(hop: Hop, offers: list[Offer], notes: list[str], failure: AuthFailure) -> AuthenticationFailed:
    cut = any(not isinstance(tried.result, paramiko.AuthenticationException) for tried in failure.result)
    lines = [f"offered: {offer}" for offer in offers] or ["there was no key to offer"]
    lines += ["the host ended the connection before it had seen every key: name one with `key:`"] if cut else []
    return AuthenticationFailed(
        f"{hop} does not let {hop.user} in with any of our keys",
        saw="\n".join([*lines, *notes]),
        next=f"opsbook doctor {hop.name}",
        host=hop.name,
    )


def _no_session(hop: Hop, error: Exception, within: float) -> Unreachable:
    if any(sign in str(error) for sign in NO_WORD):
        return Unreachable(f"{hop} accepts connections but speaks no SSH within {within:g} s", saw=str(error), host=hop.name)
    return Unreachable(f"{hop} ended the connection before anybody was logged in", saw=str(error) or type(error).__name__, host=hop.name)

"""The way to a host, layer by layer, from the operator's side: keys, agent, known host keys, name, port, login."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from opsbook.errors import AuthenticationFailed, HostKeyChanged, HostKeyUnknown, OpsbookError
from opsbook.findings.finding import Finding
from opsbook.ssh import Dial, Hop, Ssh, dial_tcp
from opsbook.ssh.keys import BEGIN, Identity, Keyring

PRIVATE = 0o077         # bits that a key file may not have
PATIENCE = 5


@dataclass(frozen=True)
class Way:
    """What was found on the way, and whether it led there."""

    findings: tuple[Finding, ...]
    open: bool


def walk(ssh: Ssh, dial: Dial = dial_tcp) -> Way:
    """Go the way to the host and tell of each layer; the connection stays open where it could be made."""
    try:
        hops = ssh.hops()
    except OpsbookError as error:
        return Way((_failed(error),), open=False)
    known = ssh.known_keys()
    local = tuple(keys(hops[-1].identity))
    recognised = tuple(Finding("ok", "its host key is known", str(line)) for line in known[:1])
    begun = time.monotonic()
    try:
        ssh.open()
    except OpsbookError as error:
        recognised = () if isinstance(error, HostKeyChanged) else recognised    # another one is known, not the one it shows
        return Way((_not_open(error, hops[-1]), *layers(hops[0], error, dial), *local, *recognised), open=False)
    through = f", through {', '.join(hop.name for hop in hops[:-1])}" if hops[:-1] else ""
    done = Finding("ok", f"logged in as {hops[-1].user} at {hops[-1]}{through}", f"{time.monotonic() - begun:.2f} s")
    return Way((done, *local, *recognised), open=True)


def keys(identity: Identity) -> Iterator[Finding]:
    """Tell which keys would be offered, and what is wrong with them."""
    keyring = Keyring(identity)
    try:
        offers = keyring.offers()
        yield from (Finding("ok", f"a key is offered: {offer}", offer.key.get_name()) for offer in offers)
        if not offers:
            yield Finding("bad", "there is no key to offer", next="ssh-keygen -t ed25519, or name one with `key:` in the inventory")
    except OpsbookError as error:
        yield _failed(error)
    finally:
        keyring.close()
    yield from (Finding("warn", note) for note in keyring.notes)
    yield from _modes(identity)
    if not identity.key:
        yield _agent(identity)


def _modes(identity: Identity) -> Iterator[Finding]:
    named = () if identity.key and BEGIN in identity.key else (identity.key,) if identity.key else identity.files
    for name in named:
        path = Path(name).expanduser()
        if path.is_file() and path.stat().st_mode & PRIVATE:
            mode = f"mode {path.stat().st_mode & 0o7777:04o}: ssh itself would refuse it"
            yield Finding("warn", f"others may read the key file {name}", mode, f"chmod 600 {name}")


def _agent(identity: Identity) -> Finding:
    if identity.agent is None:
        return Finding("note", "no ssh-agent is in use", "SSH_AUTH_SOCK is not set")
    return Finding("ok", "an ssh-agent is asked", identity.agent)


def layers(hop: Hop, error: OpsbookError, dial: Dial) -> Iterator[Finding]:
    """Tell how far the first hop can be reached, without ssh: its name, its port."""
    try:
        found = {place[4][0] for place in socket.getaddrinfo(hop.address, hop.port, type=socket.SOCK_STREAM)}
    except socket.gaierror as failed:
        yield Finding("bad", f"the name {hop.address} does not resolve", failed.strerror or "", f"getent hosts {hop.address}")
        return
    yield Finding("ok", f"the name {hop.address} resolves", ", ".join(sorted(map(str, found))))
    if isinstance(error, HostKeyUnknown | HostKeyChanged | AuthenticationFailed):
        yield Finding("ok", f"sshd answers at {hop}")       # it has shown its key
    else:
        yield _port(hop, dial)


def _port(hop: Hop, dial: Dial) -> Finding:
    try:
        dial(hop.address, hop.port, PATIENCE).close()
    except OSError as failed:
        refused = isinstance(failed, ConnectionRefusedError)
        why = "refused: nothing listens there" if refused else "no answer: a firewall, the network, or the host is down"
        look = f"nc -vz -w {PATIENCE} {hop.address} {hop.port}"
        return Finding("bad", f"the port does not open: {hop}", f"{why} ({failed.strerror or failed})", look)
    return Finding("ok", f"the port opens: {hop}")


def _not_open(error: OpsbookError, hop: Hop) -> Finding:
    if isinstance(error, AuthenticationFailed) and error.host == hop.name and error.next.startswith("opsbook doctor"):
        key = hop.identity.key if hop.identity.key and BEGIN not in hop.identity.key else "KEY"
        by_hand = f"or add what `ssh-keygen -yf {key}` prints to ~{hop.user}/.ssh/authorized_keys, by the host's console"
        remedy = f"opsbook provision-host {hop.name} --as root    (makes {hop.user} and lets the key in; {by_hand})"
        return Finding("bad", error.what, error.saw, remedy)
    return _failed(error)


def _failed(error: OpsbookError) -> Finding:
    return Finding("bad", error.what, error.saw, error.next)

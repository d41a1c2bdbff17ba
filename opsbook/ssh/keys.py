"""The keys that are offered to a host: from the inventory, as path or as text; from ssh_config; from the agent."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import paramiko

from opsbook.errors import AuthenticationFailed, UsageError
from opsbook.public_key import public_part
from opsbook.ssh.key_text import parse, unfolded
from opsbook.ssh.known_hosts import HostKey

BEGIN = "-----BEGIN"
DEFAULTS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")


@dataclass(frozen=True)
class Identity:
    """Where the keys for one host come from; a key of the inventory is the only one then."""

    key: str | None = field(default=None, repr=False)
    files: tuple[str, ...] = ()
    agent: str | None = None        # a socket's path; None where there is no agent
    only: bool = False              # offer no agent key that is not one of the files


@dataclass(frozen=True)
class Offer:
    """A key and how it is called when we speak of it."""

    label: str
    key: paramiko.PKey

    def __str__(self) -> str:
        return f"{self.label} ({HostKey(self.key.get_name(), self.key.asbytes()).fingerprint})"


class Agent(paramiko.Agent):  # type: ignore[misc]
    """The agent behind a socket of our choice; paramiko's own asks the environment only."""

    def __init__(self, path: str) -> None:
        paramiko.agent.AgentSSH.__init__(self)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)   # it may ask its user
        connection.connect(path)
        self._connect(connection)


@dataclass
class Keyring:
    """The keys of one identity; close it when the host has accepted one."""

    identity: Identity
    notes: list[str] = field(default_factory=list)      # why a key was not offered
    _agent: Agent | None = None
    _asked: bool = False

    def offers(self) -> list[Offer]:
        """Return the keys in the order of offering; raise UsageError or AuthenticationFailed if the inventory's key is of no use."""
        if self.identity.key:
            return [self._of_inventory(self.identity.key)]
        own = [offer for path in self.identity.files for offer in self._of_file(path)]
        seen = {offer.key.asbytes() for offer in own}
        others = [] if self.identity.only else [offer for offer in self._of_agent() if offer.key.asbytes() not in seen]
        return [*own, *others]

    def close(self) -> None:
        """Let go of the agent."""
        if self._agent is not None:
            self._agent.close()

    def _of_inventory(self, key: str) -> Offer:
        if BEGIN in key:
            return self._one("the key given as text", unfolded(key), "add the key to ssh-agent and leave `key` of the inventory unset")
        try:
            return self._one(key, Path(key).expanduser().read_text(errors="replace"), f"ssh-add {key}")
        except OSError as error:
            raise UsageError(f"the key file {key} cannot be read", saw=error.strerror or str(error)) from None

    def _one(self, label: str, text: str, unlock: str) -> Offer:
        try:
            return Offer(label, parse(text))
        except paramiko.PasswordRequiredException:
            found = self._held_by_agent(text)
            if found is None:
                raise AuthenticationFailed(f"{label} is protected by a passphrase and no ssh-agent holds it", next=unlock) from None
            return found
        except (paramiko.SSHException, ValueError) as error:
            raise UsageError(f"{label} is not a private key that can be used", saw=str(error)) from None

    def _of_file(self, path: str) -> Iterator[Offer]:
        file = Path(path).expanduser()
        try:
            text = file.read_text(errors="replace")
        except OSError:
            return      # most operators have one of the usual files, not all
        try:
            yield Offer(path, _certified(parse(text), file))
        except paramiko.PasswordRequiredException:
            found = self._held_by_agent(text, Path(f"{file}.pub"))
            if found is None:
                self.notes.append(f"{path} is protected by a passphrase and no ssh-agent holds it: ssh-add {path}")
            else:
                yield found
        except (paramiko.SSHException, ValueError) as error:
            self.notes.append(f"{path} is not a private key that can be used: {error}")

    def _held_by_agent(self, text: str, public: Path | None = None) -> Offer | None:
        blob = public_part(text) or _public_file(public)
        return next((offer for offer in self._of_agent() if offer.key.asbytes() == blob), None)

    def _of_agent(self) -> list[Offer]:
        if self.identity.agent and not self._asked:
            self._asked = True
            try:
                self._agent = Agent(self.identity.agent)
            except (OSError, paramiko.SSHException) as error:
                self.notes.append(f"the agent at {self.identity.agent} does not answer: {error}")
        keys = self._agent.get_keys() if self._agent else ()
        return [Offer(f"agent's {key.comment or 'key'}", key) for key in keys]


def agent_socket(named: str | None) -> str | None:
    """Given ssh_config's IdentityAgent, return the agent's socket, or nothing where there is none."""
    if named is None or named == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK") or None
    return None if named.lower() == "none" else os.path.expandvars(Path(named).expanduser())


def _public_file(path: Path | None) -> bytes | None:
    try:
        return base64.b64decode(path.read_text().split()[1]) if path else None
    except (OSError, IndexError, ValueError):
        return None


def _certified(key: paramiko.PKey, file: Path) -> paramiko.PKey:
    certificate = Path(f"{file}-cert.pub")
    if certificate.exists():
        key.load_certificate(str(certificate))
    return key

"""How a host key that nobody knows yet becomes a trusted one: a person compares fingerprints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from opsbook.errors import Declined, HostKeyChanged, Refused
from opsbook.ssh.known_hosts import HostKey, Known, append, forget

if TYPE_CHECKING:
    from opsbook.ssh import Hop


@dataclass(frozen=True)
class Trusted:
    """A key that is known from now on."""

    host: str
    address: str
    key: HostKey
    file: Path


@dataclass
class Ceremony:
    """Asks about every unknown key on the way to one host; what was agreed goes into opsbook's own file."""

    host: str                                       # as the operator named it
    own: Path
    fingerprints: tuple[str, ...] = ()              # compared beforehand
    replace: bool = False
    confirm: tuple[str, ...] = ()                   # names typed beforehand
    line: Callable[[str], str] | None = None        # asks the operator; None where there is no terminal
    trusted: list[Trusted] = field(default_factory=list)

    def settle(self, hop: Hop, shown: HostKey, known: tuple[Known, ...]) -> None:
        """Return when the key is trusted; raise Refused, Declined or HostKeyChanged."""
        if known:
            self._may_replace(hop, shown, known)
        self._agree(hop, shown)
        if known:
            forget(self.own, [line.line for line in known])
        append(self.own, hop.known_as, shown)
        self.trusted.append(Trusted(hop.name, str(hop), shown, self.own))

    def _may_replace(self, hop: Hop, shown: HostKey, known: tuple[Known, ...]) -> None:
        if not self.replace:
            from opsbook.ssh import refused

            raise refused(hop, shown, known, self.host)
        elsewhere = next((line for line in known if line.file.expanduser() != self.own), None)
        if elsewhere is not None:
            raise HostKeyChanged(
                "the old key is in a file that is not opsbook's own",
                saw=f"shown: {shown}\nknown: {elsewhere}",
                next=f"ssh-keygen -R '{hop.known_as}' -f {elsewhere.file.expanduser()}",
                host=hop.name,
            )
        self._type_the_name(hop, shown, known)

    def _type_the_name(self, hop: Hop, shown: HostKey, known: tuple[Known, ...]) -> None:
        if hop.name in self.confirm:
            return
        if self.line is None:
            raise Refused("a changed host key is replaced only by somebody who names the host", next=f"--confirm={hop.name}", host=hop.name)
        old = "".join(f"  known: {line}\n" for line in known)
        question = f"{hop.name}: the key of {hop} has CHANGED\n{old}  shown: {shown}\ntype {hop.name} to replace it: "
        if self.line(question).strip() != hop.name:
            raise Declined("declined by the operator", host=hop.name)

    def _agree(self, hop: Hop, shown: HostKey) -> None:
        if self.fingerprints:
            if shown.fingerprint not in self.fingerprints:
                raise Refused(f"{hop} shows another key than the one you named", saw=f"shown: {shown}", host=hop.name)
        elif self.line is None:
            raise Refused(
                "a fingerprint has to be compared, and there is no terminal to ask on",
                saw=f"{hop} shows {shown}; compare it with what the host's own console prints",
                next=f"opsbook trust {self.host} --fingerprint SHA256:…",
                host=hop.name,
            )
        elif self.line(f"{hop.name}: {hop} shows {shown}\nis that its key? [y/N] ").strip().lower() not in {"y", "yes"}:
            raise Declined("declined by the operator", host=hop.name)

"""What only root may read, as the program opsbook-look tells it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from opsbook.host import Read, Result
from opsbook.privileged import LOOK
from opsbook.shell import Command, prefixed, script


@dataclass(frozen=True)
class Told:
    """How a question ended on the host, and what it printed."""

    code: int
    text: str


def root_view(*wanted: str, by: Command = LOOK.run) -> Read[dict[str, Told]]:
    """Each of the wanted things by its name (`ufw`, `sshd`, `sshd USER ADDRESS` …); `by` runs the program."""
    return Read(by, _parser(wanted), stdin="".join(f"{one}\n" for one in wanted))


def uninstalled(*rights: str) -> Command:
    """Return the program itself as a command, for a host that lacks it; the words before it bring root's rights."""
    return prefixed(script(LOOK.text), *rights)


def _parser(wanted: tuple[str, ...]) -> Callable[[Result], dict[str, Told]]:
    def parse(result: Result) -> dict[str, Told]:
        """Given lines of code and base64, return them by what was asked."""
        return dict(zip(wanted, map(_told, result.out.splitlines()), strict=True))

    return parse


def _told(line: str) -> Told:
    code, _, text = line.partition(" ")
    return Told(int(code), base64.b64decode(text, validate=True).decode(errors="replace"))

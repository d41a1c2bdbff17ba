"""A change that the host finishes if we vanish half-way, so that no service is left stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from opsbook.host import Host, Write
from opsbook.shell import Command
from opsbook.watch.debts import debt, paid


@contextmanager
def owed(host: Host, name: str, change: Write, *, about: str = "") -> Iterator[None]:
    """Let the host make this change if the block does not come to its end; an error leaves it owed, and it is paid when the run ends."""
    command = change.do
    assert isinstance(command, Command)     # noqa: S101  the host can run programs only
    host.write(replace(debt(name, command), about=about or change.title))
    yield
    host.write(paid(name))

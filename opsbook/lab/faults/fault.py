"""What a fault is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from opsbook.lab.lab import Lab
from opsbook.lab.state import Injected

Inject = Callable[[Lab, tuple[str, ...]], Mapping[str, str]]
Mend = Callable[[Lab, Injected], None]
Confirm = Callable[[Lab, tuple[str, ...]], None]


def any_will_do(_: Lab, __: tuple[str, ...]) -> None:
    """Accept every argument."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong on real servers: how to make it happen, and how to make it good again.

    `inject` returns what `mend` will need; `mend` may run twice, or after an injection that was killed half-way.
    """

    name: str
    summary: str
    inject: Inject
    mend: Mend
    takes: str = ""  # its arguments, as the usage line shows them
    published: bool = False  # mending it needs the config repo, which other faults may keep from answering
    least: int = 0  # how many of them must be given
    most: int = 0
    usual: tuple[str, ...] = ()  # arguments that stand in for none; where some must be given, an example
    confirm: Confirm = any_will_do  # refuses arguments, before anything is touched

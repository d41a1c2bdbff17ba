"""What is the same for every host of a run, and what is plugged into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from opsbook.desk import Desk
from opsbook.events import Tell
from opsbook.host import Door, Fetched, Hands, Host, Transport
from opsbook.inventory import HostEntry, Inventory, Service
from opsbook.mask import Mask
from opsbook.options import Options
from opsbook.record import Record
from opsbook.runbook import Page, Runbook
from opsbook.runner.gate import Gate
from opsbook.runner.main_thread import MainThread
from opsbook.stop import Stop
from opsbook.watch import Watch
from opsbook.web import Endpoint


@dataclass(frozen=True)
class Tools:
    """What is plugged in: the way to a host, its lock, what to ask it first, where its services listen, the site's runbooks."""

    open_transport: Callable[[HostEntry], Transport]
    take_watch: Callable[[Transport, HostEntry, str], Watch]     # the text names the runbook
    prepare: Callable[[Host], None]
    locate: Callable[[Host, Service], Endpoint]
    page: Callable[[str], Page | None]      # by the runbook's name
    try_door: Callable[[HostEntry], Door] | None = None
    fetch_here: Callable[[str, str], Fetched] | None = None      # the folder's URL and the file's name
    hands: Hands | None = None              # takes secrets from the operator, and gives them


@dataclass(frozen=True)
class Job:
    """One run of one runbook, on however many hosts."""

    id: str
    book: Runbook
    params: Any
    params_shown: dict[str, Any]
    operator: str
    options: Options
    inventory: Inventory
    tell: Tell
    mask: Mask
    stop: Stop
    desk: Desk
    gate: Gate
    main: MainThread
    tools: Tools
    undoing: Record | None = None       # `opsbook undo`: the closed record whose UNDO is run

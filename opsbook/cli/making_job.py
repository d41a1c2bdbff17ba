"""A job with everything plugged in: the operator's desk, the gate before the first write, the way to the hosts."""

from __future__ import annotations

import getpass
import json
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from opsbook.cli.at_hand import AtHand
from opsbook.cli.connect import tools
from opsbook.desk import Desk, ask_on_stderr, ask_unseen
from opsbook.record import Record, new_id
from opsbook.runner.gate import Gate
from opsbook.runner.job import Job
from opsbook.runner.main_thread import MainThread
from opsbook.stop import Stop

if TYPE_CHECKING:
    from opsbook.cli.state import State
    from opsbook.events import Tell
    from opsbook.page import Page
    from opsbook.runbook import Runbook
    from opsbook.screen import Screen


def make_job(
    book: Runbook, params: Any, names: Sequence[str], state: State, tell: Tell, screen: Screen, undoing: Record | None = None
) -> Job:
    """Return the job of that runbook on the hosts of those names."""
    stop, main, operator = Stop(screen.aside), MainThread(), f"{getpass.getuser()}@{socket.gethostname()}"
    desk = _desk(state, stop, screen)
    return Job(
        id=new_id(time.time()),
        book=book,
        params=params,
        params_shown=shown_params(params),
        operator=operator,
        options=state.options,
        inventory=state.inventory(),
        tell=tell,
        mask=state.mask,
        stop=stop,
        desk=desk,
        gate=_gate(desk, main, book.page, tuple(names)),
        main=main,
        tools=tools(state, operator, AtHand(desk, main)),
        undoing=undoing,
    )


def shown_params(params: Any) -> dict[str, Any]:
    """Return the parameters as journal and record have them: as JSON."""
    shown: dict[str, Any] = json.loads(json.dumps({field.name: getattr(params, field.name) for field in fields(params)}, default=str))
    return shown


def _desk(state: State, stop: Stop, screen: Screen) -> Desk:
    options = state.options
    there = sys.stdin.isatty() and not options.json
    return Desk(stop, options.yes, options.confirm, there, ask_on_stderr, ask_unseen, state.inventory().lab, screen.calm)


def _gate(desk: Desk, main: MainThread, page: Page, names: tuple[str, ...]) -> Gate:
    return Gate(lambda askings, staying: main.do(lambda: desk.allow(askings, names, page.name, page.risk, page.risk_text, staying)))

"""Wait for a condition of the lab, with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from opsbook.lab.docker import LabError


def until(what: str, holds: Callable[[], bool], within: float, saw: Callable[[], str] = str) -> None:
    """Ask again and again until it holds; afterwards say what was waited for and what was last seen."""
    deadline = time.monotonic() + within
    pause = threading.Event()
    while not holds():
        if time.monotonic() > deadline:
            raise LabError(f"waited {within:g} s: {what}", saw=saw(), next="opsbook lab up")
        pause.wait(0.1)

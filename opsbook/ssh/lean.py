"""paramiko without all of invoke, which it imports for `Match exec` in ssh_config alone: a sixth of what a run imports."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(name: str) -> Iterator[None]:
    """Inside the block the module cannot be imported, unless it was before."""
    if name in sys.modules:
        yield
        return
    hidden: dict[str, object] = {name: None}
    sys.modules.update(hidden)  # type: ignore[arg-type]  # None is what makes an import fail
    try:
        yield
    finally:
        del sys.modules[name]


with without("invoke"):
    import paramiko.config


def catch_up() -> None:
    """Give paramiko what it was denied."""
    paramiko.config.invoke = importlib.import_module("invoke")

"""A runbook: its page, its parameters, its steps and its proof, loaded from a file and checked."""

from __future__ import annotations

import functools
import importlib.util
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from opsbook.answer import Answer
from opsbook.check import Check, Seen
from opsbook.errors import UsageError
from opsbook.host import Host
from opsbook.page import Page, Risk, folders, pages
from opsbook.page.fields import BACKUP, EXPORTER, IDENTITY, KEPT_SECRET, PUBLIC_KEY, RECIPIENT, SECRET, SERVICE, TAKER, Marker, fields_of
from opsbook.page.typed import command_line
from opsbook.runbook_rules import mistakes

__all__ = [
    "BACKUP", "EXPORTER", "IDENTITY", "KEPT_SECRET", "PUBLIC_KEY", "RECIPIENT", "SECRET", "SERVICE", "TAKER",
    "Check", "Marker", "NoParams", "Page", "Risk", "Runbook", "Seen", "Step", "Undoable", "folders", "load", "pages",
]  # fmt: skip

Step = Callable[[Host, Any], None]
Undoable = Callable[[Mapping[str, Any], Any], bool]     # given what a proven run has kept, and its parameters
# what an import can raise through a mistake in the file; anything else is a bug of opsbook
MISTAKES = (
    SyntaxError, ImportError, NameError, AttributeError, TypeError, ValueError, LookupError, ArithmeticError, OSError, RuntimeError
)


@dataclass(frozen=True)
class NoParams:
    """The parameters of a runbook that has none."""


@dataclass(frozen=True)
class Runbook:
    """One procedure, ready to run."""

    page: Page
    params: type
    on: str                                             # a service, a role, "stack" or "any"
    steps: tuple[Step, ...] = ()
    proof: tuple[Check[Any], ...] = ()
    undo: tuple[Step, ...] = ()
    undone: tuple[Check[Any], ...] = ()
    answer: Callable[[Host, Any], Answer] | None = None
    evidence: tuple[Callable[[Host, Any], str], ...] = ()
    from_outside: tuple[Check[Any], ...] = ()           # proven after PROOF; what is not true there is no reason to undo
    shuts_out: Mapping[str, str] = field(default_factory=dict)      # logins that get in no more afterwards, and what lets them in again
    not_compared: tuple[str, ...] = ()                  # parameters that change nothing on the host: with another one it is the same run
    undoable: Undoable | None = None                    # whether the undo of a proven run has something to put back; None: always

    def offers_undo(self, kept: Mapping[str, Any], params: Any) -> bool:
        """Return whether the undo of a proven run that has kept this would put something back."""
        return bool(self.undo) and (self.undoable is None or self.undoable(kept, params))

    def line(self, params: Mapping[str, object], host: str) -> str:
        """Given the parameters as a record has them, return the command line that runs it so; empty when they no longer fit."""
        return command_line(self.page.name, fields_of(self.params), params, host)


@functools.cache    # the command line needs it for its parameters, the run for its steps
def load(page: Page) -> Runbook:
    """Import the page's file and check it; raise UsageError with every mistake, with file and line."""
    if page.broken:
        raise UsageError(f"{page.name} cannot be run", saw=page.broken)
    module = _imported(page)
    found = list(mistakes(page, module))
    if found:
        raise UsageError(f"{page.name} cannot be run", saw="\n".join(found))
    return Runbook(
        page,
        getattr(module, "Params", NoParams),
        module.ON,
        steps=_several(module, "STEPS"),
        proof=_several(module, "PROOF"),
        undo=_several(module, "UNDO"),
        undone=_several(module, "UNDONE"),
        undoable=getattr(module, "UNDOABLE", None),
        answer=getattr(module, "ANSWER", None),
        evidence=_several(module, "EVIDENCE"),
        from_outside=_several(module, "FROM_OUTSIDE"),
        shuts_out=getattr(module, "SHUTS_OUT", {}),
        not_compared=_several(module, "NOT_COMPARED"),
    )


def _imported(page: Page) -> ModuleType:
    name = ".".join(filter(None, ("opsbook_runbooks", page.chapter, page.path.stem)))
    spec = importlib.util.spec_from_file_location(name, page.path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{page.name} cannot be run", saw=f"{page.path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module      # dataclasses and type hints look their module up here
    try:
        spec.loader.exec_module(module)
    except MISTAKES as error:
        del sys.modules[name]
        raise UsageError(f"{page.name} cannot be run", saw=f"{_place(error, page.path)}: {type(error).__name__}: {error}") from None
    return module


def _place(error: Exception, path: Path) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)


def _several(module: ModuleType, name: str) -> tuple[Any, ...]:
    found: tuple[Any, ...] = getattr(module, name, ())
    return found

"""What a runbook's module must look like."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType

from opsbook.page import Page
from opsbook.page.fields import fields_of
from opsbook.page.outline import outline

ARGUMENTS = 2       # host and params
PROMISED = "opsbook undo"


def mistakes(page: Page, module: ModuleType) -> Iterator[str]:
    """Yield every mistake, with file and line."""
    file = page.path
    if not isinstance(getattr(module, "ON", None), str) or not module.ON:
        yield f'{file}: ON is missing: a service, a role, "stack" or "any"'
    elif outline(page).on not in ("", module.ON):       # hosts are chosen before the file is imported
        yield f"{file}: ON is not what is written there; write it in place, once"
    yield from _of_params(page, getattr(module, "Params", None))
    if page.risk == "reads":
        yield from _of_a_reader(file, module)
    else:
        yield from _of_a_writer(file, module)
    if PROMISED in page.undo and not getattr(module, "UNDO", ()):
        yield f"{file}: the page promises `{PROMISED}`, and there is no UNDO"
    for name in ("STEPS", "PROOF", "FROM_OUTSIDE", "UNDO", "UNDONE", "EVIDENCE"):
        yield from _of_several(file, name, getattr(module, name, ()))
    yield from _of_names(file, getattr(module, "NOT_COMPARED", ()), getattr(module, "Params", None))


def _of_params(page: Page, params: object) -> Iterator[str]:
    file = page.path
    if params is None:
        return
    if not isinstance(params, type) or not is_dataclass(params) or not params.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        yield f"{file}: Params is not a frozen dataclass"
        return
    known = {one.name for one in fields(params)}
    for name in vars(params):
        if not name.startswith("_") and name not in known and not callable(getattr(params, name)):
            yield f"{file}: Params.{name} has no type"
    try:
        found = fields_of(params)
    except (TypeError, NameError) as error:
        yield f"{file}: {error}"
        return
    read = {one.name: one.shape for one in outline(page).fields}
    for one in found:
        if read.get(one.name) != one.shape:     # help and TAB never import the file
            yield f"{file}: Params.{one.name}: write its type and help in place (a service as default, too), no names from elsewhere"


def _of_names(file: Path, names: object, params: object) -> Iterator[str]:
    known = {one.name for one in fields(params)} if is_dataclass(params) else set()
    if not isinstance(names, tuple) or not known.issuperset(names):
        yield f"{file}: NOT_COMPARED is no tuple of names of Params: {names!a}"


def _of_a_reader(file: Path, module: ModuleType) -> Iterator[str]:
    answer = getattr(module, "ANSWER", None)
    if answer is None:
        yield f"{file}: a runbook that reads has an ANSWER"
    else:
        yield from _of_function(file, "ANSWER", answer)
    for name in ("STEPS", "PROOF", "FROM_OUTSIDE", "UNDO", "UNDONE"):
        if hasattr(module, name):
            yield f"{file}: a runbook that reads has no {name}"


def _of_a_writer(file: Path, module: ModuleType) -> Iterator[str]:
    if hasattr(module, "ANSWER"):
        yield f"{file}: only a runbook that reads has an ANSWER"
    for name in ("STEPS", "PROOF"):
        if not getattr(module, name, ()):
            yield f"{file}: {name} is missing or empty"
    for name, other in (("UNDO", "UNDONE"), ("UNDONE", "UNDO")):
        if getattr(module, name, ()) and not getattr(module, other, ()):
            yield f"{file}: {name} needs {other}"
    if (undoable := getattr(module, "UNDOABLE", None)) is not None:
        yield from _of_function(file, "UNDOABLE", undoable, "kept, p")
        if not getattr(module, "UNDO", ()):
            yield f"{file}: UNDOABLE needs UNDO"


def _of_several(file: Path, name: str, found: object) -> Iterator[str]:
    if not isinstance(found, tuple):
        yield f"{file}: {name} is not a tuple (a comma is missing?)"
        return
    for one in found:
        yield from _of_function(file, name, one)


def _of_function(file: Path, name: str, one: object, takes: str = "host, p") -> Iterator[str]:
    if not callable(one):
        yield f"{file}: {name} names something that is no function: {one!a}"
        return
    called = getattr(one, "__name__", name)
    line = getattr(getattr(inspect.unwrap(one), "__code__", None), "co_firstlineno", 1)
    if not (getattr(one, "__doc__", None) or "").strip():
        yield f"{file}:{line}: {called} has no docstring: it is the title on screen"
    if len(inspect.signature(one).parameters) != ARGUMENTS:
        yield f"{file}:{line}: {called} takes ({takes})"

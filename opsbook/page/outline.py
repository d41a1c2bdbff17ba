"""What a runbook is for, its steps, proof, undo and parameters, read from its file without importing it: a start must be quick."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from opsbook.errors import UsageError
from opsbook.page import Page
from opsbook.page import fields as names
from opsbook.page.fields import KINDS, Field, Marker

MARKERS = {name: value for name, value in vars(names).items() if isinstance(value, Marker)}
TYPES = {kind.__name__: kind for kind in KINDS}
PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Outline:
    """Titles in order, and the parameters; a default is known only where it stands there as a plain value."""

    on: str                     # empty where it does not stand there as a plain text
    answer: tuple[str, ...]
    steps: tuple[str, ...]
    proof: tuple[str, ...]
    undo: tuple[str, ...]
    fields: tuple[Field, ...]
    picky: bool                 # Params refuses values by code of its own
    outside: tuple[str, ...] = ()   # FROM_OUTSIDE: proven after the proof, and no reason to undo
    any_login: bool = False     # it may be run as another login than the inventory's: ANY_LOGIN = True


@dataclass(frozen=True)
class Source:
    """The names that a file defines."""

    titles: dict[str, str] = field(default_factory=dict)
    constants: dict[str, ast.expr] = field(default_factory=dict)
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)      # name → module, its name there
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)


def outline(page: Page) -> Outline:
    """Given a page, return what its file says; raise UsageError when the file is no Python."""
    if page.broken:
        raise UsageError(f"{page.name} cannot be run", saw=page.broken)
    try:
        source = _read(page.path)
    except SyntaxError as error:
        raise UsageError(f"{page.name} cannot be run", saw=f"{page.path}:{error.lineno}: {error.msg}") from None
    params = source.classes.get("Params")
    fields = tuple(_fields(params)) if params is not None else ()
    named = ("ANSWER", "STEPS", "PROOF", "UNDO", "FROM_OUTSIDE")
    answer, steps, proof, undo, outside = (tuple(_titles(source, source.constants.get(name))) for name in named)
    any_login = source.constants.get("ANY_LOGIN")
    anybody = isinstance(any_login, ast.Constant) and any_login.value is True
    on, picky = _text(source.constants.get("ON")), _is_picky(params)
    return Outline(on, answer, steps, proof, undo, fields, picky, outside=outside, any_login=anybody)


def _read(path: Path) -> Source:
    source = Source()
    for node in ast.parse(path.read_bytes(), str(path)).body:
        if isinstance(node, ast.FunctionDef):
            source.titles[node.name] = (ast.get_docstring(node) or node.name.replace("_", " ")).splitlines()[0].rstrip(".")
        elif isinstance(node, ast.ClassDef):
            source.classes[node.name] = node
        elif isinstance(node, ast.ImportFrom) and node.module:
            source.imported.update({one.asname or one.name: (node.module, one.name) for one in node.names})
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                source.constants.update(_assigned(target, node.value))
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            source.constants.update(_assigned(node.target, node.value))
    return source


def _text(value: ast.expr | None) -> str:
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _is_picky(params: ast.ClassDef | None) -> bool:
    """Return whether the class may do more than to hold its values."""
    return params is not None and (bool(params.bases) or any(isinstance(node, ast.FunctionDef) for node in params.body))


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """`A = …` names one constant, `A, B = …, C` names two."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, its in zip(target.elts, value.elts, strict=False):
            yield from _assigned(one, its)


def _titles(source: Source, value: ast.expr | None) -> Iterator[str]:
    """Yield the titles of the functions that an expression names; of `within(90, check)` that of the check."""
    if isinstance(value, ast.Tuple):
        for one in value.elts:
            yield from _titles(source, one)
    elif isinstance(value, ast.Starred):
        yield from _titles(source, value.value)
    elif isinstance(value, ast.BinOp):
        yield from _titles(source, value.left)
        yield from _titles(source, value.right)
    elif isinstance(value, ast.Call) and value.args:
        yield from _titles(source, value.args[-1])
    elif isinstance(value, ast.Name) and value.id in source.constants:
        yield from _titles(source, source.constants[value.id])
    elif isinstance(value, ast.Name):
        yield source.titles.get(value.id) or _title_elsewhere(*source.imported.get(value.id, ("", value.id)))
    elif isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name):
        package, module = source.imported.get(value.value.id, ("", ""))
        yield _title_elsewhere(f"{package}.{module}", value.attr)


def _title_elsewhere(module: str, function: str) -> str:
    """Return the title of a function that the file imports from opsbook; of any other, its name."""
    package, *parts = module.split(".")
    path = PACKAGE.joinpath(*parts).with_suffix(".py")
    if package == PACKAGE.name and parts and path.is_file():
        return _read(path).titles.get(function) or function.replace("_", " ")
    return function.replace("_", " ")


def _fields(params: ast.ClassDef) -> Iterator[Field]:
    for node in params.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield _field(node.target.id, node.annotation, node.value)


def _field(name: str, hint: ast.expr, default: ast.expr | None) -> Field:
    extras: list[ast.expr] = []
    if _called(hint) == "Annotated":
        hint, *extras = _inside(hint)
    if isinstance(hint, ast.BinOp):     # … | None
        hint = hint.left
    several = _called(hint) == "tuple"
    one = _inside(hint)[0] if several else hint
    choices = [str(choice.value) for choice in _inside(one) if isinstance(choice, ast.Constant)] if _called(one) == "Literal" else []
    return Field(
        name,
        TYPES.get(one.id, str) if isinstance(one, ast.Name) else str,
        required=default is None,
        default=default.value if isinstance(default, ast.Constant) else () if several and default is not None else None,
        help=next((str(extra.value) for extra in extras if isinstance(extra, ast.Constant)), ""),
        marker=next((MARKERS.get(extra.id) for extra in extras if isinstance(extra, ast.Name)), None),
        choices=tuple(choices),
        several=several,
    )


def _called(hint: ast.expr) -> str:
    """Return the name before the brackets of `name[…]`."""
    return hint.value.id if isinstance(hint, ast.Subscript) and isinstance(hint.value, ast.Name) else ""


def _inside(hint: ast.expr) -> list[ast.expr]:
    """Return what stands in the brackets of `name[…]`."""
    if not isinstance(hint, ast.Subscript):
        return []
    return hint.slice.elts if isinstance(hint.slice, ast.Tuple) else [hint.slice]

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from opsbook.commands import COMMANDS
from opsbook.page import pages

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "opsbook"
LAB_CONTENT = PACKAGE / "lab" / "p24" / "repo"      # files of the lab's servers, no modules of ours
VAGUE = {"utils", "util", "helpers", "helper", "base", "common", "manager", "managers", "misc"}

# what each room may import of opsbook; a room is a module or a package
MAY_IMPORT = {
    "errors": "",
    "shell": "",
    "events": "",
    "counted": "",
    "folding": "",
    "hints": "",
    "typed_path": "",
    "inventory": "errors",
    "mask": "shell",
    "web": "shell",
    "host": "errors events hints host inventory mask shell web",
    "check": "errors events host",
    "page": "errors inventory options page",
    "record": "errors host record shell",
    "watch": "errors host record shell watch",
    "privileged": "privileged shell",
    "downloads": "errors host verified",
    "age": "errors hints shell",
    "backup": "age backup errors places typed_path",
    "public_key": "typed_path",
    "systems": "errors host inventory privileged shell systems web",
    "findings": "findings moves systems",
    "doctor": "counted doctor errors events findings host inventory mask privileged record shell ssh systems watch web",
    "moves": (
        "age answer backup check counted errors findings host inventory mask moves privileged public_key record shell systems watch web"
    ),
    "runbooks": "age answer backup check counted errors findings host inventory moves privileged runbook shell systems watch web",
    "runner": "answer check counted desk errors events host inventory mask options record runbook runner shell stop watch web",
    "ssh": "counted errors host inventory known_hosts places public_key shell ssh watch web",
    "screen": "answer errors events folding screen",
    "lab": "errors lab places privileged",
}
# rooms that only the named ones may import
ONLY_FOR = {
    "cli": "__main__ commands tasks",
    "commands": "cli",
    "tasks": "",
    "lab": "commands inventory_file lab",
    "screen": "cli commands tasks",
    "ssh": "cli commands doctor",
    "journal": "cli commands",
    "downloads": "cli",
    "moves": "findings moves runbooks",
    "runner": "cli commands",
}
# who may import what comes from elsewhere
FOREIGN = {
    "fabric": "tasks",
    "invoke": "tasks",
    "paramiko": "ssh",
    "bcrypt": "lab systems",
    "pyrage": "age",
    "rich": "screen",
    "yaml": "inventory_file lab systems",
    "requests": "downloads",
    "click": "cli commands tasks",
    "sqlite3": "journal lab",
}


@cache
def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name; a runbook counts as one of the room `runbooks`."""
    found: dict[str, Path] = {}
    for top, folder in (("opsbook", PACKAGE), ("runbooks", ROOT / "runbooks")):
        for path in folder.rglob("*.py"):
            if LAB_CONTENT not in path.parents:
                parts = [top, *path.relative_to(folder).with_suffix("").parts]
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def room(module: str) -> str:
    top, _, rest = module.partition(".")
    return rest.partition(".")[0] if top == "opsbook" else top


@cache
def imports(module: str) -> frozenset[str]:
    """What the module imports, inside of functions too, but not what only type checkers see."""
    return frozenset(_imports(ast.parse(modules()[module].read_text()), module))


def _imports(node: ast.AST, module: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from (one.name for one in child.names)
        elif isinstance(child, ast.ImportFrom):
            package = ".".join(module.split(".")[:-child.level]) if child.level else ""
            source = ".".join(filter(None, (package, child.module)))
            for one in child.names:
                full = f"{source}.{one.name}"
                yield full if full in modules() else source
        yield from _imports(child, module)


def ours(module: str) -> set[str]:
    return {one for one in imports(module) if one in modules() and one != module}


def test_imports_never_go_in_a_circle() -> None:
    done: set[str] = set()

    def walk(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " → ".join((*way, module))
        if module not in done:
            for one in sorted(ours(module)):
                walk(one, (*way, module))
            done.add(module)

    for module in modules():
        walk(module, ())


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_a_room_imports_only_what_stands_below_it(name: str) -> None:
    allowed = {*MAY_IMPORT[name].split(), ""}
    wrong = [f"{module} imports {one}" for module in modules() if room(module) == name for one in ours(module) if room(one) not in allowed]
    assert wrong == []


@pytest.mark.parametrize("name", ONLY_FOR)
def test_what_is_plugged_in_is_imported_only_where_it_is_plugged(name: str) -> None:
    allowed = {*ONLY_FOR[name].split(), name}
    wrong = [f"{module} imports {one}" for module in modules() for one in ours(module) if room(one) == name and room(module) not in allowed]
    assert wrong == []


@pytest.mark.parametrize("name", FOREIGN)
def test_what_comes_from_elsewhere_is_imported_in_one_place(name: str) -> None:
    wrong = [
        module for module in modules()
        if room(module) not in FOREIGN[name].split() and name in {one.partition(".")[0] for one in imports(module)}
    ]
    assert wrong == []


def test_no_module_that_fabric_puts_first_is_called_like_one_of_the_standard_library() -> None:
    first = {path.stem for folder in (ROOT, PACKAGE, ROOT / "runbooks") for path in folder.iterdir()}
    assert first & sys.stdlib_module_names == set()


def test_no_module_has_a_vague_name() -> None:
    assert {part for module in modules() for part in module.split(".")} & VAGUE == set()


def _functions(module: str) -> Iterator[ast.FunctionDef]:
    yield from (node for node in ast.walk(ast.parse(modules()[module].read_text())) if isinstance(node, ast.FunctionDef))


def test_no_function_takes_a_bag_of_keywords_or_answers_for_any_attribute() -> None:
    bags = {one.args.kwarg.arg for module in modules() for one in _functions(module) if one.args.kwarg}
    assert bags <= {"changes", "detail", "typed", "values"}     # each says what is in it
    assert [module for module in modules() for one in _functions(module) if one.name == "__getattr__"] == []


def test_no_handler_swallows_everything() -> None:
    caught = [
        f"{module}:{node.lineno}"
        for module, path in modules().items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and ast.unparse(node.body[-1]) != "raise"
    ]
    assert caught == []


def test_every_module_says_in_a_line_what_it_is() -> None:
    assert [module for module, path in modules().items() if not ast.get_docstring(ast.parse(path.read_text() or "''"))] == []


def _commands_in(text: str) -> set[str]:
    """Return what is called as `opsbook … NAME` in a text, in code or in quotes."""
    flags = r"(?:--(?:inventory|confirm|wait|jobs|batch|max-fail|failed-of)[ =]\S+ |--[a-z-]+ )*"
    return set(re.findall(rf"(?:^|[`\"'$] ?)opsbook {flags}([a-z][a-z-]+)\b", text, re.MULTILINE))


KNOWN = {*COMMANDS, *pages([ROOT / "runbooks"])}
DOCUMENTS = [path for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")) if path.exists()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_that_a_document_names_exist(path: Path) -> None:
    assert _commands_in(path.read_text()) - KNOWN == set()


def test_commands_that_a_message_names_exist() -> None:
    wrong = {
        f"{module}:{node.lineno}: opsbook {name}"
        for module, path in modules().items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("opsbook ")
        for name in _commands_in(node.value) - KNOWN
    }
    assert wrong == set()


def test_the_wheel_brings_its_runbooks_and_finds_them(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path / "dist"), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    shipped = {f"opsbook/runbooks/{path.relative_to(ROOT / 'runbooks')}" for path in (ROOT / "runbooks").rglob("*.py")}
    lab = {str(path.relative_to(ROOT)) for path in LAB_CONTENT.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert shipped <= names
    assert lab <= names
    assert [name for name in names if name.endswith(".pyc") or name.startswith(("tests/", "runbooks/"))] == []
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path / "installed")}
    words = [sys.executable, "-m", "opsbook", "--json", "list"]
    listed = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout
    assert [name for name in pages([ROOT / "runbooks"]) if f'"{name}"' not in listed] == []

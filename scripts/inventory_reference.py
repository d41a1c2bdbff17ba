#!/usr/bin/env python3
"""Write docs/inventory.md: the keys that the reader of inventory.yaml takes, with the comments and defaults of opsbook/inventory.py."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from opsbook import inventory
from opsbook.inventory_file.section import A_NAME, LINE, Section, Shape
from opsbook.inventory_file.values import inventory_of

PAGE = Path(__file__).parent.parent / "docs" / "inventory.md"
NAME, PUBLIC_NAME = "NAME", "name.example.org"
# what the reader is shown, so that it asks every section for its keys
SAMPLE: dict[str, Any] = {
    "hosts": {NAME: {"key": "x", "open": {NAME: {}}}},
    "stacks": {NAME: {"services": {NAME: {}}, "sites": {PUBLIC_NAME: {}}}},
}
CHAPTERS: dict[str, tuple[type, str]] = {
    "": (inventory.Inventory, "The file"),
    "defaults": (inventory.HostEntry, "What hosts have that say nothing themselves"),
    f"hosts.{NAME}": (inventory.HostEntry, "A host"),
    f"hosts.{NAME}.open.{NAME}": (inventory.Opening, "What is open to one other host"),
    "node_exporter": (inventory.NodeExporter, "node_exporter"),
    "cadvisor": (inventory.Cadvisor, "cAdvisor"),
    f"stacks.{NAME}": (inventory.Stack, "A stack"),
    f"stacks.{NAME}.services.{NAME}": (inventory.Service, "A service of a stack"),
    f"stacks.{NAME}.sites.{PUBLIC_NAME}": (inventory.Site, "A public name of a stack"),
}
WHOLE: dict[str, str] = {   # sections that are no field of the inventory
    "defaults": "user, key and known_hosts of all hosts",
    "node_exporter": inspect.cleandoc(inventory.NodeExporter.__doc__ or ""),
    "cadvisor": inspect.cleandoc(inventory.Cadvisor.__doc__ or ""),
}
FIELD_OF = {"open": "openings", "ports": "port"}    # where the file calls it otherwise
HEAD = """\
# inventory.yaml, key by key

Written by `scripts/inventory_reference.py` from the types and from what the reader takes; a test holds that it is up to date.
`${NAME}` in a value comes from the environment or from `.env.local` beside the file. Any other key is an error that names the nearest one.

A role is a group for `--group`, and these mean something to the runbooks:

| role | the host |
| --- | --- |
| `node` | gets node_exporter, and its port is opened to the scraper |
| `docker` | runs Docker: gets cAdvisor, and its admin the group docker |
| `scraper` | runs the Prometheus that scrapes the others; one of all |
| `stranger` | must hear nothing from an exporter, only from sshd; one of all, and no `node` itself |
| `outside` | asks for the public names of another host's stack; one besides that host |
"""


@dataclass
class Asking(Section):
    """A section that remembers what it is asked for."""

    asked: dict[str, dict[str, str]] = field(default_factory=dict)

    def text(self, key: str, shape: Shape = LINE, default: str | None = None) -> str | None:
        """Take a text."""
        self._note(key, shape.words)
        return super().text(key, shape, default)

    def required(self, key: str, shape: Shape = LINE) -> str:
        """Take a text that must be there."""
        self._note(key, f"{shape.words}; required")
        return super().required(key, shape)

    def secret(self, key: str) -> str | None:
        """Take a secret."""
        self._note(key, "a text that is never shown")
        return super().secret(key)

    def number(self, key: str, default: float, lowest: float = 0) -> float:
        """Take a number."""
        self._note(key, f"seconds, more than {lowest:g}")
        return super().number(key, default, lowest)

    def port(self, key: str) -> int | None:
        """Take a port."""
        self._note(key, "a port")
        return super().port(key)

    def flag(self, key: str) -> bool:
        """Take true or false."""
        self._note(key, "true or false")
        return super().flag(key)

    def texts(self, key: str, shape: Shape) -> tuple[str, ...]:
        """Take a list."""
        self._note(key, f"a list, each {shape.words}")
        return super().texts(key, shape)

    def sections(self, key: str, shape: Shape = A_NAME) -> Iterator[tuple[str, Section]]:
        """Take a mapping of names."""
        self._note(key, f"a mapping of mappings, each under {shape.words}")
        return super().sections(key, shape)

    def section(self, key: str) -> Section:
        """Take a mapping."""
        if key not in {NAME, PUBLIC_NAME}:
            self._note(key, "a mapping")
        found = self.raw(key)
        return Asking(self.at(key), found if isinstance(found, dict) else {}, self.problems, self.environment, asked=self.asked)

    def _note(self, key: str, words: str) -> None:
        self.asked.setdefault(self.path, {}).setdefault(key, words)     # the first word is the most exact one


def page() -> str:
    """Return the page."""
    top = Asking("", SAMPLE, [], {})
    inventory_of(Path("inventory.yaml"), top)
    return "\n".join([HEAD, *(_chapter(path, top.asked[path]) for path in CHAPTERS)])


def _chapter(path: str, asked: dict[str, str]) -> str:
    kind, title = CHAPTERS[path]
    told, usual = _told(path, kind), _defaults(kind)
    lines = [f"## {title}: `{path}`" if path else f"## {title}", "", "| key | value | default | |", "| --- | --- | --- | --- |"]
    for key, words in asked.items():
        name = FIELD_OF.get(key, key)
        lines.append(f"| `{key}` | {words} | {usual.get(name, '')} | {told.get(name, '')} |".replace("  |", " |"))
    return "\n".join([*lines, ""])


def _told(path: str, kind: type) -> dict[str, str]:
    above = {"": WHOLE, "defaults": comments(inventory.Inventory)}      # known_hosts is of the whole inventory
    return {**above.get(path, {}), **comments(kind)}


def _defaults(kind: type) -> dict[str, str]:
    plain = {one.name: one.default for one in fields(kind) if one.default is not MISSING}
    return {name: f"`{value:g}`" if isinstance(value, float) else f"`{value}`" for name, value in plain.items() if _is_plain(value)}


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""


def comments(kind: type) -> dict[str, str]:
    """Return what the source says of each field, at the end of its line."""
    lines = inspect.getsource(kind).splitlines()
    (tree,) = ast.parse("\n".join(lines)).body
    assert isinstance(tree, ast.ClassDef)  # noqa: S101 - the source of a class
    told = [one for one in tree.body if isinstance(one, ast.AnnAssign)]
    found = {ast.unparse(one.target): re.search(r"\s#\s*(.*)$", lines[one.lineno - 1]) for one in told}
    return {name: match[1].replace("|", "\\|") for name, match in found.items() if match}


if __name__ == "__main__":
    PAGE.write_text(page())

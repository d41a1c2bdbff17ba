"""The page of a runbook: what its docstring says, read without importing it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

Risk = Literal["reads", "mild", "severe"]
FILE_NAME = re.compile(r"[a-z][a-z0-9_]*\.py")
LABEL = re.compile(r"(When|Risk|Undo)\s+(.*)")
HEAD = re.compile(r'\A(?:\s|#[^\n]*\n)*[rR]?("""|\'\'\').*?\1', re.DOTALL)   # all before the code: what follows may be broken
FOLDER = "runbooks"


@dataclass(frozen=True)
class Page:
    """What an operator reads before running it; `broken` says why it cannot be run."""

    name: str
    title: str
    when: str
    risk: Risk
    risk_text: str
    undo: str
    chapter: str
    path: Path
    notes: str = ""
    broken: str = ""

    @property
    def labels(self) -> list[tuple[str, str]]:
        """Return the labelled paragraphs as they are shown."""
        return [("When", self.when), ("Risk", f"{self.risk}: {self.risk_text}".rstrip(": ")), ("Undo", self.undo)]


def folders(inventory_path: Path | None) -> list[Path]:
    """Return the folders of runbooks: the one beside the inventory first, then the one that comes with opsbook."""
    package = Path(__file__).resolve().parent.parent
    beside = [inventory_path.resolve().parent / FOLDER] if inventory_path is not None else []
    shipped = [package / FOLDER, package.parent / FOLDER]     # in the wheel, in the repository
    return list(dict.fromkeys([*(folder for folder in beside if folder.is_dir()), *[folder for folder in shipped if folder.is_dir()][:1]]))


def pages(where: Iterable[Path], reserved: Iterable[str] = ()) -> dict[str, Page]:
    """Return the pages by command name, an earlier folder before a later one; what clashes inside one or with `reserved` is broken."""
    taken = frozenset(reserved)
    found: dict[str, Page] = {}
    for folder in where:
        for name, page in _pages_in(folder, taken).items():
            found.setdefault(name, page)
    return dict(sorted(found.items(), key=lambda item: (item[1].chapter, item[0])))


def read_page(path: Path, chapter: str) -> Page:
    """Read one file's page; a page that lacks something is broken, never an error."""
    blank = Page(_command(path), "", "", "mild", "", "", chapter, path)
    if not FILE_NAME.fullmatch(path.name):
        return replace(blank, broken=f"{path}: a runbook's file name has lower case letters, digits and underscores")
    try:
        doc = _docstring(path)
    except SyntaxError as error:
        return replace(blank, broken=f"{path}:{error.lineno}: {error.msg}")
    except (OSError, ValueError) as error:
        return replace(blank, broken=f"{path}: {error}")
    return _parse(doc, blank)


def _pages_in(folder: Path, reserved: frozenset[str]) -> dict[str, Page]:
    found: dict[str, Page] = {}
    for path in _files(folder):
        page = read_page(path, path.parent.name if path.parent != folder else "")
        if page.name in reserved:
            page = replace(page, broken=f"{path}: {page.name} is a command of opsbook; give the file another name")
        elif page.name in found:
            page = replace(page, broken=f"two runbooks are called {page.name}: {found[page.name].path} and {path}")
        found[page.name] = page
    return found


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.py")):
        if not any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts):
            yield path


def _command(path: Path) -> str:
    return path.stem.replace("_", "-")


def _docstring(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    head = HEAD.match(text)
    return ast.get_docstring(ast.parse(head[0] if head else text, str(path))) or ""


def _parse(doc: str, blank: Page) -> Page:
    title, _, rest = doc.partition("\n")
    labels, notes = _labels(rest)
    page = replace(blank, title=title.strip().rstrip("."), when=labels.get("When", ""), undo=labels.get("Undo", ""), notes=notes)
    lacking = [label for label in ("When", "Risk", "Undo") if not labels.get(label)] if title else ["a docstring"]
    if lacking:
        return replace(page, broken=f"{page.path}: the page lacks {', '.join(lacking)}")
    risk, _, risk_text = labels["Risk"].partition(" ")
    for known in get_args(Risk):
        if risk.rstrip(":.,;") == known:
            return replace(page, risk=known, risk_text=risk_text.strip())
    return replace(page, broken=f"{page.path}: Risk begins with reads, mild or severe, got {risk[:40]!a}")


def _labels(text: str) -> tuple[dict[str, str], str]:
    """Return the labelled paragraphs, their lines joined, and all other text."""
    labels: dict[str, str] = {}
    notes: list[str] = []
    label = ""
    for line in text.splitlines():
        match = LABEL.match(line)
        label = match[1] if match else label if line.startswith(" ") else ""
        if label:
            labels[label] = f"{labels.get(label, '')} {match[2] if match else line}".strip()
            labels[label] = re.sub(r"\s+", " ", labels[label])
        else:
            notes.append(line)
    return labels, "\n".join(notes).strip()

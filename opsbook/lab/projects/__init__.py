"""Compose projects that lie on a server as plain files: one folder each, which becomes /opt/NAME."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template

from opsbook.lab.placing import ADMIN, Placed, folder, text

HERE = Path(__file__).parent


def where(name: str) -> str:
    """Return the project's folder on its host."""
    return f"/opt/{name}"


def files(name: str, addresses: Mapping[str, str]) -> tuple[Placed, ...]:
    """Return the project's files; `${serverA}` in them becomes that host's address."""
    root = HERE / name
    inner = sorted(path for path in root.rglob("*") if "__pycache__" not in path.parts)
    return (
        folder(where(name), owner=ADMIN),
        *(folder(f"{where(name)}/{path.relative_to(root)}", owner=ADMIN) for path in inner if path.is_dir()),
        *(text(f"{where(name)}/{path.relative_to(root)}", filled(path, addresses), owner=ADMIN) for path in inner if path.is_file()),
    )


def filled(path: Path, addresses: Mapping[str, str]) -> str:
    """Read a file and fill the addresses in."""
    return Template(path.read_text()).safe_substitute(addresses)

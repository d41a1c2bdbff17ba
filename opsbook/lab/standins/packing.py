"""Pack a stand-in into one executable file, as the real program is one file."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

NAMES = ("loki", "promtail", "thanos", "cadvisor", "grafana")
ALONE = ("cadvisor", "grafana")  # with NAME_*.py not packed with the others: a change leaves their images as they are
SHEBANG = b"#!/usr/bin/python3 -IS\n"
EPOCH = (2026, 1, 1, 0, 0, 0)  # a fixed time makes the same source the same bytes, so images are reused


def program(name: str) -> bytes:
    """Return the stand-in called NAME: one file that wants nothing but Python's standard library."""
    if name not in NAMES:
        raise ValueError(f"no stand-in is called {name}: there are {', '.join(NAMES)}")
    start = f"from standins.{name} import main\n\nmain()\n"
    return SHEBANG + _archive({"__main__.py": start, "standins/__init__.py": "", **_modules(name)})


def _modules(name: str) -> dict[str, str]:
    others = {"__init__", "packing", *(one for one in ALONE if one != name)}
    found = sorted(path for path in Path(__file__).parent.glob("*.py") if path.stem not in others and path.stem.split("_")[0] not in others)
    return {f"standins/{path.name}": path.read_text(encoding="utf-8") for path in found}


def _archive(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, EPOCH), text)
    return buffer.getvalue()

"""Real git repositories for tests: a config repo as its author has it, and a host's clone of it."""

from __future__ import annotations

import subprocess
from pathlib import Path


def git(where: Path, *words: str) -> str:
    """Run git there and return what it printed."""
    who = ["-c", "user.name=Anna", "-c", "user.email=anna@example.org"]
    return subprocess.run(["git", "-C", str(where), *who, *words], check=True, capture_output=True, text=True).stdout.strip()


def commit(where: Path, message: str, files: dict[str, str | None]) -> str:
    """Commit these texts (none removes the file) and return the commit."""
    for name, text in files.items():
        path = where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink() if text is None else path.write_text(text)
    git(where, "add", "--all")
    git(where, "commit", "--quiet", "--message", message)
    return git(where, "rev-parse", "HEAD")


def repo(where: Path, files: dict[str, str | None]) -> Path:
    """Make a repository with these files."""
    where.mkdir()
    git(where, "init", "--quiet", "--initial-branch=main")
    commit(where, "first", files)
    return where


def clone(source: Path, where: Path) -> Path:
    """Clone the repository."""
    git(source, "clone", "--quiet", str(source), str(where))
    return where

"""Virtual environments: one with the wheel of this checkout, one with the peers. Both hold bytecode, as any installation does.

An editable install where Python may write no bytecode compiles every file at each start: nothing of that kind is measured here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PEERS = ("asyncssh>=2.24", "pyinfra>=3.10", "ansible-core>=2.19,<2.20")
SLOWING = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPATH", "PYTHONSTARTUP")


@dataclass(frozen=True)
class Environment:
    """A folder with programs and a Python of their own."""

    folder: Path

    def program(self, name: str) -> Path:
        """Return the path of an installed program."""
        return self.folder / "bin" / name

    def versions(self, *names: str) -> str:
        """Return the versions of those packages, in words."""
        asked = "import importlib.metadata as m, sys; print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
        words: list[str | Path] = [self.program("python"), "-c", asked, *names]
        done = subprocess.run(words, check=True, capture_output=True, text=True, env=environ())
        return done.stdout.strip()


def environ(**more: str) -> dict[str, str]:
    """Return the environment for everything that is measured."""
    kept = {name: value for name, value in os.environ.items() if name not in SLOWING and not name.startswith("OPSBOOK_")}
    return {**kept, "NO_COLOR": "1", **more}


def folder() -> Path:
    """Return the folder in which the environments are kept from run to run, and in which state is written: a disk, as for everybody."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "opsbook" / "benchmarks"


def product() -> Environment:
    """Install a wheel of this checkout."""
    made = _made("product")
    with tempfile.TemporaryDirectory() as into:
        _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", into, CHECKOUT)
        (wheel,) = Path(into).glob("*.whl")
        _run(made.program("pip"), "install", "--quiet", wheel)                                      # what it needs
        _run(made.program("pip"), "install", "--quiet", "--force-reinstall", "--no-deps", wheel)    # itself, though the version is the same
    return made


def peers() -> Environment:
    """Install what we are compared with."""
    made = _made("peers")
    if not all(made.program(name).exists() for name in ("pyinfra", "ansible-playbook")):
        _run(made.program("pip"), "install", "--quiet", *PEERS)
    return made


def _made(name: str) -> Environment:
    found = Environment(folder() / name)
    if not found.program("python").exists():
        _run(sys.executable, "-m", "venv", found.folder)
    return found


def _run(*words: str | Path) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environ(), cwd=CHECKOUT)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, words))}:\n{done.stdout}{done.stderr}")

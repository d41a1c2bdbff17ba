"""The start: help, list, show, completion and a run's first line beside `fab --version`, and what they may not import."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.environments import CHECKOUT, Environment, environ
from tests.benchmarks.measure import Fact, Row, first_line, interleaved, process

AT_MOST = 0.6
HEAVY = ("fabric", "invoke", "paramiko", "requests", "rich.console", "sqlite3", "yaml")
INVENTORY = CHECKOUT / "inventory.yaml"
STARTS = {
    "opsbook --help": ("--help",),
    "opsbook list": ("list",),
    "opsbook show reload-rules": ("show", "reload-rules"),
    "opsbook rel‹TAB›": (),
}
RUN = ("reload-rules", "vps-i1", "--plan")
NOWHERE = {"VPS_I1_HOST": "127.0.0.1"}      # the run is ended before it gets there
FIRST = "plan of reload-rules on vps-i1 (127.0.0.1)"
COMPLETING = {"_OPSBOOK_COMPLETE": "bash_complete", "COMP_WORDS": "opsbook rel", "COMP_CWORD": "1"}
LISTING = """
import contextlib, io, sys
from opsbook.cli.main import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(sys.argv[1:])
sys.stdout.write(" ".join(sys.modules))
"""


def compare(product: Environment, rounds: int) -> Iterator[Row | Fact]:
    """Yield a row and a fact for each start."""
    fab = process([product.program("fab"), "--version"], environ())
    starts = {name: process([product.program("opsbook"), *words], _environ(words)) for name, words in STARTS.items()}
    run = first_line([product.program("opsbook"), *RUN], environ(OPSBOOK_INVENTORY=str(INVENTORY), **NOWHERE), FIRST)
    found = interleaved(rounds, {"fab": fab, "run": run, **starts})
    yield Row("first line of opsbook reload-rules", found["run"], "fab --version", found["fab"], AT_MOST)
    for name, words in STARTS.items():
        yield Row(name, found[name], "fab --version", found["fab"], AT_MOST)
        heavy = [module for module in HEAVY if module in _imported(product.program("python"), words)]
        yield Fact(f"{name} imports none of {', '.join(HEAVY)}", not heavy, ", ".join(heavy) or "none")


def _environ(words: tuple[str, ...]) -> dict[str, str]:
    return environ(OPSBOOK_INVENTORY=str(INVENTORY), **({} if words else COMPLETING))


def _imported(python: Path, words: tuple[str, ...]) -> set[str]:
    done = subprocess.run([python, "-c", LISTING, *words], env=_environ(words), check=True, capture_output=True, text=True)
    return set(done.stdout.split())

"""Compare, print the table, and end with 1 when a target is missed."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import further, many_hosts, nothing_new, starting, ten_steps
from tests.benchmarks.environments import Environment, folder, peers, product
from tests.benchmarks.measure import Fact, Row, table
from tests.benchmarks.place import Place

ALL = ("start", "further", "nothing-new", "ten-steps", "many-hosts")
ROUNDS = {"start": 15, "further": 15, "nothing-new": 7, "ten-steps": 5, "many-hosts": 5}


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ALL)}; all when not given")
    parser.add_argument("--rounds", type=int, help="how often each is done")
    given = parser.parse_args()
    if unknown := set(given.names) - set(ALL):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    _say("installing")
    ours, others = product(), peers()
    with tempfile.TemporaryDirectory(dir=folder()) as work:
        found = [one for name in given.names or ALL for one in _compare(name, ours, others, Path(work), given.rounds or ROUNDS[name])]
    print(_machine(ours, others), table(found), sep="\n\n")  # noqa: T201
    return 0 if all(one.met for one in found) else 1


def _compare(name: str, ours: Environment, others: Environment, work: Path, rounds: int) -> Iterator[Row | Fact]:
    _say(name)
    if name == "start":
        yield from starting.compare(ours, rounds)
    elif name == "further":
        yield from further.compare(ours, others, rounds)
    elif name == "many-hosts":
        yield from many_hosts.compare(ours, others, rounds)
    elif name == "nothing-new":
        yield from nothing_new.compare(ours, Place.ready(work), rounds)
    else:
        yield from ten_steps.compare(ours, others, Place.ready(work), rounds)


def _machine(ours: Environment, others: Environment) -> str:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    versions = f"{ours.versions('opsbook', 'paramiko', 'fabric', 'click')}; {others.versions('asyncssh', 'pyinfra', 'ansible-core')}"
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load}; {versions}"


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())

"""Whole processes and answers timed in turn (A B A B …), so that what else the machine does meets all alike."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MILLI = 1000


@dataclass(frozen=True)
class Row:
    """One comparison: seconds of both, round by round, and how many times the other's time ours may take at most."""

    what: str
    ours: Sequence[float]
    peer: str
    theirs: Sequence[float]
    target: float | None        # None: shown for comparison only

    @property
    def ratio(self) -> float:
        """Return our time as a multiple of theirs: the median of the rounds, in each of which both met the same machine."""
        return statistics.median(ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def met(self) -> bool:
        """Return whether the target is met, or there is none."""
        return self.target is None or self.ratio <= self.target


@dataclass(frozen=True)
class Fact:
    """Something that is so or not."""

    what: str
    met: bool
    saw: str


def interleaved(rounds: int, actions: Mapping[str, Callable[[], Sequence[float]]]) -> dict[str, list[float]]:
    """Do every action once to warm up, then all of them in turn; return the seconds of each, a turn's median."""
    found: dict[str, list[float]] = {name: [] for name in actions}
    for action in actions.values():
        action()
    for _ in range(rounds):
        for name, action in actions.items():
            found[name].append(statistics.median(action()))
    return found


def process(words: Sequence[str | Path], env: Mapping[str, str], *, cwd: Path | None = None) -> Callable[[], Sequence[float]]:
    """Return an action that runs the program to its end and gives the seconds it took; it must end with 0."""

    def action() -> Sequence[float]:
        begun = time.perf_counter()
        done = subprocess.run(words, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        seconds = time.perf_counter() - begun
        if done.returncode != 0:
            said = (done.stdout + done.stderr).decode(errors="replace")
            raise SystemExit(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{said}")
        return (seconds,)

    return action


def first_line(words: Sequence[str | Path], env: Mapping[str, str], expected: str) -> Callable[[], Sequence[float]]:
    """Return an action that gives the seconds until the program's first line, which must be the expected one, on standard error."""

    def action() -> Sequence[float]:
        begun = time.perf_counter()
        nowhere = subprocess.DEVNULL
        with subprocess.Popen(words, env=dict(env), stdin=nowhere, stdout=nowhere, stderr=subprocess.PIPE, text=True) as run:
            line = run.stderr.readline() if run.stderr is not None else ""
            seconds = time.perf_counter() - begun
            run.kill()
        if line.rstrip("\n") != expected:
            raise SystemExit(f"{' '.join(map(str, words))} began with {line!r}, not with {expected!r}")
        return (seconds,)

    return action


def table(found: Sequence[Row | Fact]) -> str:
    """Return the results as a Markdown table."""
    head = ("what", "opsbook", "peer", "its time", "ratio", "target", "")
    rows = [head, tuple("---" for _ in head), *map(_cells, found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    padded = (tuple(cell.ljust(width, "-" if cell == "---" else " ") for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"| {' | '.join(row)} |" for row in padded)


def _cells(one: Row | Fact) -> tuple[str, ...]:
    verdict = "met" if one.met else "NOT met"
    if isinstance(one, Fact):
        return (one.what, one.saw, "", "", "", "", verdict)
    ours, theirs = (f"{statistics.median(seconds) * MILLI:.1f} ms" for seconds in (one.ours, one.theirs))
    times = (ours, one.peer, theirs, f"{one.ratio:.2f}×")
    return (one.what, *times, f"≤ {one.target:.2f}×" if one.target else "", verdict if one.target else "")

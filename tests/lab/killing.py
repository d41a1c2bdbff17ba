"""A run killed on all its way: at each step that it asks for, and after each write that it tells of."""

from __future__ import annotations

import json
import re
from collections.abc import Set as AbstractSet

from tests.lab.process import Terminal

ASKED = re.compile(r"next: (.+?)  \[Enter run[^\]]*\] $")
CHANGED = re.compile(r"^\S+  change +(.+)\n", re.MULTILINE)


def points(jsonl: str) -> set[str]:
    """Given the events of a run that did everything, return where another one can be killed: each step, and each write in its step."""
    step, found = "", set()
    for event in map(json.loads, jsonl.splitlines()):
        if event["kind"] == "step":
            step = event["title"]
            found.add(step)
        elif event["kind"] == "write":
            found.add(_write(step, event["title"]))
    return found


def killed_at_each(wanted: AbstractSet[str], *words: str) -> tuple[set[str], int, str]:
    """Kill the run at the first of these points, the run that resumes it at the next, and so on, until one ends by itself.

    Return at which of them runs were killed, how the last one ended, and what it printed. What a rerun finds done already is no
    write of its own: the points that are left are for another chain.
    """
    killed: set[str] = set()
    while True:
        terminal = Terminal((*words, "--step", "--wait", "30")).start()
        reached = _reach_one(terminal, wanted - killed)
        if reached:
            terminal.kill()
        code = terminal.end()
        if not reached:
            return killed, code, terminal.seen
        killed |= reached


def _reach_one(terminal: Terminal, wanted: AbstractSet[str]) -> set[str]:
    """Answer what is asked until one of the points is reached, and return it; nothing where the run ended before."""
    step = ""
    while terminal.until(lambda new, step=step: bool(ASKED.search(new) or _reached(step, new) & wanted)):   # type: ignore[misc]
        if reached := _reached(step, terminal.new) & wanted:
            return reached
        step = ASKED.findall(terminal.new)[0]
        terminal.answer("y")
    return set()


def _reached(step: str, text: str) -> set[str]:
    """Return where the run stands now: at a prompt, nothing has happened since the write before it; of several writes, after the last."""
    return {*ASKED.findall(text), *(_write(step, title) for title in CHANGED.findall(text)[-1:])}


def _write(step: str, title: str) -> str:
    return f"{step}: {title}"

"""opsbook as its operator runs it: a process of its own, with or without a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\r")
PROMPT = re.compile(r"\[(?:Enter run|y/N)[^\]]*\] $|type \S+ to go on: $|why\? $")


@dataclass(frozen=True)
class Ran:
    """How a process ended and what it printed."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def text(self) -> str:
        return self.out + self.err


def opsbook(*words: str, env: Mapping[str, str] | None = None, within: float = 180, stdin: str | None = None) -> Ran:
    """Run opsbook without a terminal and wait for its end."""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "opsbook", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=within,
        env={**os.environ, **(env or {})},
        input=stdin or "",
    )
    return Ran(done.returncode, done.stdout, done.stderr, time.monotonic() - begun)


@dataclass
class Terminal:
    """opsbook on a pseudo-terminal so wide that nothing is folded, answered prompt by prompt."""

    words: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    seen: str = ""
    _pid: int = 0
    _master: int = -1
    _read: int = 0          # so much of `seen` was looked at for prompts

    def start(self) -> Terminal:
        self._pid, self._master = pty.fork()
        if self._pid == 0:
            # the child: nothing but exec may follow a fork
            os.environ.update({**self.env, "TERM": "dumb", "COLUMNS": "250", "LINES": "24"})
            os.execv(sys.executable, [sys.executable, "-m", "opsbook", *self.words])
        return self

    @property
    def new(self) -> str:
        """What came since the last answer."""
        return self.seen[self._read :]

    def until(self, ready: Callable[[str], bool], within: float = 90) -> bool:
        """Read until `ready` holds for what came since the last answer; false when the process ended instead."""
        deadline = time.monotonic() + within
        while not ready(self.new):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"nothing awaited came within {within} s:\n{self.seen}")
            if not select.select([self._master], [], [], min(left, 1))[0]:
                continue
            try:
                chunk = os.read(self._master, 65536)
            except OSError:     # Linux says EIO when the other side is closed
                return False
            if not chunk:
                return False
            self.seen += CONTROL.sub(b"", chunk).decode(errors="replace")
        return True

    def prompt(self, within: float = 90) -> bool:
        """Wait for the next question; false when the process ended instead."""
        return self.until(lambda new: bool(PROMPT.search(new)), within)

    def answer(self, text: str) -> None:
        self._read = len(self.seen)
        os.write(self._master, text.encode() + b"\n")

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self._pid, number)

    def end(self, within: float = 120) -> int:
        """Wait for the end; return the exit code, or minus the signal."""
        self.until(lambda _new: False, within)
        _, status = os.waitpid(self._pid, 0)
        os.close(self._master)
        return os.waitstatus_to_exitcode(status)


def run_and_kill(words: tuple[str, ...], at_prompt: int, env: Mapping[str, str]) -> tuple[bool, str]:
    """Run with `--step`, answer every question with yes, and kill -9 at that prompt (1 is the first); false when it ended before."""
    terminal = Terminal((*words, "--step"), env).start()
    for number in range(1, at_prompt + 1):
        if not terminal.prompt():
            terminal.end()
            return False, terminal.seen
        if number == at_prompt:
            break
        terminal.answer("y")
    terminal.kill()
    terminal.end()
    return True, terminal.seen

"""A host that is this machine: the same commands, run by bash here instead of by a login shell over SSH."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from opsbook.errors import ConnectionLost
from opsbook.host import Result, Write
from opsbook.shell import Command, Secret


class LocalTalk:
    """A Talk with a local process."""

    def __init__(self, command: Command, environment: dict[str, str]) -> None:
        # a login shell on the host parses the line; so does bash here
        self.process = subprocess.Popen(
            ["bash", "-c", command.line()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment, start_new_session=True,
        )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    def send(self, line: str) -> None:
        try:
            self._stdin().write(line + "\n")
            self._stdin().flush()
        except (OSError, ValueError):
            raise ConnectionLost("the local process has ended") from None

    def receive(self, within: float) -> str:
        try:
            line = self._lines.get(timeout=within)
        except queue.Empty:
            raise TimeoutError from None
        if line is None:
            raise EOFError
        return line

    def code(self, within: float) -> int:
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None

    def close(self) -> None:
        try:
            self._stdin().close()
        except OSError:
            self.process.poll()     # it has ended before; nothing is left to say

    def _stdin(self) -> IO[str]:
        assert self.process.stdin is not None
        return self.process.stdin

    def _drain(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.removesuffix("\n"))
        self._lines.put(None)
        self.process.stdout.close()
        self.process.wait()


@dataclass(frozen=True)
class LocalHost:
    """This machine as a host, with a home and a lock of its own."""

    folder: Path

    @property
    def lock(self) -> str:
        return str(self.folder / "lock")

    @property
    def holder(self) -> Path:
        return Path(f"{self.lock}.holder.{os.geteuid()}")

    @property
    def state(self) -> Path:
        return self.folder / "home/.local/state/opsbook"

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder / "home"), "LC_ALL": "C.UTF-8"}

    def talk(self, command: Command) -> LocalTalk:
        return LocalTalk(command, self.environment)

    def run(self, command: Command, stdin: str | None = None, within: float = 30) -> Result:
        done = subprocess.run(
            ["bash", "-c", command.line()],
            input=stdin or "", capture_output=True, text=True, timeout=within, env=self.environment, check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def write(self, change: Write) -> Result:
        assert isinstance(change.do, Command)
        return self.run(change.do, change.stdin.value if isinstance(change.stdin, Secret) else change.stdin)

"""An operator in a process of its own, which a test may kill or freeze.

It takes the lock, says `ready`, and then obeys: `debt NAME FILE` owes the creation of a file, `stop FILE` starts a slow write that ends by
removing the file, `beat` tells whether the lock is still its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from opsbook.errors import ConnectionLost
from opsbook.shell import cmd, script
from opsbook.watch import Holder, Pace, Watch, debt
from tests.local_talk import LocalHost

BRISK = Pace(beat=0.2, echo=1.5, silence=2, settle=5, paying=10)    # not brisker: the machine may be busy
SLOW_STOP = 'echo stopping; sleep 1; echo still stopping; rm --force "$1"'


class Client:
    """The test's end of such a process."""

    def __init__(self, host: LocalHost) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.watch.client", str(host.folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=Path(__file__).parents[2],
        )
        assert self._hear() == "ready"

    def order(self, *words: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(words) + "\n")
        return self._hear()

    def _hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


class Clients:
    """Starts operators and ends them with the test."""

    def __init__(self, host: LocalHost) -> None:
        self._host = host
        self._started: list[Client] = []

    def start(self) -> Client:
        self._started.append(Client(self._host))
        return self._started[-1]

    def end(self) -> None:
        for client in self._started:
            client.process.kill()
            client.process.communicate()


def _obey(watch: Watch, host: LocalHost, words: list[str]) -> str:
    if words[0] == "debt":
        promise = debt(words[1], cmd("touch", words[2]))
        return str(host.write(promise).code)
    if words[0] == "stop":
        slow = watch.wrap(script(SLOW_STOP, words[1]), 30)
        process = subprocess.Popen(["bash", "-c", slow.line()], stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert process.stdout is not None
        return process.stdout.readline().strip()
    try:
        watch.beat()
    except ConnectionLost:
        return "lost"
    return "held"


def main() -> None:
    host = LocalHost(Path(sys.argv[1]))
    watch = Watch.take(host.talk, Holder("ada", "laptop", "reload-rules", "vps-i1"), pace=BRISK, lock=host.lock)
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        print(_obey(watch, host, line.split()), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

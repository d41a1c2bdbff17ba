"""A further remote command on an open connection: the whole of Host.read, journal and all, beside asyncssh."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks.environments import Environment, environ, folder
from tests.benchmarks.measure import Row, interleaved
from tests.ssh.sshd import Sshd

AT_MOST = 1.3
AT_ONCE = 20        # commands in a turn
TALKERS = Path(__file__).parent / "talkers"


def compare(product: Environment, peers: Environment, rounds: int) -> Iterator[Row]:
    """Yield the row."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder())))
        server = Sshd(work, ("LogLevel INFO",)).start()     # nobody reads its log: a line for each command would fill the pipe
        stack.callback(server.stop)
        entry = server.entry()
        words = [str(entry.port), str(entry.user), str(server.client_key), str(server.known_hosts)]
        ours = stack.enter_context(_talker([product.program("python"), TALKERS / "opsbook_reads.py", *words, str(work / "journal.db")]))
        theirs = stack.enter_context(_talker([peers.program("python"), TALKERS / "asyncssh_runs.py", *words]))
        found = interleaved(rounds, {"ours": ours, "theirs": theirs})
    yield Row("a further command, by Host.read", found["ours"], "asyncssh", found["theirs"], AT_MOST)


@contextmanager
def _talker(words: Sequence[str | Path]) -> Iterator[Callable[[], Sequence[float]]]:
    """Start a program that holds a connection; for each number it is sent it runs so many commands and says the seconds of each."""
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ()) as running:
        to, back = running.stdin, running.stdout
        assert to is not None
        assert back is not None

        def turn() -> Sequence[float]:
            to.write(f"{AT_ONCE}\n")
            to.flush()
            seconds: list[float] = json.loads(back.readline() or "null") or []
            if not seconds:
                raise SystemExit(f"{words[1]} has ended")
            return seconds

        yield turn
        to.close()

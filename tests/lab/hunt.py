"""A hunt for secrets while runbooks run: every place where a password could be read that should not be there, on both sides.

    with hunting(lab, tmp_path) as hunt:
        hunt.run("rotate-password", "vps-i1", "--confirm=vps-i1", "--to", str(file))
    assert hunt.finds({"new": file.read_text().strip()}) == {}

What holds a secret by design is left out by naming it: `hunt.finds(secrets, apart_from=("docker inspect",))`.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from opsbook.mask import forms
from tests.lab.process import Ran, Terminal, opsbook
from tests.lab.reach import VPS
from tests.lab.secrets_at_large import ways_to_write

GLANCE = 0.02
LOOKS = 40          # at each process: it may become another program soon after it was made
SHORTEST = 8        # a shorter form would be found by chance
OPERATORS = "arguments of the operator", "environment of the operator"
LABS = "arguments in the lab", "environment in the lab"
HERE = (*OPERATORS, *LABS)
# Each line once: what `ps` and `ps e` would have shown of any process, between `on` and `stop`.
WATCH = """
rm -f /tmp/hunt.stop; touch /tmp/hunt.on
{
    until [ -e /tmp/hunt.stop ]; do
        for often in 1 2 3 4 5 6 7 8; do cat /proc/[0-9]*/cmdline; sleep 0.04; done
        echo ENVIRONMENT; cat /proc/[0-9]*/environ; echo ARGUMENTS
    done
} 2>/dev/null | tr '\\0' '\\n' | awk '
    BEGIN { of = "arguments" }
    /^(ENVIRONMENT|ARGUMENTS)$/ { of = tolower($0); next }
    !seen[of $0]++ { print of, $0 }
'
"""
DOCKER = "command -v docker > /dev/null || exit 0"      # the host outside has none
# on the host, when all is over; runc keeps a container's environment in /tmp for the moment in which it starts a health
# check, and what a throw-away container printed is gone with it, while promtail may have sent it on
PLACES = {
    "docker inspect": f"{DOCKER}; docker ps --all --quiet | xargs -r docker inspect",
    "docker logs": f"{DOCKER}; for one in $(docker ps --all --quiet); do docker logs $one 2>&1; done",
    "log of the host": "journalctl --no-pager --output=cat; cat /var/log/*.log 2>/dev/null || true",
    "shell history": "cat /root/.*history /home/*/.*history 2>/dev/null || true",
    "files of runs": (
        "find /home/*/.local/state /run/lock /tmp /var/tmp -xdev -type f -not -name 'runc-process*' -exec cat {} + 2>/dev/null || true"
    ),
    "checkout": "cd /opt/*/.git && git --git-dir=. -c safe.directory='*' log --all --patch --max-count=50 2>/dev/null || true",
    "log store": (
        f"{DOCKER}; docker ps --format '{{{{.Names}}}}' | grep loki > /dev/null || exit 0; curl --silent --show-error --fail --get "
        "--data-urlencode 'query={job=\"docker\"}' --data limit=5000 http://127.0.0.1:3100/loki/api/v1/query_range"
    ),
}


@dataclass
class Hunt:
    """One hunt: the runs in it, and what was seen of all processes meanwhile."""

    lab: Lab
    folder: Path
    host: str = VPS
    said: dict[str, str] = field(default_factory=dict)      # by the words that were typed
    processes: str = ""                                     # of the host
    here: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))   # of all processes of this machine, by their kind

    def run(self, *words: str, stdin: str | None = None) -> Ran:
        """Run opsbook without a terminal."""
        ran = opsbook(*self._site(), *words, env=self._env(), stdin=stdin, within=400)
        self.said[" ".join(words)] = ran.text
        return ran

    def terminal(self, *words: str) -> Terminal:
        """Start opsbook on a terminal; what that shows is the caller's to judge."""
        return Terminal((*self._site(), *words), self._env()).start()

    def finds(self, secrets: Mapping[str, str], apart_from: tuple[str, ...] = ()) -> dict[str, set[str]]:
        """Return where which secrets can be read, in whatever form."""
        found = {place: shown(text, secrets) for place, text in self._texts() if place not in apart_from}
        return {place: names for place, names in found.items() if names}

    def _site(self) -> tuple[str, str]:
        return "--inventory", str(self.folder / "inventory.yaml")

    def _env(self) -> dict[str, str]:
        """Return what makes everything that is written here lie in a folder of its own."""
        return {"XDG_STATE_HOME": str(self.folder / "state")}

    def _texts(self) -> Iterator[tuple[str, str]]:
        """Yield every place and what is there to be read."""
        yield from ((f"output of {words}", text) for words, text in self.said.items())
        for kind in ("arguments", "environment"):
            lines = (line for line in self.processes.splitlines() if line.startswith(f"{kind} "))
            yield f"{kind} on the host", "\n".join(lines)
        yield from ((kind, b"\n".join(self.here[kind]).decode(errors="replace")) for kind in HERE)
        yield "journal", self.journal()
        yield from self._files()
        yield from ((place, script(self.lab.container(self.host), look)) for place, look in PLACES.items())

    def journal(self) -> str:
        """Everything in the journal, as its tables have it."""
        path = self.folder / "state/opsbook/journal.db"
        if not path.exists():
            return ""
        with sqlite3.connect(path) as file:
            return "\n".join(str(row) for table in ("runs", "events") for row in file.execute(f"SELECT * FROM {table}"))  # noqa: S608

    def _files(self) -> Iterator[tuple[str, str]]:
        for path in (self.folder / "state").rglob("*"):
            if path.is_file():
                yield f"operator's {path.relative_to(self.folder)}", path.read_bytes().decode(errors="replace")


@contextmanager
def hunting(lab: Lab, folder: Path, host: str = VPS) -> Iterator[Hunt]:
    """Watch every process of the host and of this machine until the block ends."""
    hunt, over = Hunt(lab, folder, host), threading.Event()
    (folder / "inventory.yaml").write_text(lab.inventory.read_text())
    seen, here = folder / "processes", threading.Thread(target=_watch_here, args=(hunt.here, over), daemon=True)
    words = ["docker", "exec", lab.container(host), "bash", "-c", WATCH]
    with seen.open("wb") as sink, subprocess.Popen(words, stdout=sink) as watcher:
        here.start()
        try:
            script(lab.container(host), "until [ -e /tmp/hunt.on ]; do sleep 0.05; done")
            yield hunt
        finally:
            over.set()
            script(lab.container(host), "touch /tmp/hunt.stop")
            watcher.wait(timeout=60)
            script(lab.container(host), "rm -f /tmp/hunt.stop /tmp/hunt.on")
            here.join(timeout=10)
    hunt.processes = seen.read_bytes().decode(errors="replace")


def expect_unseen(hunt: Hunt, secrets: Mapping[str, str], run: str, work: str, apart_from: tuple[str, ...] = ()) -> None:
    """Expect to find nothing of the secrets, in a search that does find the run by its name here, and its work on the host."""
    found = hunt.finds({**secrets, "the run": run, "its work": work}, apart_from)
    saw_here = {place for place, names in found.items() if "the run" in names}
    assert saw_here >= {"journal", "arguments of the operator"}, saw_here
    assert "its work" in found.get("arguments on the host", ()), found.keys()
    leaks = {place: rest for place, names in found.items() if (rest := names - {"the run", "its work"})}
    assert leaks == {}, leaks


def shown(text: str, secrets: Mapping[str, str]) -> set[str]:
    """Return the names of the secrets that can be read in the text."""
    return {name for name, value in secrets.items() if any(form in text for form in _all_forms(value))}


def _all_forms(value: str) -> set[str]:
    return {form for form in (*forms(value), *ways_to_write(value)) if len(form) >= SHORTEST}


def _watch_here(seen: dict[str, set[bytes]], over: threading.Event) -> None:
    looked = Counter[str]()
    while not over.wait(GLANCE):
        for process in os.listdir("/proc"):     # noqa: PTH208  this is done all the time
            if process.isdigit() and looked[process] < LOOKS:
                looked[process] += 1
                with suppress(OSError):         # it has just ended
                    _glance(Path("/proc", process), seen)


def _glance(process: Path, seen: dict[str, set[bytes]]) -> None:
    """Keep what `ps` and `ps e` would show of a process: the operator's, or one of any host of the lab, also of those not watched."""
    own_numbers = re.search(r"^NSpid:(.*)$", (process / "status").read_text(), re.MULTILINE)
    nested = own_numbers is not None and len(own_numbers[1].split()) > 1       # a container's process has a number in there, too
    for kind, name in zip(LABS if nested else OPERATORS, ("cmdline", "environ"), strict=True):
        with suppress(OSError):                 # root may be refused the environment of a container's process
            seen[kind].update((process / name).read_bytes().split(b"\0"))

"""One command on each of a hundred hosts, as a whole process; and what three hundred of them cost."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.environments import Environment, environ, folder
from tests.benchmarks.measure import Fact, Row, interleaved, process
from tests.ssh.sshd import Sshd

HOSTS, MANY = 100, 300
AT_ONCE = 50        # hosts at the same time, for all three
AT_MOST, FASTER_THAN_ANSIBLE, MEMORY_AT_MOST = 1.2, 6, 1.25
TALKERS = Path(__file__).parent / "talkers"
RUNBOOK = '''"""Ask how the host is.

When   it is measured how long that takes.
Risk   reads: changes nothing.
Undo   nothing to undo.
"""

from opsbook.answer import Answer
from opsbook.host import Host, Read
from opsbook.runbook import NoParams
from opsbook.shell import cmd


def ask(host: Host, p: NoParams) -> Answer:
    """Ask."""
    return Answer(host.read(Read(cmd("true"), lambda result: result.code)))


ON, ANSWER = "any", ask
'''
PLAYBOOK = '- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.command: "true"\n      changed_when: false\n'


@dataclass(frozen=True)
class Light:
    """Hosts that are one sshd on loopback under many names."""

    work: Path
    server: Sshd

    def site(self, number: int) -> Path:
        """Write an inventory of so many hosts with a runbook that reads; return it."""
        entry, path = self.server.entry(), self.work / str(number) / "inventory.yaml"
        book = path.parent / "runbooks" / "hosts" / "ask_each.py"
        book.parent.mkdir(parents=True)
        book.write_text(RUNBOOK)
        defaults = f"defaults: {{user: {entry.user}, key: {entry.key}, known_hosts: {self.server.known_hosts}}}"
        hosts = (f"  web{n}: {{address: 127.0.0.1, port: {entry.port}}}" for n in range(number))
        path.write_text("\n".join([defaults, "hosts:", *hosts]) + "\n")
        return path

    def environ(self, inventory: Path) -> dict[str, str]:
        """Return an environment with a journal of its own."""
        return environ(OPSBOOK_INVENTORY=str(inventory), XDG_STATE_HOME=str(self.work / "state"), HOME=str(self.work))


def compare(product: Environment, peers: Environment, rounds: int) -> Iterator[Row | Fact]:
    """Yield a row for each peer, and what more hosts cost."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder())))
        server = Sshd(work, ("LogLevel INFO", "MaxStartups 500")).start()
        stack.callback(server.stop)
        light = Light(work, server)
        site = light.site(HOSTS)
        found = interleaved(rounds, {
            "ours": process(_words(product), light.environ(site)),
            "asyncssh": process(_asyncssh(peers, server), environ()),
            "ansible": _ansible(peers, light),
        })  # fmt: skip
        what = f"a command on each of {HOSTS} hosts, {AT_ONCE} at a time"
        yield Row(what, found["ours"], "asyncssh", found["asyncssh"], AT_MOST)
        yield Row(what, found["ours"], "ansible-playbook, pipelining", found["ansible"], 1 / FASTER_THAN_ANSIBLE)
        yield from _growth(_cost(product, light, site), _cost(product, light, light.site(MANY)))


def _words(product: Environment) -> list[str | Path]:
    return [product.program("opsbook"), "ask-each", "--all", f"--jobs={AT_ONCE}"]


def _asyncssh(peers: Environment, server: Sshd) -> list[str | Path]:
    way = [str(server.port), str(server.entry().user), server.client_key, server.known_hosts]
    return [peers.program("python"), TALKERS / "asyncssh_hosts.py", str(HOSTS), str(AT_ONCE), *way]


def _ansible(peers: Environment, light: Light) -> Callable[[], Sequence[float]]:
    work, server = light.work, light.server
    lines = ["Host *", "HostName 127.0.0.1", f"Port {server.port}", f"User {server.entry().user}", f"IdentityFile {server.client_key}"]
    (work / "ssh_config").write_text("\n  ".join([*lines, f"UserKnownHostsFile {server.known_hosts}", "BatchMode yes"]) + "\n")
    every = f"ansible_ssh_common_args='-F {work}/ssh_config' ansible_python_interpreter=/usr/bin/python3"
    (work / "hosts.ini").write_text("".join(f"web{n} {every}\n" for n in range(HOSTS)))
    (work / "playbook.yml").write_text(PLAYBOOK)

    def cold() -> Sequence[float]:
        """Each time with no connection left over from the time before."""
        sockets = Path(tempfile.mkdtemp(prefix="ob-"))      # a short name: it becomes the path of a socket
        given = environ(
            ANSIBLE_PIPELINING="1",
            ANSIBLE_SSH_ARGS="-o ControlMaster=auto -o ControlPersist=2s",
            ANSIBLE_SSH_CONTROL_PATH_DIR=str(sockets),
            ANSIBLE_SSH_CONTROL_PATH="%(directory)s/%%n",       # by the name, for all have the same address
            ANSIBLE_LOCAL_TEMP=str(work / "ansible"),
        )
        try:
            return process([peers.program("ansible-playbook"), f"--forks={AT_ONCE}", "-i", "hosts.ini", "playbook.yml"], given, cwd=work)()
        finally:
            shutil.rmtree(sockets, ignore_errors=True)

    return cold


@dataclass(frozen=True)
class Cost:
    """The most that a run took."""

    megabytes: float
    threads: int


def _cost(product: Environment, light: Light, site: Path) -> Cost:
    """Run once and watch the process."""
    threads = 0
    with subprocess.Popen(_words(product), env=light.environ(site), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        while True:
            pid, status, usage = os.wait4(running.pid, os.WNOHANG)
            if pid:
                running.returncode = os.waitstatus_to_exitcode(status)
                break
            threads = max(threads, _threads(running.pid))
            time.sleep(0.005)
    if running.returncode != 0:
        raise SystemExit(f"a run on the hosts of {site} ended with {running.returncode}")
    return Cost(usage.ru_maxrss / 1024, threads)


def _threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def _growth(few: Cost, many: Cost) -> Iterator[Fact]:
    what = f"{MANY} hosts beside {HOSTS}, -j {AT_ONCE}"
    bound = 3 * AT_ONCE + 5        # a worker and a connection's reader each, one that feeds input, and a few for all
    yield Fact(f"{what}: threads", many.threads <= bound, f"{many.threads} beside {few.threads}, at most {bound}")
    memory = f"{many.megabytes:.0f} MB beside {few.megabytes:.0f} MB, at most {MEMORY_AT_MOST}×"
    yield Fact(f"{what}: memory", many.megabytes <= MEMORY_AT_MOST * few.megabytes, memory)

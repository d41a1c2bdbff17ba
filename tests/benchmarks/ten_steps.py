"""Ten trivial changes on one host, as a whole process: a runbook, a pyinfra deploy, a playbook."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.benchmarks.environments import Environment, environ
from tests.benchmarks.measure import Row, interleaved, process
from tests.benchmarks.place import Place

HOST = "serverA"
STEPS = 10
FASTER_THAN_PYINFRA, FASTER_THAN_ANSIBLE = 2, 6
RUNBOOK = '''"""Ten trivial changes.

When   it is measured how long that takes.
Risk   mild: nothing changes.
Undo   nothing to put back.
"""

from __future__ import annotations

from dataclasses import dataclass

from opsbook.check import Seen
from opsbook.host import Host, Read, Write
from opsbook.shell import cmd


@dataclass(frozen=True)
class Params:
    pass

{steps}

def the_host_answers(host: Host, p: Params) -> Seen:
    """The host answers."""
    return Seen(host.read(Read(cmd("true"), lambda result: result.code == 0)))


ON = "any"
STEPS = ({names})
PROOF = (the_host_answers,)
'''
STEP = '''
def change_{number}(host: Host, p: Params) -> None:
    """Change {number}."""
    host.write(Write(cmd("true"), "change {number}"))
'''
DEPLOY = "from pyinfra.operations import server\n" + "".join(
    f'server.shell(name="change {number}", commands=["true"])\n' for number in range(1, STEPS + 1)
)
PLAYBOOK = "- hosts: all\n  gather_facts: false\n  tasks:\n" + "".join(
    f'    - name: change {number}\n      ansible.builtin.command: "true"\n' for number in range(1, STEPS + 1)
)


def compare(product: Environment, peers: Environment, place: Place, rounds: int) -> Iterator[Row]:
    """Yield a row for each peer."""
    found = interleaved(rounds, {
        "ours": _ours(product, place),
        "pyinfra": _pyinfra(peers, place),
        "ansible": _ansible(peers, place),
    })  # fmt: skip
    what = f"{STEPS} trivial steps, whole process"
    yield Row(what, found["ours"], "pyinfra", found["pyinfra"], 1 / FASTER_THAN_PYINFRA)
    yield Row(what, found["ours"], "ansible-playbook, pipelining", found["ansible"], 1 / FASTER_THAN_ANSIBLE)


def _ours(product: Environment, place: Place) -> Callable[[], Sequence[float]]:
    numbers = range(1, STEPS + 1)
    steps = "\n".join(STEP.format(number=number) for number in numbers)
    file = place.folder / "runbooks" / "stack" / "ten_changes.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(RUNBOOK.format(steps=steps, names=", ".join(f"change_{number}" for number in numbers)))
    return process([product.program("opsbook"), "ten-changes", HOST, "--yes"], place.environ())


def _pyinfra(peers: Environment, place: Place) -> Callable[[], Sequence[float]]:
    entry = place.host(HOST)
    data = {
        "ssh_hostname": entry.address, "ssh_port": entry.port, "ssh_user": entry.user, "ssh_key": entry.key,
        "ssh_known_hosts_file": str(place.lab.known_hosts), "ssh_strict_host_key_checking": "yes",
    }  # fmt: skip
    (place.folder / "hosts.py").write_text(f"servers = [({HOST!r}, {data!r})]\n")
    (place.folder / "deploy.py").write_text(DEPLOY)
    return process([peers.program("pyinfra"), "-y", "hosts.py", "deploy.py"], environ(), cwd=place.folder)


def _ansible(peers: Environment, place: Place) -> Callable[[], Sequence[float]]:
    entry = place.host(HOST)
    known = f"-o UserKnownHostsFile={place.lab.known_hosts}"
    (place.folder / "hosts.ini").write_text(
        f"{HOST} ansible_host={entry.address} ansible_port={entry.port} ansible_user={entry.user}"
        f" ansible_ssh_private_key_file={entry.key} ansible_ssh_common_args='-F none {known}'"
        " ansible_python_interpreter=/usr/bin/python3\n"
    )
    (place.folder / "playbook.yml").write_text(PLAYBOOK)

    def cold() -> Sequence[float]:
        """Each time with no connection left over from the time before: the others have none, either."""
        sockets = Path(tempfile.mkdtemp(prefix="ob-"))     # a short name: it becomes the path of a socket
        given = environ(
            ANSIBLE_PIPELINING="1",
            ANSIBLE_SSH_ARGS="-C -o ControlMaster=auto -o ControlPersist=2s",
            ANSIBLE_SSH_CONTROL_PATH_DIR=str(sockets),
            ANSIBLE_LOCAL_TEMP=str(place.folder / "ansible"),
            ANSIBLE_HOST_KEY_CHECKING="1",
        )
        try:
            return process([peers.program("ansible-playbook"), "-i", "hosts.ini", "playbook.yml"], given, cwd=place.folder)()
        finally:
            shutil.rmtree(sockets, ignore_errors=True)

    return cold

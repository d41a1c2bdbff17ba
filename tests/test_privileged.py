"""The programs that run as root, run here as nobody: what they refuse, they refuse before they do anything at all."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from opsbook.host import Write
from opsbook.privileged import ALL, FOLDER, LOOK, SUDOERS, Act, sudoers
from opsbook.shell import Command
from opsbook.systems import confirm, node_exporter, systemd, ufw
from opsbook.systems.release import Release
from tests.hostile import hostile
from tests.until import until

NOT_UNDERSTOOD, STOPPED = 64, 124
KILLED_AFTER = 10       # seconds more, where a program does not heed the first signal
NOBODY = 65534
NAMES = [act.name for act in ALL]
# a request that each of them would take; what is added to it must make it one that none takes
GOOD = {
    "opsbook-look": "ufw",
    "opsbook-confirm": "status",
    "opsbook-firewall": "withdraw 9100 192.0.2.1",
    "opsbook-node-exporter": "log",
    "opsbook-units": "start docker.service",
}
# where a hostile word may stand in a request, be it one that is nearly right
EVERYWHERE = ("{}\n", "{good} {}\n", "{good}{}\n")
PLACES = {
    "opsbook-look": ("ufw\n{}\n", "sshd {} 192.0.2.1\n", "sshd root {}\n"),
    "opsbook-confirm": ("status\n{}\n", "arm {} 60\n", "arm sshd {}\n", "disarm {}\n", "restore {}\n"),
    "opsbook-firewall": (
        "back\n{}\n", "allow 22 {} x\n", "allow {} 192.0.2.1 x\n", "allow 22 192.0.2.1 {}\n", "allow 22 192.0.2.1 x {}\n", "publish 22 {}\n"
    ),
    "opsbook-node-exporter": ("{}\nlog\n", "back {}\n", "status {}\n", "judge 1.9.0 amd64 {}\n", "judge {} amd64 x\n"),
    "opsbook-units": ("start docker.service\n{}\n", "start {}\n"),
}
STRANGE = ("", "\n", "\n\n", "help\n", "start\n", "start ssh.service\n", "status root\n", "allow 22\n", "enable\n", "\0\n", "\xff\n")
TOO_LONG = ("x" * 100_000 + "\n", "ufw\n" * 10_000, "status " * 10_000 + "\n")


@pytest.fixture(params=ALL, ids=NAMES)
def act(request: pytest.FixtureRequest) -> Act:
    found: Act = request.param
    return found


def run(act: Act, request: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program as somebody who may do nothing: what it tried against its own rules would show as another exit code."""
    text = request.encode(errors="surrogateescape")
    user = NOBODY if os.geteuid() == 0 else None
    words = ["bash", "-p", "-c", act.text, act.name, *arguments]
    return subprocess.run(words, input=text, capture_output=True, timeout=60, check=False, user=user, cwd="/")


def refused(act: Act, request: str, *arguments: str) -> bool:
    done = run(act, request, *arguments)
    return (done.returncode, done.stdout) == (NOT_UNDERSTOOD, b"")


@pytest.mark.parametrize("arguments", [("x",), ("--help",), ("",), ("status", "x")])
def test_it_takes_no_argument(act: Act, arguments: tuple[str, ...]) -> None:
    assert refused(act, f"{GOOD[act.name]}\n", *arguments)


@pytest.mark.parametrize("request_", STRANGE, ids=repr)
def test_what_is_no_request_of_its_own_is_not_understood(act: Act, request_: str) -> None:
    assert refused(act, request_)


@pytest.mark.parametrize("request_", TOO_LONG, ids=["one line", "many lines", "many words"])
def test_what_is_too_long_is_not_understood(act: Act, request_: str) -> None:
    assert refused(act, request_)


def test_hostile_words_are_not_understood_and_nothing_is_executed(act: Act, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for place in (*EVERYWHERE, *PLACES[act.name]):
        for text in hostile(tmp_path / "marker"):
            request = place.replace("{good}", GOOD[act.name]).replace("{}", text)
            if request.strip("\n") not in {GOOD[act.name], "back"}:     # an empty word leaves a good request
                assert refused(act, request), request
    assert list(tmp_path.iterdir()) == []


def test_each_is_a_careful_bash_script_that_trusts_nothing_of_its_caller(act: Act) -> None:
    lines = act.text.splitlines()
    assert lines[0] == "#!/bin/bash -p"
    code = [line for line in lines if line.strip() and not line.startswith("#")]
    assert code[0] == "set -euo pipefail"
    assert any(re.match(r"PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C IFS=", line) for line in code[:6])
    assert any(line.startswith("unset TMPDIR CDPATH GLOBIGNORE ENV BASH_ENV") for line in code[:8])
    assert not re.search(r"(^|[\s;&|])(eval|source|\.)\s", "\n".join(code))
    assert not re.search(r"/tmp|/var/tmp|/dev/shm", "\n".join(code))
    assert subprocess.run(["bash", "-n"], input=act.text, text=True, check=False, capture_output=True).stderr == ""


def test_root_itself_stops_what_takes_too_long(act: Act, tmp_path: Path) -> None:
    assert f"\nLIMIT={act.limit} " in act.text
    program = tmp_path / act.name
    program.write_text(act.text.replace(f"\nLIMIT={act.limit} ", "\nLIMIT=1 "))
    program.chmod(0o755)
    with subprocess.Popen([program], stdin=subprocess.PIPE, cwd="/") as hangs:     # no request comes
        assert (hangs.wait(60), until(lambda: not started_by(hangs.pid), within=20)) == (STOPPED, True)


def started_by(pid: int) -> str:
    """Return what still runs of the process group; one that has ended may wait for its parent to hear of it."""
    alive = ["pgrep", "--list-full", "--runstates", "R,S,D", "--pgroup", str(pid)]
    return subprocess.run(alive, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("change", [
    confirm.arm("sshd", 60), confirm.disarm("0" * 32), confirm.restore("0" * 32), ufw.change(["back"], "back"),
    node_exporter.install(Release("1.9.0", "amd64", ""), "", 9100, ""), node_exporter.back(""),
    systemd.start("docker.service"), systemd.restart("docker.service"),
], ids=lambda change: change.title)  # fmt: skip
def test_root_stops_a_write_before_we_give_it_up(change: Write) -> None:
    assert isinstance(change.do, Command)
    limit = next(act.limit for act in ALL if act.path in change.do.words)
    assert limit + KILLED_AFTER < change.within


def test_sudo_allows_each_of_them_without_arguments_and_nothing_else() -> None:
    text = sudoers("claude-admin")
    assert re.findall(r'(/\S+) ""', text) == [f"{FOLDER}/{name}" for name in NAMES]
    assert "*" not in text
    assert "NOPASSWD" in text
    assert "." not in SUDOERS.rpartition("/")[2]      # else sudo does not read it
    assert len(re.findall(r"^[a-z]", text, re.MULTILINE)) == 1


def test_a_hash_is_that_of_the_text_that_is_placed() -> None:
    assert LOOK.text.endswith("\n")
    assert re.fullmatch("[0-9a-f]{64}", LOOK.sha256)

"""Host keys, logging in and private files, by whole commands against the lab."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from opsbook.lab.breaking import break_
from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from tests.lab.process import Ran, opsbook
from tests.lab.reach import VPS, on_vps

JUMP = "serverA"
CARELESS = "Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  CheckHostIP no\n  ForwardAgent yes\n"
REACHED = {0, 10}       # `status` tells how the stack is; here it only matters that it could ask
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
PRIVATE = "find ~/.local/state/opsbook ~/.local/state /tmp/opsbook.* -perm /077 ! -path ~/.local/state 2>/dev/null || true"


@dataclass(frozen=True)
class Operator:
    """Somebody with a home of his own, whose ssh_config is careless."""

    home: Path
    lab: Lab

    def write(self, *, known: bool, **of_vps: object) -> None:
        """Write the inventory, with or without the lab's known keys, and changes of vps-i1's entry."""
        whole = yaml.safe_load(self.lab.inventory.read_text())
        if not known:
            del whole["defaults"]["known_hosts"]
        whole["hosts"][VPS] |= of_vps
        (self.home / "inventory.yaml").write_text(yaml.safe_dump(whole))

    def run(self, *words: str) -> Ran:
        own = {"HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state"), "XDG_CONFIG_HOME": str(self.home / "config")}
        return opsbook("--inventory", str(self.home / "inventory.yaml"), *words, env=own)

    def inside(self) -> str:
        """The address of vps-i1 as its neighbours know it."""
        line = next(line for line in self.lab.known_hosts.read_text().splitlines() if f",{VPS}," in line)
        return line.split()[0].split(",")[2]

    def knows_only(self, host: str) -> Path:
        """A file of known keys with those of one host."""
        file = self.home / "known"
        file.write_text("".join(line + "\n" for line in self.lab.known_hosts.read_text().splitlines() if f",{host}," in line))
        return file


@pytest.fixture
def operator(lab: Lab, tmp_path: Path) -> Operator:
    (tmp_path / ".ssh").mkdir(mode=0o700)
    (tmp_path / ".ssh" / "config").write_text(CARELESS)
    return Operator(tmp_path, lab)


def test_an_unknown_key_is_refused_whatever_ssh_config_says_and_trusted_only_by_its_fingerprint(operator: Operator) -> None:
    operator.write(known=False)
    refused = operator.run("restart-service", "alertmanager", VPS, "--yes")
    assert (refused.code, f"trust {VPS}" in refused.err) == (8, True), refused.text
    (shown,) = set(FINGERPRINT.findall(refused.err))
    assert operator.run("trust", VPS).code == 3
    wrong = operator.run("trust", VPS, "--fingerprint", f"SHA256:{'A' * 43}")
    assert (wrong.code, "another key" in wrong.err) == (3, True), wrong.text
    assert operator.run("status", VPS).code == 8
    assert operator.run("trust", VPS, "--fingerprint", shown).code == 0
    assert operator.run("status", VPS).code in REACHED
    assert (operator.home / "config/opsbook/known_hosts").stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("restored")
def test_a_changed_key_is_refused_by_every_kind_of_command(operator: Operator) -> None:
    operator.write(known=True)
    break_(operator.lab, "host-key-changed")
    for words in (
        ("status", VPS), ("reload-rules", VPS, "--yes"), ("reload-rules", VPS, "--plan"), ("history", "--on", VPS),
        ("unlock", VPS, "--confirm", VPS), ("trust", VPS),
    ):
        refused = operator.run(*words)
        assert (refused.code, "HAS CHANGED" in refused.err) == (8, True), (words, refused.text)
        assert len(set(FINGERPRINT.findall(refused.err))) == 2


@pytest.mark.usefixtures("restored")
def test_a_changed_key_is_replaced_only_by_name_and_fingerprint_and_only_in_opsbooks_own_file(operator: Operator) -> None:
    operator.write(known=False)
    first = FINGERPRINT.findall(operator.run("status", VPS).err)[0]
    assert operator.run("trust", VPS, "--fingerprint", first).code == 0
    break_(operator.lab, "host-key-changed")
    new = (set(FINGERPRINT.findall(operator.run("status", VPS).err)) - {first}).pop()
    assert operator.run("trust", VPS, "--fingerprint", new).code == 8
    assert operator.run("trust", VPS, "--replace", "--fingerprint", new).code in {3, 9}
    assert operator.run("status", VPS).code == 8
    assert operator.run("trust", VPS, "--replace", "--confirm", VPS, "--fingerprint", new).code == 0
    assert operator.run("status", VPS).code in REACHED


def test_the_host_behind_a_jump_host_is_reached_when_both_keys_are_known(operator: Operator) -> None:
    operator.write(known=True, address=operator.inside(), port=22, jump=JUMP)
    ran = operator.run("status", VPS)
    assert ran.code in REACHED, ran.text


@pytest.mark.parametrize(("known", "unknown"), [(VPS, JUMP), (JUMP, VPS)])
def test_an_unknown_key_is_refused_on_either_side_of_a_jump(operator: Operator, known: str, unknown: str) -> None:
    operator.write(known=False, address=operator.inside(), port=22, jump=JUMP)
    (operator.home / ".ssh" / "known_hosts").write_text(operator.knows_only(known).read_text())
    refused = operator.run("restart-service", "alertmanager", VPS, "--yes")
    assert (refused.code, "is not known yet" in refused.err) == (8, True), refused.text
    theirs = {VPS: operator.inside(), JUMP: "127.0.0.1"}
    assert f"{theirs[unknown]}:" in refused.err


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("changed", [VPS, JUMP])
def test_a_changed_key_is_refused_on_either_side_of_a_jump(operator: Operator, changed: str) -> None:
    operator.write(known=True, address=operator.inside(), port=22, jump=JUMP)
    break_(operator.lab, "host-key-changed", changed)
    refused = operator.run("restart-service", "alertmanager", VPS, "--yes")
    assert (refused.code, "HAS CHANGED" in refused.err) == (8, True), refused.text


def test_a_key_that_the_host_does_not_know_gives_8_and_names_what_was_offered(operator: Operator) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", operator.home / "other"], check=True)
    operator.write(known=True, key=str(operator.home / "other"))
    refused = operator.run("status", VPS)
    assert (refused.code, str(operator.home / "other") in refused.err) == (8, True), refused.text
    assert "PRIVATE KEY" not in refused.text


def test_everything_that_is_written_on_either_side_is_private_whatever_the_umask(operator: Operator) -> None:
    operator.write(known=True)
    environment = {**os.environ, "HOME": str(operator.home), "XDG_STATE_HOME": str(operator.home / "a" / "state")}
    words = ("--inventory", str(operator.home / "inventory.yaml"), "restart-service", "alertmanager", VPS, "--yes", "--debug")
    subprocess.run([sys.executable, "-m", "opsbook", *words], umask=0, env=environment, check=True, capture_output=True, timeout=120)
    written = list((operator.home / "a").rglob("*"))
    assert {"journal.db", "ssh.log"} <= {path.name for path in written}
    assert [path for path in written if path.stat().st_mode & 0o077] == []
    assert on_vps(operator.lab, "ls ~/.local/state/opsbook/done") != ""
    assert on_vps(operator.lab, PRIVATE) == ""


LINKS = r"""
home=/home/claude-admin
find /run/lock -name "opsbook*" -delete; rm -f $home/newcomer; echo mine > $home/victim; chown claude-admin: $home/victim
link='symlink("/home/claude-admin/$ARGV[0]", "/run/lock/$_") for @ARGV[1..$#ARGV]'
setpriv --reuid=nobody --regid=nogroup --clear-groups perl -e "$link" "$@"
"""


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("target", ["victim", "newcomer"])
@pytest.mark.parametrize("name", ["opsbook", "opsbook.writes", "opsbook.holder.UID", "opsbook.new.PID"])
def test_a_link_that_another_user_left_in_place_of_the_lock_harms_no_file(operator: Operator, name: str, target: str) -> None:
    operator.write(known=True)
    box = operator.lab.container(VPS)
    last = int(script(box, "echo $$"))
    uid = on_vps(operator.lab, "id --user").strip()
    names = [name.replace("PID", str(pid)).replace("UID", uid) for pid in (range(last, last + 2000) if "PID" in name else [0])]
    script(box, LINKS, target, *names)
    try:
        ran = operator.run("restart-service", "alertmanager", VPS, "--yes")
        assert "Traceback" not in ran.text
        assert ran.code in {0, 3, 7}, ran.text
        assert on_vps(operator.lab, "cat ~/victim; ls ~/newcomer 2>/dev/null || true") == "mine\n"
    finally:
        script(box, "find /run/lock -name 'opsbook*' -delete; rm -f ~claude-admin/victim ~claude-admin/newcomer")

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsbook.check import look_once
from opsbook.cli.connect import knock
from opsbook.cli.state import State
from opsbook.host import Host
from opsbook.lab import breaking
from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from opsbook.options import Options
from opsbook.privileged import ALL, CONFIRM, LOOK, SUDOERS
from opsbook.systems.sshd import FILE
from tests.fake import a_run
from tests.lab.open_host import open_host
from tests.lab.process import Ran, opsbook, run_and_kill
from tests.lab.reach import ssh
from tests.lab.server_state import server_state
from tests.runbooks.checkout_site import book
from tests.until import until

HOST = "serverC"
AS_ROOT = ("--as", "root", f"--confirm={HOST}")
AS_DEBIAN = ("--as", "debian", f"--confirm={HOST}")
# what some providers hand over instead of root: a first user that sudo makes root
FIRST_USER = """
useradd --create-home --shell /bin/bash debian
install -d -m 0700 -o debian -g debian /home/debian/.ssh
install -m 0600 -o debian -g debian /root/.ssh/authorized_keys /home/debian/.ssh/authorized_keys
echo 'debian ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/90-first && chmod 0440 /etc/sudoers.d/90-first
"""
COLLEAGUE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKpC0J8vD0rGqT2m3T6mGk1wJm1D3f9vV3m2pW3k4T5a colleague"
KEYS = "/home/claude-admin/.ssh/authorized_keys"
MATCH = "printf 'Match User backup\\n  PasswordAuthentication yes\\n' > /etc/ssh/sshd_config.d/60-backup.conf"


@pytest.fixture
def bare(servers: Lab) -> Iterator[Lab]:
    """A server as its provider hands it over."""
    renew(servers, HOST)
    yield servers
    renew(servers, HOST)


def provision(*words: str, host: str = HOST) -> Ran:
    return opsbook("--lab", "provision-host", host, *words, "--json")


def run_id(done: Ran) -> str:
    found: str = json.loads(done.out)["run"]
    return found


def on_host(lab: Lab, text: str) -> str:
    return script(lab.container(HOST), text)


def writes(done: Ran) -> list[str]:
    """Return the changes that the journal has of the run."""
    events = json.loads(opsbook("history", "show", run_id(done), "--json").out)["events"]
    return [event["title"] for event in events if event["kind"] == "write"]


def red(host: Host) -> dict[str, str]:
    """Ask every sentence of the proof once; return what those saw that are not true, by name."""
    runbook = book("provision-host")
    once = {check.__name__: getattr(check, "__wrapped__", check) for check in runbook.proof}
    seen = {name: look_once(host, check, runbook.params()) for name, check in once.items()}
    return {name: one.saw for name, one in seen.items() if not one.ok}


def _plugged(host: Host, lab: Lab) -> Host:
    """Return the host with what the runner plugs in: further logins, and a knock at the door."""
    state = State({"OPSBOOK_LAB_NAME": lab.name, "HOME": str(Path.home())}, Path.cwd(), Options(lab=True))

    def anew(host: Host) -> Host:
        made: Any = type(host.transport)
        known = (lab.known_hosts,)
        return replace(host, transport=made(replace(host.entry, login=None), known_hosts=known))

    return replace(host, connect_anew=anew, try_door=lambda entry: knock(entry, state))


def test_a_bare_server_becomes_one_of_ours_and_a_second_run_changes_nothing(bare: Lab) -> None:
    before = server_state(bare, HOST)
    plan = provision("--as", "root", "--plan")
    assert (plan.code, server_state(bare, HOST) == before) == (0, True), plan.text
    done = provision(*AS_ROOT)
    assert (done.code, "changed, and proven" in done.err) == (0, True), done.text
    assert len(writes(done)) == 8 + len(ALL)
    after = server_state(bare, HOST)
    again = provision()
    assert (again.code, "already so, and proven: nothing was changed" in again.err, writes(again)) == (0, True, []), again.text
    assert server_state(bare, HOST) == after
    assert opsbook("--lab", "provision-host", HOST, *AS_ROOT).code == 8     # root is not let in any more
    assert ssh(bare, HOST, "sudo -n true").returncode != 0


def test_without_the_right_to_change_it_names_what_root_must_do(bare: Lab) -> None:
    assert provision(*AS_ROOT).code == 0
    on_host(bare, f"echo '# older' >> {LOOK.path}")
    older = provision()
    assert (older.code, f"{LOOK.path} is another version" in older.err) == (3, True), older.text
    assert "opsbook --lab provision-host serverC --as root" in older.err
    doctor = opsbook("--lab", "doctor", HOST)
    assert "not those of this opsbook: opsbook-look" in doctor.text, doctor.text
    on_host(bare, f"sed -i '$d' {LOOK.path} && echo 'arm sshd 300' | {CONFIRM.path}")
    waits = provision()
    assert (waits.code, "the host takes it back in" in waits.err) == (3, True), waits.text
    breaking.break_(bare, "no-sudo", HOST)
    none = provision()
    assert (none.code, "claude-admin cannot look at root's part of this host" in none.err) == (3, True), none.text


def test_a_first_user_with_sudo_may_do_it_and_take_it_back(bare: Lab) -> None:
    on_host(bare, FIRST_USER)
    before = server_state(bare, HOST)
    done = provision(*AS_DEBIAN)
    assert done.code == 0, done.text
    undone = opsbook("--lab", "undo", run_id(done), HOST, *AS_DEBIAN)
    assert (undone.code, "undone" in undone.err) == (0, True), undone.text
    assert _settings(server_state(bare, HOST)) == _settings(before)


def test_a_user_that_was_there_is_mended_keeps_its_keys_and_is_never_removed(bare: Lab) -> None:
    on_host(bare, FIRST_USER)
    breaking.break_(bare, "half-provisioned")
    on_host(bare, f"echo '{COLLEAGUE}' > {KEYS}")
    done = provision(*AS_DEBIAN)
    assert done.code == 0, done.text
    assert [line.split()[-1] for line in on_host(bare, f"cat {KEYS}").splitlines()] == ["colleague", bare.name]
    undone = opsbook("--lab", "undo", run_id(done), HOST, *AS_DEBIAN)
    assert undone.code == 0, undone.text
    assert on_host(bare, f"cat {KEYS}").strip() == COLLEAGUE


def test_without_a_new_login_sshd_is_not_touched_and_everything_is_taken_back(bare: Lab) -> None:
    breaking.break_(bare, "half-provisioned")
    on_host(bare, "usermod --shell /usr/sbin/nologin claude-admin")
    done = provision(*AS_ROOT)
    assert (done.code, "not true: A new login by key gets in" in done.err) == (5, True), done.text
    assert "sshd_config" not in done.err
    assert on_host(bare, "ls /etc/sudoers.d").split() == ["README"]
    assert provision("--as", "root", "--plan").code == 0


def test_a_match_block_refuses_the_run_before_anything_is_changed(bare: Lab) -> None:
    on_host(bare, MATCH)
    before = server_state(bare, HOST)
    refused = provision(*AS_ROOT)
    assert (refused.code, "60-backup.conf:2: passwordauthentication yes" in refused.err) == (3, True), refused.text
    assert server_state(bare, HOST) == before


def test_a_later_file_does_not_win_where_systemd_listens_for_sshd(bare: Lab) -> None:
    breaking.break_(bare, "cloud-init-sshd", HOST)
    breaking.break_(bare, "ssh-socket", HOST)
    done = provision(*AS_ROOT)
    assert (done.code, "offered: publickey" in done.err) == (0, True), done.text
    assert "permission denied (publickey)" in _by_password(bare).lower()


def test_what_somebody_else_allows_the_user_is_refused_before_anything_is_changed(bare: Lab) -> None:
    breaking.break_(bare, "half-provisioned")
    on_host(bare, "echo 'claude-admin ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/90-cloud && chmod 0440 /etc/sudoers.d/90-cloud")
    refused = provision(*AS_ROOT)
    assert (refused.code, "too much: (ALL) ALL" in refused.err) == (3, True), refused.text


def test_killed_at_every_prompt_it_is_resumed_and_proven(bare: Lab) -> None:
    prompt = 0
    while True:
        prompt += 1
        killed, seen = run_and_kill(("--lab", "provision-host", HOST, *AS_ROOT), prompt, {})
        if not killed:
            break
    assert (prompt - 1, "changed, and proven" in seen) == (7, True), seen
    assert "root gets in no more: before that, on the host's console, as root: rm /etc/ssh/sshd_config.d/00-opsbook.conf" in seen
    assert provision().code == 0


TELL = "sed -i 's/Authentication {}/Authentication {}/' " + FILE
# what is done by hand, how it is taken back, and the sentences of the proof that are not true meanwhile
BROKEN = {
    "a folder of keys that others may write": (
        "chmod 0777 ~claude-admin/.ssh",
        "chmod 0700 ~claude-admin/.ssh",
        {"gets_in", "lets_the_key_in", "may_do_what_is_meant", "reaches_docker"},
    ),
    "a membership of the group docker": (
        "groupadd docker && usermod -aG docker claude-admin",
        "groupdel docker",
        {"is_there", "reaches_docker"},
    ),
    "a program that is another": (
        "echo '#' >> /usr/local/sbin/opsbook-units",
        "sed -i '$d' /usr/local/sbin/opsbook-units",
        {"programs_are_ours"},
    ),
    "a sudoers file that allows more": (
        f"echo 'claude-admin ALL=(root) NOPASSWD: /usr/bin/id' >> {SUDOERS}",
        f"sed -i '$d' {SUDOERS}",
        {"rules_are_ours", "may_do_what_is_meant"},
    ),
    "an sshd that is told otherwise": (
        f"mv {FILE} /root/aside && systemctl reload ssh",
        f"mv /root/aside {FILE} && systemctl reload ssh",
        {"takes_keys_only"},
    ),
    "an sshd that was never told": (
        f"{TELL.format('no', 'yes')} && systemctl restart ssh && {TELL.format('yes', 'no')}",
        "systemctl restart ssh",
        {"takes_keys_only"},
    ),
}


def test_each_sentence_of_the_proof_is_red_where_its_effect_is_missing(bare: Lab) -> None:
    assert provision(*AS_ROOT).code == 0
    with open_host(bare, HOST, a_run(runbook="provision-host")) as opened:
        host = _plugged(opened, bare)
        assert red(host) == {}
        for name, (break_, mend, foreseen) in BROKEN.items():
            on_host(bare, break_)
            assert _comes(host, foreseen), f"{name}: {red(host)}"
            on_host(bare, mend)
            assert _comes(host, set()), f"{name}: {red(host)}"


def test_on_a_docker_host_the_user_reaches_docker(servers: Lab) -> None:
    renew(servers, "serverB")
    done = provision(host="serverB")
    assert (done.code, "containers run" in done.err) == (0, True), done.text


def _comes(host: Host, foreseen: set[str]) -> bool:
    """Wait until these are the sentences that are not true: sshd reads its files in its own time."""
    return until(lambda: set(red(host)) == foreseen, within=10)


def _by_password(lab: Lab) -> str:
    """Return what ssh says to somebody without a key."""
    done: subprocess.CompletedProcess[str] = ssh(lab, HOST, "true", "-o", "PubkeyAuthentication=no", "-o", "IdentitiesOnly=yes")
    return done.stderr


def _settings(state: str) -> list[str]:
    """Return the state without the copies that the tools for users, and opsbook, keep of what was before."""
    copies = re.compile(r"etc/(group|gshadow|passwd|shadow)-|etc/sub[gu]id|/var/lib/opsbook")
    return [line for line in state.splitlines() if not copies.search(line)]

"""Each fault of the servers does what it says, and its mending brings back what was there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import unified_diff

import pytest

from opsbook.errors import UsageError
from opsbook.lab import mirror
from opsbook.lab.breaking import break_, mend
from opsbook.lab.docker import holds, script
from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from opsbook.lab.state import load
from tests.lab.reach import ssh
from tests.lab.server_state import server_state

Shows = Callable[[Lab], bool]
RELEASE = f"http://mirror{mirror.RELEASES}/v{mirror.NEWEST}"
VERIFY = """
cd "$(mktemp --directory)"
curl --fail --silent --show-error --remote-name-all "$1/sha256sums.txt" "$1/node_exporter-$2.linux-amd64.tar.gz"
grep linux-amd64 sha256sums.txt | sha256sum --check --status
"""


def inside(lab: Lab, host: str, text: str, *args: str) -> bool:
    return holds("exec", lab.container(host), "bash", "-euo", "pipefail", "-c", text, "test", *args)


def the_sums_are_wrong(lab: Lab) -> bool:
    offered = inside(lab, "serverA", 'curl --fail --silent --output /dev/null "$1/sha256sums.txt"', RELEASE)
    return offered and not inside(lab, "serverA", VERIFY, RELEASE, mirror.NEWEST)


def the_mirror_refuses(lab: Lab) -> bool:
    return inside(lab, "serverA", 'curl --silent --output /dev/null "$1" && exit 1 || [ $? -eq 7 ]', RELEASE)


def prometheus_is_stopped(lab: Lab) -> bool:
    return inside(lab, "serverF", "docker ps --all --filter status=exited --format '{{.Names}}' | grep -x monitoring-prometheus-1")


def a_copy_would_fail(lab: Lab) -> bool:
    old = "curl --silent http://127.0.0.1:9100/metrics | grep 'node_exporter_build_info.*version=\"1.5.0\"'"
    busy = "said=$(cp /bin/true /usr/local/bin/node_exporter 2>&1) || [[ $said == *'Text file busy'* ]] && [ -n \"$said\" ]"
    return inside(lab, "serverA", f"{old} && {busy}")


def the_firewall_is_off(lab: Lab) -> bool:
    return inside(lab, "serverA", "ufw status | grep -x 'Status: inactive'") and inside(lab, "serverA", "ufw show added | grep 22/tcp")


def a_denial_comes_first(lab: Lab) -> bool:
    return inside(lab, "serverA", "ufw status numbered | grep --extended-regexp '^\\[ 1\\] 9100/tcp +DENY IN'")


def no_program_may_run_as_root(lab: Lab) -> bool:
    return ssh(lab, "serverA", "sudo -n -l").returncode != 0


def claude_admin_exists_and_cannot_log_in(lab: Lab) -> bool:
    return inside(lab, "serverC", "id claude-admin") and "Permission denied" in ssh(lab, "serverC", "true").stderr


def a_socket_starts_sshd(lab: Lab) -> bool:
    return inside(lab, "serverC", "systemctl is-active ssh.socket && ! systemctl is-enabled --quiet ssh.service")


def the_later_file_asks_for_passwords(lab: Lab) -> bool:
    return inside(lab, "serverC", "grep --quiet 'PasswordAuthentication yes' /etc/ssh/sshd_config.d/50-cloud-init.conf")


SHOWS: dict[str, tuple[str, Shows]] = {
    "wrong-checksum": ("mirror", the_sums_are_wrong),
    "mirror-down": ("mirror", the_mirror_refuses),
    "scraper-down": ("serverF", prometheus_is_stopped),
    "text-file-busy": ("serverA", a_copy_would_fail),
    "ufw-inactive": ("serverA", the_firewall_is_off),
    "ufw-order": ("serverA", a_denial_comes_first),
    "no-sudo": ("serverA", no_program_may_run_as_root),
    "half-provisioned": ("serverC", claude_admin_exists_and_cannot_log_in),
    "ssh-socket": ("serverC", a_socket_starts_sshd),
    "cloud-init-sshd": ("serverC", the_later_file_asks_for_passwords),
}


def condition(lab: Lab, host: str) -> str:
    if host == "mirror":
        return script(lab.container(host), f"find {mirror.FOLDER} -type f -exec sha256sum {{}} + | sort")
    return server_state(lab, host)


@pytest.fixture
def to_break(servers: Lab) -> Iterator[Lab]:
    """The servers for a test that mends what it breaks; only where it did not, they are renewed."""
    yield servers
    if load(servers).faults:
        renew(servers)


@pytest.mark.parametrize("name", list(SHOWS))
def test_a_fault_of_a_server_does_what_it_says_and_its_mending_restores_what_was(to_break: Lab, name: str) -> None:
    host, shows = SHOWS[name]
    before = condition(to_break, host)
    assert not shows(to_break)
    break_(to_break, name)
    assert shows(to_break)
    assert mend(to_break) == (name,)
    assert not shows(to_break)
    mend(to_break, name)
    after = condition(to_break, host)
    assert list(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)) == []


def test_a_mended_exporter_that_was_replaced_meanwhile_stays(to_break: Lab) -> None:
    break_(to_break, "text-file-busy", "serverA", "loose")
    other = "pkill -x node_exporter; rm /usr/local/bin/node_exporter; cp /bin/true /usr/local/bin/node_exporter"
    script(to_break.container("serverA"), other)
    mend(to_break)
    assert inside(to_break, "serverA", "cmp /bin/true /usr/local/bin/node_exporter")
    renew(to_break, "serverA")


def test_a_provisioned_server_is_fresh_again_after_mending(to_break: Lab) -> None:
    break_(to_break, "half-provisioned")
    finish = "chown -R claude-admin: /home/claude-admin/.ssh; echo 'PasswordAuthentication no' > /etc/ssh/sshd_config.d/00-opsbook.conf"
    script(to_break.container("serverC"), finish)
    mend(to_break)
    assert not inside(to_break, "serverC", "id claude-admin || [ -e /home/claude-admin ] || [ -e /etc/ssh/sshd_config.d/00-opsbook.conf ]")


def test_what_cannot_be_broken_is_refused_before_anything_happens(servers: Lab) -> None:
    with pytest.raises(UsageError, match="no version 9"):
        break_(servers, "wrong-checksum", "9.9.9")
    with pytest.raises(UsageError, match="no host nowhere"):
        break_(servers, "text-file-busy", "nowhere")
    with pytest.raises(UsageError, match="fresh server without a firewall"):
        break_(servers, "ufw-inactive", "serverC")
    assert load(servers).faults == ()

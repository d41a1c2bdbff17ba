"""Settings that the host puts back unless a new login confirms them: drills on a real server, and what the programs refuse."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from opsbook.errors import NotTrue
from opsbook.host import Host
from opsbook.lab.docker import docker, script
from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from opsbook.lab.up import up
from opsbook.lab.wait import until
from opsbook.moves.confirmed import confirmed
from opsbook.moves.firewall import standing as firewall
from opsbook.systems.confirm import arm, disarm, standing
from opsbook.systems.ufw import change
from tests.lab.conftest import SERVERS, say
from tests.lab.logins import host_with_logins
from tests.lab.reach import ssh
from tests.lab.server_state import server_state

HOST = "serverA"
CONFIRM, FIREWALL = "sudo -n /usr/local/sbin/opsbook-confirm", "sudo -n /usr/local/sbin/opsbook-firewall"
CUT_OFF = "ufw prepend reject 22 >/dev/null"       # for 22/tcp UFW would say that there is such a rule
CUT_SSHD = "echo 'AllowUsers nobody' > /etc/ssh/sshd_config.d/00-opsbook.conf; systemctl reload ssh.service"
SAVED = "find /var/lib/opsbook -mindepth 1; ls /etc/systemd/system | grep opsbook || true"


@pytest.fixture
def server(servers: Lab) -> Iterator[Lab]:
    renew(servers, HOST)
    yield servers
    renew(servers, HOST)


def as_root(lab: Lab, text: str) -> str:
    return script(lab.container(HOST), text)


def asked(lab: Lab, program: str, request: str) -> subprocess.CompletedProcess[str]:
    """Hand a request to a program, as claude-admin, over a login of its own."""
    return ssh(lab, HOST, f"printf '{request}' | {program}")


def armed(host: Host, seconds: int, kind: str = "firewall") -> str:
    host.write(arm("sshd" if kind == "sshd" else "firewall", seconds))
    return host.read(standing())[kind].token


def test_a_rule_that_cuts_us_off_is_taken_back_by_the_host(server: Lab) -> None:
    before = server_state(server, HOST)
    with (
        host_with_logins(server, HOST) as host,
        pytest.raises(NotTrue, match="a new login gets in with the new settings of the firewall"),
        confirmed(host, "firewall", about="cut us off", seconds=20),
    ):
        as_root(server, CUT_OFF)
    assert server_state(server, HOST) == before


def test_settings_of_sshd_that_cut_us_off_are_put_back_too(server: Lab) -> None:
    before = server_state(server, HOST)
    with host_with_logins(server, HOST) as host:
        armed(host, 600, "sshd")
        as_root(server, CUT_SSHD)
        until("nobody gets in", lambda: ssh(server, HOST, "true").returncode != 0, within=20)
        as_root(server, "systemctl start opsbook-heal-sshd.service")      # as its timer does
        until("a new login gets in", lambda: ssh(server, HOST, "true").returncode == 0, within=20)
    assert server_state(server, HOST) == before


def test_a_host_that_reboots_in_between_comes_up_as_it_was(server: Lab) -> None:
    with host_with_logins(server, HOST) as host:
        before = firewall(host).ufw
        token = armed(host, 600)
        as_root(server, f"{CUT_OFF}; ufw default allow incoming >/dev/null")
    docker("restart", server.container(HOST), within=60)
    up(server, say, SERVERS)      # its port on this machine is another one now
    with host_with_logins(server, HOST) as host:
        found = host.read(standing())["firewall"]
        assert (found.token, found.last, found.end) == ("", token, "healed")
        assert firewall(host).ufw == before
    assert as_root(server, SAVED) == ""


def test_only_an_ssh_login_that_began_later_confirms(server: Lab) -> None:
    with host_with_logins(server, HOST) as host:
        token = armed(host, 60)
        old = host.transport.run(disarm(token).do, disarm(token).stdin, 30)
        assert (old.code, "this login began before the firewall was armed" in old.err) == (65, True)
        inside = as_root(server, f"printf 'disarm {token}\\n' | /usr/local/sbin/opsbook-confirm 2>&1 || echo code $?")
        assert ("this is no SSH login" in inside, "code 65" in inside) == (True, True)
        loose = f"setsid --fork bash -c \"sleep 1; printf 'disarm {token}\\\\n' | {CONFIRM}\" >/tmp/loose 2>&1 </dev/null"
        assert ssh(server, HOST, loose).returncode == 0       # a login that has ended proves nothing either
        until("the loose one has tried", lambda: "opsbook-confirm:" in as_root(server, "cat /tmp/loose"), within=20)
        assert host.read(standing())["firewall"].token == token
        assert asked(server, CONFIRM, "disarm " + "0" * 32 + r"\n").returncode == 65
        host.anew().write(disarm(token))
        assert (host.read(standing())["firewall"].token, host.read(standing())["firewall"].end) == ("", "confirmed")
    assert as_root(server, SAVED) == ""


HOLD = "exec 9>/run/opsbook/lock; flock 9; sleep 987 >/dev/null 2>&1 & disown; exec 9>&-"
LET_GO = "pkill --full '[s]leep 987'"
HEALS = "systemctl start --no-block opsbook-heal-firewall.service"
HEALED = "[ -e /var/lib/opsbook/firewall ] || echo yes"
IMPATIENT = "sed --in-place 's/^PATIENCE=[0-9]*/PATIENCE=1/' /usr/local/sbin/opsbook-confirm"


def test_what_puts_back_waits_for_a_program_that_is_at_work_and_not_for_ever(server: Lab) -> None:
    with host_with_logins(server, HOST) as host:
        before = firewall(host).ufw
        armed(host, 600)
        as_root(server, f"{CUT_OFF}; {HOLD}; {HEALS}")
        until("it waits", lambda: as_root(server, "pgrep --full '[f]lock --timeout 115 9' || true") != "", within=30)
        assert firewall(host).ufw != before
        as_root(server, LET_GO)
        until("it has put back", lambda: as_root(server, HEALED) != "", within=60)
        assert firewall(host).ufw == before
        armed(host, 600)
        as_root(server, f"{IMPATIENT}; {CUT_OFF}; {HOLD}; {HEALS}")
        until("it has put back", lambda: as_root(server, HEALED) != "", within=60)
        assert firewall(host).ufw == before
        assert "going on without its lock" in as_root(server, "journalctl --unit=opsbook-heal-firewall.service --no-pager")
        as_root(server, LET_GO)


def test_what_is_armed_is_not_armed_again_and_its_first_state_is_kept(server: Lab) -> None:
    with host_with_logins(server, HOST) as host:
        before = firewall(host).ufw
        token = armed(host, 60)
        host.write(change(["allow 9100 192.0.2.1 test"], "open 9100"))
        assert asked(server, CONFIRM, r"arm firewall 600\n").returncode == 65
        assert firewall(host).ufw != before
        assert asked(server, CONFIRM, rf"restore {token}\n").returncode == 0
        assert firewall(host).ufw == before


REFUSED = {
    CONFIRM: (
        r"heal firewall\n", r"arm firewall 9\n", r"arm firewall 601\n", r"arm firewall 060\n", r"arm other 60\n", r"arm sshd 60 60\n",
        r"arm firewall 60\nstatus\n", "status", r"disarm\n", r"disarm x\n", r"restore $(id)\n", r"arm firewall 6\0000\n", r"\n", "",
    ),
    FIREWALL: (
        r"apply\n", r"allow 9100 192.0.2.1 test\napply\n", r"allow 0 192.0.2.1 test\n", r"allow 65536 192.0.2.1 test\n",
        r"allow 22x 192.0.2.1 test\n",
        r"allow 9100 0.0.0.0 test\n", r"allow 9100 0.0.0.0/0 test\n", r"allow 9100 any test\n", r"allow 9100 127.0.0.1 test\n",
        r"allow 9100 192.0.2.0/24 test\n", r"allow 9100 10.0.0.0/8 test\n", r"allow 9100 172.15.0.0/16 test\n", r"allow 9100 ::/0 test\n",
        r"allow 9100 :: test\n", r"allow 9100 ff02::1 test\n", r"allow 9100 192.0.2.1 te;st\n", r"allow 9100 192.0.2.1 -test\n",
        r"allow 9100 192.0.2.1 a b\n", r"allow  9100 192.0.2.1 test\n", r"allow 9100 192.0.2.1 test", r"allow 9100 192.0.2.1 test\r\n",
        r"allow 9100 192.0.2.1 te\0st\n", r"ssh 9100\n", r"ssh 22 any\n", r"enable 22\n", r"enable 22 0.0.0.0\n",
        r"enable 2222 192.0.2.1\n",
        r"rule 22\n", r"is_on\n", r"refused x\n", r"back now\n", r"publish 9090 192.0.2.1\n", r"publish 9090 x -j ACCEPT\n",
        r"publish 9090 nobody\n", r"bar\n", r"bar 9090 192.0.2.1\n", r"bar x\n", r"\n", "",
    ),
}  # fmt: skip


def test_what_a_program_does_not_understand_changes_nothing(server: Lab) -> None:
    with host_with_logins(server, HOST) as host:
        assert asked(server, FIREWALL, r"allow 9100 192.0.2.1 test\n").returncode == 65       # nothing is armed
        token = armed(host, 600)
        before = server_state(server, HOST)
        for program, requests in REFUSED.items():
            codes = tried(server, program, requests)
            assert set(codes.values()) <= {64, 65}, codes
        assert tried(server, f"{FIREWALL} allow", [r"allow 9100 192.0.2.1 test\n"]) != {r"allow 9100 192.0.2.1 test\n": 0}
        assert server_state(server, HOST) == before
        assert asked(server, CONFIRM, rf"restore {token}\n").returncode == 0


def tried(lab: Lab, program: str, requests: tuple[str, ...] | list[str]) -> dict[str, int]:
    """Hand each request to the program, all over one login; return the exit codes."""
    lines = "\n".join(f"printf '{request}' | {program} >/dev/null 2>&1; echo $?" for request in requests)
    return dict(zip(requests, map(int, ssh(lab, HOST, lines, within=120).stdout.split()), strict=True))


def test_a_rule_that_is_not_ours_is_never_touched(server: Lab) -> None:
    for rule in ("allow proto tcp from 192.0.2.1", "deny proto tcp from 192.0.2.2"):
        as_root(server, f"ufw {rule} to any port 9100 >/dev/null")
    with host_with_logins(server, HOST) as host:
        before, token = firewall(host).ufw, armed(host, 60)
        harmless = [r"withdraw 9100 192.0.2.1\n", r"unssh 22\n"]
        refused = [r"allow 9100 192.0.2.1 test\n", r"allow 9100 192.0.2.2 test\n", r"ssh 22\n"]
        assert list(tried(server, FIREWALL, [*harmless, *refused]).values()) == [0, 0, 65, 65, 65]
        assert firewall(host).ufw == before
        assert asked(server, CONFIRM, rf"restore {token}\n").returncode == 0


def test_ufw_is_turned_on_only_where_ssh_stays_open(server: Lab) -> None:
    as_root(server, "ufw --force disable >/dev/null; ufw delete allow 22/tcp >/dev/null")
    client = "$(set -- $SSH_CONNECTION; echo $1)"
    with host_with_logins(server, HOST) as host:
        token = armed(host, 60)
        ask = f'printf "%s\\n" {{}} | {FIREWALL}'
        assert ssh(server, HOST, ask.format(f'"enable 22 {client}"')).returncode == 65
        assert ssh(server, HOST, ask.format(f'"ssh 22" "enable 22 {client}"')).returncode == 0
        assert firewall(host).ufw.denies
        host.anew().write(disarm(token))
        token = armed(host, 60)
        assert ssh(server, HOST, ask.format('"back" "unssh 22"')).returncode == 0
        assert (firewall(host).ufw.active, firewall(host).ufw.about(22)) == (False, ())
        host.anew().write(disarm(token))

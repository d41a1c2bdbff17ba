"""Hosts for the audit: one that is well, whose answers a test changes one by one. The texts are captured on a real host."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opsbook.findings.finding import Finding
from opsbook.inventory import HostEntry, Stack
from opsbook.moves.audit.facts import Facts
from opsbook.moves.audit.findings import findings
from opsbook.privileged import ALL
from opsbook.systems.addresses import OUTSIDER
from opsbook.systems.confinement import Confinement
from opsbook.systems.container import Container, Port
from opsbook.systems.engine import Engine
from opsbook.systems.files import Stat
from opsbook.systems.root_view import Told
from opsbook.systems.sockets import Socket
from opsbook.systems.sudo import Grant

STACK = Stack("monitoring", checkout="/opt/monitoring", directory="/opt/monitoring", project="monitoring")
ENTRY = HostEntry("serverF", address="203.0.113.6", user="claude-admin", stack=STACK, roles=("node", "docker"))
SSHD = "port 22\npermitrootlogin no\npubkeyauthentication yes\npasswordauthentication no\nkbdinteractiveauthentication no\n"
SSHD += "listenaddress [::]:22\nlistenaddress 0.0.0.0:22\n"
STATUS = "Status: active\nLogging: on (low)\nDefault: deny (incoming), allow (outgoing), deny (routed)\nNew profiles: skip\n"
RULES = """== /etc/ufw/user.rules
### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw-user-input -p tcp --dport 22 -j ACCEPT
### tuple ### allow tcp 9100 0.0.0.0/0 any 203.0.113.9 in comment=6f7073626f6f6b3a6e6f64652d6578706f72746572
== /etc/ufw/user6.rules
### tuple ### allow tcp 22 ::/0 any ::/0 in
"""
SUDOERS = "440 root root 0123 /etc/sudoers\n440 root root 4567 /etc/sudoers.d/opsbook\n"
LISTENING = """tcp LISTEN 0 4096 *:9100 *:* users:(("node_exporter",pid=612,fd=3))
tcp LISTEN 0 5 *:9999 *:* users:(("python3",pid=9,fd=3))
"""
DOCKER_USER = "== /usr/sbin/iptables-save\n:DOCKER-USER - [0:0]\n"
CONFINED = Confinement(read_only=True, drops_all=True, no_new_privileges=True)
LOCAL = Port(9090, 9090, "127.0.0.1")
WEB = Container("1", "monitoring-web-1", "running", image="example/web:1", user="65534", confined=CONFINED, ports=(LOCAL,))


def programs() -> str:
    return "".join(f"755 root root {act.sha256} {act.path}\n" for act in ALL)


def root(**changes: str | Told | None) -> dict[str, Told]:
    """Return what opsbook-look tells; a test changes what it names, by words without blanks."""
    texts: dict[str, str | Told | None] = {
        "ufw": STATUS, "rule-files": RULES, "sshd": SSHD, "sshd_root": SSHD, "sshd_admin": SSHD,
        "sockets": "Id=ssh.socket\nActiveState=inactive\n", "sudoers": SUDOERS, "programs": programs(),
        "listening": LISTENING, "docker_user": DOCKER_USER,
        **changes,
    }  # fmt: skip
    names = {"rule_files": "rule-files", "sshd_root": f"sshd root {OUTSIDER}", "sshd_admin": f"sshd claude-admin {OUTSIDER}"}
    names["docker_user"] = "docker-user"
    told = {names.get(name, name): Told(0, text) if isinstance(text, str) else text for name, text in texts.items() if text is not None}
    return {name: one for name, one in told.items() if one is not None}


WELL = Facts(
    ENTRY,
    root=root(),
    user="claude-admin",
    groups=("claude-admin", "docker"),
    grants=tuple(Grant("root", f'{act.path} ""', password=False) for act in ALL),
    offered=("publickey",),
    sockets=(Socket(22), Socket(9100), Socket(9090, "127.0.0.1"), Socket(68, protocol="udp")),
    ufw_defaults="IPV6=yes\n",
    ufw_conf="ENABLED=yes\n",
    engine=Engine("28.5.1", "overlay2", "/var/lib/docker"),
    containers=(WEB,),
    env=Stat(0o600, "claude-admin", "claude-admin", 100, 0, "regular file"),
    env_text="GRAFANA_ADMIN_PASSWORD='kV9-long-and-random'\nSMTP_USER=mailer\n",
    grafana=401,
)


def found(**changes: Any) -> tuple[Finding, ...]:
    """Return what the audit finds on that host, changed so."""
    return findings(replace(WELL, **changes))


def bad(**changes: Any) -> list[str]:
    """Return what of it is bad."""
    return [one.what for one in found(**changes) if one.severity == "bad"]


def the(severity: str, what: str, **changes: Any) -> Finding:
    """Return the finding of that severity whose words hold these."""
    told = found(**changes)
    matching = [one for one in told if one.severity == severity and what in one.what]
    assert len(matching) == 1, told
    return matching[0]

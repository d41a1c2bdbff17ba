"""Everything on a server that a plan, a refusal, an undo or a renewal must leave as it was, as text that can be compared."""

from __future__ import annotations

from opsbook.lab.docker import script
from opsbook.lab.lab import Lab

LOOK = """
cd /
echo "== files"
settings=(etc usr/local home root opt -xdev -not -path 'home/*/.local/state/opsbook/*')
find "${settings[@]}" -not -type d -printf '%p %m %u:%g %l\\n' | sort
find "${settings[@]}" -type f -print0 | sort --zero-terminated | xargs -0 sha256sum
find /var/lib/opsbook -mindepth 1 2>/dev/null | sort || true
echo "== units"; systemctl list-unit-files --no-legend | sort
echo "== running"; systemctl list-units --plain --no-legend --type=service,timer,socket --state=active | cut -d' ' -f1 |
    grep --invert-match --extended-regexp '^(user|session|systemd-|run-|user-runtime)' | sort
echo "== firewall"; ufw status verbose; for save in iptables-save ip6tables-save; do $save | sed '/^[#:*]/d; /^COMMIT/d' | sort; done
echo "== sshd"; sshd -T | sort
if command -v docker >/dev/null; then
    echo "== containers"; docker ps --all --format '{{.Names}} {{.Image}} {{.State}} {{.ID}}' | sort
fi
echo "== left over"; find /run/lock/opsbook.watch.holder /tmp/opsbook.* 2>/dev/null || true
"""


def server_state(lab: Lab, host: str) -> str:
    """Return what a server is like now."""
    return script(lab.container(host), LOOK)

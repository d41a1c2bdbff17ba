"""Everything on a host that a plan or a refusal must leave alone, as text that can be compared."""

from __future__ import annotations

from opsbook.lab.docker import script
from opsbook.lab.lab import Lab

# Our own refs, objects and scratch may come: a plan judges what would come. Nothing else may differ.
LOOK = """
cd /opt/p24-infra
echo "== checkout"; git rev-parse HEAD; git status --porcelain=v2 --branch
git for-each-ref | grep -v refs/opsbook/
echo "== files"; find . -path ./.git -prune -o -type f -printf '%p %m %u %g %i ' -exec sha256sum {} \\;  | sort
echo "== containers"
docker ps --all --quiet --no-trunc |
    xargs -r docker inspect --format '{{.Name}} {{.Id}} {{.Image}} {{.State.Status}} {{.State.StartedAt}} {{.RestartCount}}' | sort
echo "== images"; docker image ls --quiet --no-trunc | sort -u
echo "== volumes and networks"; docker volume ls --quiet | sort; docker network ls --quiet | sort
echo "== units"; systemctl list-unit-files --no-legend | sort
echo "== firewall"; iptables-save | awk '/^[*]/ { table = $1 } /^-A/ { print table, $0 }' | sort
echo "== left over"
find /home/claude-admin/.local/state/opsbook/record.json /run/lock/opsbook.holder.* /tmp/opsbook.* 2>/dev/null || true
"""


def snapshot(lab: Lab, host: str = "vps-i1") -> str:
    """Return what the host is like now."""
    quiet = "export GIT_OPTIONAL_LOCKS=0 GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'"
    return script(lab.container(host), quiet + LOOK)

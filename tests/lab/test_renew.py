"""A server that was changed in every way the runbooks change it is brought back, as if it were made anew."""

from __future__ import annotations

from difflib import unified_diff

import pytest

from opsbook.errors import UsageError
from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from tests.lab.reach import ssh
from tests.lab.server_state import server_state

INSTALL = """
useradd --system --no-create-home --shell /usr/sbin/nologin node_exporter
cp /bin/sleep /usr/local/bin/node_exporter
printf '[Service]\\nExecStart=/usr/local/bin/node_exporter 1000\\n' > /etc/systemd/system/node_exporter.service
printf '[Install]\\nWantedBy=multi-user.target\\n' >> /etc/systemd/system/node_exporter.service
systemctl daemon-reload
systemctl enable --quiet --now node_exporter
ufw allow from 10.0.0.1 to any port 9100 proto tcp comment 'opsbook: x' >/dev/null
mkdir -p /var/lib/opsbook && echo token > /var/lib/opsbook/armed
rm /usr/local/sbin/opsbook-look /etc/sudoers.d/opsbook
chmod 0777 /etc/ssh/sshd_config.d
echo 'PermitRootLogin yes' > /etc/ssh/sshd_config.d/00-opsbook.conf
systemctl restart ssh
"""
DOCKER = """
docker run --detach --name cadvisor --network=host ghcr.io/google/cadvisor:v0.60.5 --port=8080 >/dev/null
iptables --insert DOCKER-USER --source 10.0.0.1 --jump DROP
"""
PROVISION = """
useradd --create-home --shell /bin/bash claude-admin
install -d -m 0700 -o claude-admin /home/claude-admin/.ssh
ufw allow 22/tcp >/dev/null
ufw --force enable >/dev/null
echo 'PasswordAuthentication no' > /etc/ssh/sshd_config.d/00-opsbook.conf
systemctl restart ssh
printf '%s\\n' '#!/bin/sh' '### BEGIN INIT INFO' '# Provides: x' '# Default-Start: 2' '### END INIT INFO' > /etc/init.d/exporter
chmod 0755 /etc/init.d/exporter
systemctl daemon-reload
"""
MESS = {"serverA": INSTALL, "serverB": INSTALL + DOCKER, "serverC": PROVISION}


@pytest.mark.parametrize("host", MESS)
def test_a_renewed_server_is_what_it_was_when_it_was_made(servers: Lab, host: str) -> None:
    renew(servers, host)
    before = server_state(servers, host)
    script(servers.container(host), MESS[host])
    assert server_state(servers, host) != before
    renew(servers, host)
    difference = "\n".join(unified_diff(before.splitlines(), server_state(servers, host).splitlines(), lineterm="", n=0))
    assert difference == ""


def test_a_renewed_server_answers_its_operator_and_its_firewall_filters(servers: Lab) -> None:
    renew(servers)
    for host in ("serverA", "serverB", "serverF", "stranger"):
        assert ssh(servers, host, "hostname").stdout.strip() == host
    refused = "timeout 2 bash -c 'exec 3<>/dev/tcp/{}/{}'"
    assert ssh(servers, "stranger", refused.format("serverA", 22)).returncode == 0
    assert ssh(servers, "stranger", refused.format("serverA", 9100)).returncode == 124


def test_a_host_with_data_of_its_own_and_one_that_is_none_are_not_renewed(servers: Lab) -> None:
    with pytest.raises(UsageError, match="data of its own"):
        renew(servers, "vps-i1")
    with pytest.raises(UsageError, match="no host serverX"):
        renew(servers, "serverX")

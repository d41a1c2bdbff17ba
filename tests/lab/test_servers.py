"""The servers of the lab are what their names promise: provisioned, fresh, scraping, or strangers."""

from __future__ import annotations

import json

from opsbook.lab import mirror
from opsbook.lab.breaking import break_
from opsbook.lab.docker import script
from opsbook.lab.enter import command
from opsbook.lab.lab import Lab
from opsbook.lab.making.releases import CORRUPT, SUITES
from opsbook.lab.status import status
from opsbook.lab.up import up
from opsbook.lab.wait import until
from opsbook.privileged import ALL
from tests.lab.conftest import SERVERS
from tests.lab.reach import ssh

FETCH = """
curl --fail --silent --show-error "http://mirror$1/v$2/node_exporter-$2.linux-$3.tar.gz" |
    tar --extract --gzip --to-stdout --wildcards '*/node_exporter' > /tmp/program
chmod +x /tmp/program
"""
OWN = "case $(uname -m) in aarch64) echo arm64 ;; *) echo amd64 ;; esac"
MACHINE = "od --address-radix=n --format=x1 --skip-bytes=18 --read-bytes=2 /tmp/program"
MACHINES = {"amd64": "3e00", "arm64": "b700"}  # what an ELF file says of itself, at byte 18


def inside(lab: Lab, host: str, text: str, *args: str) -> str:
    return script(lab.container(host), text, *args).strip()


def address(lab: Lab, host: str) -> str:
    return inside(lab, host, 'getent ahostsv4 "$(hostname)" | cut --delimiter=" " --fields=1').split()[0]


def up_of(lab: Lab, job: str, host: str) -> str:
    query = f'query=up{{job="{job}",instance=~"{address(lab, host)}:.*"}}'
    told = inside(lab, "serverF", 'curl --silent --get --data-urlencode "$1" http://127.0.0.1:9090/api/v1/query', query)
    return str(json.loads(told)["data"]["result"][0]["value"][1])


def test_claude_admin_of_a_server_may_run_the_programs_of_today_and_nothing_else(servers: Lab) -> None:
    for host in ("serverA", "serverB", "serverF"):
        for act in ALL:
            found = inside(servers, host, 'sha256sum "$1"; stat --format="%a %U" "$1"', act.path).split()
            assert found == [act.sha256, act.path, "755", "root"]
        assert ssh(servers, host, "sudo -n true").returncode != 0
        assert ssh(servers, host, "sudo -n -l").stdout.count("NOPASSWD") == 1


def test_a_program_that_differs_is_renewed_by_the_next_up(servers: Lab) -> None:
    inside(servers, "serverA", 'echo exit >> "$1"', ALL[0].path)
    up(servers, lambda _: None, ("serverA",))
    assert inside(servers, "serverA", 'sha256sum < "$1"', ALL[0].path).split()[0] == ALL[0].sha256


def test_a_fresh_server_lets_root_in_and_knows_no_claude_admin(servers: Lab) -> None:
    assert "Permission denied" in ssh(servers, "serverC", "true").stderr
    settings = inside(servers, "serverC", "sshd -T").splitlines()
    assert {"passwordauthentication yes", "permitrootlogin without-password"} <= set(settings)
    assert inside(servers, "serverC", "ufw status") == "Status: inactive"
    assert "root@127.0.0.1" in command(servers, 22, "root")


def test_a_stranger_and_the_scraper_meet_silence_until_a_port_is_opened_for_the_scraper(renewed: Lab) -> None:
    dial = f"timeout 2 bash -c 'exec 3<>/dev/tcp/{address(renewed, 'serverA')}/9100'"
    break_(renewed, "text-file-busy")
    assert [ssh(renewed, host, dial).returncode for host in ("serverF", "stranger")] == [124, 124]
    assert up_of(renewed, "node", "serverA") == "0"
    inside(renewed, "serverA", 'ufw allow from "$1" to any port 9100 proto tcp', address(renewed, "serverF"))
    assert [ssh(renewed, host, dial).returncode for host in ("serverF", "stranger")] == [0, 124]
    until("the scraper sees it", lambda: up_of(renewed, "node", "serverA") == "1", within=30)


def fetched(lab: Lab, version: str, architecture: str, then: str) -> str:
    """Fetch a program from the mirror on serverA, and ask something of it."""
    return inside(lab, "serverA", f"{FETCH}{then}", mirror.RELEASES, version, architecture)


def test_the_mirror_has_each_version_for_both_architectures_and_its_programs_say_so(servers: Lab) -> None:
    own = inside(servers, "serverA", OWN)
    for version in SUITES:
        assert {one: fetched(servers, version, one, MACHINE).replace(" ", "") for one in MACHINES} == MACHINES
        assert fetched(servers, version, own, "/tmp/program --version 2>&1").startswith(f"node_exporter, version {version} ")
    assert "not the one that was released" in fetched(servers, CORRUPT, own, "/tmp/program 2>&1 || rm /tmp/program")


def test_a_stand_in_is_told_as_one(renewed: Lab) -> None:
    run = "docker run --detach --name cadvisor --network=host --volume=/var/run:/var/run:ro ghcr.io/google/cadvisor:v0.60.5 --docker_only"
    inside(renewed, "serverB", run)
    ours = next(host for host in status(renewed).hosts if host.name == "serverB").services
    assert [(one.name, one.stand_in) for one in ours] == [("cadvisor", True), ("web", False)]
    seen = "curl --silent http://127.0.0.1:8080/metrics | grep 'container_last_seen.*name=\"app-web-1\"' >/dev/null && echo seen || true"
    until("the container is seen", lambda: inside(renewed, "serverB", seen) == "seen", within=30)


def test_servers_that_are_up_are_reused(servers: Lab) -> None:
    said: list[str] = []
    up(servers, said.append, SERVERS)
    assert {f"{name}: reused" for name in (*SERVERS, "mirror")} <= set(said)

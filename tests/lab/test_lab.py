"""The lab comes up once, is reused, and is what it says it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import yaml

from opsbook.lab import gitserver
from opsbook.lab.docker import docker
from opsbook.lab.down import down, labelled
from opsbook.lab.lab import Lab, here
from opsbook.lab.profile import SITE
from opsbook.lab.reset import reset
from opsbook.lab.state import load
from opsbook.lab.status import status
from opsbook.lab.up import up
from tests.lab.conftest import STACK
from tests.lab.reach import VPS, on_vps, ssh
from tests.lab.snapshot import snapshot

STAND_INS = {"grafana", "loki", "promtail", "thanos-query", "thanos-sidecar"}
UP = "from opsbook.lab.lab import here; from opsbook.lab.up import up; up(here(), lambda line: print(line, flush=True), {})"


def containers(lab: Lab) -> dict[str, str]:
    return {name: docker("inspect", "--format={{.Id}} {{.State.StartedAt}}", lab.container(name)) for name in ("git", "vps-i1", "serverA")}


def test_a_second_up_reuses_everything_and_says_so(lab: Lab) -> None:
    before, said = containers(lab), []
    up(lab, said.append, STACK)
    assert containers(lab) == before
    for part in ("server image", "image store", "git", "vps-i1", "serverA"):
        assert f"{part}: reused" in said


def test_a_picture_of_a_host_shows_a_container_that_was_stopped_and_one_that_was_paused(restored: Lab) -> None:
    before = snapshot(restored)
    for change in ("pause", "unpause", "stop"):
        on_vps(restored, f"docker {change} monitoring-queue-exporter-1")
        assert (snapshot(restored) == before) == (change == "unpause"), change


def test_both_hosts_answer_by_ssh_under_the_key_that_known_hosts_names(lab: Lab) -> None:
    for host in ("vps-i1", "serverA"):
        answer = ssh(lab, host, "hostname; id --user --name")
        assert answer.stdout.split() == [host, "claude-admin"], answer.stderr


def test_the_inventory_names_both_hosts_and_the_stack(lab: Lab) -> None:
    inventory = yaml.safe_load(lab.inventory.read_text())
    assert inventory["lab"] == lab.name
    assert set(STACK) <= set(inventory["hosts"]) <= {host.name for host in SITE.hosts}
    assert {host["address"] for host in inventory["hosts"].values()} == {"127.0.0.1"}
    services = yaml.safe_load(on_vps(lab, "cat /opt/p24-infra/monitoring/docker-compose.yml"))["services"]
    assert set(inventory["stacks"]["p24"]["services"]) == set(services)


def test_the_operators_files_are_private(lab: Lab) -> None:
    assert lab.folder.stat().st_mode & 0o777 == 0o700
    assert lab.key.stat().st_mode & 0o777 == 0o600


def test_only_loopback_ports_are_published(lab: Lab) -> None:
    published = [docker("port", lab.container(name)) for name in ("git", "vps-i1", "serverA")]
    lines = [line for text in published for line in text.splitlines()]
    assert len(lines) == 2
    assert all("-> 127.0.0.1:" in line for line in lines)


def test_every_service_is_healthy_and_stand_ins_are_labelled(lab: Lab) -> None:
    found = status(lab)
    assert found.up
    services = next(host.services for host in found.hosts if host.name == VPS)
    assert len(services) == 10
    assert {service.health for service in services} == {"healthy"}
    assert {service.name for service in services if service.stand_in} == STAND_INS


def test_claude_admin_may_look_as_root_but_not_be_root(lab: Lab) -> None:
    look = "echo ufw | sudo -n /usr/local/sbin/opsbook-look | cut --delimiter=' ' --fields=2 | base64 --decode"
    assert "Status: active" in ssh(lab, VPS, look).stdout
    assert ssh(lab, VPS, "sudo -n true").returncode != 0
    assert ssh(lab, VPS, "sudo -n /usr/sbin/ufw disable").returncode != 0


def test_a_plain_server_has_no_docker(lab: Lab) -> None:
    assert ssh(lab, "serverA", "command -v docker || command -v dockerd").returncode != 0
    assert "docker" not in ssh(lab, "serverA", "id --name --groups").stdout.split()
    assert ssh(lab, "serverA", "systemctl is-system-running").stdout.strip() == "running"


def test_the_firewall_lets_a_neighbour_reach_only_what_is_open(lab: Lab) -> None:
    reach = "exec 3<>/dev/tcp/vps-i1/{port}"
    for port, open_ in ((22, True), (443, True), (9090, False), (2375, False)):
        answer = ssh(lab, "serverA", f"timeout 2 bash -c '{reach.format(port=port)}'")
        assert (answer.returncode == 0) is open_, port


def test_the_clock_of_a_host_says_utc(lab: Lab) -> None:
    assert ssh(lab, VPS, "date +%Z").stdout.strip() == "UTC"


def test_secrets_are_private_and_stay_out_of_the_repo(lab: Lab) -> None:
    shown = on_vps(lab, "cd /opt/p24-infra/monitoring && stat --format='%a %U' .env && git check-ignore .env")
    assert shown.splitlines() == ["600 claude-admin", ".env"]


def test_a_commit_of_a_colleague_reaches_the_server_by_git_fetch(restored: Lab) -> None:
    commit = gitserver.commit(restored, {"monitoring/NOTE.md": "hello\n"}, "A note")
    assert gitserver.head(restored) == commit
    answer = ssh(
        restored, VPS, "cd /opt/p24-infra && git fetch --quiet && git rev-parse origin/main && git show origin/main:monitoring/NOTE.md"
    )
    assert answer.stdout.split() == [commit, "hello"], answer.stderr


def test_a_reset_takes_back_commits_and_changes(restored: Lab) -> None:
    first, env = gitserver.head(restored), on_vps(restored, "cat /opt/p24-infra/monitoring/.env")
    gitserver.commit(restored, {"monitoring/Caddyfile": "broken"}, "Break it")
    on_vps(restored, "cd /opt/p24-infra && git pull --quiet && echo NEW=1 >> monitoring/.env && docker stop monitoring-loki-1")
    reset(restored)
    assert gitserver.head(restored) == first
    assert on_vps(restored, "cat /opt/p24-infra/monitoring/.env") == env
    assert on_vps(restored, "cd /opt/p24-infra && git rev-parse HEAD && git status --porcelain").split() == [first]
    assert "broken" not in on_vps(restored, "docker exec monitoring-caddy-1 cat /etc/caddy/Caddyfile")
    test_every_service_is_healthy_and_stand_ins_are_labelled(restored)


def test_a_half_made_container_is_made_anew_with_the_same_host_key(lab: Lab) -> None:
    name = lab.container("serverA")
    image = docker("inspect", "--format={{.Config.Image}}", name).strip()
    docker("rm", "--force", "--volumes", name)
    docker("create", f"--name={name}", f"--label={lab.label}", image)
    said: list[str] = []
    up(lab, said.append, STACK)
    assert "serverA: made" in said
    assert ssh(lab, "serverA", "hostname").stdout.strip() == "serverA"


def test_a_killed_up_is_finished_by_the_next_and_down_leaves_nothing(lab: Lab) -> None:
    other = here({**os.environ, "OPSBOOK_LAB_NAME": f"{lab.name[:20]}-killed"})
    kill_when(other, "vps-i1: made")
    up(other, lambda _: None, STACK)
    assert ssh(other, VPS, "curl --fail --silent http://127.0.0.1:9090/-/ready").returncode == 0
    assert load(other).subnet != load(lab).subnet
    down(other, lambda _: None)
    for kind in ("container", "volume", "network"):
        assert labelled(kind, other.label) == []
    assert not list(other.folder.parent.glob(f"{other.name}*"))
    assert status(lab).up


def kill_when(lab: Lab, line: str) -> None:
    """Start `up` as a process and kill it, uncatchably, when it says a line."""
    environment = {**os.environ, "OPSBOOK_LAB_NAME": lab.name}
    root = Path(__file__).parent.parent.parent
    words = [sys.executable, "-c", UP.format(STACK)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment, cwd=root) as process:
        assert process.stdout is not None
        assert any(line in said for said in process.stdout)
        process.send_signal(signal.SIGKILL)

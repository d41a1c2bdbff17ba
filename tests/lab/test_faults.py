"""Each fault does what it says, and its mending brings back exactly what was there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from difflib import unified_diff

import pytest

from opsbook.errors import UsageError
from opsbook.lab.breaking import break_, mend
from opsbook.lab.docker import LabError
from opsbook.lab.faults import FAULTS
from opsbook.lab.lab import Lab
from opsbook.lab.reset import reset
from opsbook.lab.state import load
from opsbook.lab.wait import until
from tests.lab.reach import VPS, on_vps, ssh
from tests.lab.test_cert_faults import SHOWS as CERTIFICATES_SHOW
from tests.lab.test_password_faults import SHOWS as PASSWORDS_SHOW
from tests.lab.test_server_faults import SHOWS as SERVERS_SHOW

Shows = Callable[[Lab], bool]


def succeeds(lab: Lab, line: str) -> bool:
    return ssh(lab, VPS, line).returncode == 0


def rule_groups(lab: Lab) -> set[str]:
    answer = json.loads(on_vps(lab, "curl --fail --silent http://127.0.0.1:9090/api/v1/rules"))
    return {group["name"] for group in answer["data"]["groups"]}


def upstream_has_a_rule_that_promtool_refuses(lab: Lab) -> bool:
    judge = "docker exec --interactive monitoring-prometheus-1 promtool check rules /dev/stdin"
    show = "git show origin/main:monitoring/prometheus/rules/zz-broken.yml"
    found = ssh(lab, VPS, f"cd /opt/p24-infra && git fetch --quiet && {show} > /tmp/rule && ! {judge} < /tmp/rule")
    return found.returncode == 0


def container_has_the_old_file(lab: Lab) -> bool:
    here = on_vps(lab, "cat /opt/p24-infra/monitoring/prometheus/rules/infrastructure.yml")
    there = on_vps(lab, "docker exec monitoring-prometheus-1 cat /etc/prometheus/rules/infrastructure.yml")
    reloaded = succeeds(lab, "curl --fail --silent --request POST http://127.0.0.1:9090/-/reload")
    return reloaded and here != there and "changed-while-mounted" not in rule_groups(lab)


def checkout_is_dirty(lab: Lab) -> bool:
    return ssh(lab, VPS, "cd /opt/p24-infra && git status --porcelain").stdout.strip() != ""


def no_fast_forward(lab: Lab) -> bool:
    return ssh(lab, VPS, "cd /opt/p24-infra && git fetch --quiet && git merge-base --is-ancestor HEAD origin/main").returncode == 1


def fetch_is_refused(lab: Lab) -> bool:
    return "Connection refused" in ssh(lab, VPS, "cd /opt/p24-infra && git fetch").stderr


def prometheus_is_stopped(lab: Lab) -> bool:
    return succeeds(lab, "docker ps --all --filter status=exited --format '{{.Names}}' | grep -x monitoring-prometheus-1")


def engine_is_down(lab: Lab) -> bool:
    return not succeeds(lab, "docker info")


def start_takes_seconds(lab: Lab) -> bool:
    answer = ssh(lab, VPS, "docker restart monitoring-prometheus-1 && sleep 1 && curl --silent http://127.0.0.1:9090/-/ready")
    return answer.returncode != 0


def alertmanager_loops(lab: Lab) -> bool:
    shown = on_vps(lab, "docker inspect --format='{{.RestartCount}}' monitoring-alertmanager-1")
    return int(shown) > 0


def only_the_checkouts_disk_is_full(lab: Lab) -> bool:
    write = "head --bytes=20000 /dev/zero > {0}/probe; code=$?; rm --force {0}/probe; exit $code"
    full = ssh(lab, VPS, write.format("/opt/p24-infra"))
    return "No space left" in full.stderr and succeeds(lab, write.format("/tmp")) and succeeds(lab, write.format("~"))


def no_ssh_but_the_host_lives(lab: Lab) -> bool:
    return not succeeds(lab, "true") and on_vps(lab, "systemctl is-active ssh").strip() == "active"


def ssh_warns_of_another_key(lab: Lab) -> bool:
    return "REMOTE HOST IDENTIFICATION HAS CHANGED" in ssh(lab, VPS, "true").stderr


def reload_api_is_off(lab: Lab) -> bool:
    shown = ssh(lab, VPS, "curl --silent --output /dev/null --write-out '%{http_code}' --request POST http://127.0.0.1:9090/-/reload")
    return shown.stdout == "403"


def prometheus_is_ready_without_a_rule(lab: Lab) -> bool:
    return succeeds(lab, "curl --fail --silent http://127.0.0.1:9090/-/ready") and rule_groups(lab) == set()


def forwarding_is_refused(lab: Lab) -> bool:
    return "open failed" in ssh(lab, VPS, "true", "-W", "127.0.0.1:9090").stderr and succeeds(lab, "true")


SHOWS: dict[str, tuple[tuple[str, ...], Shows]] = {
    "bad-rule": ((), upstream_has_a_rule_that_promtool_refuses),
    "stale-mount": ((), container_has_the_old_file),
    "dirty-checkout": ((), checkout_is_dirty),
    "diverged-history": ((), no_fast_forward),
    "git-server-down": ((), fetch_is_refused),
    "prometheus-down": ((), prometheus_is_stopped),
    "docker-down": ((), engine_is_down),
    "slow-start": (("4",), start_takes_seconds),
    "crash-loop": ((), alertmanager_loops),
    "disk-full": ((), only_the_checkouts_disk_is_full),
    "network-cut": (("60",), no_ssh_but_the_host_lives),
    "host-key-changed": ((), ssh_warns_of_another_key),
    "no-lifecycle": ((), reload_api_is_off),
    "empty-glob": ((), prometheus_is_ready_without_a_rule),
    "no-forwarding": ((), forwarding_is_refused),
}


CONDITION = """
cd /opt/p24-infra
asks() { runuser --user claude-admin -- "$@"; }
echo "tree: $(asks git rev-parse HEAD^{tree}) $(asks git status --porcelain) $(ls -A monitoring | xargs)"
echo "upstream: $(asks git fetch --quiet && asks git rev-parse origin/main^{tree})"
docker ps --all --format 'service: {{.Names}} {{.State}}' | sort
docker ps --all --filter health=unhealthy --format 'unwell: {{.Names}}'
docker inspect --format 'command: {{.Path}} {{.Args}}' monitoring-prometheus-1
docker inspect --format '{{range .Mounts}}{{println "mount:" .Destination}}{{end}}' monitoring-prometheus-1 | sort
findmnt --noheadings --list --output TARGET --types tmpfs | grep --invert-match /run/user | sort | sed 's/^/tmpfs: /'
echo "sshd: $(/usr/sbin/sshd -T | sha256sum) $(cat /etc/ssh/ssh_host_ed25519_key.pub)"
iptables --wait --table raw --list-rules
curl --fail --silent http://127.0.0.1:9090/api/v1/rules | grep --only-matching '"name":"[a-z0-9-]*","file"' | sort
"""


def condition(lab: Lab) -> list[str]:
    """What a fault may not leave changed behind it."""
    return on_vps(lab, CONDITION, user="root").splitlines()


def becomes(lab: Lab, before: list[str]) -> None:
    """A service that was started again loads its rules a moment later."""
    until("all is as it was", lambda: condition(lab) == before, within=20, saw=lambda: difference(before, condition(lab)))


def difference(before: list[str], after: list[str]) -> str:
    return "\n".join(unified_diff(before, after, lineterm="", n=0))


@pytest.fixture
def lab_to_break(lab: Lab) -> Iterator[Lab]:
    """The lab for a test that mends what it breaks; only where it did not, the lab is reset."""
    yield lab
    if load(lab).faults:
        reset(lab)


def test_every_fault_is_shown_here_or_among_its_own() -> None:
    assert sorted((*SHOWS, *CERTIFICATES_SHOW, *PASSWORDS_SHOW, *SERVERS_SHOW)) == [one.name for one in FAULTS]


@pytest.mark.parametrize("name", list(SHOWS))
def test_a_fault_does_what_it_says_and_its_mending_restores_what_was(lab_to_break: Lab, name: str) -> None:
    arguments, shows = SHOWS[name]
    before = condition(lab_to_break)
    assert any("infrastructure" in line for line in before)
    assert not shows(lab_to_break)
    break_(lab_to_break, name, *arguments)
    assert [one.name for one in load(lab_to_break).faults] == [name]
    assert shows(lab_to_break)
    assert mend(lab_to_break) == (name,)
    becomes(lab_to_break, before)
    assert load(lab_to_break).faults == ()
    mend(lab_to_break, name)
    assert condition(lab_to_break) == before


def test_two_faults_of_one_service_are_in_force_together_and_mended_together(lab_to_break: Lab) -> None:
    before = condition(lab_to_break)
    break_(lab_to_break, "no-lifecycle")
    break_(lab_to_break, "stale-mount")
    assert reload_api_is_off(lab_to_break)
    assert mend(lab_to_break) == ("stale-mount", "no-lifecycle")
    becomes(lab_to_break, before)


def test_a_network_cut_heals_by_itself(lab_to_break: Lab) -> None:
    break_(lab_to_break, "network-cut", "1")
    until("ssh answers again", lambda: succeeds(lab_to_break, "true"), within=15)
    assert on_vps(lab_to_break, "systemctl list-units --no-legend lab-cut.service").strip() == ""


def test_an_injection_that_failed_half_way_is_still_on_record_and_mended(lab_to_break: Lab) -> None:
    before = condition(lab_to_break)
    break_(lab_to_break, "git-server-down")
    with pytest.raises(LabError, match="Connection refused"):
        break_(lab_to_break, "no-lifecycle")  # committed upstream, and not to be pulled
    assert [one.name for one in load(lab_to_break).faults] == ["git-server-down", "no-lifecycle"]
    assert mend(lab_to_break) == ("git-server-down", "no-lifecycle")
    becomes(lab_to_break, before)


def test_a_stale_mount_of_a_service_that_mounts_single_files_is_mended_by_a_restart(lab_to_break: Lab) -> None:
    differ = "! docker exec monitoring-caddy-1 cat /etc/caddy/Caddyfile | cmp --silent - /opt/p24-infra/monitoring/Caddyfile"
    break_(lab_to_break, "stale-mount", "caddy")
    assert succeeds(lab_to_break, differ)
    mend(lab_to_break)
    assert not succeeds(lab_to_break, differ)


FAST_FORWARD = "cd /opt/p24-infra && git pull --quiet --ff-only"


def test_history_diverges_also_where_the_checkout_is_behind_and_everything_is_mended_again(lab_to_break: Lab) -> None:
    break_(lab_to_break, "bad-rule")
    mend(lab_to_break)  # two commits upstream that the checkout does not have
    break_(lab_to_break, "diverged-history")
    assert no_fast_forward(lab_to_break)
    mend(lab_to_break)
    assert succeeds(lab_to_break, FAST_FORWARD)
    break_(lab_to_break, "no-lifecycle")
    mend(lab_to_break)
    assert not reload_api_is_off(lab_to_break)


def test_a_checkout_that_followed_the_rewritten_history_is_brought_back(lab_to_break: Lab) -> None:
    break_(lab_to_break, "diverged-history")
    on_vps(lab_to_break, "cd /opt/p24-infra && git fetch --quiet && git reset --quiet --hard origin/main")
    mend(lab_to_break)
    assert succeeds(lab_to_break, FAST_FORWARD)
    assert not checkout_is_dirty(lab_to_break)


def test_what_cannot_be_mended_is_named_with_the_way_out(lab_to_break: Lab) -> None:
    break_(lab_to_break, "empty-glob")
    break_(lab_to_break, "git-server-down")
    with pytest.raises(LabError, match="empty-glob could not be mended") as caught:
        mend(lab_to_break, "empty-glob")
    assert caught.value.next == "opsbook lab down; opsbook lab up"
    mend(lab_to_break)


def test_a_refused_argument_leaves_the_same_fault_in_force(lab_to_break: Lab) -> None:
    break_(lab_to_break, "crash-loop")
    with pytest.raises(UsageError, match="no service nosuch"):
        break_(lab_to_break, "crash-loop", "nosuch")
    assert [(one.name, one.args) for one in load(lab_to_break).faults] == [("crash-loop", ("alertmanager",))]
    assert alertmanager_loops(lab_to_break)
    mend(lab_to_break)


def test_a_fault_with_a_wrong_name_or_arguments_is_refused_before_anything_happens(lab: Lab) -> None:
    with pytest.raises(UsageError, match="there is no fault bad-rul"):
        break_(lab, "bad-rul")
    for name in ("dirty-checkout", "crash-loop", "stale-mount"):
        with pytest.raises(UsageError, match="nonsense"):
            break_(lab, name, "nonsense")
    with pytest.raises(UsageError, match="never fills"):
        break_(lab, "disk-full", "/")
    with pytest.raises(UsageError, match="usage: opsbook lab break network-cut SECONDS"):
        break_(lab, "network-cut")
    with pytest.raises(UsageError, match="no host nowhere"):
        break_(lab, "host-key-changed", "nowhere")
    with pytest.raises(UsageError, match="number of seconds"):
        break_(lab, "slow-start", "soon")
    assert load(lab).faults == ()

from __future__ import annotations

from dataclasses import replace

import pytest

from opsbook.check import Seen
from opsbook.findings.finding import Finding
from opsbook.inventory import Site
from opsbook.moves.triage.facts import Facts, Reload
from opsbook.moves.triage.findings import findings
from opsbook.moves.triage.gather import skew
from opsbook.moves.triage.summary import rows
from opsbook.systems.certificate import Certificate
from opsbook.systems.container import Container
from opsbook.systems.disk import Disk
from opsbook.systems.machine_answers import Machine, Memory
from opsbook.systems.prometheus_state import Target
from opsbook.systems.rules import Group, Rule
from opsbook.systems.systemd import Clock
from tests.moves.triage.machines import CRITICAL, DAY, GB, MACHINE, NOW, PLAIN, ROOT, WELL, but, container, machine, spoken

KILL = "2023-11-14T22:03:20+0000 vps kernel: Out of memory: Killed process 12 (prometheus) total-vm:1kB"
FULL = Disk("/opt", "tmpfs", 4_000_000, 0, 1000, 900)
STOPPED = replace(container("prometheus", status="exited"), exit_code=0)
LOOPS = container("alertmanager", status="restarting", restarts=7)


def first(facts: Facts) -> Finding:
    return findings(facts)[0]


def culprit(facts: Facts) -> tuple[str, str, str]:
    found = first(facts)
    return found.severity, found.what, found.next


def test_a_well_host_has_no_findings() -> None:
    assert findings(WELL) == ()


def test_a_host_that_told_nothing_has_no_findings_and_no_lines() -> None:
    assert findings(Facts(PLAIN, Machine())) == ()
    assert list(rows(Facts(PLAIN, Machine()))) == []


def test_a_prometheus_without_a_target_is_trouble_unless_it_has_just_started() -> None:
    found = first(spoken(targets=()))
    assert (found.severity, found.what) == ("bad", "Prometheus has no target: nothing is measured")
    young = machine(containers=but(container("prometheus", age=4)))
    found = first(replace(young, services=replace(young.services, targets=())))
    assert (found.severity, found.what) == ("warn", "no target yet: Prometheus started 4 s ago")
    assert findings(spoken(targets=None)) == ()


def test_the_clock_of_a_lab_host_is_this_machines_and_needs_no_time_server() -> None:
    loose = machine(clock=Clock("Etc/UTC", synchronized=False, service=False))
    assert first(loose).what == "the host's clock follows no time server"
    assert findings(replace(loose, entry=replace(loose.entry, lab=True))) == ()


def test_a_one_shot_that_ended_well_is_no_finding_and_counts_as_well() -> None:
    ended = replace(container("migrate", status="exited"), exit_code=0)
    facts = machine(containers=(*but(), ended))
    assert first(facts).what == "migrate is stopped: exited (0)"
    meant = replace(facts, one_shots=frozenset({"migrate"}))
    assert findings(meant) == ()
    assert dict(rows(meant))["containers"].startswith("10 of 10")


@pytest.mark.parametrize(
    ("facts", "severity", "sentence", "command"),
    [
        (machine(disks=(ROOT, FULL)), "bad", "the disk is full: /opt", "ssh vps-i1 du --one-file-system"),
        (machine(disks=(replace(ROOT, free=8 * GB),)), "warn", "the disk is nearly full: /", "ssh vps-i1 du"),
        (machine(disks=(replace(ROOT, free_inodes=3),)), "bad", "the disk is full: /", "ssh vps-i1 du"),
        (machine(memory=Memory(16 * GB, GB // 10)), "bad", "memory is running out", "ssh vps-i1 ps"),
        (machine(memory=Memory(16 * GB, GB)), "warn", "memory is running out", "ssh vps-i1 ps"),
        (machine(kills=(KILL,)), "bad", "the kernel killed prometheus for lack of memory", "ssh vps-i1 ps"),
        (machine(kills=(KILL,), now=NOW + DAY / 2), "warn", "the kernel killed prometheus for lack of memory", "ssh vps-i1 ps"),
        (machine(oom_kills=2), "warn", "the kernel killed processes for lack of memory", "ssh vps-i1 ps"),
        (machine(containers=but(STOPPED)), "bad", "prometheus is stopped: exited (0)", "opsbook recreate-service prometheus vps-i1"),
        (machine(containers=but(container("loki", status="exited"))), "bad", "loki does not run: exited (1)", "opsbook logs loki vps-i1"),
        (
            machine(containers=but(replace(STOPPED, out_of_memory=True))),
            "bad", "prometheus was killed for lack of memory", "opsbook logs prometheus vps-i1",
        ),
        (
            machine(containers=but(LOOPS)),
            "bad", "alertmanager ends as soon as it starts: restarting (1), restarted 7 times", "opsbook logs alertmanager vps-i1",
        ),
        (
            machine(containers=but(container("loki", restarts=5, age=3))),
            "bad", "loki ended and was started again 3 s ago, 5 times in all", "opsbook logs loki vps-i1",
        ),
        (machine(containers=but(container("loki", restarts=1, age=90))), "warn", "loki was restarted by Docker 2 min ago", "opsbook logs"),
        (machine(containers=but(container("loki", health="unhealthy"))), "bad", "loki is unhealthy", "opsbook logs loki vps-i1"),
        (machine(containers=but(container("loki", health="starting", age=4))), "warn", "loki is still starting, since 4 s", "opsbook logs"),
        (machine(containers=but(container("loki", health="starting", age=400))), "bad", "loki is still starting, since 7 min", "opsbook"),
        (machine(containers=MACHINE.containers[1:]), "bad", "prometheus is missing: it has no container", "opsbook bring-up vps-i1"),  # type: ignore[index]
        (machine(containers=()), "bad", "the stack is not there: it has no container at all", "opsbook bring-up vps-i1"),
        (machine(containers=(STOPPED,)), "bad", "nothing of the stack runs", "opsbook bring-up vps-i1"),
        (
            machine(containers=(*but(), Container("x", "web", "restarting", restarts=9))),
            "warn", "the container web is restarting (0)", "ssh vps-i1 docker logs",
        ),
        (machine(failed_units=("apt.service",)), "warn", "apt.service has failed", "ssh vps-i1 systemctl status apt.service"),
        (machine(failed_units=("a.service", "docker.service")), "bad", "docker.service has failed", "ssh vps-i1 systemctl status docker"),
        (spoken(reloads={"prometheus": Reload(ok=False, at=NOW - 60)}), "bad", "prometheus refused its configuration", "opsbook"),
        (
            spoken(endpoints={"loki": Seen(ok=False, saw="/ready gave status 503")}),
            "bad", "loki runs but does not answer as it should", "opsbook logs loki vps-i1",
        ),
        (spoken(rules=()), "bad", "Prometheus runs no rule at all", "opsbook reload-rules vps-i1 --plan"),
        (
            spoken(rules=(Group("a", "a", 1, (Rule("alert", "X", "x", health="err", error="many-to-many"),)),)),
            "warn", "1 rule cannot be evaluated", "opsbook logs prometheus",
        ),
        (spoken(certificates={"a.example": None}), "bad", "port 443 serves no certificate for a.example", "opsbook logs caddy vps-i1"),
        (spoken(targets=(Target("node", "b:9100", "down", "connection refused"),)), "warn", "1 of 1 target down", "opsbook logs"),
        (spoken(alerts=(CRITICAL,)), "bad", "1 alert fires: ServerDown", "opsbook status vps-i1"),
        (spoken(alerts=({**CRITICAL, "severity": "warning"},)), "warn", "1 alert fires: ServerDown", "opsbook status vps-i1"),
        (machine(clock=Clock("", synchronized=False, service=True)), "warn", "the host's clock follows no time server", "ssh vps-i1"),
        (replace(WELL, skew=45.0), "bad", "the host's clock is wrong, or ours is", "ssh vps-i1 timedatectl"),
        (replace(WELL, skew=-3.0), "warn", "the host's clock is wrong, or ours is", "ssh vps-i1 timedatectl"),
        (machine(load=(40.0, 1.0, 1.0)), "warn", "the host has more to do than it can", "ssh vps-i1 top"),
        (machine(uptime=90.0), "warn", "the host booted 2 min ago", "ssh vps-i1 last"),
        (machine(changes=("monitoring/.x",)), "warn", "the checkout has changes that nobody committed", "ssh vps-i1 git"),
        (machine(commits=None, silent={"commits": "dubious ownership"}), "warn", "git does not answer in /opt/p24-infra", "opsbook doctor"),
        (machine(memory=None, silent={"memory": "no answer in time"}), "note", "the host does not tell its memory", ""),
    ],
)  # fmt: skip
def test_each_trouble_is_named_with_the_command_to_type_next(facts: Facts, severity: str, sentence: str, command: str) -> None:
    found = culprit(facts)
    assert (found[0], found[1].startswith(sentence), found[2].startswith(command)) == (severity, True, True), found
    assert len(findings(facts)) == len(facts.machine.failed_units or "x")


DOCKER = {
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.": "Docker does not run",
    "permission denied while trying to connect to the Docker daemon socket": "claude-admin may not talk to Docker",
    "no answer in time": "Docker hangs",
    "bash: line 1: docker: command not found": "Docker is not installed",
}


@pytest.mark.parametrize("said", DOCKER)
def test_a_docker_that_does_not_answer_is_told_apart(said: str) -> None:
    assert first(machine(containers=None, silent={"containers": said})).what == DOCKER[said]


def test_a_host_that_needs_no_docker_is_not_blamed_for_having_none() -> None:
    silent = {"containers": "bash: line 1: docker: command not found"}
    assert findings(Facts(PLAIN, Machine(silent=silent))) == ()
    assert first(Facts(replace(PLAIN, roles=("docker",)), Machine(silent=silent))).what == "Docker is not installed"


def test_a_cause_stands_before_what_it_causes() -> None:
    down = spoken(
        endpoints={}, reloads={}, rules=None, targets=(Target("x", "prometheus:9090", "down"),), alerts=(CRITICAL,), certificates={}
    )
    everything = replace(MACHINE, disks=(FULL,), containers=but(STOPPED, LOOPS, container("loki", health="unhealthy")), load=(40.0, 1, 1))
    sentences = [found.what.split(":")[0] for found in findings(replace(down, machine=everything))]
    assert sentences == [
        "the disk is full", "prometheus is stopped", "alertmanager ends as soon as it starts", "loki is unhealthy", "1 alert fires",
        "1 of 1 target down", "the host has more to do than it can",
    ]  # fmt: skip


def test_a_service_that_starts_stands_before_those_that_wait_for_it() -> None:
    starting = machine(containers=but(container("prometheus", health="starting", age=4)))
    facts = replace(starting, services=spoken(endpoints={"thanos-sidecar": Seen(ok=False)}).services)
    assert [(one.severity, one.what.split()[0]) for one in findings(facts)] == [("warn", "prometheus"), ("warn", "thanos-sidecar")]


def test_a_docker_that_is_down_stands_before_its_failed_unit() -> None:
    silent = {"containers": "Cannot connect to the Docker daemon"}
    assert first(machine(containers=None, silent=silent, failed_units=("docker.service",))).what == "Docker does not run"


def test_the_last_words_of_a_service_are_shown_with_it() -> None:
    facts = replace(machine(containers=but(LOOPS)), words={"alertmanager": "unknown flag --no-such-flag"})
    assert first(facts).evidence == "unknown flag --no-such-flag"


def test_an_endpoint_of_a_service_that_is_unwell_anyway_is_not_told_twice() -> None:
    unwell = machine(containers=but(container("loki", health="unhealthy")))
    facts = replace(unwell, services=spoken(endpoints={"loki": Seen(ok=False)}).services)
    assert [found.what for found in findings(facts)] == ["loki is unhealthy"]


def certified(left: float, life: float) -> Facts:
    return spoken(certificates={"a.example": Certificate("a.example", NOW + left - life, NOW + left, "CN=R3")})


@pytest.mark.parametrize(
    ("left", "life", "severity"),
    [
        (60 * DAY, 90 * DAY, None),
        (16 * DAY, 90 * DAY, None),
        (14 * DAY, 90 * DAY, "warn"),
        (2 * DAY, 90 * DAY, "bad"),
        (-DAY, 90 * DAY, "bad"),
        (22 * DAY, 398 * DAY, None),
        (20 * DAY, 398 * DAY, "warn"),
        (DAY / 6, DAY / 2, None),       # Caddy's own last twelve hours and are renewed after eight
        (DAY / 24, DAY / 2, "warn"),
    ],
)  # fmt: skip
def test_a_certificate_is_late_by_the_measure_of_its_life(left: float, life: float, severity: str | None) -> None:
    found = findings(certified(left, life))
    assert [one.severity for one in found] == ([severity] if severity else [])


def test_where_the_inventory_names_the_sites_a_certificate_is_looked_at_by_check_endpoints() -> None:
    assert WELL.entry.stack is not None
    named = replace(WELL.entry, stack=replace(WELL.entry.stack, sites=(Site("a.example", "prometheus"),)))
    (found,) = findings(replace(certified(-DAY, 90 * DAY), entry=named))
    assert (found.what, found.next) == ("the certificate of a.example ended 1 d ago and was not renewed", "opsbook check-endpoints vps-i1")


def test_a_service_that_speaks_tls_by_itself_is_told_before_its_certificate_ends() -> None:
    far, near = (Certificate("prometheus", NOW + (left - 365) * DAY, NOW + left * DAY, "CN=our CA") for left in (300, 9))
    assert findings(spoken(own_certificates={"prometheus": far})) == ()
    (found,) = findings(spoken(own_certificates={"prometheus": near}))
    told = (found.severity, found.what, found.next)
    assert told == ("warn", "the certificate of prometheus ends in 9 d", "opsbook generate-certs vps-i1")


def test_images_and_discs_that_are_always_full_are_no_trouble() -> None:
    assert findings(machine(disks=(Disk("/snap/core", "/dev/loop1", 100, 0, 10, 0), Disk("/media", "/dev/sr0", 100, 0, 0, 0)))) == ()


def test_three_percent_of_a_huge_disk_is_enough_and_a_file_system_may_count_no_inodes() -> None:
    assert findings(machine(disks=(Disk("/", "/dev/md0", 20_000 * GB, 500 * GB, 0, 0),))) == ()


def test_an_alert_that_always_fires_is_no_trouble() -> None:
    assert findings(spoken(alerts=({"alertname": "Watchdog", "severity": "none"},))) == ()


def test_a_skew_is_counted_only_as_far_as_it_is_certain() -> None:
    assert skew(100.2, 100.9, 100) == 0     # the host tells whole seconds
    assert skew(100.0, 101.0, 131) == 30
    assert skew(100.0, 101.0, 60) == -39
    assert skew(100.0, 105.0, 104) == 0     # the answer was slow


def test_the_summary_shows_the_host_also_when_all_is_well() -> None:
    shown = dict(rows(WELL))
    assert shown["containers"] == "9 of 9 of the stack are well"
    assert shown["commits"] == "01234567 2 h ago, Anna: Watch the queues"
    assert shown["prometheus"] == "1 rule, 1 of 1 target up, 0 alerts fire"
    assert shown["certificates"].startswith("1, the first to end in 60 d")
    assert dict(rows(certified(-DAY, 90 * DAY)))["certificates"].startswith("1, the first ended 1 d ago")

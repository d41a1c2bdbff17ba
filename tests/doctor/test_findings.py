from __future__ import annotations

from dataclasses import replace

import pytest

from opsbook.doctor.facts import Facts
from opsbook.doctor.findings import findings
from opsbook.doctor.of_env import dollars
from opsbook.findings.finding import Finding
from opsbook.inventory import HostEntry
from opsbook.privileged import ALL, LOOK
from opsbook.record import Record
from opsbook.systems.container import Container, Mount, Port
from opsbook.systems.disk import Disk
from opsbook.systems.files import Stat
from opsbook.systems.sudo import Grant
from opsbook.systems.systemd import Clock
from opsbook.systems.versions import is_of, tag, version
from tests.doctor.hosts import (
    ALERTMANAGER,
    CADDY,
    GB,
    LOKI,
    PLAIN,
    PROMETHEUS,
    QUERY,
    SIDECAR,
    WELL,
    but,
    container,
    machine,
)

RECORD = Record("261121-0105-k3fq", "reload-rules", {}, "anna@laptop", 1.7e9, "do")
FILE = "/opt/p24-infra/monitoring/Caddyfile"
THE_WORLD = Port(9090, 9090)
OUTDATED = {**(WELL.programs or {}), LOOK.path: "0" * 64}


def found(facts: Facts) -> list[Finding]:
    return [one for one in findings(facts) if one.severity != "ok"]


def without(*flags: str) -> Container:
    return replace(PROMETHEUS, command=tuple(word for word in PROMETHEUS.command if not word.startswith(flags)))


def granted(command: str) -> Facts:
    assert WELL.grants is not None
    return replace(WELL, grants=(*WELL.grants, Grant("root", command, password=False)))


def test_a_host_where_all_is_right_has_only_good_findings() -> None:
    assert found(WELL) == []
    assert {one.severity for one in findings(WELL)} == {"ok"}


def test_a_plain_host_is_asked_for_neither_docker_nor_checkout() -> None:
    assert found(replace(WELL, entry=PLAIN, docker=None, compose=None, foreign=None, env=None)) == []


@pytest.mark.parametrize(
    ("facts", "severity", "what"),
    [
        (replace(WELL, forwards=False), "warn", "sshd forwards no ports"),
        (replace(WELL, grants=None, why={"grants": "a password is required"}), "bad", "sudo gives us nothing without a password"),
        (replace(WELL, grants=None, entry=replace(WELL.entry, roles=())), "warn", "sudo gives us nothing without a password"),
        (replace(WELL, grants=WELL.grants[:1]), "note", "sudo does not allow all programs for root's part"),  # type: ignore[index]
        (replace(WELL, programs={}), "note", f"programs for root's part are missing: {', '.join(act.name for act in ALL)}"),
        (replace(WELL, programs=OUTDATED), "warn", "programs for root's part are not those of this opsbook: opsbook-look"),
        (granted("/usr/bin/systemctl"), "warn", "sudo allows /usr/bin/systemctl with any arguments, which is as good as root"),
        (granted("ALL"), "warn", "sudo allows everything, which is as good as root"),
        (granted("/usr/bin/dmesg *"), "warn", "sudo allows a wildcard, which also matches blanks: /usr/bin/dmesg *"),
        (replace(WELL, groups=("docker",)), "note", "claude-admin is in the group docker, which is as good as root"),
        (replace(WELL, firewall="Status: inactive"), "bad", "the firewall is off"),
        (replace(WELL, firewall="Status: active\nDefault: allow (incoming)"), "bad", "the firewall is on, but lets everything in"),
        (replace(WELL, docker=None, why={"docker": "Cannot connect"}), "bad", "Docker does not answer"),
        (replace(WELL, docker=None, why={"docker": "permission denied"}), "bad", "claude-admin may not talk to Docker"),
        (replace(WELL, compose=None), "bad", "Docker has no Compose plugin"),
        (replace(WELL, compose="2.3.3"), "warn", "Compose 2.3.3 is older than 2.20"),
        (replace(WELL, skew=99.0), "bad", "the host's clock is wrong, or ours is"),
        (replace(WELL, skew=-5.0), "warn", "the host's clock is wrong, or ours is"),
        (machine(clock=Clock("", synchronized=False, service=False)), "warn", "the host's clock follows no time server"),
        (machine(disks=(Disk("/", "/dev/vda", 100 * GB, GB, 0, 0),)), "bad", "the disk is full: /"),
        (machine(disks=(Disk("/", "/dev/vda", 100 * GB, 9 * GB, 0, 0),)), "warn", "the disk is nearly full: /"),
        (replace(WELL, lock="anna runs reload-rules"), "note", "an operator holds the lock"),
        (replace(WELL, record=RECORD), "warn", "a run of reload-rules has not ended"),
        (replace(WELL, record=None, why={"record": "damaged"}), "bad", "the record of an unfinished run is damaged"),
        (replace(WELL, foreign=("./a", "./b")), "bad", "files of /opt/p24-infra are not claude-admin's"),
        (replace(WELL, foreign=None, why={"foreign": "No such file"}), "bad", "there is no checkout in /opt/p24-infra"),
        (machine(silent={"commits": "dubious ownership"}), "bad", "git does not answer in /opt/p24-infra"),
        (machine(changes=("monitoring/x",)), "warn", "the checkout has changes that nobody committed"),
        (replace(WELL, env=None), "bad", "/opt/p24-infra/monitoring/.env is missing"),
        (replace(WELL, env=None, why={"env": "denied"}), "bad", "/opt/p24-infra/monitoring/.env cannot be read"),
        (replace(WELL, env=Stat(0o644, "a", "a", 1, 0, "")), "bad", "others may read /opt/p24-infra/monitoring/.env"),
        (replace(WELL, env_text="H=$2a$14$x"), "warn", "values in /opt/p24-infra/monitoring/.env may not be what they look like"),
        (replace(WELL, why={"lock": "no answer"}), "warn", "the host does not tell its lock"),
        (but(without("--web.enable-lifecycle")), "note", "Prometheus runs without --web.enable-lifecycle"),
        (but(without("--storage.tsdb.retention")), "note", "Prometheus keeps 15 days, because no retention is given"),
        (but(without("--storage.tsdb.max-block")), "bad", "Prometheus compacts blocks that the sidecar uploads"),
        (
            but(replace(PROMETHEUS, command=(*PROMETHEUS.command, "--web.enable-remote-write-receiver"))),
            "note", "Prometheus takes what others push to it",
        ),
        (but(replace(PROMETHEUS, image="prom/prometheus:v3.1.0")), "bad", "Thanos v0.36.1 does not understand Prometheus v3.1.0"),
        (replace(WELL, external_labels={}), "bad", "Prometheus has no external labels"),
        (replace(WELL, stores=()), "bad", "thanos-query has no store to ask"),
        (but(replace(QUERY, command=("query",))), "bad", "thanos-query has no store to ask"),
        (
            but(container("c1", "thanosio/thanos:v0.36.1", "compact"), container("c2", "thanosio/thanos:v0.36.1", "compact")),
            "bad", "more than one compactor runs: they would destroy the bucket",
        ),
        (but(container("promtail", "grafana/promtail:3.4.5")), "warn", "promtail is no longer maintained"),
        (but(container("loki", "grafana/loki")), "warn", "images without a version: loki"),
        (but(container("loki", "registry:5000/grafana/loki:latest")), "warn", "images without a version: loki"),
        (but(replace(LOKI, image="grafana/loki:3.6.1")), "bad", "Loki's health check cannot work: it stays unhealthy for ever"),
        (but(replace(CADDY, image="caddy:2.8.4")), "note", "Caddy 2.8.4 calls `basicauth` deprecated"),
        (replace(WELL, caddyfile="\tbasic_auth {"), "bad", "Caddy 2.6.2-alpine does not know `basic_auth`: it would not start again"),
        (but(replace(ALERTMANAGER, mounts=())), "warn", "Alertmanager keeps its silences in the container"),
        (
            but(replace(ALERTMANAGER, mounts=(Mount("volume", "", "/alertmanager", "0" * 64),))),
            "warn", "Alertmanager keeps its silences in the container",
        ),
        (but(container("cadvisor", "gcr.io/cadvisor/cadvisor:v0.60")), "warn", "cadvisor comes from a registry that gets no new versions"),
        (but(replace(LOKI, ports=(Port(3100, 3100),))), "bad", "monitoring-loki-1 is open to the world"),
        (
            replace(but(replace(CADDY, mounts=(Mount("bind", FILE, "/etc/caddy/Caddyfile"),))), single_files=frozenset({FILE})),
            "note", "single files are mounted: after a pull their service still sees the old ones",
        ),
    ],
)  # fmt: skip
def test_each_trouble_is_found_alone(facts: Facts, severity: str, what: str) -> None:
    assert [(one.severity, one.what) for one in found(facts)] == [(severity, what)]


def test_an_admin_api_that_is_open_to_the_world_is_told_beside_the_port() -> None:
    wide = replace(PROMETHEUS, command=(*PROMETHEUS.command, "--web.enable-admin-api"), ports=(THE_WORLD,))
    told = [one.what for one in found(but(wide))]
    assert told == ["anybody may delete Prometheus's data", "monitoring-prometheus-1 is open to the world"]


def test_an_old_cadvisor_is_bad_only_with_the_image_store_that_it_does_not_know() -> None:
    old = but(container("cadvisor", "ghcr.io/google/cadvisor:v0.55.1"))
    assert found(old) == []
    assert [one.what for one in found(replace(old, driver="overlayfs"))] == ["cadvisor is too old for this Docker"]


def test_a_sidecar_that_uploads_nothing_does_not_mind_compaction() -> None:
    local = replace(SIDECAR, command=("sidecar",))
    assert found(replace(but(local, without("--storage.tsdb.max-block")))) == []


def test_a_run_that_is_under_way_is_told_once_by_its_lock() -> None:
    assert [one.what for one in found(replace(WELL, lock="anna", record=RECORD))] == ["an operator holds the lock"]


def test_a_host_that_should_have_docker_is_held_to_it() -> None:
    entry = HostEntry("serverB", address="192.0.2.1", roles=("docker",))
    facts = replace(WELL, entry=entry, docker=None, why={"docker": "docker: command not found"})
    assert [one.what for one in found(facts)] == ["Docker does not answer"]


def test_dollars_are_found_by_name_and_never_by_value() -> None:
    text = "A='$2a$14$x'\n#B=$x\nC=$2y$10$abc\nD=\"pa$$word$\"\nexport E=x${HOME}y\nF=cost$5\nG=plain\nH=\"$2b$10$q\"\n"
    assert list(dollars(text)) == ["C", "D", "F", "H"]
    assert not any("abc" in one.evidence for one in findings(replace(WELL, env_text=text)))


def test_versions_are_numbers_and_images_have_a_name_of_their_own() -> None:
    assert version("v2.53.3") == (2, 53, 3)
    assert version("2.26.1-4") == (2, 26, 1)
    assert version("latest") == ()
    assert tag(container("x", "r:5000/a/b:1.2@sha256:ff")) == "1.2"
    assert is_of(container("x", "r:5000/thanos/thanos:v1"), "thanos")
    assert not is_of(container("x", "thanos/other:v1"), "thanos")


def test_a_run_that_has_not_ended_is_resumed_by_the_line_that_is_shown() -> None:
    (shown,) = found(replace(WELL, record=RECORD, again="opsbook restart-service loki vps-i1"))
    assert shown.next == "opsbook restart-service loki vps-i1    (resumes it)"
    (unknown,) = found(replace(WELL, record=RECORD))
    assert unknown.next == "opsbook history --on vps-i1"


@pytest.mark.parametrize("status", ["Status: inactive", "Status: active\nDefault: allow (incoming)"])
def test_a_firewall_that_refuses_nothing_is_turned_on_by_what_our_login_may_run(status: str) -> None:
    one = next(one for one in found(replace(WELL, firewall=status)) if "the firewall is" in one.what)
    assert one.next == f"opsbook open-scrape-ports --enable {WELL.host}"

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from opsbook.lab import breaking
from opsbook.lab.lab import Lab
from tests.lab.process import Ran, Terminal, opsbook
from tests.lab.reach import on_vps
from tests.lab.snapshot import snapshot

DOCTOR = ("--lab", "doctor", "vps-i1", "--json")
ENV = "/opt/p24-infra/monitoring/.env"


def findings(ran: Ran, severity: str, host: int = 0) -> list[str]:
    return [one["what"] for one in json.loads(ran.out)["hosts"][host]["findings"] if one["severity"] == severity]


def test_both_hosts_are_well_and_their_rights_and_settings_are_told(lab: Lab) -> None:
    before = snapshot(lab)
    ran = opsbook("--lab", "doctor", "vps-i1", "serverA", "--json")
    assert (ran.code, findings(ran, "bad"), findings(ran, "bad", 1)) == (0, [], []), ran.text
    assert [one["host"] for one in json.loads(ran.out)["hosts"]] == ["vps-i1", "serverA"]
    good = findings(ran, "ok")
    assert {"sshd forwards ports", "nobody holds the lock", "the firewall is on", "both clocks agree"} <= set(good)
    assert {"the checkout /opt/p24-infra is ours", f"{ENV} is readable for claude-admin only"} <= set(good)
    assert "promtail is no longer maintained" in findings(ran, "warn")
    notes = findings(ran, "note")
    assert "claude-admin is in the group docker, which is as good as root" in notes
    assert "single files are mounted: after a pull their service still sees the old ones" in notes
    assert snapshot(lab) == before


def test_it_is_shown_in_80_columns_and_without_a_secret(lab: Lab) -> None:
    ran = opsbook("--lab", "doctor", "vps-i1")
    text = [line for line in ran.out.splitlines() if "next:" not in line and "/" not in line]
    assert max(map(len, text)) <= 80
    secrets = on_vps(lab, f"grep -E 'PASSWORD|SECRET|HASH' {ENV}")
    values = [line.partition("=")[2].strip("'") for line in secrets.splitlines()]
    assert len(values) > 2
    assert not [value for value in values if value in ran.text]


def test_what_keeps_runbooks_from_working_is_bad(restored: Lab) -> None:
    on_vps(restored, f"cp --preserve {ENV} /tmp/env; chmod 644 {ENV}; echo 'no assignment' >> {ENV}")
    on_vps(restored, "touch /opt/p24-infra/left-by-root", user="root")
    on_vps(restored, "mkdir -p ~/.local/state/opsbook && echo garbage > ~/.local/state/opsbook/record.json")
    try:
        ran = opsbook(*DOCTOR)
        assert set(findings(ran, "bad")) == {
            f"others may read {ENV}",
            f"{ENV} cannot be understood",
            "files of /opt/p24-infra are not claude-admin's",
            "the record of an unfinished run is damaged",
        }, ran.text
        assert ran.code == 10
    finally:
        on_vps(restored, f"mv /tmp/env {ENV}; rm ~/.local/state/opsbook/record.json")
        on_vps(restored, "rm /opt/p24-infra/left-by-root", user="root")


def test_a_docker_that_is_down_is_bad_and_the_rest_is_told(restored: Lab) -> None:
    breaking.break_(restored, "docker-down")
    ran = opsbook(*DOCTOR)
    assert (ran.code, findings(ran, "bad")) == (10, ["Docker does not answer"]), ran.text
    assert f"{ENV} is readable for claude-admin only" in findings(ran, "ok")


def test_a_sshd_that_forwards_nothing_is_found_by_trying(restored: Lab) -> None:
    breaking.break_(restored, "no-forwarding")
    ran = opsbook(*DOCTOR)
    assert (ran.code, "sshd forwards no ports" in findings(ran, "warn")) == (0, True), ran.text


def test_a_changed_host_key_is_bad_and_the_layers_below_are_good(restored: Lab) -> None:
    breaking.break_(restored, "host-key-changed")
    ran = opsbook(*DOCTOR)
    assert (ran.code, len(findings(ran, "bad"))) == (10, 1), ran.text
    assert "HAS CHANGED" in findings(ran, "bad")[0]
    assert any(what.startswith("sshd answers at 127.0.0.1") for what in findings(ran, "ok"))
    assert "trust vps-i1 --replace" in ran.out


def test_a_network_that_is_cut_is_told_apart_from_a_key_that_is_refused(restored: Lab) -> None:
    breaking.break_(restored, "network-cut", "60")
    with ThreadPoolExecutor(1) as meanwhile:
        triage = meanwhile.submit(opsbook, "--lab", "triage", "vps-i1")
        ran = opsbook(*DOCTOR)
    assert (triage.result().code, ran.code) == (8, 10)
    assert "no answer" in findings(ran, "bad")[0] or "speaks no SSH" in findings(ran, "bad")[0], ran.text
    assert any(what.startswith("a key is offered") for what in findings(ran, "ok"))
    assert ran.seconds < 30


def test_an_operator_at_work_is_named(restored: Lab) -> None:
    terminal = Terminal(("--lab", "restart-service", "blackbox-exporter", "vps-i1")).start()
    assert terminal.prompt(), terminal.seen
    ran = opsbook(*DOCTOR)
    terminal.answer("n")
    assert terminal.end() == 9
    assert (ran.code, "an operator holds the lock" in findings(ran, "note")) == (0, True), ran.text
    assert "runs restart-service since" in ran.out

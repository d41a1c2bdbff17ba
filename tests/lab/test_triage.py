from __future__ import annotations

import json
import re
import time

import pytest

from opsbook.cli.paste import pasteable
from opsbook.lab import breaking
from opsbook.lab.lab import Lab
from tests.lab.process import Ran, Terminal, opsbook
from tests.lab.reach import on_vps
from tests.lab.snapshot import snapshot
from tests.until import until

ALERTS = re.compile(r"alerts? fires?:")
TRIAGE = ("--lab", "triage", "vps-i1")

CULPRITS = {
    "prometheus-down": ("prometheus is stopped: exited (0)", "opsbook recreate-service prometheus vps-i1"),
    "docker-down": ("Docker does not run", "ssh vps-i1 sudo -n /usr/local/sbin/opsbook-units <<<'start docker.service'"),
    "crash-loop": ("alertmanager end", "opsbook logs alertmanager vps-i1"),
    "disk-full": ("the disk is full: /opt/p24-infra", "ssh vps-i1 du"),
    "empty-glob": ("Prometheus runs no rule at all", "opsbook reload-rules vps-i1 --plan"),
}


def findings(ran: Ran) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(ran.out)["hosts"][0]["answer"]["findings"]
    return found


def bad(ran: Ran) -> list[str]:
    """What is bad, but for the alerts: some fire because tests have restarted services so often."""
    return [one["what"] for one in findings(ran) if one["severity"] == "bad" and not ALERTS.search(one["what"])]


def test_a_well_host_is_looked_at_and_nothing_is_changed(lab: Lab) -> None:
    before = snapshot(lab)
    assert bad(opsbook(*TRIAGE, "--json")) == []
    ran = opsbook(*TRIAGE)
    first = ran.out.splitlines()[0]
    assert (ran.code, first) == (0, "ok    nothing points to trouble") or (ran.code == 10 and ALERTS.search(first) is not None), ran.text
    assert "10 of 10 of the stack are well" in ran.out
    assert "certificates  3, the first to end in" in ran.out
    assert snapshot(lab) == before


def test_the_first_line_comes_within_a_second(lab: Lab) -> None:
    def first_line() -> float:
        begun, terminal = time.monotonic(), Terminal(TRIAGE).start()
        assert terminal.until(lambda new: "triage on vps-i1 (127.0.0.1" in new)
        took = time.monotonic() - begun
        assert terminal.end() in {0, 10}
        return took

    assert min(first_line() for _ in range(2)) < 1


@pytest.mark.parametrize("fault", CULPRITS)
def test_what_is_broken_is_named_first_with_the_command_to_type_next(restored: Lab, fault: str) -> None:
    breaking.break_(restored, fault)
    what, command = CULPRITS[fault]
    ran = opsbook(*TRIAGE)
    lines = ran.out.splitlines()
    assert (ran.code, lines[0].startswith(f"bad   {what}")) == (10, True), ran.text
    shown = pasteable(command, lab=True, inventory=None)
    assert next(line for line in lines if "next: " in line).startswith(f"      next: {shown}")
    assert f"next: {shown}" in ran.err


def test_a_slow_start_is_told_as_a_start(restored: Lab) -> None:
    breaking.break_(restored, "slow-start", "8")
    on_vps(restored, "docker restart monitoring-prometheus-1")
    found = findings(opsbook(*TRIAGE, "--json"))
    assert found[0]["what"].startswith("prometheus is still starting, since"), found


def test_all_is_asked_without_forwarding_too(restored: Lab) -> None:
    breaking.break_(restored, "no-forwarding")
    ran = opsbook(*TRIAGE, "--json")
    assert bad(ran) == [], ran.text
    assert "targets up" in ran.out


def test_a_plain_host_has_no_stack_and_is_not_blamed_for_it(lab: Lab) -> None:
    ran = opsbook("--lab", "triage", "serverA", "--json")
    assert (ran.code, bad(ran)) == (0, []), ran.text


def test_a_unit_that_failed_is_named(restored: Lab) -> None:
    on_vps(restored, "systemd-run --unit=lab-failing false", user="root")
    try:
        until(lambda: "lab-failing" in on_vps(restored, "systemctl list-units --failed --plain --no-legend"), 10)
        ran = opsbook(*TRIAGE)
        assert "warn  lab-failing.service has failed" in ran.out, ran.text
    finally:
        on_vps(restored, "systemctl reset-failed lab-failing.service", user="root")

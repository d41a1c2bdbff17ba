"""What the stack's own alerts make of what happens, judged by promtool in the running Prometheus."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import yaml

from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from opsbook.lab.p24 import REPO

EVERY, LONG_AGO = 10, -100_000
RULES = (REPO / "monitoring/prometheus/rules/infrastructure.yml").read_text()
JUDGE = """
inside() { docker exec --interactive monitoring-prometheus-1 sh -c "$1"; }
inside 'cat > /tmp/rules.yml' <<<"$1"
inside 'cat > /tmp/case.yml; promtool test rules /tmp/case.yml 2>&1; rm /tmp/case.yml /tmp/rules.yml' <<<"$2"
"""
QUICK_LOOP = [*range(60, 900, 40)]
BACKING_OFF = [60, 70, 90, 120, 160, 220, *range(290, 900, 70)]


def scraped(starts: Sequence[int], lives: int) -> str:
    """Return the samples of a process that started at these seconds, the last of them for good, the others for so long."""
    return " ".join(_seen(at, starts, lives) for at in range(0, 900, EVERY))


def _seen(at: int, starts: Sequence[int], lives: int) -> str:
    last = max((start for start in starts if start <= at), default=LONG_AGO)
    return str(last) if last in (LONG_AGO, starts[-1]) or at < last + lives else "stale"


@pytest.mark.parametrize(("starts", "lives", "loops"), [
    ([60], 900, False),
    ([60, 100, 140, 180, 220], 900, False),
    (QUICK_LOOP, 20, True),
    (BACKING_OFF, 10, True),
])
def test_only_a_service_that_starts_again_and_again_is_called_crash_looping(
    lab: Lab, starts: Sequence[int], lives: int, loops: bool
) -> None:
    labels = {"job": "alertmanager", "instance": "alertmanager:9093"}
    series = f'process_start_time_seconds{{job="{labels["job"]}", instance="{labels["instance"]}"}}'
    fires = [{"exp_labels": {**labels, "severity": "critical"}, "exp_annotations": {
        "summary": "alertmanager on alertmanager:9093 ends again and again",
        "description": "For five minutes no start of it has lasted two; see its logs.",
    }}] if loops else []
    case = {
        "rule_files": ["/tmp/rules.yml"], "evaluation_interval": f"{EVERY}s",
        "tests": [{
            "interval": f"{EVERY}s",
            "input_series": [{"series": series, "values": scraped(starts, lives)}],
            "alert_rule_test": [
                {"eval_time": "5m", "alertname": "ContainerCrashLooping", "exp_alerts": []},
                {"eval_time": "8m", "alertname": "ContainerCrashLooping", "exp_alerts": fires},
            ],
        }],
    }  # fmt: skip
    assert "SUCCESS" in script(lab.container("vps-i1"), JUDGE, RULES, yaml.safe_dump(case))

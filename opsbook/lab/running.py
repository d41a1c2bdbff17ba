"""A Compose project that lies on its host as plain files: started, and where it is a Prometheus, seen to know its targets."""

from __future__ import annotations

import json

from opsbook.lab.docker import attempt, script
from opsbook.lab.engine import Progress
from opsbook.lab.lab import Lab
from opsbook.lab.profile import HostSpec
from opsbook.lab.projects import credentials, where
from opsbook.lab.stack import KNOWS_WITHIN, START, STRANDED, UP_WITHIN, asked
from opsbook.lab.wait import until

# Both read their configuration again.
REREAD = """
for service in prometheus alertmanager; do
    docker ps --quiet --filter "label=com.docker.compose.project=$1" --filter "label=com.docker.compose.service=$service"
done | xargs --no-run-if-empty docker kill --signal=HUP
"""
# With the password of `.env`, which stays on standard input.
SCRAPED = """
cd "$1"
. ./.env
curl --config - --fail --silent --max-time 5 --cacert certs/prometheus.crt <<END
url = "https://localhost:9090/api/v1/query?query=up"
user = "$PROM_USERNAME:$PROM_PASSWORD"
END
"""


def project(lab: Lab, spec: HostSpec, progress: Progress) -> None:
    """Start the project of a host."""
    name = lab.container(spec.name)
    script(name, START, where(spec.project), user="claude-admin", within=UP_WITHIN)
    if "scraper" in spec.roles:
        until("the scraper knows its targets", lambda: not unknown(name), KNOWS_WITHIN, saw=lambda: unknown(name))
    if spec.project in credentials.LOGINS:
        until("every target is up", lambda: not down(name, spec.project), KNOWS_WITHIN, saw=lambda: down(name, spec.project))
    progress(f"{spec.name}: {spec.project} runs")


def follow(lab: Lab, spec: HostSpec) -> None:
    """Let a project's services take up the files that were brought back under them."""
    script(lab.container(spec.name), STRANDED, within=UP_WITHIN)
    script(lab.container(spec.name), REREAD, spec.project)


def down(name: str, project: str) -> str:
    """Say which targets a Prometheus that asks for a password does not reach; nothing when it reaches all."""
    shown = attempt("exec", name, "bash", "-c", SCRAPED, "lab", where(project))
    found = json.loads(shown.stdout)["data"]["result"] if shown.returncode == 0 else []
    up = {one["metric"]["job"] for one in found if one["value"][1] == "1"}
    return " ".join(login.service for login in credentials.LOGINS[project] if login.service not in up)


def unknown(name: str) -> str:
    """Say what the scraper has not found out yet; nothing when it has."""
    targets = [target["health"] for target in asked(name, "targets?state=active").get("activeTargets", ())]
    waiting = targets.count("unknown")
    return f"{len(targets)} targets, {waiting} of them not scraped yet" if waiting or not targets else ""

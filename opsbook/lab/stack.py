"""The monitoring stack on its host: checked out, given its secrets, started, and seen to answer."""

from __future__ import annotations

import json

from opsbook.lab import gitserver
from opsbook.lab.docker import attempt, docker, holds, script
from opsbook.lab.engine import Progress
from opsbook.lab.lab import Lab
from opsbook.lab.p24.env import env_text, rendered_files
from opsbook.lab.placing import ADMIN, Placed, tar
from opsbook.lab.sites import accounted, proven
from opsbook.lab.wait import until

CHECKOUT = "/opt/p24-infra"
DIRECTORY = f"{CHECKOUT}/monitoring"
SHARED_GROUP = 65534  # the services' uid: it reads the rendered files
KEPT = "/var/lib/opsbook-lab/secrets"  # copies of .env and the rendered files, for a reset
EXPORTER = ("opsbook-lab/queue-exporter:first", "monitoring-queue-exporter:latest")
UP_WITHIN = 120.0
KNOWS_WITHIN = 60.0

CLONE = """
cd "$1"
git rev-parse --quiet --verify HEAD >/dev/null 2>&1 && exit
find . -mindepth 1 -delete
GIT_SSH_COMMAND='ssh -o BatchMode=yes' git clone --quiet "$2" .
"""
START = 'cd "$1" && docker compose up --detach --wait --wait-timeout 100 --quiet-pull --remove-orphans'
# What the exporter's image was when the lab came up, under a name that no runbook moves.
KEEP_IMAGE = 'docker image inspect "$1" >/dev/null 2>&1 || docker tag "$2" "$1"'
# A container whose single-file mount shows another file than the path does now has the old one: it is started again.
STRANDED = """
docker ps --quiet --filter label=com.docker.compose.project | while IFS= read -r container; do
    pid=$(docker inspect --format '{{.State.Pid}}' "$container")
    docker inspect --format '{{range .Mounts}}{{if eq .Type "bind"}}{{println .Source .Destination}}{{end}}{{end}}' "$container" |
        while read -r source target; do
            if [ -f "$source" ] && [ "$(stat --format=%d:%i "$source")" != "$(stat --format=%d:%i "/proc/$pid/root$target")" ]; then
                docker restart "$container"
                break
            fi
        done
done
"""
ASK = "http://127.0.0.1:9090/api/v1/{}"
ANSWERS = "curl --fail --silent --show-error --max-time 5 http://127.0.0.1:9090/-/ready >/dev/null"


def checkout(lab: Lab, host: str) -> None:
    """Clone the config repo and put the secrets beside it, once."""
    name = lab.container(host)
    script(name, CLONE, CHECKOUT, gitserver.URL, user="claude-admin")
    if not holds("exec", name, "test", "-e", f"{DIRECTORY}/.env"):
        docker("exec", "--interactive", name, "tar", "--extract", "--directory=/", stdin=tar(secret_files()))


def stack(lab: Lab, host: str, progress: Progress) -> None:
    """Start what the checkout says, and see Prometheus answer."""
    name = lab.container(host)
    progress(f"{host}: starting the stack")
    script(name, START, DIRECTORY, user="claude-admin", within=UP_WITHIN)
    script(name, KEEP_IMAGE, *EXPORTER)
    script(name, ANSWERS, user="claude-admin")
    knows_its_neighbours(name)
    progress(f"{host}: Prometheus answers, and knows its targets and its Alertmanager")
    proven(name)
    accounted(name)
    progress(f"{host}: every site has its certificate")


def knows_its_neighbours(name: str) -> None:
    """Wait until Prometheus has scraped every target once and found an Alertmanager: after a start its discovery takes seconds."""
    until("Prometheus knows its targets and its Alertmanager", lambda: not unknown(name), KNOWS_WITHIN, saw=lambda: unknown(name))


def unknown(name: str) -> str:
    """Say what Prometheus has not found out yet; nothing when it has."""
    targets = [target["health"] for target in asked(name, "targets?state=active").get("activeTargets", ())]
    if not targets or "unknown" in targets:
        return f"{len(targets)} targets, {targets.count('unknown')} of them not scraped yet"
    return "" if asked(name, "alertmanagers").get("activeAlertmanagers") else "no active Alertmanager"


def asked(name: str, question: str) -> dict[str, list[dict[str, str]]]:
    """Ask the API of Prometheus; nothing where it does not answer yet."""
    done = attempt("exec", name, "curl", "--fail", "--silent", "--max-time", "5", ASK.format(question))
    found: dict[str, list[dict[str, str]]] = json.loads(done.stdout)["data"] if done.returncode == 0 else {}
    return found


def secret_files() -> tuple[Placed, ...]:
    """Make `.env` and what is rendered from it, with copies; `.env` comes last, so that its presence means all are there."""
    env = env_text()
    return tuple(file for where in (KEPT, DIRECTORY) for file in secrets(where, env))


def secrets(where: str, env: str) -> tuple[Placed, ...]:
    """Place the secrets into a folder."""
    rendered = [Placed(f"{where}/{path}", text.encode(), 0o640, ADMIN, SHARED_GROUP) for path, text in rendered_files(env).items()]
    return (*rendered, Placed(f"{where}/.env", env.encode(), 0o600, ADMIN))

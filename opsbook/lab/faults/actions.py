"""What several faults do on the host with the stack."""

from __future__ import annotations

from collections.abc import Mapping

from opsbook.lab import gitserver
from opsbook.lab.docker import attempt, script
from opsbook.lab.lab import Lab
from opsbook.lab.stack import CHECKOUT, DIRECTORY
from opsbook.lab.wait import until

HOST = "vps-i1"
RULES = "monitoring/prometheus/rules"
ADMIN = "claude-admin"

PULL = 'cd "$1" && git -c gc.auto=0 pull --quiet --ff-only'
FETCH = """
cd "$1"
rm -f .git/index.lock
git -c gc.auto=0 fetch --quiet --prune origin '+refs/heads/*:refs/remotes/origin/*'
"""
ON_ITS_WAY = "if git merge-base --is-ancestor HEAD origin/main; then exit; fi\n"
# Where it can be done, what was edited by hand stays: that is another fault's, or the operator's own.
RETURN = """
if [ "$(git symbolic-ref --quiet HEAD)" = refs/heads/main ] && git reset --quiet --keep origin/main 2>/dev/null; then exit; fi
git checkout --quiet --force -B main origin/main
"""
APPLY = 'cd "$1" && docker compose up --detach --no-deps "$2" 2>&1'
RELOAD = "curl --fail --silent --show-error --request POST http://127.0.0.1:9090/-/reload"
HEALTH = "{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}"


def run(lab: Lab, text: str, *args: str, host: str = HOST, user: str = "root") -> str:
    """Run a constant script on a host, as root where nothing else is said."""
    return script(lab.container(host), text, *args, user=user, within=120)


def publish(lab: Lab, files: Mapping[str, str | None], message: str) -> None:
    """Commit to the config repo and pull on the host, as a colleague would."""
    offer(lab, files, message)
    run(lab, PULL, CHECKOUT, user=ADMIN)


def offer(lab: Lab, files: Mapping[str, str | None], message: str) -> None:
    """Commit what differs to the config repo."""
    changed = {path: text for path, text in files.items() if text != gitserver.present(lab, path)}
    if changed:
        gitserver.commit(lab, changed, message)


def withdraw(lab: Lab, files: Mapping[str, str | None], message: str) -> None:
    """Commit to the config repo and bring the host to it, also where a pull no longer can."""
    offer(lab, files, message)
    run(lab, FETCH + RETURN, CHECKOUT, user=ADMIN)


def come_back(lab: Lab) -> None:
    """Bring a checkout that a pull no longer could back to the config repo; one that could pull stays where it is."""
    run(lab, FETCH + ON_ITS_WAY + RETURN, CHECKOUT, user=ADMIN)


def apply(lab: Lab, service: str) -> None:
    """Let Compose bring one service to what its files say."""
    run(lab, APPLY, DIRECTORY, service, user=ADMIN)


def reload(lab: Lab) -> None:
    """Ask Prometheus to reload, which also works when its API refuses: by the signal."""
    container = name("prometheus")
    if attempt("exec", lab.container(HOST), "bash", "-c", RELOAD).returncode:
        run(lab, 'docker kill --signal=HUP "$1"', container)


def healthy(lab: Lab, service: str, within: float = 60) -> None:
    """Wait until a service is healthy by Docker's word."""
    until(f"{service} is healthy", lambda: health(lab, service) == "healthy", within=within, saw=lambda: health(lab, service))


def health(lab: Lab, service: str) -> str:
    """Ask the host's engine how a service is."""
    inspect = ("exec", lab.container(HOST), "docker", "inspect", f"--format={HEALTH}", name(service))
    return attempt(*inspect).stdout.decode().strip()


def name(service: str) -> str:
    """Name a service's container."""
    return f"monitoring-{service}-1"

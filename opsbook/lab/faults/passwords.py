"""Faults of the shared password: a hash that Compose has eaten, a Grafana that is gone half-way."""

from __future__ import annotations

import re
from collections.abc import Mapping

import bcrypt

from opsbook.errors import UsageError
from opsbook.lab.docker import LabError, docker
from opsbook.lab.faults.actions import ADMIN, HOST, apply, healthy, name, run
from opsbook.lab.faults.fault import Fault
from opsbook.lab.grafana import VOLUME
from opsbook.lab.lab import Lab
from opsbook.lab.p24.env import HASH_ROUNDS
from opsbook.lab.stack import DIRECTORY
from opsbook.lab.standins.grafana_switch import ARMED, GONE
from opsbook.lab.state import Injected

ENV = f"{DIRECTORY}/.env"
HASH = re.compile(r"^CADDY_ADMIN_HASH=(.*)$", re.MULTILINE)
PASSWORD = re.compile(r"^GRAFANA_ADMIN_PASSWORD='?(.*?)'?$", re.MULTILINE)
STAND_IN = """docker inspect --format '{{index .Config.Labels "opsbook.stand-in"}}' "$1" """
# The folder is the volume's: it can be reached whether Grafana runs or not.
ARM = """
folder=$(docker volume inspect --format '{{.Mountpoint}}' "$1")
cd "$folder"
rm -f "$3"
printf '%s' "$4" > "$2"
chown 472 "$2"
"""
DISARM = """
folder=$(docker volume inspect --format '{{.Mountpoint}}' "$1")
cd "$folder"
armed=$(find . -maxdepth 1 -name "$3")
rm -f "$2" "$3"
if [ "$armed" ]; then docker restart "$4"; fi
"""
AS_ADMIN = f"--user={ADMIN}"
SECONDS, FOR_GOOD = "5", "for-good"


def unquote(lab: Lab, _: tuple[str, ...]) -> Mapping[str, str]:
    """Take the quotes off the hash in .env, and let Compose apply it: Caddy runs, healthy, and knows a hash that nothing opens."""
    text = docker("exec", AS_ADMIN, lab.container(HOST), "cat", ENV)
    line, password = HASH.search(text), PASSWORD.search(text)
    if line is None or password is None:
        raise LabError("there is no hash in .env, or no password", next="opsbook lab down; opsbook lab up")
    apply_hash(lab, text, eaten(password[1]))
    return {"quoted": line[1]}


def eaten(password: str) -> str:
    """Hash the password so that Compose takes a part for a variable: that part begins with a letter."""
    while True:
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(HASH_ROUNDS, prefix=b"2a")).decode()
        if hashed.split("$")[3][0].isalpha():
            return hashed


def quote(lab: Lab, injected: Injected) -> None:
    """Put the line back as it was; one that somebody else has put right stays."""
    text = docker("exec", AS_ADMIN, lab.container(HOST), "cat", ENV)
    line = HASH.search(text)
    if line and line[1].startswith("$"):
        apply_hash(lab, text, injected.kept.get("quoted", f"'{line[1]}'"))


def apply_hash(lab: Lab, text: str, hashed: str) -> None:
    """Write another hash into .env, in place, and let Compose give it to Caddy."""
    written = HASH.sub(lambda _: f"CADDY_ADMIN_HASH={hashed}", text)
    docker("exec", "--interactive", AS_ADMIN, lab.container(HOST), "tee", ENV, stdin=written.encode())
    apply(lab, "caddy")
    healthy(lab, "caddy")


def arm(lab: Lab, args: tuple[str, ...]) -> Mapping[str, str]:
    """Tell the stand-in to be gone as soon as its password is to be changed. A real Grafana knows no such switch."""
    if run(lab, STAND_IN, name("grafana")).strip() != "true":
        raise LabError("only the stand-in can be told to go away half-way", saw="a real Grafana", next="docker stop it at the right moment")
    run(lab, ARM, VOLUME, ARMED, GONE, "" if args == (FOR_GOOD,) else "".join(args))
    return {}


def disarm(lab: Lab, _: Injected) -> None:
    """Let Grafana be there again."""
    run(lab, DISARM, VOLUME, ARMED, GONE, name("grafana"))
    healthy(lab, "grafana")


def are_seconds(_: Lab, args: tuple[str, ...]) -> None:
    """Refuse what is neither a number nor for good."""
    if args and args[0] != FOR_GOOD and not args[0].isdigit():
        what = f"grafana-down-halfway wants a number of seconds, or {FOR_GOOD}"
        raise UsageError(what, saw=args[0], next=f"opsbook lab break grafana-down-halfway {SECONDS}")


FAULTS = (
    Fault("hash-in-env", "the hash in .env has lost its quotes, and Caddy runs with what Compose left of it", unquote, quote),
    Fault(
        "grafana-down-halfway",
        "Grafana is gone as soon as its password is to be changed, for some seconds or for good",
        arm,
        disarm,
        f"[SECONDS|{FOR_GOOD}]",
        most=1,
        usual=(SECONDS,),
        confirm=are_seconds,
    ),
)

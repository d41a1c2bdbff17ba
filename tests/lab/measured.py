"""cAdvisor on a Docker host of the lab: what the tests of it share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from opsbook.check import Seen, look_once
from opsbook.host import Host
from opsbook.inventory_file import load
from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from opsbook.runbook import NoParams
from tests.lab.open_host import open_host
from tests.runbooks.checkout_site import book

HOST, IMAGE = "serverB", "ghcr.io/google/cadvisor:v0.60.5"
INSTALL = ("--lab", "install-cadvisor", HOST)
BOOK = book("install-cadvisor")
OPEN = 'ufw allow proto tcp from "$1" to any port 8080 comment opsbook:test >/dev/null'
SHUT = 'ufw delete allow proto tcp from "$1" to any port 8080 >/dev/null'
BY_HAND = f"docker run --detach --name=cadvisor --publish=127.0.0.1:8080:8080 --volume=/var/run:/var/run:ro {IMAGE}"
PROMPTS, REPLACED = 4, {"cadvisor": "running", "cadvisor-before": "exited"}     # before each step, and at the first change
BLIND = f"docker run --detach --name=cadvisor --network=host {IMAGE} --port=8080 --docker=unix:///nowhere"
SQUATTER = f"docker run --detach --name=squatter --network=host --volume=/var/run:/var/run:ro {IMAGE} --port=8080"


def on_host(lab: Lab, text: str) -> str:
    """Run a script as root on the Docker host; `$1` is the scraper's address."""
    return script(lab.container(HOST), text, address(lab, "serverF"))


def address(lab: Lab, name: str) -> str:
    """Return the address under which the other hosts know it."""
    return load(lab.inventory, dict(os.environ)).host(name).peer_address or ""


def status(lab: Lab) -> dict[str, str]:
    """Return image and state of each container whose name speaks of cAdvisor."""
    listed = on_host(lab, "docker ps --all --filter=name=cadvisor --format='{{.Names}} {{.State}}'")
    return dict(line.split() for line in listed.splitlines())


@contextmanager
def seen_from_all_sides(lab: Lab) -> Iterator[Host]:
    """Yield the host with its peers, each over a real connection."""
    with ExitStack() as stack:
        host, scraper, stranger = (stack.enter_context(open_host(lab, name)) for name in (HOST, "serverF", "stranger"))
        yield replace(host, connect_peer={"scraper": scraper, "stranger": stranger}.__getitem__)


def false(host: Host, *only: str) -> dict[str, Seen]:
    """Return the checks that are not true, asked once; of these names where some are given."""
    checks: dict[str, Callable[..., Seen]] = {one.__name__: one for one in (*BOOK.proof, *BOOK.from_outside)}
    asked = {name: getattr(check, "__wrapped__", check) for name, check in checks.items() if not only or name in only}
    seen = {name: look_once(replace(host, _remembered={}), check, NoParams()) for name, check in asked.items()}
    return {name: one for name, one in seen.items() if not one.ok}

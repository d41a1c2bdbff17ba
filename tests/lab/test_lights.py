"""Light hosts: one container that plays many servers, each with a name and files of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from opsbook.lab.enter import command
from opsbook.lab.lab import Lab
from opsbook.lab.lights import PORT, condition
from opsbook.lab.status import status
from opsbook.lab.up import up
from tests.lab.conftest import say

COUNT = 8


@pytest.fixture(scope="module")
def lights(own_lab: Lab) -> Iterator[Lab]:
    up(own_lab, say, scale=COUNT)
    yield own_lab
    up(own_lab, say, scale=0)
    assert condition(own_lab) == "absent"


def hosts(lab: Lab) -> dict[str, str]:
    found = yaml.safe_load(lab.inventory.read_text())["hosts"]
    return {name: entry["address"] for name, entry in found.items() if "light" in entry["roles"]}


def on(lab: Lab, address: str, line: str) -> str:
    ssh = [*command(lab, PORT)[:-1], "-o", "BatchMode=yes", f"claude-admin@{address}", line]
    return subprocess.run(ssh, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def test_each_light_host_answers_at_its_own_address_under_its_own_name(lights: Lab) -> None:
    found = hosts(lights)
    assert len(found) == COUNT
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(lambda address: on(lights, address, "hostname"), found.values())) == list(found)


def test_what_one_light_host_writes_another_does_not_see(lights: Lab) -> None:
    one, other = list(hosts(lights).values())[:2]
    for folder in ("~", "/tmp", "/run/lock"):
        on(lights, one, f"touch {folder}/mine")
        assert on(lights, one, f"ls {folder}") == "mine"
        assert on(lights, other, f"ls {folder}") == ""


def test_two_logins_of_one_light_host_share_its_locks(lights: Lab) -> None:
    one = next(iter(hosts(lights).values()))
    assert on(lights, one, "stat --format=%i /run/lock") == on(lights, one, "stat --format=%i /run/lock")


def test_light_hosts_listen_on_loopback_only_and_are_part_of_the_status(lights: Lab) -> None:
    assert all(address.startswith("127.") for address in hosts(lights).values())
    assert [(host.name, host.state) for host in status(lights).hosts if "light" in host.name] == [(f"{COUNT} light hosts", "running")]

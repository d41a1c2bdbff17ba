"""The lab that these tests share: brought up once, and mended, not rebuilt, after a test that broke it."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsbook.lab.down import down
from opsbook.lab.lab import Lab, checkout_name, here
from opsbook.lab.renew import renew
from opsbook.lab.reset import reset
from opsbook.lab.up import up
from tests.lab.front import OUTSIDE

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.lab)


def say(line: str) -> None:
    sys.stderr.write(f"lab: {line}\n")


STACK = ("vps-i1", "serverA")
SERVERS = ("serverA", "serverB", "serverC", "serverF", "stranger")


@pytest.fixture(scope="session")
def own_lab() -> Iterator[Lab]:
    """A lab of this worker's own, so that the one somebody rehearses on stays as it is; KEEP_LAB leaves it up for the next run."""
    name = os.environ.get("OPSBOOK_LAB_NAME") or f"test-{checkout_name()}"
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    chosen = here({**os.environ, "OPSBOOK_LAB_NAME": f"{name}-{worker}".rstrip("-")})
    os.environ["OPSBOOK_LAB_NAME"] = chosen.name  # what the tests start as a process means the same lab
    chosen.folder.parent.mkdir(parents=True, exist_ok=True)
    with chosen.folder.with_suffix(".session").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # two runs of the tests would break each other's lab
        yield chosen
        if not os.environ.get("KEEP_LAB"):
            down(chosen, say)


@pytest.fixture(scope="session")
def lab(own_lab: Lab) -> Lab:
    """The lab with the host of the stack p24."""
    up(own_lab, say, STACK)
    reset(own_lab)
    return own_lab


@pytest.fixture(scope="module")
def town(lab: Lab) -> Iterator[Lab]:
    """The lab with a host outside."""
    up(lab, say, (OUTSIDE,))
    yield lab
    reset(lab)


@pytest.fixture(scope="session")
def servers(own_lab: Lab) -> Lab:
    """The lab with the servers A, B, C and F, and the stranger."""
    up(own_lab, say, SERVERS)
    return own_lab


@pytest.fixture
def restored(lab: Lab) -> Iterator[Lab]:
    """The lab for a test that breaks or changes it: afterwards it is as it was first brought up."""
    yield lab
    reset(lab)


@pytest.fixture
def renewed(servers: Lab) -> Iterator[Lab]:
    """The servers for a test that changes them: before and afterwards they are as they were made."""
    renew(servers)
    yield servers
    renew(servers)


@pytest.fixture(scope="session")
def lcx(own_lab: Lab) -> Lab:
    """The lab with the host lcx, whose Prometheus and Alertmanager ask for a password by TLS."""
    up(own_lab, say, ("lcx",))
    return own_lab


@pytest.fixture
def renewed_lcx(lcx: Lab) -> Iterator[Lab]:
    """The host lcx for a test that changes it: before and afterwards it is as it was made."""
    renew(lcx, "lcx")
    yield lcx
    renew(lcx, "lcx")

"""The sites of the lab from both sides: what the authority has issued, what is served, and the runbooks with a host outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from opsbook.host import Host
from opsbook.lab import authority
from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from opsbook.lab.names import sites
from tests.lab.open_host import open_host
from tests.lab.process import Ran, opsbook
from tests.lab.reach import VPS

OUTSIDE = "stranger"
SITES = sites("p24")
ISSUED = "grep --only-matching 'local/certificate/[A-Za-z0-9]*' /var/log/ca.log | sort --unique | wc --lines"
SERIALS = """
for site; do
    openssl s_client -connect 127.0.0.1:443 -servername "$site" </dev/null 2>/dev/null | openssl x509 -noout -serial 2>/dev/null || true
done
"""


def issued(lab: Lab) -> int:
    """Return how many certificates the authority has issued since it was made."""
    return int(script(lab.container(authority.NAME), ISSUED))


def serials(lab: Lab) -> list[str]:
    """Return what is served, in the order of the sites; nothing for one that is served with none."""
    return script(lab.container(VPS), SERIALS, *SITES).split()


def check(*words: str) -> Ran:
    """Run check-endpoints."""
    return opsbook("--lab", "check-endpoints", VPS, *words)


def recover(*words: str) -> Ran:
    """Run recover-certs, confirmed."""
    return opsbook("--lab", "recover-certs", VPS, f"--confirm={VPS}", *words, within=400)


@contextmanager
def seen_from_outside(lab: Lab) -> Iterator[Host]:
    """Yield vps-i1 with the host outside as its peer; it waits for nothing long."""
    with ExitStack() as stack:
        host, outside = (stack.enter_context(open_host(lab, name)) for name in (VPS, OUTSIDE))
        entry = replace(host.entry, stack=replace(host.stack, settle=1, stable=1))
        yield replace(host, entry=entry, connect_peer=lambda _role: outside)

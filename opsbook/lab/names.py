"""The lab's names: a real DNS server that knows the public names of the sites, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from opsbook.lab.docker import script
from opsbook.lab.network import ip
from opsbook.lab.p24 import STACKS
from opsbook.lab.profile import SITE

AUTHORITY = "ca.lab.invalid"
# Whatever is in the file is an answer, everything else is no name at all, at once: nobody upstream is asked.
SETTINGS = ("--no-resolv", "--no-hosts", "--local=/#/", "--cache-size=0", "--user=root", "--pid-file=/run/dnsmasq.pid")
WRITE = """
printf '%s\\n' "$@" > /etc/lab-ca/names
"""
SERVE = f"""
if [ -e /run/dnsmasq.pid ] && kill -HUP "$(cat /run/dnsmasq.pid)" 2>/dev/null; then :; else
    dnsmasq {" ".join(SETTINGS)} --addn-hosts=/etc/lab-ca/names
fi
"""
# The file is read again a moment after the signal.
SAYS = """
while read -r address name; do
    for try in $(seq 200); do [ "$(getent ahostsv4 "$name" | awk 'NR == 1 { print $1 }')" = "$address" ] && continue 2; sleep 0.05; done
    echo "$name is not $address" >&2
    exit 1
done < /etc/lab-ca/names
"""


def records(subnet: str) -> dict[str, str]:
    """Return every public name of the site with the address of the host that its stack is on, and the authority's own."""
    own = {name: ip(subnet, host.address) for host in SITE.hosts if host.stack for name in sites(host.stack)}
    return {**own, AUTHORITY: ip(subnet, SITE.ca_address)}


def sites(stack: str) -> tuple[str, ...]:
    """Return the public names of a stack."""
    return tuple(yaml.safe_load(STACKS.read_text())[stack].get("sites", ()))


def serve(container: str, known: Mapping[str, str]) -> None:
    """Let the DNS server know these names with their addresses, and wait until it says so."""
    script(container, WRITE + SERVE + SAYS, *(f"{address} {name}" for name, address in known.items()))

"""Certificates as the host serves them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from opsbook.host import Read, Result
from opsbook.shell import script

# One name after the other would wait for each that hangs.
SERVED = """
port=$1; shift
for name; do
    {
        shown=$(timeout 3 openssl s_client -connect "127.0.0.1:$port" -servername "$name" < /dev/null 2> /dev/null \\
            | openssl x509 -noout -startdate -enddate -issuer -nameopt RFC2253 2> /dev/null)
        printf '%s\\036%s\\037' "$name" "${shown//$'\\n'/$'\\035'}"     # in one piece: a newline would let the others in between
    } &
done
wait
"""
OPENSSL_DATE = "%b %d %H:%M:%S %Y %Z"


@dataclass(frozen=True)
class Certificate:
    """What one name is served with; times in seconds since 1970."""

    name: str
    starts: float
    ends: float
    issuer: str


def served(names: Iterable[str], port: int = 443) -> Read[dict[str, Certificate | None]]:
    """The certificate that the host serves for each name; nothing where it serves none."""
    return Read(script(SERVED, port, *names), parse_served)


def parse_served(result: Result) -> dict[str, Certificate | None]:
    """Given names and what openssl prints for each, return the certificates by name."""
    entries = (entry.partition("\x1e") for entry in result.out.split("\x1f") if entry)
    return {name: _certificate(name, shown) for name, _, shown in entries}


def _certificate(name: str, shown: str) -> Certificate | None:
    found = dict(line.split("=", 1) for line in shown.replace("\x1d", "\n").splitlines() if "=" in line)
    if "notAfter" not in found:
        return None
    return Certificate(name, _epoch(found["notBefore"]), _epoch(found["notAfter"]), found.get("issuer", ""))


def _epoch(stamp: str) -> float:
    return datetime.strptime(stamp, OPENSSL_DATE).replace(tzinfo=UTC).timestamp()

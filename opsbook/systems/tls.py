"""What a TLS handshake shows: the certificate, whom it names, how long it lasts, who signed it, and whether the host trusts that."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from opsbook.host import Read, Result
from opsbook.shell import script

WITHIN = 10     # seconds for one handshake
# The dates are judged by us, so that an expired certificate still tells whether its chain would be good.
SHOW = """
export LC_ALL=C
said=$(openssl s_client -connect "$1" -servername "$2" -no_check_time </dev/null 2>&1)
grep --extended-regexp --text '^(New, | *Verify return code: |.*:error:|.*errno=)' <<<"$said"
openssl x509 -noout -startdate -enddate -serial -issuer -ext subjectAltName -nameopt RFC2253 <<<"$said" 2>/dev/null
exit 0
"""
# Of a certificate in a file, the same without a handshake.
FIELDS = ("openssl", "x509", "-noout", "-startdate", "-enddate", "-serial", "-issuer", "-ext", "subjectAltName", "-nameopt", "RFC2253")
OPENSSL_DATE = "%b %d %H:%M:%S %Y %Z"
CODE = re.compile(r"Verify return code: (\d+) \((.*)\)")
VERSION = re.compile(r"New, (\S+), Cipher")
ERROR = re.compile(r":error:[0-9A-F]+:[^:]*:[^:]*:([^:]+)")
ALERT = re.compile(r"alert ([a-z ]+)")
CHAIN = {
    18: "it is signed by itself",
    19: "its chain ends in a root that nobody here knows",
    20: "it is signed by somebody unknown",
    21: "the server does not send the chain that leads to a known root",
    23: "it was revoked",
}


@dataclass(frozen=True)
class Certificate:
    """A certificate; times in seconds since 1970."""

    starts: float
    ends: float
    serial: str
    issuer: str = ""
    names: tuple[str, ...] = ()     # whom it is for

    def covers(self, name: str) -> bool:
        """Return whether it is for that name; a wildcard stands for one label."""
        return name in self.names or f"*.{name.partition('.')[2]}" in self.names

    def left(self, now: float) -> float:
        """Return which share of its life is left; nothing, or less, when it is over."""
        return (self.ends - now) / max(self.ends - self.starts, 1)


@dataclass(frozen=True)
class Handshake:
    """How a handshake went; without a certificate `why` tells the reason."""

    certificate: Certificate | None = None
    why: str = ""
    protocol: str = ""
    chain: str = ""         # what is wrong with the chain, whatever the dates say; nothing when it leads to a root that the host trusts


def shown(address: str, name: str, port: int = 443) -> Read[Handshake]:
    """What that address shows whoever asks for this name."""
    at = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return Read(script(SHOW, at, name), parse_shown, answers=frozenset(range(256)), within=WITHIN)


def parse_shown(result: Result) -> Handshake:
    """Given what openssl prints, return how the handshake went."""
    certificate, version, code = parse_certificate(result), VERSION.search(result.out), CODE.search(result.out)
    if certificate is None:
        return Handshake(why=_reason(result))
    return Handshake(certificate, protocol=version[1] if version else "", chain=_chain(code))


def parse_certificate(result: Result) -> Certificate | None:
    """Given what `openssl x509` prints of its FIELDS, return the certificate; nothing where there was none."""
    found = dict(line.split("=", 1) for line in result.out.splitlines() if re.match(r"(notBefore|notAfter|serial|issuer)=", line))
    if not {"notBefore", "notAfter", "serial"} <= found.keys():
        return None
    names = tuple(re.findall(r"DNS:([^,\s]+)", result.out))
    return Certificate(_epoch(found["notBefore"]), _epoch(found["notAfter"]), found["serial"], found.get("issuer", ""), names)


def _chain(code: re.Match[str] | None) -> str:
    if code is None:
        return "openssl does not tell whether it can be trusted"
    return "" if code[1] == "0" else CHAIN.get(int(code[1]), code[2])


def _reason(result: Result) -> str:
    if alert := ALERT.search(result.out):
        return f"the server broke the handshake off: {alert[1].strip()}"
    error = ERROR.search(result.out)
    return error[1] if error else "it shows no certificate"


def _epoch(stamp: str) -> float:
    return datetime.strptime(stamp, OPENSSL_DATE).replace(tzinfo=UTC).timestamp()

"""A small CA of a stack's own, and the certificates that it signs: made on the host by openssl, so that no key ever travels.

Its key lies in the login's home (0600), where no container has a mount, and its certificate names the only names that it may
sign for: whoever steals it gains nothing that the stolen host did not have.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from opsbook.host import Read, Result, Write
from opsbook.shell import script
from opsbook.systems.certificate import OPENSSL_DATE
from opsbook.systems.ownership import Owner

CA_DAYS = 3650
DNS_NAME = re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*")

FOLDER = 'ca=${XDG_DATA_HOME:-$HOME/.local/share}/opsbook/ca/$1; printf %s "$ca"'
# $1 the CA's certificate, then pairs of certificate and key
INSPECT = r"""
command -v openssl > /dev/null || { echo "the host has no openssl" >&2; exit 69; }
ca=$1; shift
while [ "$#" -gt 0 ]; do
    printf '%s\036' "$1"
    if [ -f "$1" ]; then
        openssl x509 -in "$1" -noout -startdate -enddate -fingerprint -sha256 -subject -nameopt RFC2253 \
            -ext subjectAltName,nameConstraints 2> /dev/null
        openssl verify -CAfile "$ca" "$1" > /dev/null 2>&1 && printf 'verifies=yes\n'
    fi
    [ -e "$2" ] && stat --dereference --format='key=%u %g %a' -- "$2"
    folder=$(dirname -- "$1"); [ -w "$folder" ] && [ -x "$folder" ] && [ "$(dirname -- "$2")" = "$folder" ] && printf 'ours=yes\n'
    printf '\037'; shift 2
done
"""
# $1 the CA's folder, $2 its name, $3 the names that it may sign for, or nothing where the old one stays, $4 its days, $5 days of the
# others, then for each: certificate, key, names, first name. Keys are made where nobody else can read; nothing is in its place yet.
ISSUE = """
set -e; umask 077; shopt -s inherit_errexit
ca=$1 name=$2 may=$3 ca_days=$4 days=$5; shift 5
mkdir --parents -- "$ca"
stage() { rm --recursive --force -- "$1/.opsbook-new" "$1/.opsbook-before"; mkdir -- "$1/.opsbook-new"; }
new() { printf '%s/.opsbook-new/%s' "$(dirname -- "$1")" "$(basename -- "$1")"; }
stage "$ca"
from=$ca
if [ -n "$may" ]; then
    from=$ca/.opsbook-new
    openssl req -x509 -new -newkey rsa:2048 -nodes -sha256 -days "$ca_days" -keyout "$from/ca.key" -out "$from/ca.crt" -config <(
        printf '%s\\n' '[req]' 'distinguished_name=dn' 'x509_extensions=ca' 'prompt=no' '[dn]' "CN=$name" '[ca]' \\
            'basicConstraints=critical,CA:TRUE,pathlen:0' 'keyUsage=critical,keyCertSign,cRLSign' 'subjectKeyIdentifier=hash' \\
            "nameConstraints=critical,$may"
    ) 2> "$ca/.opsbook-new/error" || { cat "$ca/.opsbook-new/error" >&2; exit 1; }
fi
folders=()
while [ "$#" -gt 0 ]; do
    cert=$(new "$1") key=$(new "$2") folder=$(dirname -- "$1")
    if [[ " ${folders[*]} " != *" $folder "* ]]; then
        stage "$folder"; folders+=("$folder")
        cp -- "$from/ca.crt" "$folder/.opsbook-new/ca.crt"; chmod 0644 -- "$folder/.opsbook-new/ca.crt"
    fi
    openssl req -new -newkey rsa:2048 -nodes -sha256 -keyout "$key" -out "$cert.csr" -config <(
        printf '%s\\n' '[req]' 'distinguished_name=dn' 'prompt=no' '[dn]' "CN=$4"
    ) 2> "$cert.error" || { cat "$cert.error" >&2; exit 1; }
    openssl x509 -req -in "$cert.csr" -CA "$from/ca.crt" -CAkey "$from/ca.key" -set_serial "0x$(openssl rand -hex 16)" -sha256 \\
        -days "$days" -out "$cert" -extfile <(
        printf '%s\\n' "subjectAltName=$3" 'basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature,keyEncipherment' \\
            'extendedKeyUsage=serverAuth,clientAuth' 'subjectKeyIdentifier=hash' 'authorityKeyIdentifier=keyid'
    ) 2> "$cert.error" || { cat "$cert.error" >&2; exit 1; }
    cat "$from/ca.crt" >> "$cert"       # so that clients who were told to trust this very file need no other
    rm --force -- "$cert.csr" "$cert.error"
    chmod 0644 -- "$cert"; chmod 0400 -- "$key"
    shift 4
done
rm --force -- "$ca/.opsbook-new/error"
sync
"""
# for each path: what is there goes to the files of before, and the new one comes; as often as one likes
SWAP = """
set -e; umask 077
for path; do
    folder=$(dirname -- "$path") name=$(basename -- "$path")
    [ -e "$folder/.opsbook-new/$name" ] || continue
    if [ -e "$path" ] && [ ! -e "$folder/.opsbook-before/$name" ]; then
        mkdir --parents -- "$folder/.opsbook-before"
        mv --no-target-directory -- "$path" "$folder/.opsbook-before/$name"
    fi
    mv --no-target-directory -- "$folder/.opsbook-new/$name" "$path"
done
for path; do rm --recursive --force -- "$(dirname -- "$path")/.opsbook-new"; done
sync
"""
# $1 how many of the paths were there before; the others go
PUT_BACK = """
set -e; umask 077
there=$1; shift
for path in "${@:1:there}"; do
    before=$(dirname -- "$path")/.opsbook-before/$(basename -- "$path")
    if [ -e "$before" ]; then mv --force --no-target-directory -- "$before" "$path"; fi
done
for path in "${@:there+1}"; do rm --force -- "$path"; done
for path; do rm --recursive --force -- "$(dirname -- "$path")/.opsbook-new"; done
sync
"""
# $1 the CA's certificate, or nothing where whatever is served is looked at, then for each: address, port, kind of name (hostname, ip),
# name. All at once: one that hangs does not hold up the others.
HANDSHAKES = r"""
ca=$1; shift
trust=()
if [ -n "$ca" ]; then
    trust=(-CAfile "$ca" -no-CApath -verify_return_error)
    openssl s_client -help 2>&1 | grep --quiet -e -no-CAstore && trust+=(-no-CAstore)
fi
while [ "$#" -gt 0 ]; do
    address=$1 port=$2 kind=$3 name=$4; shift 4
    {
        [[ $address == *:* ]] && at="[$address]:$port" || at=$address:$port
        how=(-noservername); [ "$kind" = ip ] || how=(-servername "$name")
        [ -z "$ca" ] || how+=("-verify_$kind" "$name")
        told=$(timeout 5 openssl s_client -connect "$at" "${trust[@]}" "${how[@]}" < /dev/null 2>&1); code=$?
        print=$(openssl x509 -noout -fingerprint -sha256 <<< "$told" 2> /dev/null)
        why=$(grep --max-count=1 --only-matching --extended-regexp 'verify error:.*|[Cc]onnection refused|errno=.*' <<< "$told")
        printf '%s\036%s\036%s\036%s\036%s\036%s\037' "$address" "$port" "$name" "$code" "${print#*=}" "$why"
    } &
done
wait
"""


@dataclass(frozen=True)
class Certificate:
    """A certificate that lies on the host, and its key; times in seconds since 1970."""

    path: str
    starts: float = 0.0
    ends: float = 0.0               # 0: there is none, or it is none
    names: frozenset[str] = frozenset()
    may_sign: frozenset[str] = frozenset()      # of a CA's
    fingerprint: str = ""
    verifies: bool = False          # against our CA
    key: Owner | None = None
    ours: bool = False              # this login may replace both files, and they lie in one folder


@dataclass(frozen=True)
class Pair:
    """What is to be made: a certificate and its key, for these names."""

    cert: str
    key: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Handshake:
    """How one went; `why` is openssl's word where it did not verify."""

    address: str
    port: int
    name: str
    verified: bool
    fingerprint: str = ""
    why: str = ""


def folder(project: str) -> Read[str]:
    """Where the CA of that project lies, on this host."""
    return Read(script(FOLDER, project), lambda result: result.out)


def inspect(ca: str, pairs: Iterable[tuple[str, str]]) -> Read[dict[str, Certificate]]:
    """What is in these files of certificate and key, by the certificate's path."""
    return Read(script(INSPECT, ca, *(path for pair in pairs for path in pair)), parse_inspected)


def issue(ca: str, name: str, pairs: Sequence[Pair], days: int, *, may_sign: Iterable[str] = ()) -> Write:
    """Make new keys and certificates beside the old ones, and a new CA first where it is told for which names."""
    may_sign = tuple(may_sign)
    constraints = ",".join(f"permitted;{_constraint(one)}" for one in may_sign)
    words = [word for pair in pairs for word in (pair.cert, pair.key, ",".join(map(written, pair.names)), pair.names[0])]
    title = f"make {len(pairs)} certificates beside the old ones" + (", by a new CA" if constraints else "")
    order = script(ISSUE, ca, name, constraints, CA_DAYS, days, *words)
    made = [f"openssl, for {days} days: {pair.cert} for {', '.join(pair.names)}" for pair in pairs]
    first = [f"openssl, for {CA_DAYS} days: {ca}/ca.crt, which may sign for {', '.join(may_sign)}"] if constraints else []
    return Write(replace(order, shown="; ".join([*first, *made])), title, within=300)


def swap(paths: Iterable[str]) -> Write:
    """Let the new files take the place of the old ones, which are kept."""
    paths = tuple(paths)
    order = replace(script(SWAP, *paths), shown=f"mv from .opsbook-new: {', '.join(paths)}")
    return Write(order, "put the new certificates in their place")


def put_back(there: Sequence[str], new: Sequence[str]) -> Write:
    """Put the old files back, and remove those that were not there before."""
    shown = f"mv from .opsbook-before: {', '.join(there)}" + (f"; rm {', '.join(new)}" if new else "")
    return Write(replace(script(PUT_BACK, len(there), *there, *new), shown=shown), "put the old certificates back")


def handshakes(ca: str, asked: Iterable[tuple[str, int, str]]) -> Read[tuple[Handshake, ...]]:
    """TLS with each address and port under that name, verified against this CA and no other; where there is none, just looked at."""
    words = [word for at, port, name in asked for word in (at, port, "ip" if _address(name) else "hostname", name)]
    return Read(script(HANDSHAKES, ca, *words), parse_handshakes, within=60)


def parse_inspected(result: Result) -> dict[str, Certificate]:
    """Given what openssl and stat print of each, return the certificates by path."""
    entries = (entry.partition("\x1e") for entry in result.out.split("\x1f") if "\x1e" in entry)
    return {path: _certificate(path, shown) for path, _, shown in entries}


def parse_handshakes(result: Result) -> tuple[Handshake, ...]:
    """Given the fields of each, return the handshakes by address and name."""
    fields = sorted(entry.split("\x1e") for entry in result.out.split("\x1f") if entry)
    return tuple(Handshake(at, int(port), name, code == "0", print_, why.strip()) for at, port, name, code, print_, why in fields)


def is_name(name: str) -> bool:
    """Return whether a certificate can be made for it: a name of DNS, or an address."""
    return _address(name) is not None or (len(name) <= 253 and DNS_NAME.fullmatch(name) is not None)    # noqa: PLR2004  DNS's own limit


def written(name: str) -> str:
    """Return the name as openssl takes it."""
    address = _address(name)
    return f"IP:{address}" if address else f"DNS:{name}"


def _constraint(name: str) -> str:
    address = _address(name)
    if address is None:
        return f"DNS:{name.removeprefix('*.')}"
    return f"IP:{address.exploded}/{'255.255.255.255' if address.version == 4 else ':'.join(['ffff'] * 8)}"     # noqa: PLR2004


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _certificate(path: str, shown: str) -> Certificate:
    lines = [line.strip() for line in shown.splitlines()]
    found = dict(line.split("=", 1) for line in lines if re.match(r"[A-Za-z0-9 ]+=", line))
    names, may_sign = _names(lines)
    key = found.get("key", "").split()
    return Certificate(
        path,
        _epoch(found["notBefore"]) if "notBefore" in found else 0.0,
        _epoch(found["notAfter"]) if "notAfter" in found else 0.0,
        names,
        may_sign,
        next((value for name, value in found.items() if name.lower().startswith("sha256 fingerprint")), ""),
        verifies=found.get("verifies") == "yes",
        key=Owner(int(key[0]), int(key[1]), int(key[2], 8)) if key else None,
        ours=found.get("ours") == "yes",
    )


def _names(lines: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of a certificate, and those for which it may sign, from openssl's lines of both extensions."""
    names, may, inside = set[str](), set[str](), ""
    for line in lines:
        if line.startswith("X509v3 "):
            inside = line
        elif "Subject Alternative Name" in inside:
            names |= {_plain(part.strip()) for part in line.split(",") if ":" in part}
        elif "Name Constraints" in inside and line.startswith(("DNS:", "IP:")):
            may.add(_plain(line))
    return frozenset(names), frozenset(may)


def _plain(part: str) -> str:
    """Return a name as people write it: `DNS:a` is a, `IP Address:0:0:0:0:0:0:0:1` is ::1."""
    kind, _, value = part.partition(":")
    if not kind.startswith("IP"):
        return value
    address = _address(value.partition("/")[0])
    return str(address) if address else value


def _epoch(stamp: str) -> float:
    return datetime.strptime(stamp, OPENSSL_DATE).replace(tzinfo=UTC).timestamp()

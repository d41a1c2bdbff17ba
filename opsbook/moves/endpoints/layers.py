"""A site, layer by layer, in the order in which a browser meets them: the first that fails explains the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from opsbook.moves.endpoints.asking import PLAIN
from opsbook.moves.endpoints.certificates import flaw, told
from opsbook.moves.endpoints.facts import Facts, SiteSeen
from opsbook.systems.front_door import Page
from opsbook.systems.reach import Reach

OK, MOVED, UNAUTHORIZED = range(200, 300), range(300, 400), 401
UPSTREAM = frozenset({502, 503, 504})
PERMANENT = "DNS at your provider, then wait for the old record's TTL"


@dataclass(frozen=True)
class Layer:
    """One layer of a site: whether it is well, what was seen, and what to type where it is not."""

    name: str
    ok: bool
    saw: str
    next: str = ""


def layers(f: Facts, s: SiteSeen) -> Iterator[Layer]:
    """Yield the layers up to the first that fails; what lies behind it cannot be judged."""
    for judge in (dns, port, tls, login, upstream, plain):
        layer = judge(f, s)
        yield layer
        if not layer.ok:
            return


def dns(f: Facts, s: SiteSeen) -> Layer:
    """The name means this host, by IPv4 and by IPv6."""
    if not s.resolved.addresses:
        return Layer("DNS", ok=False, saw=f"the name has no address: {s.resolved.why}", next=f"an A record to {f.address}; {PERMANENT}")
    strange = [address for address in s.resolved.addresses if address not in f.ours]
    if f.ours and strange:
        version = ip_address(strange[0]).version
        kind, own = "AAAA" if version == 6 else "A", sorted(one for one in f.ours if ip_address(one).version == version)  # noqa: PLR2004
        saw = f"it points to {', '.join(strange)}, and the host is {', '.join(own or sorted(f.ours))}"
        return Layer("DNS", ok=False, saw=saw, next=f"correct the {kind} record: {PERMANENT}")
    return Layer("DNS", ok=True, saw=", ".join(s.resolved.addresses))


def port(f: Facts, s: SiteSeen) -> Layer:
    """The port for HTTPS answers."""
    number = s.site.port
    if s.ports[number].kind != "answers":
        return Layer(f"port {number}", ok=False, saw=_silence(f, s, number), next=_opening(f, number))
    return Layer(f"port {number}", ok=True, saw="answers")


def tls(f: Facts, s: SiteSeen) -> Layer:
    """The handshake shows a certificate that browsers accept, and that will last."""
    found = flaw(s.shown, s.site.name, f.now)
    look = f"opsbook recover-certs {f.host}"
    return Layer("TLS", not found, found or told(s.shown, f.now), next=look if found else "")


def plain(f: Facts, s: SiteSeen) -> Layer:
    """Whoever comes by http is sent on to https; some CAs, too, come to this port."""
    if s.ports[PLAIN].kind != "answers":
        return Layer(f"port {PLAIN}", ok=False, saw=_silence(f, s, PLAIN), next=_opening(f, PLAIN))
    page, look = s.plain, f"opsbook logs caddy {f.host}"
    if page.kind != "answered":
        return Layer("redirect", ok=False, saw=f"http gives no answer: {page.why}", next=look)
    if page.status in MOVED and page.redirect.startswith(f"https://{s.site.name}"):
        return Layer("redirect", ok=True, saw=f"http is sent on to https ({page.status})")
    saw = f"http gives {page.status}" + (f" to {page.redirect}" if page.redirect else ", and sends nobody on to https")
    return Layer("redirect", ok=False, saw=saw, next=look)


def login(f: Facts, s: SiteSeen) -> Layer:
    """Nobody gets in without the password, and whoever has it does."""
    without, failed = s.without, _no_answer(s.without)
    if failed:
        return Layer("login", ok=False, saw=failed, next=f"opsbook logs caddy {f.host}")
    if s.site.username is None:
        odd = without.status == UNAUTHORIZED
        saw = "it asks for a password that the inventory does not know" if odd else "none is asked for, as the inventory says"
        return Layer("login", not odd, saw, next="username and password_key of the site in the inventory" if odd else "")
    if without.status != UNAUTHORIZED:
        saw = f"without a password it gives {without.status}, not 401: everybody gets in"
        return Layer("login", ok=False, saw=saw, next="basic_auth for this site in the Caddyfile")
    return _with_password(f, s)


def upstream(f: Facts, s: SiteSeen) -> Layer:
    """The service behind it answers."""
    page = s.allowed or s.without
    look = f"opsbook logs {s.site.service} {f.host}"
    if page.status in UPSTREAM:
        saw = f"Caddy gives {page.status}: {s.site.service} behind it does not answer"
        return Layer("upstream", ok=False, saw=saw, next=f"opsbook status {f.host}")
    if page.status in OK or (page.status in MOVED and s.site.path == "/"):
        return Layer("upstream", ok=True, saw=f"{s.site.service} gives {page.status} for {s.site.path}")
    return Layer("upstream", ok=False, saw=f"{s.site.service} gives {page.status} for {s.site.path}", next=look)


def _with_password(f: Facts, s: SiteSeen) -> Layer:
    if s.allowed is None:
        why = f.why.get(s.site.name, "its password is not known")
        return Layer("login", ok=False, saw=f"401 without a password; with one it was not tried: {why}", next=f"opsbook doctor {f.host}")
    if failed := _no_answer(s.allowed):
        return Layer("login", ok=False, saw=failed, next=f"opsbook logs caddy {f.host}")
    if s.allowed.status == UNAUTHORIZED:
        saw = f"the password in {f.entry.stack.env_file if f.entry.stack else '.env'} ({s.site.password_key}) is refused"
        return Layer("login", ok=False, saw=saw, next=f"opsbook rotate-password {f.host}")
    return Layer("login", ok=True, saw=f"401 without the password of {s.site.username}, {s.allowed.status} with it")


def _no_answer(page: Page) -> str:
    return "" if page.kind == "answered" else f"https gives no answer: {page.why}"


def _silence(f: Facts, s: SiteSeen, number: int) -> str:
    found: Reach = s.ports[number]
    saw = f"{s.address} {found} to {f.seat}" if found.kind != "answers" else ""
    if found.kind == "silent":
        saw += "; a firewall of the host or of its provider drops what comes"
    elif f.caddy:
        saw += f"; Caddy does not run: {f.caddy}"
    elif number not in f.published:
        saw += "; Caddy's container does not publish it"
    own = f.own.get(s.site.name)
    if number == s.site.port and own is not None and own.certificate is not None:
        saw += "; the host itself is served"
    return saw


def _opening(f: Facts, number: int) -> str:
    if f.caddy:
        return f"opsbook recreate-service caddy {f.host}"
    if number not in f.published:
        return f"ports: of caddy in the Compose file, then opsbook recreate-service caddy {f.host}"
    return f"sudo ufw allow {number}/tcp    (on {f.host}; and the provider's firewall)"

"""Facts → findings, the worst first: one for every site, and what the host's own view adds."""

from __future__ import annotations

from collections.abc import Iterator

from opsbook.findings.finding import Finding, ranked
from opsbook.moves.endpoints.facts import CADDYFILE, Facts, SiteSeen
from opsbook.moves.endpoints.layers import Layer, layers
from opsbook.systems.tls import Certificate, Handshake


def findings(f: Facts) -> tuple[Finding, ...]:
    """Return what is so, good or bad."""
    return ranked((*_seat(f), *_caddy(f), *(_site(f, site) for site in f.sites), *_restart(f), *_renewal(f), *_undeclared(f)))


def judged(f: Facts) -> dict[str, tuple[Layer, ...]]:
    """Return the layers of every site as far as they could be judged, by its name."""
    return {site.site.name: tuple(layers(f, site)) for site in f.sites}


def _seat(f: Facts) -> Iterator[Finding]:
    if not f.outside:
        what = "nobody looked from outside: these are the words of the host itself"
        saw = "a firewall before it, and what DNS says elsewhere, were not seen"
        yield Finding("note", what, saw, "roles: [outside] for another host of the inventory")


def _caddy(f: Facts) -> Iterator[Finding]:
    if f.caddy:
        yield Finding("bad", f"Caddy does not run: {f.caddy}", next=f"opsbook recreate-service caddy {f.host}")
    elif f.served is None:
        yield Finding("bad", "Caddy does not tell what it serves", f.why.get("names", ""), f"opsbook logs caddy {f.host}")
    else:
        missing = [site.site.name for site in f.sites if not _serves(f.served, site.site.name)]
        for name in missing:
            saw = "its running configuration has no such site"
            yield Finding("bad", f"Caddy does not serve {name}", saw, f"mend the Caddyfile, then opsbook restart-service caddy {f.host}")


def _site(f: Facts, s: SiteSeen) -> Finding:
    *_, last = found = tuple(layers(f, s))
    if last.ok:
        return Finding("ok", s.site.name, "\n".join(f"{layer.name}: {layer.saw}" for layer in found))
    return Finding("bad", f"{s.site.name}: {last.name} fails first", last.saw, last.next)


def _restart(f: Facts) -> Iterator[Finding]:
    """What the next start of Caddy would bring: today all may be well."""
    if not f.caddy and (why := f.why.get(CADDYFILE)):
        yield Finding("warn", "Caddy would not start again with the Caddyfile on disk", why, "mend it in the config repo, and pull")
    lost = [] if f.kept is None else [name for name, shown in f.own.items() if _in_memory(f.kept, shown)]
    if lost:
        what = "certificates are in Caddy's memory only: its next start orders new ones"
        yield Finding("warn", what, "\n".join(lost), f"opsbook recover-certs {f.host}")
    if f.kept is None and not f.caddy:
        yield Finding("note", "what Caddy's storage holds was not told", f.why.get("kept", ""))


def _renewal(f: Facts) -> Iterator[Finding]:
    """An authority that would renew nothing; the certificates are good for a while without it."""
    silent = {url: why for url, why in f.authorities.items() if why}
    if silent and len(silent) == len(f.authorities):
        saw = "\n".join(f"{url}: {why}" for url, why in silent.items())
        what, again = "no certificate authority answers: nothing will be renewed", f"opsbook check-endpoints {f.host}    (later)"
        yield Finding("warn", what, saw, again)


def _in_memory(kept: tuple[Certificate, ...], shown: Handshake) -> bool:
    return shown.certificate is not None and shown.certificate.serial not in {one.serial for one in kept}


def _undeclared(f: Facts) -> Iterator[Finding]:
    known = {site.site.name for site in f.sites}
    odd = [name for name in f.served or () if name not in known and "." in name and not name.startswith("*")]
    for name in odd:
        stack = f.entry.stack.name if f.entry.stack else ""
        yield Finding("warn", f"Caddy serves {name}, of which the inventory says nothing", next=f"stacks.{stack}.sites in the inventory")


def _serves(names: tuple[str, ...], name: str) -> bool:
    return name in names or f"*.{name.partition('.')[2]}" in names

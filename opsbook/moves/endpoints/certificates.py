"""A certificate as it is shown, judged: what is wrong with it, in words, and whether it is late with its renewal."""

from __future__ import annotations

from opsbook.moves.triage.words import age
from opsbook.systems.tls import Certificate, Handshake

LATE = 20 / 90      # of its life is left, and nobody has renewed it: Caddy does so at a third
MODERN = ("TLSv1.2", "TLSv1.3")


def flaw(shown: Handshake, name: str, now: float) -> str:
    """Given a handshake for that name, return what is wrong with it; nothing when a browser would be content, for long enough."""
    found = shown.certificate
    if found is None:
        return f"there is no certificate: {shown.why}"
    if wrong := _wrong(found, name, now):
        return wrong
    if shown.chain:
        return f"browsers will not trust it: {shown.chain} (issuer {found.issuer or 'unknown'})"
    if shown.protocol not in MODERN:
        return f"it speaks {shown.protocol or 'an unknown protocol'}, which is too old"
    return late(found, now)


def late(found: Certificate, now: float) -> str:
    """Return that it should have been renewed by now; nothing when not."""
    if found.left(now) >= LATE:
        return ""
    return f"it ends in {age(found.ends - now)} and was not renewed: {found.left(now):.0%} of its life is left"


def told(shown: Handshake, now: float) -> str:
    """Return a good certificate in words."""
    found = shown.certificate
    if found is None:
        return ""
    return f"{shown.protocol}, from {_common(found.issuer)}, ends in {age(found.ends - now)} ({found.left(now):.0%} of its life)"


def _wrong(found: Certificate, name: str, now: float) -> str:
    if now >= found.ends:
        return f"its certificate ended {age(now - found.ends)} ago"
    if now < found.starts:
        return f"its certificate begins only in {age(found.starts - now)}: is a clock wrong?"
    if not found.covers(name):
        return f"its certificate is for {', '.join(found.names) or 'nobody'}"
    return ""


def _common(issuer: str) -> str:
    parts = dict(part.split("=", 1) for part in issuer.replace("\\,", " ").split(",") if "=" in part)
    return " ".join(dict.fromkeys(filter(None, (parts.get("O", ""), parts.get("CN", ""))))) or issuer or "nobody"

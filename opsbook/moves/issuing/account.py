"""The account that Caddy has with the authority: one that the authority does not take is of no use, and Caddy makes another by itself.

Caddy before 2.9 that has none registers one for each site at once, and may store the key of one beside the address of another
(caddyserver/certmagic#293). The orders of that moment succeed; every later one, so every renewal, is refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from opsbook.host import Host
from opsbook.moves import services
from opsbook.moves.stored_certificates import store

REFUSED = ("acme:error:malformed", "acme:error:accountDoesNotExist")    # RFC 8555, 6.7: Boulder and step-ca say the first of a wrong key


def is_refused(words: Iterable[str]) -> bool:
    """Given what Caddy said of its orders, return whether the authority does not take its account, so that none can succeed."""
    return any(sign in said for said in words for sign in REFUSED)


def forget(host: Host) -> None:
    """Remove the stored account while Caddy stands still, so that its next process registers a new one."""
    with services.stopped(host, store.CADDY):
        host.write(store.folder(host).without(store.ACCOUNTS.rstrip("/"), "remove the ACME account that the authority does not take"))

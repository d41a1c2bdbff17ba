"""The account that Caddy has with the authority: one that the authority does not take is of no use, and Caddy makes another by itself.

Caddy before 2.9 that has none registers one for each site at once, and may store the key of one beside the address of another
(caddyserver/certmagic#293). The orders of that moment succeed; every later one, so every renewal, is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opsbook.errors import CommandFailed
from opsbook.host import Host
from opsbook.moves import services
from opsbook.moves.stored_certificates import store
from opsbook.systems.caddy import running_version
from opsbook.systems.versions import version

MENDED, TOGETHER = (2, 9), 2
REFUSED = ("acme:error:malformed", "acme:error:accountDoesNotExist")    # RFC 8555, 6.7: Boulder and step-ca say the first of a wrong key


def is_refused(words: Mapping[str, str], lacking: Iterable[str]) -> bool:
    """Given what Caddy said last of each site, and which sites lack one, return whether no order succeeds for the account's sake.

    `malformed` is also said of a single order that is wrong; of the account, it is said of every one.
    """
    said = [words.get(name, "") for name in lacking]
    return bool(said) and all(any(sign in one for sign in REFUSED) for one in said)


def forget(host: Host) -> None:
    """Set the stored account aside while Caddy stands still, so that its next process registers a new one."""
    with services.stopped(host, store.CADDY):
        host.write(store.folder(host).put_away(store.ACCOUNTS.rstrip("/"), "set the ACME account aside that the authority does not take"))


def warn(host: Host, issued: int) -> None:
    """Given how many certificates came at once, say what to expect of a Caddy that may have stored two accounts as one."""
    found = services.container(host, store.CADDY)
    if found is None or issued < TOGETHER:
        return
    try:
        told = host.read(running_version(found.id))
    except CommandFailed:
        return
    if version(told) < MENDED:
        host.say(f"note: had Caddy no ACME account before, then Caddy {told} may have stored one that is refused when it renews these")
        host.say("      (certmagic#293, mended in Caddy 2.9): the same command has it make another then")

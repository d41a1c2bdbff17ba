"""What a rotation keeps on record until it is proven: the passwords, the hash, and how the old ones were written."""

from __future__ import annotations

from opsbook.errors import Bug, NothingToUndo
from opsbook.host import Host
from opsbook.shell import Secret

NEW, HASH, OLD, OLD_GRAFANA = "new password", "new hash", "old password", "old password of Grafana"
ENV, LOGIN, REST = "in .env: ", "in the Caddyfile: ", "everything else in "
# not secret: which keys of .env have the hash, which logins of the Caddyfile are changed, which sites were shut to the old password
KEYS, LOGINS, SHUT, SENT_GRAFANA, SENT_CADDY = "hash_keys", "logins", "shut", "sent_grafana", "sent_caddy"


def secret(host: Host, name: str) -> Secret:
    """Return a secret that an earlier step has kept."""
    found = host.kept_secret(name)
    if found is None:
        raise Bug(f"this run has no {name}")
    return found


def expect_old(host: Host) -> None:
    """Raise NothingToUndo when the passwords are gone, as after every run that was proven."""
    if host.kept_secret(OLD) is None:
        raise NothingToUndo(
            "the old password is gone: a rotation that was proven forgets it",
            next=f"opsbook rotate-password {host.name} makes a new one; --new prompt sets one of yours",
            host=host.name,
        )


def keep_texts(host: Host, prefix: str, texts: dict[str, str]) -> None:
    """Keep how values were written, unless a killed run has done so."""
    for name, text in texts.items():
        if host.kept_secret(f"{prefix}{name}") is None:
            host.keep_secret(f"{prefix}{name}", Secret(text))


def texts(host: Host, prefix: str) -> dict[str, str]:
    """Return how these values were written."""
    return {name.removeprefix(prefix): value for name, value in host.run.secrets.items() if name.startswith(prefix)}

"""Known error texts and what they mean; for hints only, never to decide anything."""

from __future__ import annotations

CATALOGUE: tuple[tuple[str, str], ...] = (
    ("lifecycle api is not enabled", "Prometheus runs without --web.enable-lifecycle: opsbook sends SIGHUP instead"),
    ("one or more errors occurred while applying", "the configuration was applied in part: mend the named file and reload again"),
    ("couldn't load configuration", "the configuration does not parse; nothing of it was applied"),
    ("opening storage failed", "a block in the data directory is broken or has the wrong owner"),
    ("is not set. defaulting to a blank string", "a variable of the Compose file is missing in .env, or a $ is not quoted"),
    ("application not healthy after", "a container did not become healthy in time: opsbook status {host}"),
    ("dubious ownership", "the checkout belongs to another user: chown it to claude-admin"),
    ("a password is required", "opsbook provision-host {host} --as root    (sudo wants a password: the right is missing)"),
    ("not possible to fast-forward", "the checkout has commits that the config repo lacks: push or drop them on the host"),
    ("could not read from remote repository", "the git server does not answer or refuses the key; `--as-is` works without it"),
    ("permission denied while trying to connect to the docker daemon", "not in group docker (new logins only): opsbook doctor {host}"),
    ("cannot connect to the docker daemon", "Docker does not run: opsbook triage {host} names the command that starts it"),
    ("excessive work parameter", "the passphrase was hashed on a faster machine than this one is now: try again when it is less busy"),
    ("no space left on device", "the disk is full: opsbook triage {host}"),
    ("client sent an http request to an https server", "the service speaks TLS: set scheme: https in the inventory"),
)


def hint_for(text: str, host: str = "HOST") -> str | None:
    """Given an error text and where it came from, return what it is known to mean, or nothing."""
    lowered = text.lower()
    return next((hint.replace("{host}", host) for known, hint in CATALOGUE if known in lowered), None)

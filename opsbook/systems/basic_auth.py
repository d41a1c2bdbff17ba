"""Who may pass Caddy's basic auth, as Caddy itself understands its Caddyfile: asked of its image, in a container that serves nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from opsbook.errors import CommandFailed
from opsbook.host import Read, Result
from opsbook.shell import Command, cmd
from opsbook.systems.answers import nothing
from opsbook.systems.bcrypt_hash import BCRYPT
from opsbook.systems.caddyfile import filled
from opsbook.systems.container import Container, Mount
from opsbook.systems.inside import mounted

VOLUMES = "volume"


@dataclass(frozen=True)
class Account:
    """A user whom one site lets in."""

    site: str
    user: str
    hash: str = field(repr=False)
    algorithm: str = BCRYPT     # by which Caddy compares


def adapted(container: Container, config: str, environment: Mapping[str, str], mounts: Iterable[Mount]) -> Read[tuple[Account, ...]]:
    """The accounts of the Caddyfile at that path in the container, as its image takes it with this environment and these mounts."""
    parse = partial(parse_accounts, environment=environment)
    return Read(_adapt(container, config, tuple(mounts)), parse, stdin=_lines(environment), within=60)


def accepted(container: Container, config: str, environment: Mapping[str, str], mounts: Iterable[Mount]) -> Read[None]:
    """Whether the image takes that Caddyfile: it fails where not, and what is in it does not matter."""
    return Read(_adapt(container, config, tuple(mounts)), nothing, stdin=_lines(environment), within=60)


def _adapt(container: Container, config: str, known: tuple[Mount, ...]) -> Command:
    """Return the question: Caddy also builds what it would run, which finds more than reading does; volumes are empty folders there.

    What it prints holds the hashes. Docker would keep that in a log, which a log shipper on the host sends on: hence `--log-driver=none`.
    """
    return cmd(
        "docker", "run", "--rm", "--pull=never", "--network=none", "--log-driver=none", "--read-only", "--env-file=/dev/stdin",
        *(f"--mount={mounted(mount)}" for mount in known if mount.type != VOLUMES),
        *(f"--tmpfs={path}" for path in scratch(known)),
        "--entrypoint=caddy", container.image_id, "adapt", f"--config={config}", "--adapter=caddyfile", "--validate",
    )  # fmt: skip


def _lines(environment: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in environment.items() if "\n" not in value)


def scratch(mounts: Iterable[Mount]) -> list[str]:
    """Return the folders that Caddy may want to write in: its own, and those that are volumes."""
    return sorted({"/data", "/config", *(mount.destination for mount in mounts if mount.type == VOLUMES)})


def parse_accounts(result: Result, environment: Mapping[str, str]) -> tuple[Account, ...]:
    """Given a Caddyfile as JSON, return who may see which site; `{env.NAME}` is what it would be when Caddy starts."""
    start = result.out.find("{")
    if start < 0:
        raise CommandFailed("Caddy printed no configuration", saw=result.err.strip())
    raw, _ = json.JSONDecoder().raw_decode(result.out, start)
    servers = (raw.get("apps") or {}).get("http", {}).get("servers", {}).values()
    found = (account for server in servers for account in _of_routes(server.get("routes") or (), ()))
    return tuple(dict.fromkeys(_meant(account, environment) for account in found))


def _of_routes(routes: Iterable[Any], names: tuple[str, ...]) -> Iterator[Account]:
    for route in routes:
        own = tuple(name for matcher in route.get("match") or () for name in matcher.get("host", ()))
        for handler in route.get("handle") or ():
            asks = (handler.get("providers") or {}).get("http_basic", {})
            by, accounts = (asks.get("hash") or {}).get("algorithm", BCRYPT), asks.get("accounts") or ()
            yield from (Account(name, one["username"], one["password"], by) for one in accounts for name in own or names)
            yield from _of_routes(handler.get("routes") or (), own or names)


def _meant(account: Account, environment: Mapping[str, str]) -> Account:
    """Return the account as Caddy runs it: `{env.NAME}` stays in its JSON, and is filled in before base64 is undone."""
    return replace(account, user=filled(account.user, environment), hash=_plain(filled(_plain(account.hash), environment)))


def _plain(text: str) -> str:
    """Return the hash: it may be kept as base64, as older versions wanted it; what is none stays as it is."""
    if text.startswith(("$", "{")):
        return text
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return text

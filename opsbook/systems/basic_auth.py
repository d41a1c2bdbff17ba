"""Who may pass Caddy's basic auth, as Caddy itself understands its Caddyfile: asked of its image, in a container that serves nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsbook.errors import CommandFailed
from opsbook.host import Read, Result
from opsbook.shell import cmd
from opsbook.systems.container import Container, Mount
from opsbook.systems.inside import mounted

VOLUMES = "volume"


@dataclass(frozen=True)
class Account:
    """A user whom one site lets in."""

    site: str
    user: str
    hash: str = field(repr=False)


def adapted(container: Container, config: str, environment: Mapping[str, str], mounts: Iterable[Mount]) -> Read[tuple[Account, ...]]:
    """The accounts of the Caddyfile at that path in the container, as its image takes it with this environment and these mounts.

    Caddy also builds what it would run, which finds what reading alone does not; volumes are replaced by empty folders.
    """
    known = tuple(mounts)
    asked = cmd(
        "docker", "run", "--rm", "--pull=never", "--network=none", "--read-only", "--env-file=/dev/stdin",
        *(f"--mount={mounted(mount)}" for mount in known if mount.type != VOLUMES),
        *(f"--tmpfs={path}" for path in scratch(known)),
        "--entrypoint=caddy", container.image_id, "adapt", f"--config={config}", "--adapter=caddyfile", "--validate",
    )  # fmt: skip
    lines = "".join(f"{name}={value}\n" for name, value in environment.items() if "\n" not in value)
    return Read(asked, parse_accounts, stdin=lines, within=60)


def scratch(mounts: Iterable[Mount]) -> list[str]:
    """Return the folders that Caddy may want to write in: its own, and those that are volumes."""
    return sorted({"/data", "/config", *(mount.destination for mount in mounts if mount.type == VOLUMES)})


def parse_accounts(result: Result) -> tuple[Account, ...]:
    """Given a Caddyfile as JSON, return who may see which site."""
    start = result.out.find("{")
    if start < 0:
        raise CommandFailed("Caddy printed no configuration", saw=result.err.strip())
    raw, _ = json.JSONDecoder().raw_decode(result.out, start)
    servers = (raw.get("apps") or {}).get("http", {}).get("servers", {}).values()
    return tuple(dict.fromkeys(account for server in servers for account in _of_routes(server.get("routes") or (), ())))


def _of_routes(routes: Iterable[Any], names: tuple[str, ...]) -> Iterator[Account]:
    for route in routes:
        own = tuple(name for matcher in route.get("match") or () for name in matcher.get("host", ()))
        for handler in route.get("handle") or ():
            accounts = (handler.get("providers") or {}).get("http_basic", {}).get("accounts") or ()
            yield from (Account(name, one["username"], _plain(one["password"])) for one in accounts for name in own or names)
            yield from _of_routes(handler.get("routes") or (), own or names)


def _plain(text: str) -> str:
    """Return the hash: older versions keep it as base64."""
    return text if text.startswith("$") or not text else base64.b64decode(text).decode(errors="replace")

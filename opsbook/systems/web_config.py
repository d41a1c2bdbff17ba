"""web.yml, the TLS and basic auth that Prometheus and its relatives have of their own (`--web.config.file`)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsbook.errors import CommandFailed
from opsbook.systems.plain_yaml import plain
from opsbook.systems.yaml_text import Found, replaced, scalars

FLAG = "--web.config.file"
USERS = "basic_auth_users"


@dataclass(frozen=True)
class WebConfig:
    """Who may come in, and the files of TLS, by their paths in the container; empty where there is no TLS."""

    users: Mapping[str, str] = field(default_factory=dict, repr=False)      # bcrypt hashes by user
    cert: str = ""
    key: str = ""


def config_path(words: Iterable[str]) -> str | None:
    """Given a service's command line, return where its web.yml is in the container; nothing where it has none."""
    found, awaited = None, False
    for word in words:
        name, equals, value = word.partition("=")
        if awaited:
            found, awaited = word, False
        elif name in {FLAG, FLAG[1:]}:
            found, awaited = value if equals else found, not equals
    return found or None


def parse_web_config(text: str, path: str) -> WebConfig:
    """Given a web.yml and its path in the container, return what it says; raise CommandFailed where it is none."""
    raw = plain(text, path)
    if not isinstance(raw, dict | None):
        raise CommandFailed(f"{path} is no web configuration", saw=f"it is a {type(raw).__name__}")
    tls, users = _mapping(raw or {}, "tls_server_config", path), _mapping(raw or {}, USERS, path)
    known = {str(user): str(one) for user, one in users.items()}
    return WebConfig(known, _beside(path, tls.get("cert_file")), _beside(path, tls.get("key_file")))


def with_hash(text: str, path: str, user: str, new: str) -> str:
    """Return the same text with this user's hash replaced and nothing else; raise CommandFailed where that cannot be."""

    def is_the_hash(found: Found) -> bool:
        return found.way == (USERS, user)

    made = replaced(text, path, scalars(text, path, is_the_hash), new)
    before, after = plain(text, path), plain(made, path)
    if after != {**before, USERS: {**before[USERS], user: new}}:
        raise CommandFailed(f"{path} cannot be changed in one place only", saw="it has an anchor or an alias there, or the user twice")
    return made


def check_web_config(path: str) -> tuple[str, ...]:
    """Return the words that judge a web.yml with the files that it names."""
    return ("promtool", "check", "web-config", path)


def _mapping(raw: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any]:
    found = raw.get(name) or {}
    if not isinstance(found, dict):
        raise CommandFailed(f"{path} is no web configuration", saw=f"{name} is no mapping")
    return found


def _beside(path: str, name: object) -> str:
    """Return a file that web.yml names: a relative path begins where web.yml is."""
    return posixpath.join(posixpath.dirname(path), str(name)) if name else ""

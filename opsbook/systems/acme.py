"""Certificate authorities that speak ACME: which ones Caddy asks, whether they answer, and how much they give."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from opsbook.host import Read, Result
from opsbook.shell import cmd
from opsbook.web import Request

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
ZEROSSL = "https://acme.zerossl.com/v2/DV90"
USUAL: Mapping[str, tuple[str, ...]] = {"acme": (LETS_ENCRYPT,), "zerossl": (ZEROSSL,)}
HOUR, WEEK = 3600, 7 * 86400
# letsencrypt.org/docs/rate-limits: certificates for the same names in a week, and validations that fail in an hour. Both refill slowly.
DUPLICATES: Mapping[str, int] = {"acme-v02.api.letsencrypt.org": 5}
FAILURES: Mapping[str, int] = {"acme-v02.api.letsencrypt.org": 5}
BACKDATED = 3900    # seconds: an authority may date a certificate an hour back, so that slow clocks accept it


def authorities(service: str = "caddy") -> Read[tuple[str, ...]]:
    """The directories of the authorities that Caddy's running configuration names; none where it signs everything itself."""
    return Read(Request(service, "/config/"), parse_authorities)


def directory(url: str) -> Read[str]:
    """Why that authority gives no certificates now, as the host sees it; nothing when it answers as one should."""
    asked = cmd("curl", "--disable", "--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", 15, "--", url)
    return Read(asked, parse_directory, answers=frozenset(range(256)))


def name_of(url: str) -> str:
    """Return the authority's host name."""
    return urlsplit(url).hostname or url


def parse_authorities(result: Result) -> tuple[str, ...]:
    """Given the running configuration, return the directories' URLs, each once."""
    raw = json.loads(result.out) or {}
    policies = ((raw.get("apps") or {}).get("tls") or {}).get("automation", {}).get("policies") or [{}]
    return tuple(dict.fromkeys(url for policy in policies for url in _of_policy(policy)))


def parse_directory(result: Result) -> str:
    """Given what curl printed, return nothing for a directory, else the reason."""
    if result.code:
        return result.err.strip().removeprefix("curl: ") or f"curl ended with {result.code}"
    try:
        found = json.loads(result.out)
    except ValueError:
        found = None
    return "" if isinstance(found, dict) and "newOrder" in found else "it answers, but not with an ACME directory"


def _of_policy(policy: Mapping[str, Any]) -> Iterator[str]:
    for issuer in policy.get("issuers") or ({"module": "acme"},):
        module = str(issuer.get("module", ""))
        yield from (str(issuer["ca"]),) if issuer.get("ca") else USUAL.get(module, ())

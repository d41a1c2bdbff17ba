"""A public site asked as a browser would, by curl on some host: the chain verified, nothing but its configuration holding a password."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from opsbook.host import Read, Result
from opsbook.inventory import Site
from opsbook.shell import Secret, cmd

Kind = Literal["answered", "silent", "untrusted", "failed"]
CURL = cmd("env", "LC_ALL=C", "curl", "--disable", "--config", "-")
CONNECT, WHOLE = 5, 15      # seconds: bcrypt alone takes one or two
KINDS: dict[int, Kind] = {0: "answered", 28: "silent", 51: "untrusted", 60: "untrusted"}
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"})
REASON = re.compile(r"curl: \(\d+\) (.*)")
TOLD = "opsbook-told:"      # what curl prints itself comes before it


@dataclass(frozen=True)
class Page:
    """What came of asking for a page; `kind` is how it ended, `why` curl's reason where there was no answer."""

    kind: Kind
    status: int = 0
    redirect: str = ""      # the whole URL that it sends us to
    why: str = ""


def page(site: Site, address: str, password: Secret | None = None) -> Read[Page]:
    """The site's page over HTTPS, asked of that address; with a password as the user who may see it."""
    user = [("user", f"{site.username}:{password.value}")] if password is not None else []
    return _asked("https", site, site.port, address, user)


def plain_page(site: Site, address: str) -> Read[Page]:
    """The site's page without TLS, from port 80 of that address."""
    return _asked("http", site, 80, address, [])


def parse_page(result: Result) -> Page:
    """Given how curl ended and what it printed, return the page."""
    kind = KINDS.get(result.code, "failed")
    if kind == "answered":
        status, _, redirect = result.out.rpartition(TOLD)[2].strip().partition(" ")
        return Page(kind, int(status or 0), redirect)
    reason = REASON.search(f"{result.err}\n{result.out}")
    return Page(kind, why=reason[1] if reason else f"curl ended with {result.code}")


def _asked(scheme: str, site: Site, port: int, address: str, user: list[tuple[str, str]]) -> Read[Page]:
    config = "\n".join(_lines(scheme, site, port, address, user)) + "\n"
    return Read(CURL, parse_page, stdin=Secret(config) if user else config, answers=frozenset(range(256)), within=WHOLE + CONNECT)


def _lines(scheme: str, site: Site, port: int, address: str, user: list[tuple[str, str]]) -> Iterator[str]:
    there = f"[{address}]" if ":" in address else address
    pairs = [
        ("url", f"{scheme}://{site.name}:{port}{site.path}"),
        ("connect-to", f"{site.name}:{port}:{there}:{port}"),
        ("noproxy", "*"),
        ("connect-timeout", str(CONNECT)),
        ("max-time", str(WHOLE)),
        ("output", "/dev/null"),
        ("write-out", f"{TOLD}%{{http_code}} %{{redirect_url}}"),
        ("user-agent", "opsbook"),
        *user,
    ]
    yield from (f'{name} = "{value.translate(ESCAPES)}"' for name, value in pairs)
    yield from ("silent", "show-error", "globoff", "path-as-is")

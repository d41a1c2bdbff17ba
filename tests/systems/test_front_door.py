from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest

from opsbook.host import Result
from opsbook.inventory import Site
from opsbook.shell import Command, Secret
from opsbook.systems.front_door import Page, page, parse_page, plain_page
from tests.certs import issued
from tests.here import Here
from tests.tls_server import LOOPBACK, serving

NAME, HARD = "prometheus.example", 'a"b\\c $x \'y\' %z'


def site(port: int = 443) -> Site:
    return Site(NAME, "prometheus", "admin", "KEY", "/-/ready", port)


def asked(port: int, ca: Path | None = None, password: str | None = None) -> Page:
    question = page(site(port), LOOPBACK, Secret(password) if password is not None else None)
    assert isinstance(question.ask, Command)
    stdin = question.stdin.value if isinstance(question.stdin, Secret) else question.stdin
    return question.parse(Here({"CURL_CA_BUNDLE": str(ca)} if ca else {}).run(question.ask, stdin, question.within))


def test_a_site_is_asked_under_its_name_at_the_given_address_with_the_password_as_it_is(tmp_path: Path) -> None:
    chain, key = issued(NAME, starts=time.time() - 60)
    (ca := tmp_path / "ca.pem").write_bytes(chain)
    with serving(chain, key, tmp_path) as server:
        assert asked(server.port, ca) == Page("answered", 200)
        assert asked(server.port, ca, HARD) == Page("answered", 200)
        login = base64.b64encode(f"admin:{HARD}".encode()).decode()
        host = f"{NAME}:{server.port}"
        assert server.asked == [(host, "/-/ready", ""), (host, "/-/ready", f"Basic {login}")]


def test_a_redirect_is_told_and_not_followed(tmp_path: Path) -> None:
    chain, key = issued(NAME, starts=time.time() - 60)
    (ca := tmp_path / "ca.pem").write_bytes(chain)
    with serving(chain, key, tmp_path) as server:
        server.status, server.location = 302, "/graph"
        found = asked(server.port, ca)
        assert (found.status, found.redirect, len(server.asked)) == (302, f"https://{NAME}:{server.port}/graph", 1)


def test_no_password_goes_to_a_server_whose_certificate_is_not_trusted(tmp_path: Path) -> None:
    with serving(*issued(NAME, starts=time.time() - 60), tmp_path) as server:
        found = asked(server.port, password=HARD)
        assert (found.kind, server.asked) == ("untrusted", [])
        assert "certificate" in found.why


def test_the_password_is_no_argument_and_hidden_where_the_question_is_told() -> None:
    question = page(site(), LOOPBACK, Secret(HARD))
    assert isinstance(question.stdin, Secret)
    assert HARD not in f"{question.ask}{question!r}"
    assert isinstance(plain_page(site(), LOOPBACK).stdin, str)


@pytest.mark.parametrize(("code", "out", "found"), [
    (0, "opsbook-told:308 https://x.example/", Page("answered", 308, "https://x.example/")),
    (28, "curl: (28) Connection timed out after 5000 ms\nopsbook-told:000 ", Page("silent", why="Connection timed out after 5000 ms")),
    (60, "curl: (60) SSL certificate problem: certificate has expired\nopsbook-told:000 ",
     Page("untrusted", why="SSL certificate problem: certificate has expired")),
    (35, "curl: (35) TLS connect error\nopsbook-told:000 ", Page("failed", why="TLS connect error")),
    (127, "env: 'curl': No such file or directory\n", Page("failed", why="curl ended with 127")),
])
def test_how_curl_ended_is_told(code: int, out: str, found: Page) -> None:
    assert parse_page(Result(code, out)) == found


def test_an_ipv6_address_stands_in_brackets() -> None:
    question = page(site(), "2001:db8::1")
    assert 'connect-to = "prometheus.example:443:[2001:db8::1]:443"' in str(question.stdin)

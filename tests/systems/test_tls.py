from __future__ import annotations

import time
from pathlib import Path

import pytest

from opsbook.host import Result
from opsbook.systems.tls import Certificate, Handshake, parse_certificate, parse_shown, shown
from tests.certs import DAY, issued
from tests.here import ask
from tests.tls_server import LOOPBACK, serving

NAME = "prometheus.example"
SHOWN = """New, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256
Verify return code: {}
notBefore=Nov 21 16:06:44 2026 GMT
notAfter=Nov 22 04:07:44 2026 GMT
serial=496AE29ABD6571D294B96C415C20FF1B
issuer=CN=Caddy Local Authority - ECC Intermediate
X509v3 Subject Alternative Name: critical
    DNS:prometheus.example, DNS:*.apps.example
"""


@pytest.mark.parametrize(("code", "wrong"), [
    ("0 (ok)", ""),
    ("18 (self-signed certificate)", "signed by itself"),
    ("19 (self-signed certificate in certificate chain)", "a root that nobody here knows"),
    ("20 (unable to get local issuer certificate)", "signed by somebody unknown"),
    ("21 (unable to verify the first certificate)", "does not send the chain"),
    ("79 (invalid CA certificate)", "invalid CA certificate"),
])
def test_a_handshake_tells_certificate_protocol_and_what_is_wrong_with_the_chain(code: str, wrong: str) -> None:
    found = parse_shown(Result(0, SHOWN.format(code)))
    assert found.certificate == Certificate(
        1795277204, 1795320464, "496AE29ABD6571D294B96C415C20FF1B", "CN=Caddy Local Authority - ECC Intermediate", (NAME, "*.apps.example"),
    )  # fmt: skip
    assert (found.protocol, wrong in found.chain, bool(found.chain)) == ("TLSv1.3", True, bool(wrong))


def test_a_verdict_that_is_missing_is_no_good_one() -> None:
    assert "does not tell" in parse_shown(Result(0, SHOWN.replace("Verify return code: {}\n", ""))).chain


@pytest.mark.parametrize(("told", "why"), [
    ("40E7:error:0A000438:SSL routines:ssl3_read_bytes:tlsv1 alert internal error:ssl/record.c:1605:SSL alert number 80\n", "internal"),
    ("4067:error:8000006F:system library:BIO_connect:Connection refused:../crypto/bio/bio_sock2.c:117:calling connect()\n", "refused"),
    ("", "shows no certificate"),
])
def test_without_a_certificate_the_reason_is_told(told: str, why: str) -> None:
    found = parse_shown(Result(0, told))
    assert (found.certificate, why in found.why) == (None, True)


def test_a_certificate_covers_its_names_and_one_label_of_a_wildcard() -> None:
    found = parse_certificate(Result(0, SHOWN))
    assert found is not None
    names = (NAME, "a.apps.example", "b.a.apps.example", "apps.example", "other.example")
    assert [found.covers(name) for name in names] == [True, True, False, False, False]


def test_what_is_left_is_a_share_of_its_life() -> None:
    found = Certificate(1000, 2000, "1")
    assert [found.left(now) for now in (1000, 1900, 2000, 2500)] == [1, 0.1, 0, -0.5]


@pytest.mark.parametrize("days", [90, -1])
def test_a_real_handshake_shows_the_certificate_that_is_served_even_one_that_is_over(days: int, tmp_path: Path) -> None:
    starts = float(int(time.time() - 10 * DAY))
    chain, key = issued(NAME, starts=starts, days=days + 9 if days < 0 else days, serial=0xABCD)
    with serving(chain, key, tmp_path) as server:
        found = ask(shown(LOOPBACK, NAME, server.port))
    assert found.certificate is not None
    assert (found.certificate.starts, found.certificate.serial, found.certificate.names) == (starts, "ABCD", (NAME,))
    assert (found.certificate.ends < time.time(), found.protocol, bool(found.chain)) == (days < 0, "TLSv1.3", True)


def test_where_nothing_listens_there_is_no_certificate(tmp_path: Path) -> None:
    with serving(*issued(NAME, starts=time.time()), tmp_path) as server:
        port = server.port
    assert ask(shown(LOOPBACK, NAME, port)) == Handshake(why="Connection refused")

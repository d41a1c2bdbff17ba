from __future__ import annotations

from opsbook.host import Result
from opsbook.systems.caddy_log import entries, parse_entries

NAME, OTHER = "prometheus.example", "alertmanager.example"
LOG = f"""{{"level":"info","ts":100.5,"logger":"tls.obtain","msg":"obtaining certificate","identifier":"{NAME}"}}
{{"level":"error","ts":101,"logger":"tls.obtain","msg":"will retry","error":"[{NAME}] Obtain: connection refused","attempt":1}}
no json at all
{{"level":"error","ts":101.5,"logger":"tls.issuance.acme.acme_client","msg":"challenge failed","identifier":"{NAME}"}}
{{"level":"warn","ts":102,"logger":"tls","msg":"stapling OCSP","error":"no OCSP","identifiers":["{OTHER}"]}}
{{"level":"info","ts":103,"logger":"tls.obtain","msg":"certificate obtained successfully","identifier":"{OTHER}"}}
{{"level":"info","ts":104,"logger":"tls.renew","msg":"certificate renewed successfully","identifier":"{OTHER}"}}
{{"logger":"tls","msg":"no time"}}
["tls"]
"""


def test_orders_and_failures_are_told_with_their_names_and_what_is_no_line_of_caddys_is_passed_over() -> None:
    found = parse_entries(Result(0, LOG))
    assert [(one.at, one.level, one.issued) for one in found] == [
        (100.5, "info", False), (101, "error", False), (101.5, "error", False), (102, "warn", False),
        (103, "info", True), (104, "info", True),
    ]  # fmt: skip
    assert [one.is_of(NAME) for one in found] == [True, True, True, False, False, False]
    assert [one.is_of(OTHER) for one in found] == [False, False, False, True, True, True]


def test_a_line_is_told_with_its_error_and_not_endlessly() -> None:
    (found,) = parse_entries(Result(0, '{"level":"error","ts":1,"logger":"tls","msg":"m","error":"' + "e" * 900 + '"}'))
    assert (str(found)[:6], len(str(found))) == ("m: eee", 300)


def test_only_lines_about_certificates_leave_the_host() -> None:
    asked = str(entries("abc", 1000.0).ask)
    assert "docker logs --since=1000.000 abc" in asked
    assert "grep --text --fixed-strings" in asked
    assert parse_entries(Result(1, "")) == ()

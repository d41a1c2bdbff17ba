from __future__ import annotations

from dataclasses import replace

import pytest

from opsbook.findings.finding import Finding
from opsbook.moves.endpoints.facts import CADDYFILE, Facts
from opsbook.moves.endpoints.findings import findings, judged
from opsbook.systems.dns import Resolved
from opsbook.systems.front_door import Page
from opsbook.systems.reach import Reach
from opsbook.systems.tls import Handshake
from tests.moves.endpoints.sites import DAY, FACTS, FREELY, GOOD, NAME, NOW, OPEN, REACHED, WELL, certificate, with_site


def bad(facts: Facts) -> tuple[Finding, ...]:
    return tuple(one for one in findings(facts) if one.severity in {"bad", "warn"})


def only(facts: Facts) -> Finding:
    (found,) = bad(facts)
    return found


def test_where_all_is_well_each_site_is_told_layer_by_layer() -> None:
    assert [(one.severity, one.what) for one in findings(FACTS)] == [("ok", NAME), ("ok", OPEN)]
    assert [line.partition(":")[0] for line in findings(FACTS)[0].evidence.splitlines()] == [
        "DNS", "port 443", "TLS", "login", "upstream", "redirect",
    ]  # fmt: skip
    assert "from Let's Encrypt R11, ends in 80 d (89% of its life)" in findings(FACTS)[0].evidence


@pytest.mark.parametrize(("layer", "says", "next_", "changed"), [
    ("DNS", "the name has no address: Name or service not known", "A record to 192.0.2.10",
     {"resolved": Resolved(why="Name or service not known")}),
    ("DNS", "points to 198.51.100.9, and the host is 192.0.2.10", "correct the A record",
     {"resolved": Resolved(("192.0.2.10", "198.51.100.9"))}),
    ("DNS", "points to 2001:db8::bad, and the host is 2001:db8::10", "correct the AAAA record",
     {"resolved": Resolved(("192.0.2.10", "2001:db8::bad"))}),
    ("port 443", "gives no answer to serverF; a firewall of the host or of its provider", "ufw allow 443/tcp",
     {"ports": {80: REACHED, 443: Reach("silent")}}),
    ("port 443", "refuses the connection to serverF; the host itself is served", "ufw allow 443/tcp",
     {"ports": {80: REACHED, 443: Reach("refused")}}),
    ("TLS", "there is no certificate: internal error", "opsbook recover-certs vps-i1", {"shown": Handshake(why="internal error")}),
    ("TLS", "ended 2 d ago", "opsbook recover-certs", {"shown": Handshake(certificate(ends=NOW - 2 * DAY), protocol="TLSv1.3")}),
    ("TLS", "begins only in 1 h", "opsbook recover-certs", {"shown": Handshake(certificate(starts=NOW + 3600), protocol="TLSv1.3")}),
    ("TLS", "is for other.example.org", "opsbook recover-certs",
     {"shown": Handshake(certificate("other.example.org"), protocol="TLSv1.3")}),
    ("TLS", "will not trust it: it is signed by itself (issuer CN=R11", "opsbook recover-certs",
     {"shown": replace(GOOD, chain="it is signed by itself")}),
    ("TLS", "speaks TLSv1.1, which is too old", "opsbook recover-certs", {"shown": replace(GOOD, protocol="TLSv1.1")}),
    ("TLS", "ends in 15 d and was not renewed: 17% of its life is left", "opsbook recover-certs",
     {"shown": Handshake(certificate(starts=NOW - 75 * DAY, ends=NOW + 15 * DAY), protocol="TLSv1.3")}),
    ("login", "https gives no answer: Operation timed out", "opsbook logs caddy", {"without": Page("silent", why="Operation timed out")}),
    ("login", "without a password it gives 200, not 401: everybody gets in", "basic_auth for this site",
     {"without": Page("answered", 200)}),
    ("login", "the password in .env (ADMIN_PASSWORD) is refused", "opsbook rotate-password vps-i1", {"allowed": Page("answered", 401)}),
    ("login", "https gives no answer: reset", "opsbook logs caddy", {"allowed": Page("failed", why="reset")}),
    ("login", "with one it was not tried: its password is not known", "opsbook doctor", {"allowed": None}),
    ("upstream", "Caddy gives 502: prometheus behind it does not answer", "opsbook status vps-i1", {"allowed": Page("answered", 502)}),
    ("upstream", "prometheus gives 404 for /-/ready", "opsbook logs prometheus", {"allowed": Page("answered", 404)}),
    ("upstream", "prometheus gives 302 for /-/ready", "opsbook logs prometheus", {"allowed": Page("answered", 302)}),
    ("port 80", "192.0.2.10 gives no answer to serverF", "ufw allow 80/tcp", {"ports": {80: Reach("silent"), 443: REACHED}}),
    ("redirect", "http gives 200, and sends nobody on to https", "opsbook logs caddy", {"plain": Page("answered", 200)}),
    ("redirect", "http gives 301 to https://elsewhere.example/", "opsbook logs caddy",
     {"plain": Page("answered", 301, "https://elsewhere.example/")}),
    ("redirect", "http gives no answer: Empty reply", "opsbook logs caddy", {"plain": Page("failed", why="Empty reply")}),
])
def test_the_layer_that_fails_first_is_named_with_what_to_type(layer: str, says: str, next_: str, changed: dict[str, object]) -> None:
    found = only(with_site(**changed))
    assert (found.severity, found.what) == ("bad", f"{NAME}: {layer} fails first")
    assert (says in found.evidence, next_ in found.next) == (True, True), found


def test_what_lies_behind_the_first_failure_is_not_judged() -> None:
    facts = with_site(resolved=Resolved(why="no"), shown=Handshake(why="no"), allowed=Page("answered", 502))
    assert [layer.name for layer in judged(facts)[NAME]] == ["DNS"]
    assert len(judged(facts)[OPEN]) == 6


@pytest.mark.parametrize(("left", "late"), [(19.9, True), (20.1, False)])
@pytest.mark.parametrize("unit", [DAY, 600.0])
def test_a_certificate_is_late_by_the_share_of_its_life_however_long_that_is(left: float, unit: float, *, late: bool) -> None:
    shown = Handshake(certificate(starts=NOW - (90 - left) * unit, ends=NOW + left * unit), protocol="TLSv1.3")
    assert bool(bad(with_site(shown=shown))) == (late or False)


def test_a_site_without_a_login_that_asks_for_one_is_told() -> None:
    found = only(replace(FACTS, sites=(WELL, replace(FREELY, without=Page("answered", 401)))))
    assert "a password that the inventory does not know" in found.evidence


def test_the_front_page_may_redirect_within_the_site() -> None:
    site = replace(WELL.site, path="/")
    assert bad(with_site(site=site, allowed=Page("answered", 302, f"https://{NAME}/graph"))) == ()


def test_a_password_that_env_does_not_have_is_the_reason() -> None:
    facts = replace(with_site(allowed=None), why={NAME: "/opt/.env has no ADMIN_PASSWORD"})
    assert "has no ADMIN_PASSWORD" in only(facts).evidence


def test_a_caddy_that_does_not_run_explains_the_silent_port() -> None:
    facts = replace(with_site(ports={80: Reach("refused"), 443: Reach("refused")}), caddy="exited (1)", served=None, own={})
    what = [one.what for one in bad(facts)]
    assert what == ["Caddy does not run: exited (1)", f"{NAME}: port 443 fails first"]
    assert "Caddy does not run" in bad(facts)[1].evidence


def test_a_port_that_the_container_does_not_publish_is_told() -> None:
    found = only(replace(with_site(ports={80: REACHED, 443: Reach("refused")}), published=(80,)))
    assert ("does not publish it" in found.evidence, "recreate-service caddy" in found.next) == (True, True)


@pytest.mark.parametrize(("changed", "severity", "what", "says"), [
    ({"served": (OPEN,)}, "bad", f"Caddy does not serve {NAME}", "no such site"),
    ({"served": None, "why": {"names": "no answer"}}, "bad", "Caddy does not tell what it serves", "no answer"),
    ({"served": (NAME, OPEN, "old.example.org")}, "warn", "Caddy serves old.example.org, of which the inventory says nothing", ""),
    ({"own": {NAME: Handshake(certificate(serial="CC"))}},
     "warn", "certificates are in Caddy's memory only: its next start orders new ones", NAME),
    ({"why": {CADDYFILE: "line 37"}}, "warn", "Caddy would not start again with the Caddyfile on disk", "line 37"),
    ({"authorities": {"https://a.example/": "refused"}}, "warn", "no certificate authority answers: nothing will be renewed", "refused"),
])
def test_what_the_hosts_own_view_adds(changed: dict[str, object], severity: str, what: str, says: str) -> None:
    found = only(replace(FACTS, **changed))  # type: ignore[arg-type]
    assert (found.severity, found.what, says in found.evidence) == (severity, what, True)


def test_a_wildcard_of_caddy_serves_the_names_below_it_and_one_authority_that_answers_suffices() -> None:
    assert bad(replace(FACTS, served=("*.example.org",), authorities={"https://a.example": "down", "https://b.example": ""})) == ()


def test_a_storage_that_cannot_be_read_and_a_missing_seat_are_notes() -> None:
    found = findings(replace(FACTS, kept=None, outside=False, seat="vps-i1"))
    assert [one.severity for one in found] == ["note", "note", "ok", "ok"]
    assert "nobody looked from outside" in found[0].what

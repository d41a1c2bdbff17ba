"""Every public site from another host: what fails first is named, whatever is broken in the lab."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsbook.lab.breaking import break_, mend
from opsbook.lab.lab import Lab
from tests.lab.front import OUTSIDE, SITES, check
from tests.lab.hunt import expect_unseen, hunting
from tests.lab.process import Ran
from tests.lab.reach import VPS, on_vps
from tests.lab.secrets_at_large import ENV, SECRET_KEYS
from tests.lab.snapshot import snapshot

ALERTMANAGER, GRAFANA, PROMETHEUS = sorted(SITES)
DROP = "DOCKER-USER --protocol tcp --match conntrack --ctorigdstport {} --jump DROP"
SERVE = 'docker exec --interactive monitoring-caddy-1 caddy reload --adapter caddyfile --config "$1"'
OPEN_TO_ALL = 'docker exec monitoring-caddy-1 cat /etc/caddy/Caddyfile | sed "s/import protected//; s/^grafana[.]/old./" | ' + SERVE


@pytest.fixture
def mended(town: Lab) -> Iterator[Lab]:
    """The lab for a test that breaks it."""
    yield town
    mend(town)


def wrong(ran: Ran) -> dict[str, str]:
    """Return what the run found wrong, with its evidence."""
    (host,) = json.loads(ran.out)["hosts"]
    return {one["what"]: one["evidence"] for one in host["answer"]["findings"] if one["severity"] in {"bad", "warn"}}


def test_sites_that_are_well_are_told_layer_by_layer_and_nothing_is_changed(town: Lab) -> None:
    before = snapshot(town)
    ran = check()
    assert (ran.code, snapshot(town)) == (0, before), ran.text
    assert f"3 sites asked from {OUTSIDE}" in ran.err
    for words in ("port 443: answers", "TLS: TLSv1.3, from Caddy", "login: 401 without the password of admin, 200 with it",
                  "login: none is asked for", "http is sent on to https (308)"):
        assert words in ran.out


def test_a_name_that_points_elsewhere_is_told_as_dns(mended: Lab) -> None:
    break_(mended, "dns-wrong", PROMETHEUS)
    ran = check("--json")
    assert (ran.code, list(wrong(ran))) == (10, [f"{PROMETHEUS}: DNS fails first"]), ran.text


def test_certificates_that_ended_are_told_as_tls(mended: Lab) -> None:
    break_(mended, "cert-expiring", "0")
    ran = check("--json")
    assert (ran.code, {f"{name}: TLS fails first" for name in SITES} <= wrong(ran).keys()) == (10, True), ran.text
    assert wrong(ran)[f"{PROMETHEUS}: TLS fails first"] == "its certificate ended 1 h ago"


def test_what_lies_ahead_is_told_while_all_is_still_served(mended: Lab) -> None:
    for name in ("cert-expiring", "caddy-volume-lost", "caddyfile-broken"):
        break_(mended, name)
    found = wrong(ran := check("--json"))
    assert ran.code == 10
    assert "ends in 3 d and was not renewed: 3% of its life is left" in found[f"{GRAFANA}: TLS fails first"]
    assert "Syntax error" in found["Caddy would not start again with the Caddyfile on disk"]
    assert "Caddy's memory only" in " ".join(found)
    assert "ca.lab.invalid" in found["no certificate authority answers: nothing will be renewed"]


def test_a_service_that_is_down_a_missing_password_and_a_silent_port_are_told_each_as_what_it_is(mended: Lab) -> None:
    on_vps(mended, "docker stop monitoring-alertmanager-1")
    ran = check("--json")
    on_vps(mended, "docker start monitoring-alertmanager-1")
    assert (ran.code, list(wrong(ran))) == (10, [f"{ALERTMANAGER}: upstream fails first"]), ran.text
    on_vps(mended, OPEN_TO_ALL.replace('"$1"', "/dev/stdin"))
    found = wrong(check("--json"))
    on_vps(mended, SERVE.replace('"$1"', "/etc/caddy/Caddyfile"))
    assert found[f"{PROMETHEUS}: login fails first"] == "without a password it gives 200, not 401: everybody gets in"
    assert f"Caddy does not serve {GRAFANA}" in found
    assert any(what.startswith("Caddy serves old.") for what in found)


@pytest.mark.parametrize(("port", "fails"), [("443", "port 443"), ("80", "port 80")])
def test_a_port_that_a_firewall_closes_to_the_world_is_told_although_the_host_itself_is_served(town: Lab, port: str, fails: str) -> None:
    on_vps(town, f"iptables --wait --insert {DROP.format(port)}", user="root")
    try:
        found = wrong(check("--json"))
    finally:
        on_vps(town, f"iptables --wait --delete {DROP.format(port)}", user="root")
    assert list(found) == [f"{name}: {fails} fails first" for name in SITES]
    assert "drops what comes" in found[f"{PROMETHEUS}: {fails} fails first"]


def test_no_password_is_seen_on_the_host_that_asks_on_the_one_that_is_asked_or_here(town: Lab, tmp_path: Path) -> None:
    at_stranger, at_vps = tmp_path / "stranger", tmp_path / "vps"
    at_stranger.mkdir()
    at_vps.mkdir()
    secrets = dict(SECRET_KEYS.findall(on_vps(town, f"cat {ENV}")))
    with hunting(town, at_stranger, OUTSIDE) as outside, hunting(town, at_vps) as asked:
        ran = outside.run("check-endpoints", VPS, "--json", "--debug")
        asked.run("check-endpoints", VPS)
    assert (ran.code, "GRAFANA_ADMIN_PASSWORD" in secrets) == (0, True), ran.text
    services_own = ("docker inspect", "environment on the host", "environment in the lab")
    expect_unseen(outside, secrets, run="check-endpoints", work="read -r -d ''", apart_from=services_own[2:])
    expect_unseen(asked, secrets, run="check-endpoints", work="--adapter=caddyfile", apart_from=services_own)

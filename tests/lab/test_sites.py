"""The lab's names and certificates are real: one DNS server, one authority, certificates by ACME."""

from __future__ import annotations

import pytest

from opsbook.lab import authority, sites
from opsbook.lab.docker import attempt, docker, script
from opsbook.lab.lab import Lab
from opsbook.lab.names import sites as public_names
from opsbook.lab.status import status
from tests.lab.reach import VPS, on_vps

SITES = public_names("p24")
ISSUER = """
openssl s_client -connect "$1:443" -servername "$1" -verify_hostname "$1" -verify_return_error </dev/null 2>/dev/null |
    openssl x509 -noout -issuer -serial
"""
KEPT = 'find "$(docker volume inspect --format "{{.Mountpoint}}" monitoring_caddy_data)" -path "*ca.lab.invalid*" -name "*.crt" -type f'


def ask(lab: Lab, host: str, site: str) -> str:
    """Ask a site by its name, verified; return the status."""
    words = ("curl", "--silent", "--show-error", "--output", "/dev/null", "--write-out", "%{http_code}", "--max-time", "5")
    return docker("exec", lab.container(host), *words, f"https://{site}/")


def test_every_site_is_served_to_a_neighbour_under_its_name_with_a_certificate_that_it_trusts(lab: Lab) -> None:
    assert [ask(lab, "serverA", site) for site in SITES] == ["401", "401", "302"]


@pytest.mark.parametrize("host", [VPS, "serverA"])
def test_openssl_trusts_the_authority_too_and_each_site_has_a_certificate_of_its_own(lab: Lab, host: str) -> None:
    shown = [script(lab.container(host), ISSUER, site) for site in SITES]
    assert all("Caddy Local Authority" in one for one in shown)
    assert len(set(shown)) == len(SITES)


def test_a_name_that_nobody_has_is_refused_at_once(lab: Lab) -> None:
    for name in ("nobody.example", "www.vps-i1.infra.zintegrowana.online"):
        assert attempt("exec", lab.container(VPS), "timeout", "2", "getent", "ahosts", name).returncode == 2


def test_a_new_process_with_an_empty_volume_gets_new_certificates_by_acme(restored: Lab) -> None:
    before = [script(restored.container(VPS), ISSUER, site) for site in SITES]
    script(restored.container(VPS), sites.ANEW, sites.CADDY, sites.VOLUME, *SITES)
    sites.proven(restored.container(VPS))
    after = [script(restored.container(VPS), ISSUER, site) for site in SITES]
    assert len({*before, *after}) == 2 * len(SITES)
    assert len(on_vps(restored, KEPT, user="root").split()) == len(SITES)


def test_what_is_kept_and_served_is_left_alone(lab: Lab) -> None:
    started = on_vps(lab, "docker inspect --format '{{.State.StartedAt}}' monitoring-caddy-1")
    sites.renewed(lab.container(VPS))
    assert on_vps(lab, "docker inspect --format '{{.State.StartedAt}}' monitoring-caddy-1") == started


def test_the_status_names_the_servers_beside_the_hosts_and_is_not_up_without_one(lab: Lab) -> None:
    states = {host.name: host.state for host in status(lab).hosts}
    assert {name: states[name] for name in ("ca", "git", "mirror")} == {"ca": "running", "git": "running", "mirror": "running"}
    docker("pause", lab.container(authority.NAME))
    try:
        assert not status(lab).up
    finally:
        docker("unpause", lab.container(authority.NAME))
    assert status(lab).up

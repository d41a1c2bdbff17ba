"""Each fault of names and certificates does what it says, and its mending brings back what was there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from opsbook.errors import UsageError
from opsbook.lab import gitserver, sites
from opsbook.lab.breaking import break_, mend
from opsbook.lab.docker import attempt, script
from opsbook.lab.faults import certificates
from opsbook.lab.lab import Lab
from opsbook.lab.reset import reset
from opsbook.lab.state import load
from opsbook.lab.wait import until
from tests.lab.reach import VPS, on_vps

Shows = Callable[[Lab], bool]
OUTSIDE = "serverA"
SITES = certificates.SITES
STORED = 'find "$(docker volume inspect --format "{{.Mountpoint}}" monitoring_caddy_data)" -name "*.crt" -type f'
UP = "cd /opt/p24-infra/monitoring && docker compose up --detach caddy"
STARTED = "docker inspect --format '{{.State.StartedAt}}' monitoring-caddy-1"
DIRECTORY = "https://ca.lab.invalid/acme/local/directory"
ENDS_WITHIN = """
openssl s_client -connect 127.0.0.1:443 -servername "$1" </dev/null 2>/dev/null | openssl x509 -noout -checkend "$2" || echo yes
"""
ADAPTS = """
docker exec --interactive monitoring-caddy-1 sh -c 'cat > /tmp/Caddyfile && caddy adapt --config /tmp/Caddyfile' \\
    < /opt/p24-infra/monitoring/Caddyfile 2>&1 >/dev/null | grep --only-matching 'Syntax error' || true
"""


def fetched(lab: Lab, url: str) -> int:
    """Ask from outside, certificates verified; return curl's exit code."""
    return attempt("exec", lab.container(OUTSIDE), "curl", "--silent", "--output", "/dev/null", "--max-time", "5", url).returncode


def address(lab: Lab, name: str) -> str:
    """Return the address that a name has for the outside."""
    return script(lab.container(OUTSIDE), 'getent ahostsv4 "$1" | awk \'NR == 1 { print $1 }\'', name).strip()


def the_volume_is_empty_and_all_is_served_from_memory(lab: Lab) -> bool:
    started = on_vps(lab, STARTED)
    on_vps(lab, UP)  # what the workbook says, and what changes nothing
    return on_vps(lab, STORED, user="root") == "" and sites.unproven(lab.container(VPS)) == () and on_vps(lab, STARTED) == started


def the_authority_refuses_and_names_are_answered(lab: Lab) -> bool:
    return fetched(lab, DIRECTORY) == 7 and address(lab, SITES[0]) != ""


def the_first_name_is_elsewhere_and_the_second_here(lab: Lab) -> bool:
    return address(lab, SITES[0]) != address(lab, SITES[1]) and fetched(lab, f"https://{SITES[0]}/") == 7


def three_days_are_left_and_nobody_renews(lab: Lab) -> bool:
    trusted = fetched(lab, f"https://{SITES[0]}/") == 0 and fetched(lab, DIRECTORY) == 7
    ends = [script(lab.container(VPS), ENDS_WITHIN, SITES[0], str(days * 86400)).strip().endswith("yes") for days in (2, 4)]
    return trusted and ends == [False, True]


def the_pulled_file_does_not_parse_and_the_old_one_serves(lab: Lab) -> bool:
    return on_vps(lab, ADAPTS).strip() == "Syntax error" and sites.unproven(lab.container(VPS)) == ()


SHOWS: dict[str, Shows] = {
    "caddy-volume-lost": the_volume_is_empty_and_all_is_served_from_memory,
    "acme-down": the_authority_refuses_and_names_are_answered,
    "dns-wrong": the_first_name_is_elsewhere_and_the_second_here,
    "cert-expiring": three_days_are_left_and_nobody_renews,
    "caddyfile-broken": the_pulled_file_does_not_parse_and_the_old_one_serves,
}


def condition(lab: Lab) -> dict[str, object]:
    """What these faults may not leave changed behind them."""
    here = lab.container(VPS)
    return {
        "sites": (sites.unproven(here), sites.unkept(here)),
        "stored": sorted(on_vps(lab, STORED, user="root").splitlines()),
        "names": [address(lab, name) for name in SITES],
        "authority": fetched(lab, DIRECTORY),
        "outside": [fetched(lab, f"https://{name}/") for name in SITES],
        "upstream": gitserver.content(lab, "monitoring/Caddyfile"),
        "checkout": on_vps(lab, "cat /opt/p24-infra/monitoring/Caddyfile && cd /opt/p24-infra && git status --porcelain"),
        "seen": on_vps(lab, "docker exec monitoring-caddy-1 cat /etc/caddy/Caddyfile"),
    }


@pytest.fixture
def well(lab: Lab) -> Iterator[Lab]:
    """The lab for a test that mends what it breaks; only where it did not, the lab is reset."""
    yield lab
    if load(lab).faults:
        reset(lab)


def test_every_fault_of_certificates_is_shown() -> None:
    assert list(SHOWS) == [one.name for one in certificates.FAULTS]


@pytest.mark.parametrize("name", list(SHOWS))
def test_a_fault_does_what_it_says_and_its_mending_restores_what_was(well: Lab, name: str) -> None:
    shows, before = SHOWS[name], condition(well)
    assert before["sites"] == ((), ())
    assert not shows(well)
    break_(well, name)
    assert shows(well)
    assert mend(well) == (name,)
    assert condition(well) == before
    mend(well, name)
    assert condition(well) == before


def test_breaking_twice_breaks_once_and_one_mending_is_enough(well: Lab) -> None:
    before = condition(well)
    for name in ("acme-down", "caddy-volume-lost", "cert-expiring"):
        break_(well, name)
        break_(well, name)
    assert mend(well) == ("cert-expiring", "caddy-volume-lost", "acme-down")
    assert condition(well) == before


def test_certificates_that_ended_are_served_and_refused_by_who_verifies(well: Lab) -> None:
    break_(well, "cert-expiring", "0")
    assert fetched(well, f"https://{SITES[0]}/") == 60
    mend(well)
    assert fetched(well, f"https://{SITES[0]}/") == 0


def test_a_caddy_that_was_restarted_with_the_broken_file_is_mended(well: Lab) -> None:
    before = condition(well)
    break_(well, "caddyfile-broken")
    on_vps(well, "docker restart monitoring-caddy-1")
    until("Caddy loops", lambda: "Restarting" in on_vps(well, "docker ps --filter name=caddy --format '{{.Status}}'"), within=20)
    assert set(sites.unproven(well.container(VPS))) == set(SITES)
    mend(well)
    assert condition(well) == before


def test_a_reset_mends_what_is_broken_and_takes_the_broken_commit_back(well: Lab) -> None:
    before = condition(well)
    break_(well, "caddyfile-broken")
    break_(well, "caddy-volume-lost")
    reset(well)
    assert condition(well) == before


def test_a_name_that_is_no_site_and_a_number_that_is_no_day_are_refused(lab: Lab) -> None:
    with pytest.raises(UsageError, match="no site www"):
        break_(lab, "dns-wrong", "www")
    for days in ("8", "-1", "soon"):
        with pytest.raises(UsageError, match="wants 0 to 7 days"):
            break_(lab, "cert-expiring", days)
    assert load(lab).faults == ()

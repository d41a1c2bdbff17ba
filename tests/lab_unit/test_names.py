"""The names of the lab: what the DNS server knows is what the inventory, Caddy and the compose file say."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from opsbook.lab import authority, names
from opsbook.lab.p24 import REPO
from opsbook.lab.profile import SITE

MONITORING = REPO / "monitoring"
CADDYFILE = (MONITORING / "Caddyfile").read_text()
CADDY: dict[str, Any] = yaml.safe_load((MONITORING / "docker-compose.yml").read_text())["services"]["caddy"]


def test_every_site_has_the_address_of_the_host_of_its_stack_and_the_authority_its_own() -> None:
    known = names.records("10.77.9.0/24")
    assert known.pop("ca.lab.invalid") == "10.77.9.4"
    assert {name: known[name] for name in names.sites("p24")} == dict.fromkeys(names.sites("p24"), "10.77.9.11")


def test_a_stack_without_sites_has_no_names() -> None:
    assert names.sites("monitoring") == ()


def test_caddy_serves_every_site_of_the_inventory_and_the_blackbox_exporter_finds_it_there() -> None:
    assert set(re.findall(r"^(\S+\.online) \{$", CADDYFILE, re.MULTILINE)) == set(names.sites("p24"))
    assert set(CADDY["networks"]["default"]["aliases"]) == set(names.sites("p24"))


def test_caddy_asks_the_labs_authority_and_trusts_the_root_that_is_mounted() -> None:
    assert f"acme_ca https://{names.AUTHORITY}/acme/local/directory" in CADDYFILE
    trusted = re.search(r"acme_ca_root (\S+)", CADDYFILE)
    assert trusted
    assert f"{authority.TRUSTED}:{trusted[1]}:ro" in CADDY["volumes"]
    assert "tls internal" not in CADDYFILE


@pytest.mark.parametrize("address", [SITE.git_address, SITE.mirror_address, SITE.ca_address])
def test_no_host_has_the_address_of_a_server_beside_the_hosts(address: int) -> None:
    assert address not in {host.address for host in SITE.hosts}

from __future__ import annotations

from opsbook.host import Result
from opsbook.systems.caddy import Caddy, Sites, parse_sites
from opsbook.web import Request
from tests.systems.captured import captured


def test_sites_are_told_without_the_password_hashes_beside_them() -> None:
    sites = parse_sites(captured("caddy_config.json"))
    assert sites == Sites(
        (":2020", ":443"),
        ("alertmanager.vps-i1.infra.zintegrowana.online", "prometheus.vps-i1.infra.zintegrowana.online"),
    )
    assert "$2a$" not in repr(sites)


def test_a_caddy_without_configuration_serves_nothing() -> None:
    assert parse_sites(Result(200, "null\n")) == Sites((), ())


def test_its_admin_api_is_asked() -> None:
    assert Caddy().sites().ask == Request("caddy", "/config/")

from __future__ import annotations

from opsbook.systems.certificate import Certificate, parse_served
from tests.systems.captured import captured


def test_a_served_certificate_tells_its_end_and_a_name_without_one_is_nothing() -> None:
    name = "prometheus.vps-i1.infra.zintegrowana.online"
    assert parse_served(captured("certificates_served.txt")) == {
        "nope.example": None,
        name: Certificate(name, 1795225247, 1795268447, "CN=Caddy Local Authority - ECC Intermediate"),
    }

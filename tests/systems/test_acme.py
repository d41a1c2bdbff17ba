from __future__ import annotations

import json

import pytest

from opsbook.host import Result
from opsbook.systems.acme import LETS_ENCRYPT, ZEROSSL, authorities, directory, name_of, parse_authorities, parse_directory
from opsbook.web import Request

OWN = "https://ca.example/acme/local/directory"


def configured(*policies: object) -> Result:
    return Result(200, json.dumps({"apps": {"tls": {"automation": {"policies": list(policies)}}}}))


@pytest.mark.parametrize(("told", "found"), [
    (configured({"issuers": [{"module": "acme", "ca": OWN}]}), (OWN,)),
    (configured({"issuers": [{"module": "acme"}, {"module": "zerossl"}]}), (LETS_ENCRYPT, ZEROSSL)),
    (configured({"subjects": ["x.example"]}), (LETS_ENCRYPT,)),
    (configured({"issuers": [{"module": "internal"}]}), ()),
    (configured({"issuers": [{"module": "acme", "ca": OWN}]}, {"issuers": [{"module": "acme", "ca": OWN}]}), (OWN,)),
    (Result(200, "{}"), (LETS_ENCRYPT,)),
    (Result(200, "null"), (LETS_ENCRYPT,)),
])
def test_the_authorities_are_those_of_the_running_configuration_or_the_usual_one(told: Result, found: tuple[str, ...]) -> None:
    assert parse_authorities(told) == found


def test_what_is_asked_is_the_admin_api_and_the_authority_itself() -> None:
    assert authorities("caddy").ask == Request("caddy", "/config/")
    assert str(directory(OWN).ask).endswith(f"-- {OWN}")
    assert name_of(OWN) == "ca.example"


@pytest.mark.parametrize(("result", "says"), [
    (Result(0, '{"newNonce": "https://x", "newOrder": "https://y"}'), ""),
    (Result(0, "<html>maintenance</html>"), "not with an ACME directory"),
    (Result(0, "[]"), "not with an ACME directory"),
    (Result(7, "", "curl: (7) Failed to connect to ca.example port 443"), "(7) Failed to connect"),
    (Result(127), "curl ended with 127"),
])
def test_an_authority_answers_with_a_directory_and_with_nothing_else(result: Result, says: str) -> None:
    why = parse_directory(result)
    assert (says in why, bool(why)) == (True, bool(says))

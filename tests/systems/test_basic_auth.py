from __future__ import annotations

import base64
import json

import pytest

from opsbook.errors import CommandFailed
from opsbook.host import Result
from opsbook.shell import Command
from opsbook.systems.basic_auth import Account, accepted, adapted, parse_accounts
from opsbook.systems.container import Container, Mount
from tests.systems.captured import captured

SITES = ("alertmanager.vps-i1.infra.zintegrowana.online", "prometheus.vps-i1.infra.zintegrowana.online")
HASH = "$2a$14$NOTAHASHNOTAHASHNOTAHASH"
TWO = tuple(Account(site, "admin", HASH) for site in SITES)


def encoded(text: str, charset: str = "utf-8") -> str:
    return base64.b64encode(text.encode(charset)).decode()


def written(hash_: str, user: str = "admin") -> Result:
    """Return a configuration in which both sites have this hash."""
    return Result(0, captured("caddy_config.json").out.replace(HASH, hash_).replace('"username":"admin"', f'"username":"{user}"'))


def test_every_site_has_its_user_and_hash() -> None:
    assert parse_accounts(captured("caddy_config.json"), {}) == TWO
    assert HASH not in repr(TWO)


def test_an_older_caddy_keeps_the_hash_as_base64() -> None:
    assert parse_accounts(written(encoded(HASH)), {}) == TWO


@pytest.mark.parametrize("there", ["{env.H}", encoded("{env.H}")], ids=["plain", "base64"])
@pytest.mark.parametrize("value", [HASH, encoded(HASH)], ids=["of a hash", "of its base64"])
def test_a_hash_that_caddy_fills_in_when_it_starts_is_what_the_environment_has(there: str, value: str) -> None:
    assert parse_accounts(written(there), {"H": value, "HASH": "x"}) == TWO
    assert {account.hash for account in parse_accounts(written(there), {})} == {""}


def test_a_user_that_caddy_fills_in_is_too() -> None:
    (first, *_) = parse_accounts(written(HASH, user="{env.WHO}"), {"WHO": "admin"})
    assert first == TWO[0]


def test_the_algorithm_is_what_caddy_compares_by() -> None:
    other = captured("caddy_config.json").out.replace('"algorithm":"bcrypt"', '"algorithm":"argon2id"')
    assert {account.algorithm for account in parse_accounts(Result(0, other), {})} == {"argon2id"}


@pytest.mark.parametrize("odd", ["no base64!", "abc", encoded("\xff", "latin-1"), "{http.request.host}"])
def test_what_is_neither_hash_nor_base64_stays_as_it_is(odd: str) -> None:
    assert {account.hash for account in parse_accounts(written(odd), {})} == {odd}


def test_a_caddy_without_sites_lets_nobody_in_and_one_that_says_nothing_is_an_error() -> None:
    assert parse_accounts(Result(0, json.dumps({"apps": {}})), {}) == ()
    assert parse_accounts(Result(0, "{}"), {}) == ()
    with pytest.raises(CommandFailed, match="no configuration"):
        parse_accounts(Result(0, "", "Error: adapting"), {})


def test_the_image_is_asked_in_a_container_that_sees_what_the_service_sees_and_reaches_nobody() -> None:
    mounts = (Mount("bind", "/opt/x/Caddyfile", "/etc/caddy/Caddyfile"), Mount("volume", "/var/lib/v", "/data", "v"))
    question = adapted(Container("id", "caddy-1", "running", image_id="sha256:1"), "/etc/caddy/Caddyfile", {"A": "$1", "B": "x\ny"}, mounts)
    assert isinstance(question.ask, Command)
    assert question.ask.line() == (
        "docker run --rm --pull=never --network=none --log-driver=none --read-only --env-file=/dev/stdin "
        "--mount=type=bind,source=/opt/x/Caddyfile,target=/etc/caddy/Caddyfile,readonly --tmpfs=/config --tmpfs=/data "
        "--entrypoint=caddy sha256:1 adapt --config=/etc/caddy/Caddyfile --adapter=caddyfile --validate"
    )
    assert question.stdin == "A=$1\n"


def test_whether_the_image_takes_it_is_its_exit_code_alone() -> None:
    container = Container("id", "caddy-1", "running", image_id="sha256:1")
    question = accepted(container, "/etc/caddy/Caddyfile", {"A": "$1"}, ())
    same = adapted(container, "/etc/caddy/Caddyfile", {"A": "$1"}, ())
    assert (question.ask, question.stdin) == (same.ask, same.stdin)
    question.parse(Result(0, "whatever it prints"))

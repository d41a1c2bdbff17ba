from __future__ import annotations

import base64
import json

import pytest

from opsbook.errors import CommandFailed
from opsbook.host import Result
from opsbook.shell import Command
from opsbook.systems.basic_auth import Account, adapted, parse_accounts
from opsbook.systems.container import Container, Mount
from tests.systems.captured import captured

SITES = ("alertmanager.vps-i1.infra.zintegrowana.online", "prometheus.vps-i1.infra.zintegrowana.online")
HASH = "$2a$14$NOTAHASHNOTAHASHNOTAHASH"


def test_every_site_has_its_user_and_hash() -> None:
    assert parse_accounts(captured("caddy_config.json")) == tuple(Account(site, "admin", HASH) for site in SITES)
    assert HASH not in repr(parse_accounts(captured("caddy_config.json")))


def test_an_older_caddy_keeps_the_hash_as_base64() -> None:
    old = captured("caddy_config.json").out.replace(HASH, base64.b64encode(HASH.encode()).decode())
    assert parse_accounts(Result(0, old)) == parse_accounts(captured("caddy_config.json"))


def test_a_caddy_without_sites_lets_nobody_in_and_one_that_says_nothing_is_an_error() -> None:
    assert parse_accounts(Result(0, json.dumps({"apps": {}}))) == ()
    assert parse_accounts(Result(0, "{}")) == ()
    with pytest.raises(CommandFailed, match="no configuration"):
        parse_accounts(Result(0, "", "Error: adapting"))


def test_the_image_is_asked_in_a_container_that_sees_what_the_service_sees_and_reaches_nobody() -> None:
    mounts = (Mount("bind", "/opt/x/Caddyfile", "/etc/caddy/Caddyfile"), Mount("volume", "/var/lib/v", "/data", "v"))
    question = adapted(Container("id", "caddy-1", "running", image_id="sha256:1"), "/etc/caddy/Caddyfile", {"A": "$1", "B": "x\ny"}, mounts)
    assert isinstance(question.ask, Command)
    assert question.ask.line() == (
        "docker run --rm --pull=never --network=none --read-only --env-file=/dev/stdin "
        "--mount=type=bind,source=/opt/x/Caddyfile,target=/etc/caddy/Caddyfile,readonly --tmpfs=/config --tmpfs=/data "
        "--entrypoint=caddy sha256:1 adapt --config=/etc/caddy/Caddyfile --adapter=caddyfile --validate"
    )
    assert question.stdin == "A=$1\n"

"""The programs that run as root, asked by claude-admin through sudo as it really is set up."""

from __future__ import annotations

import base64

import pytest

from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from opsbook.privileged import ALL, CONFIRM, Act
from tests.lab.server_state import server_state
from tests.test_privileged import GOOD, STRANGE

HOST, ADMIN = "serverA", "claude-admin"
ASK = """
while read -r request; do
    code=0
    base64 --decode <<<"$request" | sudo -n "$1" >/dev/null 2>&1 || code=$?
    echo "$code"
done <<<"$2"
"""


@pytest.fixture(scope="module")
def fresh(servers: Lab) -> Lab:
    """A server with the programs as they are now."""
    renew(servers, HOST)
    return servers


def codes(lab: Lab, act: Act, *requests: str) -> list[str]:
    """Ask the program each of these; return how it ended."""
    packed = "\n".join(base64.b64encode(one.encode(errors="surrogateescape")).decode() for one in requests)
    return script(lab.container(HOST), ASK, act.path, packed, user=ADMIN).split()


def test_what_is_not_understood_changes_nothing_even_with_roots_rights(fresh: Lab) -> None:
    before = server_state(fresh, HOST)
    for act in ALL:
        strange = [one for one in STRANGE if one] + [f"{GOOD[act.name]} x\n", f"{GOOD[act.name]}; id\n", "$(id)\n"]
        assert codes(fresh, act, *strange) == ["64"] * len(strange), act.name
    assert server_state(fresh, HOST) == before


def test_sudo_itself_refuses_arguments_and_variables(fresh: Lab) -> None:
    for act in ALL:
        said = script(fresh.container(HOST), 'sudo -n "$1" status </dev/null 2>&1 || true', act.path, user=ADMIN)
        assert "password is required" in said, act.name
    for word in ("INVOCATION_ID=x", "BASH_ENV=/tmp/x", "PATH=/tmp"):
        said = script(fresh.container(HOST), 'echo status | sudo -n "$2" "$1" 2>&1 || true', CONFIRM.path, word, user=ADMIN)
        assert "not allowed to set the following environment variables" in said, said


def test_what_only_systemd_may_say_is_refused_whatever_the_environment(fresh: Lab) -> None:
    heal = 'code=0; echo "heal sshd" | INVOCATION_ID=x sudo -n "$1" >/dev/null 2>&1 || code=$?; echo $code'
    assert script(fresh.container(HOST), heal, CONFIRM.path, user=ADMIN).strip() == "65"

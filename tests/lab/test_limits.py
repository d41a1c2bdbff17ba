"""What root runs for us and does not end: root itself stops it, all of it, and only then the lock is free."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from opsbook.privileged import FIREWALL
from tests.lab.opening import HOST, on, opened
from tests.lab.server_state import server_state

# a ufw that changes nothing and never comes back, nor heeds the first signal
HANGS = """
mv /usr/sbin/ufw /usr/sbin/ufw.real
cat >/usr/sbin/ufw <<'PROGRAM'
#!/bin/bash
case " $* " in *" prepend "*) trap '' TERM; sleep 987 & wait; sleep 987 ;; esac
exec /usr/sbin/ufw.real "$@"
PROGRAM
chmod 0755 /usr/sbin/ufw
sed --in-place 's/^LIMIT=[0-9]* /LIMIT=2 /; s/--kill-after=10/--kill-after=2/' {program}
"""
MENDED = "mv /usr/sbin/ufw.real /usr/sbin/ufw"


@pytest.fixture
def server(servers: Lab) -> Iterator[Lab]:
    renew(servers, HOST)
    yield servers
    on(servers, HOST, f"[ ! -e /usr/sbin/ufw.real ] || {MENDED}")
    renew(servers, HOST)


def test_a_program_of_roots_that_hangs_is_stopped_with_all_it_started_and_what_it_did_is_taken_back(server: Lab) -> None:
    before = server_state(server, HOST)
    on(server, HOST, HANGS.format(program=FIREWALL.path))
    hung = opened()
    assert (hung.code, "did not end in time" in hung.err, "undone" in hung.text) == (5, True, True), hung.text
    assert on(server, HOST, "pgrep --list-full --full '[s]leep 987|[s]bin/opsbook-' || true") == ""
    on(server, HOST, MENDED)
    renew(server, HOST)
    assert server_state(server, HOST) == before
    assert opened().code == 0

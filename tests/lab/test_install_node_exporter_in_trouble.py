"""install-node-exporter killed in the middle of its writes, and taken back from several hosts at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from tests.lab.process import opsbook
from tests.lab.server_state import server_state
from tests.lab.test_install_node_exporter import HOST, INSTALL, OPEN, PROGRAM, but_backups, on_host, run_id

BOTH = (HOST, "serverB")
# the whole program dies at once, as if by a power cut: first after it has placed the program, then half-way back
DIES = """
cat >/usr/sbin/systemd-analyze <<'PROGRAM'
#!/bin/bash
rm "$0"; kill -KILL 0
PROGRAM
cat >/usr/sbin/systemctl <<'PROGRAM'
#!/bin/bash
case " $* " in *" daemon-reload "*) rm "$0"; kill -KILL 0 ;; esac
exec /usr/bin/systemctl "$@"
PROGRAM
chmod 0755 /usr/sbin/systemd-analyze /usr/sbin/systemctl
"""


@pytest.fixture
def ready(servers: Lab) -> Iterator[Lab]:
    """Two servers without an exporter, open to the scraper."""
    renew(servers, *BOTH)
    for host in BOTH:
        on_host(servers, OPEN, host=host)
    yield servers
    on_host(servers, "rm --force /usr/sbin/systemd-analyze /usr/sbin/systemctl")
    renew(servers, *BOTH)


def test_a_program_that_dies_half_way_there_and_half_way_back_is_still_put_back_and_can_come_again(ready: Lab) -> None:
    before = server_state(ready, HOST)
    on_host(ready, DIES)
    killed = opsbook(*INSTALL, "--yes")
    assert (killed.code, killed.err.count("gave exit code 137")) == (6, 2), killed.text
    back = opsbook(*INSTALL, "--yes")
    assert (back.code, but_backups(server_state(ready, HOST))) == (5, but_backups(before)), back.text
    done = opsbook(*INSTALL, "--yes")
    assert (done.code, on_host(ready, f"ls {PROGRAM}").strip()) == (0, PROGRAM), done.text


def test_what_came_to_several_hosts_at_once_is_taken_back_from_all_of_them(ready: Lab) -> None:
    before = {host: but_backups(server_state(ready, host)) for host in BOTH}
    done = opsbook("--lab", "install-node-exporter", *BOTH, "--yes", "--json")
    assert done.code == 0, done.text
    undone = opsbook("--lab", "undo", run_id(done), "--yes")
    assert (undone.code, undone.text.count("undone, and proven")) == (0, 2), undone.text
    assert {host: but_backups(server_state(ready, host)) for host in BOTH} == before

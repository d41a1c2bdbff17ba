from __future__ import annotations

import pytest

from opsbook.host import Result
from opsbook.systems.root_view import Told
from opsbook.systems.ssh_ports import Login, parse_login, parse_ports

SSHD = "port 22\naddressfamily any\nlistenaddress [::]:22\nlistenaddress 0.0.0.0:22\nlistenaddress 10.0.0.1:2222\nusepam yes\n"
SOCKETS = """Accept=no
Listen=0.0.0.0:2022 (Stream)
Listen=[::]:2022 (Stream)
Listen=/run/ssh.sock (Stream)
Id=ssh.socket
LoadState=loaded
ActiveState=inactive
UnitFileState=disabled

Id=ssh.service
LoadState=loaded
ActiveState=active
UnitFileState=enabled
"""


def test_sshd_listens_where_its_addresses_say() -> None:
    assert parse_ports({"sshd": Told(0, SSHD), "sockets": Told(0, SOCKETS)}) == (22, 2222)


def test_where_systemd_starts_sshd_the_socket_alone_counts() -> None:
    active = SOCKETS.replace("ActiveState=inactive", "ActiveState=active", 1)
    assert parse_ports({"sshd": Told(255, "Missing privilege separation directory"), "sockets": Told(0, active)}) == (2022,)


def test_an_sshd_that_does_not_tell_is_an_error_and_not_no_port() -> None:
    with pytest.raises(ValueError, match="Bad configuration option"):
        parse_ports({"sshd": Told(255, "Bad configuration option"), "sockets": Told(0, SOCKETS)})


def test_our_own_end_of_the_connection_is_read() -> None:
    assert parse_login(Result(0, "10.78.5.1 55056 10.78.5.12 22\n")) == Login("10.78.5.1", 22)
    with pytest.raises(ValueError, match="not enough values"):
        parse_login(Result(0, "\n"))

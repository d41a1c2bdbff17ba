from __future__ import annotations

import pytest

from opsbook.host import Result
from opsbook.systems.sockets import Program, Socket, parse_listening, program_of

SS = """\
udp   UNCONN 0      0         127.0.0.53%lo:53         0.0.0.0:*
tcp   LISTEN 0      4096      127.0.0.1:9090           0.0.0.0:*
tcp   LISTEN 0      4096        0.0.0.0:443            0.0.0.0:*
tcp   LISTEN 0      4096           [::]:443               [::]:*
tcp   LISTEN 0      128           [::1]:6010              [::]:*
tcp   LISTEN 0      511               *:8080                 *:*
"""


# as root's `ss --processes` prints it
HELD = """\
udp UNCONN 0 0       127.0.0.1:9100  0.0.0.0:* users:(("chronyd",pid=7,fd=5))
tcp LISTEN 0 4096            *:9100        *:* users:(("node_exporter",pid=2411,fd=3))
tcp LISTEN 0 128       0.0.0.0:22    0.0.0.0:* users:(("sshd",pid=88,fd=3),("systemd",pid=1,fd=60))
tcp LISTEN 0 4096            *:19100       *:*
"""


def test_what_listens_is_known_by_protocol_and_port() -> None:
    assert program_of(HELD, "tcp", 9100) == Program("node_exporter", 2411)
    assert str(program_of(HELD, "udp", 9100)) == "chronyd (process 7)"
    assert program_of(HELD, "tcp", 22) == Program("sshd", 88)
    assert (program_of(HELD, "tcp", 19100), program_of(HELD, "tcp", 100)) == (None, None)


def test_sockets_are_read_with_every_way_of_saying_everywhere() -> None:
    assert parse_listening(Result(0, SS)) == (
        Socket(53, "127.0.0.53", "udp"),
        Socket(9090, "127.0.0.1"),
        Socket(443),
        Socket(6010, "::1"),
        Socket(8080),
    )


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        (Socket(443), Socket(443, "127.0.0.1"), True),
        (Socket(443, "127.0.0.1"), Socket(443, "127.0.0.1"), True),
        (Socket(443, "127.0.0.1"), Socket(443, "10.0.0.1"), False),
        (Socket(443), Socket(443, protocol="udp"), False),
        (Socket(443), Socket(80), False),
    ],
)
def test_two_sockets_clash_on_the_same_port_of_the_same_address(one: Socket, other: Socket, clash: bool) -> None:
    assert one.clashes(other) is clash
    assert other.clashes(one) is clash

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator

import pytest

from opsbook.host import Result
from opsbook.shell import Command
from opsbook.systems.reach import Reach, dial, parse_dial


def dialled(address: str, port: int, within: int = 5) -> Reach:
    """Dial as a host would."""
    question = dial(address, port, within)
    assert isinstance(question.ask, Command)
    done = subprocess.run(["sh", "-c", question.ask.line()], capture_output=True, text=True, check=False, timeout=question.within)
    return question.parse(Result(done.returncode, done.stdout, done.stderr))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as made:
        yield made


def test_a_port_on_which_something_listens_answers(listener: socket.socket) -> None:
    assert dialled("127.0.0.1", listener.getsockname()[1]) == Reach("answers")


def test_a_port_on_which_nothing_listens_refuses(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    assert dialled("127.0.0.1", port) == Reach("refused")


def test_a_port_that_drops_what_comes_is_silent(listener: socket.socket) -> None:
    where = listener.getsockname()
    waiting = [socket.socket() for _ in range(4)]       # a full queue drops what comes next, as a firewall does
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(where)
    assert dialled("127.0.0.1", where[1], within=1) == Reach("silent")
    for one in waiting:
        one.close()


def test_a_name_that_nobody_knows_is_no_silence() -> None:
    found = dialled("no-such-host.invalid", 9100)
    assert (found.kind, "answer" in str(found)) == ("unreachable", False), found


def test_an_address_is_never_a_command() -> None:
    assert dialled("127.0.0.1/1;touch pwned", 9100).kind in {"unreachable", "refused"}
    assert dialled("$(touch pwned)", 9100).kind == "unreachable"


@pytest.mark.parametrize("code", [124, 137])
def test_whoever_had_to_be_stopped_heard_nothing(code: int) -> None:
    assert str(parse_dial(Result(code))) == "gives no answer"


def test_no_route_is_told_with_its_reason() -> None:
    said = "dial: connect: No route to host\ndial: line 1: /dev/tcp/192.0.2.1/9100: No route to host\n"
    assert str(parse_dial(Result(1, "", said))) == "cannot be reached: No route to host"

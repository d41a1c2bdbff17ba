from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from opsbook.host import Result
from opsbook.shell import Command
from opsbook.systems.reach import Place, Reach, dial, parse_dial


def dialled(address: str, port: int, within: int = 5) -> Reach:
    """Dial as a host would."""
    return at_once((address, port), within=within)[0]


def at_once(*places: Place, within: int = 5) -> tuple[Reach, ...]:
    question = dial(*places, within=within)
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
    with full(where):
        assert dialled("127.0.0.1", where[1], within=1) == Reach("silent")


def test_several_ports_are_dialled_at_the_same_time_and_told_in_order(listener: socket.socket) -> None:
    where = listener.getsockname()
    with socket.create_server(("127.0.0.1", 0)) as other, full(where):
        places = (where, other.getsockname(), ("127.0.0.1", 1), where)
        began = time.monotonic()
        assert at_once(*places, within=3) == (Reach("silent"), Reach("answers"), Reach("refused"), Reach("silent"))
        assert time.monotonic() - began < 2 * 3


@contextmanager
def full(where: Place) -> Iterator[None]:
    """Let a listener drop what comes next, as a firewall does: its queue is full."""
    with ExitStack() as stack:
        for one in (stack.enter_context(socket.socket()) for _ in range(4)):
            one.setblocking(False)
            one.connect_ex(where)
        yield


def test_a_name_that_nobody_knows_is_no_silence_and_the_reason_is_told() -> None:
    found = dialled("no-such-host.invalid", 9100)
    assert found.kind == "unreachable"
    assert found.why.startswith(("Name or service", "Temporary failure"))


def test_an_address_is_never_a_command() -> None:
    assert dialled("127.0.0.1/1;touch pwned", 9100).kind in {"unreachable", "refused"}
    assert dialled("$(touch pwned)", 9100).kind == "unreachable"


@pytest.mark.parametrize("code", [124, 137])
def test_whoever_had_to_be_stopped_heard_nothing(code: int) -> None:
    assert str(*parse_dial(Result(0, f"0 {code} \n"), 1)) == "gives no answer"


def test_no_route_is_told_with_its_reason() -> None:
    assert str(*parse_dial(Result(0, "0 1 dial: connect: No route to host\n"), 1)) == "cannot be reached: No route to host"


def test_a_port_of_which_nothing_is_told_is_no_silent_one() -> None:
    for told in ("", "0 0 \n", "0 0 \n0 0 \n"):
        with pytest.raises(ValueError, match="2 ports were dialled"):
            parse_dial(Result(0, told), 2)

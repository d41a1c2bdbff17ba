from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsbook.errors import ConnectionLost
from opsbook.shell import cmd, pipe, script
from opsbook.ssh import Ssh
from tests.ssh.conftest import Connect, MakeServer
from tests.ssh.silent import silent_server
from tests.ssh.sshd import Sshd

MEGABYTES = 20


@pytest.fixture
def ssh(server: Sshd, connect: Connect) -> Ssh:
    return connect(server)


@pytest.fixture
def silent(tmp_path: Path, connect: Connect) -> Iterator[Ssh]:
    with silent_server(tmp_path) as (entry, known):
        yield connect(server=None, entry=entry, files=(known,))


def test_a_command_gives_its_outputs_and_its_code(ssh: Ssh) -> None:
    result = ssh.run(script("echo out; echo err >&2; exit 3"))
    assert (result.code, result.out, result.err) == (3, "out\n", "err\n")
    assert 0 < result.seconds < 10


def test_hostile_arguments_arrive_as_they_are(ssh: Ssh) -> None:
    hostile = "a b; echo INJECTED $(id) `id` 'x' \"y\" \\ \n ü"
    assert ssh.run(cmd("printf", "%s", hostile)).out == hostile


def test_standard_input_arrives_whole(ssh: Ssh) -> None:
    text = "ünïcode\n" * 300_000
    assert ssh.run(cmd("cat"), text, 30).out == text


def test_a_command_that_reads_its_input_ends_when_there_is_none(ssh: Ssh) -> None:
    assert ssh.run(cmd("cat"), None, 10).code == 0


def test_a_command_that_does_not_read_its_input_still_ends(ssh: Ssh) -> None:
    assert ssh.run(script("exit 4"), "x" * 5_000_000, 20).code == 4


def test_twenty_megabytes_on_both_outputs_come_whole(ssh: Ssh) -> None:
    result = ssh.run(script("head -c $1 /dev/zero | tr '\\0' o & head -c $1 /dev/zero | tr '\\0' e >&2; wait", MEGABYTES << 20), None, 60)
    assert (len(result.out), set(result.out)) == (MEGABYTES << 20, {"o"})
    assert (len(result.err), set(result.err)) == (MEGABYTES << 20, {"e"})


def test_bytes_that_are_no_text_become_replacement_signs(ssh: Ssh) -> None:
    assert ssh.run(cmd("printf", r"a\377b")).out == "a\N{REPLACEMENT CHARACTER}b"


def test_every_part_of_a_command_speaks_the_language_that_we_read(ssh: Ssh) -> None:
    assert ssh.run(pipe(script("locale | grep ^LC_MESSAGES"), script('read -r line; echo "$line, $LC_ALL"'))).out == 'LC_MESSAGES="C", C\n'


def test_a_pipe_fails_when_its_left_side_fails(ssh: Ssh) -> None:
    assert ssh.run(pipe(cmd("false"), cmd("true"))).code == 1


def test_a_process_killed_by_a_signal_gives_minus_one_on_a_living_connection(ssh: Ssh) -> None:
    assert ssh.run(script("kill -KILL $$")).code == -1
    assert ssh.run(cmd("true")).code == 0


def test_a_command_that_takes_too_long_raises_and_the_connection_goes_on(ssh: Ssh) -> None:
    with pytest.raises(TimeoutError):
        ssh.run(cmd("sleep", 5), None, 0.3)
    assert ssh.run(cmd("true")).code == 0


def test_a_command_that_keeps_talking_ends_at_its_time_limit_too(ssh: Ssh) -> None:
    with pytest.raises(TimeoutError):
        ssh.run(script("for i in $(seq 50); do echo $i; sleep 0.1; done"), None, 0.5)


def test_many_threads_share_one_connection_and_open_it_once(server: Sshd, connect: Connect) -> None:
    ssh = connect(server)
    before = len(server.sessions())
    found: list[str] = []
    threads = [threading.Thread(target=lambda i=i: found.append(ssh.run(cmd("echo", i)).out)) for i in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, found)) == list(range(30))
    assert len(server.sessions()) - before <= 2


def test_commands_that_end_at_once_break_no_connection_and_are_never_refused(server: Sshd, connect: Connect) -> None:
    ssh = connect(server)
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.extend(ssh.run(cmd("true")).code for _ in range(15))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0] * 240


def test_a_host_that_does_not_say_whether_a_command_starts_is_waited_for_no_longer_than_asked(silent: Ssh) -> None:
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        silent.run(cmd("true"), None, 0.5)
    assert time.monotonic() - begun < 5


def test_a_connection_killed_in_the_middle_of_a_command_is_lost_and_not_opened_again(make_server: MakeServer, connect: Connect) -> None:
    server = make_server()
    ssh = connect(server)
    talk = ssh.talk(script("echo started; exec sleep 30"))
    assert talk.receive(5) == "started"
    threading.Timer(0.3, server.cut).start()
    with pytest.raises(ConnectionLost):
        ssh.run(script("sleep 30"), None, 20)
    with pytest.raises(ConnectionLost):
        ssh.run(cmd("true"))
    talk.close()


def test_closing_the_connection_ends_what_waits_for_an_answer(server: Sshd, connect: Connect) -> None:
    ssh = connect(server)
    ssh.open()
    threading.Timer(0.3, ssh.close).start()
    with pytest.raises(ConnectionLost):
        ssh.run(cmd("sleep", 20), None, 15)


def test_neither_the_first_command_nor_the_next_waits_for_a_delayed_acknowledgement(server: Sshd, connect: Connect) -> None:
    first, second = [], []
    for _ in range(8):
        ssh = connect(server)
        ssh.open()
        first.append(ssh.run(cmd("true")).seconds)
        second.append(ssh.run(cmd("true")).seconds)
    assert max(min(first), min(second)) < 0.035     # the kernel delays one by 40 ms

from __future__ import annotations

import subprocess
import threading

import pytest

from opsbook.errors import CommandFailed, ConnectionLost
from opsbook.shell import Command, cmd, pipe, script
from opsbook.ssh import Ssh
from opsbook.ssh.client import SESSIONS
from tests.ssh.conftest import Connect, MakeServer
from tests.ssh.sshd import Sshd
from tests.until import until

WITHIN = 10


@pytest.fixture
def ssh(server: Sshd, connect: Connect) -> Ssh:
    return connect(server)


def running(mark: str) -> int:
    """Count the processes that have the mark as an argument."""
    return int(subprocess.run(["pgrep", "--full", "--count", mark], check=False, capture_output=True, text=True).stdout)


def ticking(mark: str) -> Command:
    return script("while echo tick; do sleep 0.05; done", mark)


def test_lines_go_there_and_back(ssh: Ssh) -> None:
    talk = ssh.talk(script('while read -r line; do echo "got $line"; done; exit 5'))
    for line in ("one", "two ü", "$(id); `id`"):
        talk.send(line)
        assert talk.receive(WITHIN) == f"got {line}"
    talk.close()


def test_lines_that_arrive_together_are_told_apart(ssh: Ssh) -> None:
    talk = ssh.talk(cmd("printf", r"a\nb\n\nlast"))
    assert [talk.receive(WITHIN) for _ in range(4)] == ["a", "b", "", "last"]
    with pytest.raises(EOFError):
        talk.receive(WITHIN)
    talk.close()


def test_a_line_that_does_not_come_in_time_may_still_come_later(ssh: Ssh) -> None:
    talk = ssh.talk(script("read -r line; echo late"))
    with pytest.raises(TimeoutError):
        talk.receive(0.2)
    talk.send("go")
    assert talk.receive(WITHIN) == "late"
    talk.close()


def test_the_exit_code_of_an_ended_talk_is_known(ssh: Ssh) -> None:
    talk = ssh.talk(script("exit 75"))
    with pytest.raises(EOFError):
        talk.receive(WITHIN)
    assert talk.code(WITHIN) == 75
    talk.close()


def test_the_exit_code_is_waited_for_no_longer_than_asked(ssh: Ssh) -> None:
    talk = ssh.talk(cmd("sleep", 20))
    with pytest.raises(TimeoutError):
        talk.code(0.2)
    talk.close()


def test_nothing_can_be_sent_after_the_process_has_ended(ssh: Ssh) -> None:
    talk = ssh.talk(cmd("true"))
    talk.code(WITHIN)
    talk.close()
    with pytest.raises(ConnectionLost):
        talk.send("anybody?")


def test_a_process_reads_the_end_of_its_input_when_the_talk_is_closed(ssh: Ssh) -> None:
    talk = ssh.talk(script("cat >/dev/null", "mark-of-a-closed-talk"))
    assert until(lambda: running("mark-of-a-closed-talk") > 0)
    talk.close()
    assert until(lambda: running("mark-of-a-closed-talk") == 0)


def test_a_talk_on_a_connection_that_breaks_is_lost_and_not_ended(make_server: MakeServer, connect: Connect) -> None:
    server = make_server()
    talk = connect(server).talk(script("echo here; exec sleep 60"))
    assert talk.receive(WITHIN) == "here"
    threading.Timer(0.2, server.cut).start()
    with pytest.raises(ConnectionLost):
        talk.receive(WITHIN)
    talk.close()


def test_no_more_processes_run_at_a_time_than_sshd_allows_and_the_next_one_waits(ssh: Ssh) -> None:
    talks = [ssh.talk(cmd("cat")) for _ in range(SESSIONS)]
    with pytest.raises(TimeoutError):
        ssh.run(cmd("true"), None, 0.3)
    threading.Timer(0.3, talks[0].close).start()
    assert ssh.run(cmd("true"), None, WITHIN).code == 0
    for talk in talks:
        talk.close()


def test_a_host_that_allows_fewer_sessions_is_told_so(make_server: MakeServer, connect: Connect) -> None:
    ssh = connect(make_server("MaxSessions 1"))
    talk = ssh.talk(cmd("cat"))
    with pytest.raises(CommandFailed, match="no further session"):
        ssh.run(cmd("true"))
    talk.close()


def test_lines_of_both_outputs_are_followed_as_they_come(ssh: Ssh) -> None:
    lines = ssh.follow(script("echo one; echo two >&2; sleep 0.1; printf three"))
    assert sorted(lines) == ["one", "three", "two"]


def test_a_follower_that_is_closed_leaves_nothing_behind_on_the_host(ssh: Ssh) -> None:
    lines = ssh.follow(ticking("mark-of-a-follower"))
    assert next(lines) == "tick"
    assert running("mark-of-a-follower") > 0
    lines.close()  # type: ignore[attr-defined]
    assert until(lambda: running("mark-of-a-follower") == 0)


def test_every_part_of_a_followed_pipe_ends(ssh: Ssh) -> None:
    lines = ssh.follow(pipe(ticking("mark-of-a-pipe"), cmd("grep", "--line-buffered", "tick"), cmd("cat")))
    assert next(lines) == "tick"
    lines.close()  # type: ignore[attr-defined]
    assert until(lambda: running("mark-of-a-pipe") == 0)


def test_a_silent_follower_ends_too(ssh: Ssh) -> None:
    lines = ssh.follow(script("echo ready; exec sleep 3141"))
    assert next(lines) == "ready"
    lines.close()  # type: ignore[attr-defined]
    assert until(lambda: running("sleep 3141") == 0)


def test_a_follower_that_ignores_the_polite_signal_ends_by_the_other(ssh: Ssh) -> None:
    lines = ssh.follow(script("trap '' TERM; echo ready; while :; do sleep 0.2; done", "mark-of-the-stubborn"))
    assert next(lines) == "ready"
    lines.close()  # type: ignore[attr-defined]
    assert until(lambda: running("mark-of-the-stubborn") == 0)


def test_a_follower_ends_with_the_connection_of_a_killed_operator(make_server: MakeServer, connect: Connect) -> None:
    server = make_server()
    lines = connect(server).follow(ticking("mark-of-the-dead"))
    assert next(lines) == "tick"
    server.cut()
    with pytest.raises(ConnectionLost):
        list(lines)
    assert until(lambda: running("mark-of-the-dead") == 0)


def test_a_followed_command_that_fails_says_so_after_its_last_line(ssh: Ssh) -> None:
    lines = ssh.follow(script("echo no such container; exit 1"))
    assert next(lines) == "no such container"
    with pytest.raises(CommandFailed, match="ended with code 1") as caught:
        next(lines)
    assert caught.value.host == "web1"

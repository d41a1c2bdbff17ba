from __future__ import annotations

import getpass
from dataclasses import replace

from opsbook.shell import cmd
from tests.ssh.conftest import Connect, MakeServer
from tests.ssh.sshd import Sshd


def test_sshd_tells_how_one_may_log_in_and_nobody_is_logged_in(make_server: MakeServer, connect: Connect) -> None:
    server = make_server()
    assert connect(server).offered() == ("publickey",)
    assert "Accepted" not in server.log.read_text()


def test_a_server_that_takes_passwords_says_so(make_server: MakeServer, connect: Connect) -> None:
    server = make_server("PasswordAuthentication yes")
    assert set(connect(server).offered()) == {"publickey", "password"}


def test_the_login_of_this_run_wins_over_the_user_of_the_inventory(server: Sshd, connect: Connect) -> None:
    entry = replace(server.entry(user="claude-admin"), login=getpass.getuser())
    assert connect(server, entry=entry).run(cmd("id", "-un")).out.strip() == getpass.getuser()

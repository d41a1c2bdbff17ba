from __future__ import annotations

from pathlib import Path

import click
import pytest

from opsbook.cli.login import logged_in
from opsbook.cli.main import cli
from opsbook.cli.state import State
from opsbook.errors import UsageError
from opsbook.inventory import HostEntry
from opsbook.options import Options
from opsbook.tasks import task_of

ROOT = Path(__file__).parent.parent
HOST = HostEntry("web1", "192.0.2.1", user="claude-admin")


def command(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli, obj=State({}, ROOT)), name)
    assert found is not None
    return found


def test_another_login_leaves_the_user_of_the_inventory_as_it_is() -> None:
    host = logged_in(HOST, State({}, ROOT, Options(as_="root")))
    assert (host.login, host.user) == ("root", "claude-admin")
    assert logged_in(HOST, State({}, ROOT)) == HOST
    assert (Options(as_="root").login, Options().login) == (" --as root", "")


@pytest.mark.parametrize("login", ["", "-oProxyCommand=x", "a b", "a;b", "root\n"])
def test_what_is_no_user_name_is_refused(login: str) -> None:
    with pytest.raises(UsageError, match="--as takes a user name"):
        logged_in(HOST, State({}, ROOT, Options(as_=login)))


def test_only_a_runbook_that_says_so_offers_another_login() -> None:
    def offers(name: str) -> bool:
        return any("--as" in parameter.opts for parameter in command(name).params)

    assert [offers(name) for name in ("provision-host", "undo", "restart-service")] == [True, True, False]


def test_fabric_offers_it_too() -> None:
    assert "as_" in {argument.name for argument in task_of(command("provision-host")).get_arguments()}

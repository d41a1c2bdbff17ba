from __future__ import annotations

import pytest

from opsbook.host import Result
from opsbook.privileged import CONFIRM
from opsbook.systems.confirm import Standing, arm, disarm, parse_standing, restore, standing

TOKEN = "9fed3476839fc6f4d137a8f6c6e2e805"


def test_every_request_is_one_line_of_standard_input() -> None:
    sent = [change.stdin for change in (arm("sshd", 60), disarm(TOKEN), restore(TOKEN))]
    assert sent == ["arm sshd 60\n", f"disarm {TOKEN}\n", f"restore {TOKEN}\n"]
    assert {standing().ask, arm("firewall", 60).do, disarm(TOKEN).do, restore(TOKEN).do} == {CONFIRM.run}


def test_how_it_stands_is_read_for_each_kind() -> None:
    told = f"firewall armed {TOKEN} 59\nfirewall last {'0' * 32} healed\nsshd idle\nsshd last {'1' * 32} confirmed\n"
    assert parse_standing(Result(0, told)) == {
        "firewall": Standing(TOKEN, 59, "0" * 32, "healed"),
        "sshd": Standing(last="1" * 32, end="confirmed"),
    }


def test_an_unknown_line_is_no_answer() -> None:
    with pytest.raises(ValueError, match="no line of ours"):
        parse_standing(Result(0, "sudo: a password is required\n"))

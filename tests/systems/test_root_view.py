from __future__ import annotations

import pytest

from opsbook.host import Result
from opsbook.privileged import LOOK
from opsbook.systems.root_view import Told, root_view, uninstalled


def test_several_things_are_asked_by_one_request() -> None:
    question = root_view("ufw", "sshd root 192.0.2.1")
    assert str(question.ask) == "sudo -n /usr/local/sbin/opsbook-look"
    assert question.stdin == "ufw\nsshd root 192.0.2.1\n"


def test_each_answer_is_filed_under_what_was_asked() -> None:
    told = root_view("ufw", "kernel").parse(Result(0, "0 U3RhdHVzOiBhY3RpdmUK\n1 bm8K\n"))
    assert told == {"ufw": Told(0, "Status: active\n"), "kernel": Told(1, "no\n")}


@pytest.mark.parametrize("answer", ["", "0 bm8K\n", "0 bm8K\n1 \n0 \n", "0 bm8K\n1 ?\n", "no sudo here\n1 \n"])
def test_an_answer_that_is_not_whole_is_none(answer: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        root_view("ufw", "kernel").parse(Result(0, answer))


def test_root_needs_no_program_on_the_host() -> None:
    assert uninstalled().words == ("bash", "-c", LOOK.text, "opsbook")
    assert uninstalled("sudo", "-n").words[:3] == ("sudo", "-n", "bash")

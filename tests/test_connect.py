from __future__ import annotations

from pathlib import Path

import pytest

from opsbook.cli.connect import learn_secrets, tools
from opsbook.cli.state import State
from opsbook.errors import CommandFailed
from opsbook.events import Event
from opsbook.host import Result
from opsbook.systems.dotenv import env_file
from tests.fake import STACK, FakeTransport, a_run, fake_host

ENV = env_file(f"{STACK.directory}/{STACK.env_file}")


def test_the_secrets_of_the_env_file_are_hidden_from_then_on() -> None:
    fake = FakeTransport()
    fake.teach(ENV, "SMTP_PASSWORD=correct-horse\nBUCKET=lab-monitoring\n")
    host = fake_host(fake)
    learn_secrets(host)
    assert host.mask("correct-horse in lab-monitoring") == "*** in lab-monitoring"


def test_secrets_are_hidden_although_another_line_of_the_file_is_wrong() -> None:
    fake = FakeTransport()
    fake.teach(ENV, "no assignment\nSMTP_PASSWORD='correct-horse'\nAPI_KEY=\"battery-staple\n")
    host = fake_host(fake)
    learn_secrets(host)
    assert host.mask("correct-horse battery-staple") == "*** ***"


def test_an_env_file_that_cannot_be_read_stops_a_change_but_not_a_look() -> None:
    fake, events = FakeTransport(), list[Event]()
    fake.teach(ENV, Result(1, "", "Permission denied"))
    with pytest.raises(CommandFailed):
        learn_secrets(fake_host(fake))
    learn_secrets(fake_host(fake, run=a_run(reads_only=True), events=events))
    assert events[-1].title.startswith("the secrets of /opt/p24-infra/monitoring/.env are not known, so they are not hidden")


def test_a_run_in_the_lab_knows_the_sites_own_runbooks(tmp_path: Path) -> None:
    lab = tmp_path / "opsbook/lab/other"
    lab.mkdir(parents=True)
    (lab / "inventory.yaml").write_text("lab: other\nhosts: {vps-i1: {address: 127.0.0.1}}\n")
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks/turn_over.py").touch()
    (tmp_path / "inventory.yaml").write_text("hosts: {}\n")
    state = State({"OPSBOOK_LAB": "1", "OPSBOOK_LAB_NAME": "other", "XDG_STATE_HOME": str(tmp_path)}, tmp_path)
    found = tools(state, "anna@desk").page("turn-over")
    assert found is not None
    assert found.path == tmp_path / "runbooks/turn_over.py"

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opsbook.cli.main import run
from opsbook.cli.state import State

INVENTORY = """
hosts:
  web1: {address: "${WEB1}", roles: [node]}
  web2: {address: 127.0.0.1, port: 1, roles: [node]}
"""


@pytest.fixture
def state(tmp_path: Path) -> State:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    return State({"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}, tmp_path)


def test_a_host_without_an_address_is_not_contacted_and_the_variable_named(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "web1"], state) == 10
    shown = capsys.readouterr()
    assert "bad   not set: WEB1" in shown.out
    assert ".env.local" in shown.out
    assert "web1: 1 bad, 0 warn, 0 note, 0 ok; nothing was changed" in shown.err


def test_all_hosts_are_examined_when_none_is_named_and_json_is_one_document(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"], state) == 10
    told = json.loads(capsys.readouterr().out)
    assert (told["code"], [one["host"] for one in told["hosts"]]) == (10, ["web1", "web2"])
    closed = [one["what"] for one in told["hosts"][1]["findings"] if one["severity"] == "bad"]
    assert "nothing listens on 127.0.0.1:1" in closed
    assert "the port does not open: 127.0.0.1:1" in closed


def test_a_near_miss_is_told_the_right_name(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "wbe1"], state) == 2
    assert "did you mean web1?" in capsys.readouterr().err

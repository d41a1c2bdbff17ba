from __future__ import annotations

from dataclasses import replace

import pytest

from opsbook.host import Result
from opsbook.shell import Command
from opsbook.systems.node_exporter import back, install, judge, parse_judgement, parse_state, state
from opsbook.systems.release import Release

RELEASE = Release("1.9.0", "amd64", "https://mirror")
TOLD = """\
program 67155e19
unit 9ee56e53
path /etc/systemd/system/node_exporter.service
meant 9ee56e53
enabled enabled
active active
runs it
exe /usr/local/lib/opsbook/node_exporter
invocation 89e2bad48d1741dea94a1a7d7de2e4f6
restarts 0
release 1.9.0 amd64 67155e19
before 261121-1341-uiph
restarted yes
"""
NOTHING = """\
program none
unit none
path none
meant 9ee56e53
enabled not-found
active inactive
runs other
exe none
invocation\x20
restarts 0
release none
before none
restarted no
"""


def test_what_the_program_tells_is_read() -> None:
    found = parse_state(Result(0, TOLD))
    assert (found.exe, found.before, found.restarted, found.restarts) == (
        "/usr/local/lib/opsbook/node_exporter", "261121-1341-uiph", True, 0
    )  # fmt: skip
    assert found.is_whole(RELEASE)
    assert found.shape == ["67155e19", "9ee56e53", "enabled", True]


@pytest.mark.parametrize(("path", "foreign"), [
    ("none", ""), ("/etc/systemd/system/node_exporter.service", ""),
    *((path, path) for path in ("/usr/lib/systemd/system/node_exporter.service", "/run/systemd/generator.late/node_exporter.service")),
])  # fmt: skip
def test_a_unit_that_does_not_lie_where_ours_does_is_somebody_elses(path: str, foreign: str) -> None:
    assert parse_state(Result(0, NOTHING.replace("path none", f"path {path}"))).foreign == foreign


@pytest.mark.parametrize("change", [
    {"program": "other"}, {"unit": "other"}, {"enabled": "disabled"}, {"active": "failed"}, {"runs_it": False},
    {"release": "1.5.0 amd64 67155e19"},
])  # fmt: skip
def test_what_differs_in_anything_is_not_whole(change: dict[str, object]) -> None:
    assert not replace(parse_state(Result(0, TOLD)), **change).is_whole(RELEASE)     # type: ignore[arg-type]


def test_a_host_without_any_of_it_has_nothing() -> None:
    found = parse_state(Result(0, NOTHING))
    assert (found.program, found.unit, found.exe, found.release, found.invocation) == ("", "", "", "", "")
    assert not found.is_whole(RELEASE)


def test_an_answer_that_is_cut_is_none() -> None:
    with pytest.raises(LookupError):
        parse_state(Result(0, TOLD[:100]))


def test_requests_are_one_line_and_the_tarball_is_named_and_never_a_path() -> None:
    assert state(9100).stdin == "status 9100\n"
    assert back("261121-1341-uiph").stdin == "back 261121-1341-uiph\n"
    order = install(RELEASE, "a" * 64, 9100, "261121-1341-uiph").do
    assert isinstance(order, Command)
    line, request = order.line(), f"install 1.9.0 amd64 {'a' * 64} 9100 261121-1341-uiph"
    assert str(order) == f"sudo -n /usr/local/sbin/opsbook-node-exporter, which reads '{request}' and {RELEASE.name}"
    assert f"'install 1.9.0 amd64 {'a' * 64} 9100 261121-1341-uiph' {RELEASE.name} sudo -n /usr/local/sbin/opsbook-node-exporter" in line


def test_a_judgement_is_a_reason_or_nothing() -> None:
    assert judge(RELEASE, "a" * 64).answers == {0, 65}
    assert parse_judgement(Result(0)) == ""
    assert parse_judgement(Result(65, "", "it does not run here\n")) == "it does not run here"
    assert parse_judgement(Result(65)) == "it does not say why"

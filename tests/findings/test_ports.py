from __future__ import annotations

import pytest

from opsbook.findings.ports import opens


@pytest.mark.parametrize(("roles", "denies", "line"), [
    (("node",), True, "opsbook open-scrape-ports web"),
    (("node", "docker"), False, "opsbook open-scrape-ports --enable web"),
    (("stranger",), True, "ufw status numbered, then ufw delete NUMBER    (as root, on web)"),
])  # fmt: skip
def test_a_host_is_told_what_it_takes(roles: tuple[str, ...], line: str, *, denies: bool) -> None:
    assert opens("web", roles, denies=denies) == line


def test_a_host_that_nobody_scrapes_is_not_sent_to_a_runbook_that_refuses_it_and_keeps_its_ssh() -> None:
    line = opens("web", (), denies=False)
    assert "opsbook" not in line
    assert line.index("ufw allow SSH's own port/tcp") < line.index("ufw enable")

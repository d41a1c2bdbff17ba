"""How a container is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from opsbook.lab.containers import Box, server
from opsbook.lab.enter import command
from opsbook.lab.lab import Lab

LAB = Lab("demo", Path("/state/demo"))
BOX = Box("git", "image:1", ("--init",), ("sleep", "1"), "content")


def test_a_box_becomes_the_arguments_of_docker_create() -> None:
    assert BOX.create(LAB) == (
        "create",
        "--name=opsbook-demo-git",
        "--label=opsbook.lab=demo",
        f"--label=opsbook.lab.spec={BOX.spec}",
        "--network=opsbook-demo",
        "--hostname=git",
        "--network-alias=git",
        "--init",
        "image:1",
        "sleep",
        "1",
    )


def test_whatever_differs_asks_for_a_new_container() -> None:
    others = (replace(BOX, image="image:2"), replace(BOX, content="other"), replace(BOX, arguments=()), replace(BOX, command=()))
    assert len({BOX.spec, *(other.spec for other in others)}) == 5


def test_a_server_is_never_privileged() -> None:
    assert not any("privileged" in argument for argument in server("2"))
    assert "--cap-add=SYS_ADMIN" in server("2")


def test_systemd_is_told_of_old_control_groups_only_where_they_are() -> None:
    assert set(server("1")) - set(server("2")) == {
        "--env=SYSTEMD_PROC_CMDLINE=systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"
    }


def test_a_shell_reads_nothing_of_the_users_ssh_settings() -> None:
    assert command(LAB, 2201) == (
        "ssh",
        "-F",
        "none",
        "-o",
        "UserKnownHostsFile=/state/demo/known_hosts",
        "-o",
        "StrictHostKeyChecking=yes",
        "-o",
        "IdentitiesOnly=yes",
        "-i",
        "/state/demo/id_ed25519",
        "-p",
        "2201",
        "claude-admin@127.0.0.1",
    )

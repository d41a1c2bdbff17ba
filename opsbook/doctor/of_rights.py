"""What we may do on the host: sudo, the group docker, the firewall's word."""

from __future__ import annotations

from collections.abc import Iterator

from opsbook.counted import counted
from opsbook.doctor.facts import Facts
from opsbook.findings.finding import Finding
from opsbook.systems.sudo import ANYTHING, allows

# A command that we would run as root, and what for.
EVERYWHERE = {"ufw status verbose": "`opsbook doctor` looks at the firewall"}
WITH_DOCKER = {"systemctl start docker.service": "Docker is started again after `opsbook triage` found it down"}


def rights(f: Facts) -> Iterator[Finding]:
    """Which rights are there, which are missing and for what, which are too many."""
    if f.grants is None:
        said = f.why.get("grants", "")
        remedy = "visudo -f /etc/sudoers.d/opsbook    (as root, on the host)"
        yield Finding("warn", "sudo gives us nothing without a password", said, remedy)
        return
    yield Finding("ok", f"sudo: {counted(len(f.grants), 'command')} without a password", _listed(f))
    yield from _too_many(f)
    yield from _missing(f)


def docker_group(f: Facts) -> Iterator[Finding]:
    """Say what the group docker means."""
    if "docker" in f.groups:
        yield Finding("note", f"{f.user} is in the group docker, which is as good as root")


def firewall(f: Facts) -> Iterator[Finding]:
    """A firewall that is off."""
    if f.firewall is None:
        return
    status = f.firewall.strip().splitlines()
    if "Status: active" in status:
        default = next((line for line in status if line.startswith("Default:")), "")
        if "allow (incoming)" in default:
            yield Finding("bad", "the firewall is on, but lets everything in", default, "ufw default deny incoming    (as root)")
        else:
            yield Finding("ok", "the firewall is on", default)
    else:
        yield Finding("bad", "the firewall is off", status[0] if status else "", "ufw enable    (as root, after `ufw allow OpenSSH`)")


def _listed(f: Facts) -> str:
    return "\n".join(grant.command for grant in f.grants or () if not grant.password)


def _too_many(f: Facts) -> Iterator[Finding]:
    for grant in f.grants or ():
        if grant.is_root:
            what = "everything" if grant.command == ANYTHING else f"{grant.command} with any arguments"
            remedy = "name exact arguments in sudoers, without `*`"
            yield Finding("warn", f"sudo allows {what}, which is as good as root", next=remedy)
        elif "*" in grant.command and not grant.password:
            what = f"sudo allows a wildcard, which also matches blanks: {grant.command}"
            yield Finding("warn", what, next="name exact arguments in sudoers")


def _missing(f: Facts) -> Iterator[Finding]:
    needs = {**EVERYWHERE, **(WITH_DOCKER if f.needs_docker else {})}
    for line, purpose in needs.items():
        if not allows(f.grants or (), line):
            grant = f"{f.user or 'USER'} ALL=(root) NOPASSWD: {_path(line)}"
            yield Finding("note", f"sudo does not allow `{line}`", f"with it, {purpose}", f"{grant}    (a line for /etc/sudoers.d/opsbook)")


def _path(line: str) -> str:
    return f"/usr/sbin/{line}" if line.startswith("ufw") else f"/usr/bin/{line}"

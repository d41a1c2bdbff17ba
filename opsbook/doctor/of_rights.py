"""What we may do on the host: sudo, the privileged programs, the group docker, the firewall's word."""

from __future__ import annotations

from collections.abc import Iterator

from opsbook.counted import counted
from opsbook.doctor.facts import Facts
from opsbook.findings.finding import Finding, Severity
from opsbook.findings.ports import opens
from opsbook.privileged import ALL, Act, placing
from opsbook.systems.sudo import ANYTHING, allows


def rights(f: Facts) -> Iterator[Finding]:
    """Which rights are there, which are missing and for what, which are too many."""
    if f.grants is None:
        said = f.why.get("grants", "")
        severity: Severity = "bad" if "node" in f.entry.roles else "warn"       # its runbooks refuse without root's part
        yield Finding(severity, "sudo gives us nothing without a password", said, provision(f))
        return
    yield Finding("ok", f"sudo: {counted(len(f.grants), 'command')} without a password", _listed(f))
    yield from _too_many(f)
    yield from _missing(f)


def programs(f: Facts) -> Iterator[Finding]:
    """Whether the programs that we may run as root are there, and are those of this opsbook."""
    if f.programs is None:
        return
    missing = [act for act in ALL if act.path not in f.programs]
    other = [act for act in ALL if f.programs.get(act.path, act.sha256) != act.sha256]
    if missing:
        yield Finding("note", f"programs for root's part are missing: {_named(missing)}", "", provision(f))
    if other:
        yield Finding("warn", f"programs for root's part are not those of this opsbook: {_named(other)}", "", provision(f))
    if not (missing or other):
        yield Finding("ok", "the programs for root's part are those of this opsbook")


def docker_group(f: Facts) -> Iterator[Finding]:
    """Say what the group docker means."""
    if "docker" in f.groups:
        yield Finding("note", f"{f.user} is in the group docker, which is as good as root")


def firewall(f: Facts) -> Iterator[Finding]:
    """A firewall that is off."""
    if f.firewall is None:
        return
    status, remedy = f.firewall.strip().splitlines(), opens(f.host, f.entry.roles, denies=False)
    if "Status: active" in status:
        default = next((line for line in status if line.startswith("Default:")), "")
        if "allow (incoming)" in default:
            yield Finding("bad", "the firewall is on, but lets everything in", default, remedy)
        else:
            yield Finding("ok", "the firewall is on", default)
    else:
        yield Finding("bad", "the firewall is off", status[0] if status else "", remedy)


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
    missing = [act for act in ALL if not allows(f.grants or (), act.name)]
    if missing:
        saw = "\n".join(f"{act.name} {act.purpose}" for act in missing)
        yield Finding("note", "sudo does not allow all programs for root's part", saw, provision(f))


def provision(f: Facts) -> str:
    """Return the command that grants what is missing."""
    return placing(f.host)


def _named(acts: list[Act]) -> str:
    return ", ".join(act.name for act in acts)

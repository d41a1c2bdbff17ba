"""Who may do what as root."""

from __future__ import annotations

from collections.abc import Iterator

from opsbook.findings.finding import Finding
from opsbook.moves.audit.facts import Facts, provision
from opsbook.privileged import ALL
from opsbook.systems.root_files import About, parse_about
from opsbook.systems.sudo import NO_ARGUMENTS, Grant

SUDOERS_MODE, PROGRAM_MODE, ROOT = 0o440, 0o755, ("root", "root")


def grants(f: Facts) -> Iterator[Finding]:
    """Rights that are more than the programs for root's part."""
    if f.grants is None:
        yield f.unjudged("what sudo allows us", "grants")
        return
    meant = {f"{act.path} {NO_ARGUMENTS}" for act in ALL}
    more = [one for one in f.grants if not one.password and one.command not in meant]
    mighty = [one for one in more if one.is_root]
    if mighty:
        yield Finding("bad", f"sudo makes {f.user or 'us'} root", _listed(mighty), provision(f))
    if rest := [one for one in more if one not in mighty]:
        yield Finding("warn", f"sudo allows {f.user or 'us'} more than is needed", _listed(rest), provision(f))
    if not more:
        yield Finding("ok", f"sudo allows {f.user or 'us'} the programs for root's part only")


def sudoers(f: Facts) -> Iterator[Finding]:
    """Files of sudo that others than root may change or read."""
    told = f.told("sudoers")
    if told is None:
        yield f.unjudged("who may change sudo's files", "root", "sudoers")
        return
    files = parse_about(told)
    loose = [f"{path}: {_shown(about)}" for path, about in files.items() if _others(about, SUDOERS_MODE)]
    if loose or not files:
        fix = f"chown root:root and chmod 0440    (as root on {f.host}, `visudo -c` afterwards)"
        yield Finding("bad", "files of sudo are not root's alone", "\n".join(loose) or "none was found", fix)
    else:
        yield Finding("ok", f"sudo's {len(files)} files are root's alone", "\n".join(files))


def programs(f: Facts) -> Iterator[Finding]:
    """Programs for root's part that are missing, changed, or can be changed by others."""
    told = f.told("programs")
    if told is None:
        yield f.unjudged("what the programs for root's part are", "root", "programs")
        return
    files = parse_about(told)
    strange = {path: "not one of ours" for path in files if path not in {act.path for act in ALL}}
    wrong = {act.path: _program(files.get(act.path), act.sha256) for act in ALL} | strange
    if any(wrong.values()):
        saw = "\n".join(f"{path}: {why}" for path, why in wrong.items() if why)
        yield Finding("bad", "programs that run as root are not those of this opsbook", saw, provision(f))
    else:
        yield Finding("ok", "programs that run as root are those of this opsbook")


def docker_group(f: Facts) -> Iterator[Finding]:
    """Say what the group docker means."""
    if "docker" in f.groups and f.has_docker:
        yield Finding("note", f"{f.user} is in the group docker, which is as good as root", "the runbooks for containers need it")
    elif "docker" in f.groups:
        saw = "the inventory gives this host no Docker"
        yield Finding("bad", f"{f.user} is in the group docker, which is as good as root", saw, provision(f))


def _program(found: About | None, sha256: str) -> str:
    if found is None:
        return "missing"
    if _others(found, PROGRAM_MODE):
        return _shown(found)
    return "" if found.sha256 == sha256 else "another text"


def _others(about: About, most: int) -> bool:
    """Return whether it is not root's, or has more rights than these."""
    return (about.owner, about.group) != ROOT or bool(about.mode & ~most)


def _shown(about: About) -> str:
    return f"{about.owner}:{about.group} {about.mode:04o}"


def _listed(found: list[Grant]) -> str:
    return "\n".join(f"({one.as_user}) {one.command}" for one in found)

"""Root's part: the programs, and the sudoers file that lets the user run them and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from opsbook.check import Seen
from opsbook.host import Host
from opsbook.moves.provisioning.seat import admin, seat, view
from opsbook.privileged import ALL, SUDOERS, sudoers
from opsbook.systems import sudo
from opsbook.systems.root_files import About, parse_about, place
from opsbook.systems.sudo import Grant

PROGRAM, RULES = 0o755, 0o440
BEFORE = "aside"        # what the record keeps: the folder on the host with what was there before


def sha256(text: str) -> str:
    """Return the hash of a text, as `sha256sum` prints it."""
    return hashlib.sha256(text.encode()).hexdigest()


def aside(host: Host, path: str) -> str:
    """Return where on the host that is kept what was at a path before this run."""
    return f"{host.run.kept[BEFORE]}/{path.strip('/').replace('/', '_')}"


def programs_are_ours(host: Host) -> Seen:
    """The programs for root's part are those of this opsbook, and only root may change them."""
    there = parse_about(view(host, "programs")["programs"].text)
    wanted = {act.path: About(PROGRAM, "root", "root", act.sha256) for act in ALL}
    odd = [path for path in {*wanted, *there} if there.get(path) != wanted.get(path)]
    return Seen(ok=not odd, saw="\n".join(_odd(path, there, wanted) for path in sorted(odd)) or f"{len(wanted)} programs")


def place_programs(host: Host) -> None:
    """Put each program that is not ours in its place."""
    there = parse_about(view(host, "programs")["programs"].text)
    for act in ALL:
        if there.get(act.path) != About(PROGRAM, "root", "root", act.sha256):
            host.write(place(act.path, act.text, PROGRAM, aside(host, act.path), seat(host).rights))


def rules_are_ours(host: Host) -> Seen:
    """The sudoers file is that of this opsbook."""
    there = parse_about(view(host, "sudoers")["sudoers"].text).get(SUDOERS)
    wanted = About(RULES, "root", "root", sha256(sudoers(admin(host))))
    return Seen(ok=there == wanted, saw=SUDOERS if there == wanted else f"{SUDOERS} is {'missing' if there is None else 'another one'}")


def place_rules(host: Host) -> None:
    """Put the sudoers file in its place, once visudo has judged it."""
    text = sudoers(admin(host))
    host.write(place(SUDOERS, text, RULES, aside(host, SUDOERS), seat(host).rights, judge="sudoers"))


def amount_to(granted: Iterable[Grant]) -> Seen:
    """Given what the user may run, tell whether that is what is meant, no more and no less."""
    meant = {Grant("root", f"{act.path} {sudo.NO_ARGUMENTS}", password=False) for act in ALL}
    missing, extra = meant - set(granted), set(granted) - meant
    lines = [*(f"missing: {one.command}" for one in missing), *(f"too much: ({one.as_user}) {one.command}" for one in extra)]
    return Seen(ok=not lines, saw="\n".join(sorted(lines)) or f"{len(meant)} programs, each without arguments")


def too_much(host: Host) -> tuple[str, ...]:
    """Return what sudo already allows the user beyond what is meant, by rules of somebody else."""
    if not rules_are_ours(host).ok and SUDOERS in parse_about(view(host, "sudoers")["sudoers"].text):
        return ()       # it may come from an older file of ours, which will be replaced
    here = seat(host)
    granted = host.read(sudo.grants_of(admin(host)) if here.writes else sudo.grants())
    return tuple(line for line in amount_to(granted).saw.splitlines() if line.startswith("too much"))


def _odd(path: str, there: dict[str, About], wanted: dict[str, About]) -> str:
    if path not in wanted:
        return f"{path} is no program of this opsbook"
    if path not in there:
        return f"{path} is missing"
    return f"{path} is another version" if there[path].sha256 != wanted[path].sha256 else f"{path} is not root's alone"

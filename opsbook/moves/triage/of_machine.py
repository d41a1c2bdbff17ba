"""What may be wrong with the machine itself. Each function yields what it finds, the worst first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from opsbook.findings.finding import Finding, Severity
from opsbook.moves.triage.facts import Facts
from opsbook.moves.triage.words import age, amount, several
from opsbook.privileged import UNITS
from opsbook.shell import cmd
from opsbook.systems.disk import Disk

GIB = 1 << 30
FULL, FULL_BELOW = 0.03, 2 * GIB        # both must hold: 3 % of a huge disk is plenty
TIGHT, TIGHT_BELOW = 0.10, 20 * GIB
READ_ONLY = ("/dev/loop", "/dev/sr")    # images and discs are always full
HOUR, DAY, JUST_BOOTED = 3600, 86400, 600
SKEWED, DRIFTING = 30, 2                # seconds
CROWDED = 4                             # waiting processes for each CPU
VITAL = re.compile(r"(docker|containerd|ssh|sshd|node_exporter)\.(service|socket)")
KILLED = re.compile(r"Killed process \d+ \(([^)]+)\)")


def disks(f: Facts) -> Iterator[Finding]:
    """Disks without bytes or inodes."""
    for disk in sorted(f.machine.disks or (), key=lambda one: one.free_share):
        if disk.source.startswith(READ_ONLY):
            continue
        look = f"ssh {f.host} {cmd('du', '--one-file-system', '--human-readable', '--max-depth=2', disk.mount)} | sort -h | tail"
        if short_of(disk, FULL, FULL_BELOW):
            yield Finding("bad", f"the disk is full: {disk.mount}", _left(disk), look)
        elif short_of(disk, TIGHT, TIGHT_BELOW):
            yield Finding("warn", f"the disk is nearly full: {disk.mount}", _left(disk), look)


def short_of(disk: Disk, share: float, amount_left: int) -> bool:
    """Return whether less than that share and that amount is left, or less than that share of the inodes."""
    bytes_short = disk.size > 0 and disk.free < disk.size * share and disk.free < amount_left
    return bytes_short or (disk.inodes > 0 and disk.free_inodes < disk.inodes * share)


def memory(f: Facts) -> Iterator[Finding]:
    """Memory that runs out, and processes that were killed for it."""
    found, look = f.machine.memory, f"ssh {f.host} ps -eo rss,args --sort=-rss | head"
    if found is not None and found.available < found.total * TIGHT:
        severity: Severity = "bad" if found.available < found.total * FULL else "warn"
        saw = f"{amount(found.available)} of {amount(found.total)} available; swap: {amount(found.swap_free)} of {amount(found.swap)} free"
        yield Finding(severity, "memory is running out", saw, look)
    yield from _kills(f, look)


def _kills(f: Facts, look: str) -> Iterator[Finding]:
    lines = f.machine.kills or ()
    victims = tuple(dict.fromkeys(found[1] for line in lines if (found := KILLED.search(line))))
    when = [seconds for line in lines if (seconds := _at(line)) is not None]
    if when and f.now:
        since = f.now - max(when)
        severity: Severity = "bad" if since < HOUR else "warn" if since < DAY else "note"
        yield Finding(severity, f"the kernel killed {several(victims) or 'a process'} for lack of memory", f"{age(since)} ago", look)
    elif f.machine.oom_kills:
        saw = f"{f.machine.oom_kills} since the host booted; when, its log does not tell us"
        yield Finding("warn", "the kernel killed processes for lack of memory", saw, look)


def docker(f: Facts) -> Iterator[Finding]:
    """A Docker that gives no answer, where one is expected."""
    said = f.machine.silent.get("containers")
    if said is None or (f.entry.stack is None and "docker" not in f.entry.roles):
        return
    lowered = said.lower()
    if "not found" in lowered:
        yield Finding("bad", "Docker is not installed", said, f"opsbook doctor {f.host}")
    elif "permission denied" in lowered:
        yield Finding("bad", f"{f.entry.user or 'our user'} may not talk to Docker", said, f"opsbook doctor {f.host}")
    elif "no answer in time" in lowered:
        yield Finding("bad", "Docker hangs", said, f"ssh {f.host} journalctl --unit=docker --lines=50 --no-pager")
    else:
        yield Finding("bad", "Docker does not run", said, f"ssh {f.host} {UNITS.run} <<<'start docker.service'")


def units(f: Facts) -> Iterator[Finding]:
    """Units that failed; those that we live on first."""
    failed = f.machine.failed_units or ()
    for unit in sorted(failed, key=lambda name: VITAL.fullmatch(name) is None):
        vital = VITAL.fullmatch(unit) is not None
        yield Finding("bad" if vital else "warn", f"{unit} has failed", next=f"ssh {f.host} {cmd('systemctl', 'status', unit)}")


def clock(f: Facts) -> Iterator[Finding]:
    """A clock that is wrong, or that nobody keeps right."""
    kept, look = f.machine.clock, f"ssh {f.host} timedatectl"
    if f.skew is not None and abs(f.skew) > DRIFTING:
        saw = f"{age(abs(f.skew))} {'ahead of' if f.skew > 0 else 'behind'} this machine's"
        yield Finding("bad" if abs(f.skew) > SKEWED else "warn", "the host's clock is wrong, or ours is", saw, look)
    if kept is not None and not kept.synchronized and not f.entry.lab:
        saw = "its time service has not reached a server" if kept.service else "no time service is switched on"
        yield Finding("warn", "the host's clock follows no time server", saw, look)


def load(f: Facts) -> Iterator[Finding]:
    """More work than processors, and a boot that explains much."""
    now, cpus = f.machine.load, f.machine.cpus or 1
    if now is not None and now[0] > CROWDED * cpus:
        saw = f"load {now[0]:.1f} on {cpus} CPUs"
        yield Finding("warn", "the host has more to do than it can", saw, f"ssh {f.host} top -bn1 | head -20")
    if f.machine.uptime is not None and f.machine.uptime < JUST_BOOTED:
        yield Finding("warn", f"the host booted {age(f.machine.uptime)} ago", next=f"ssh {f.host} last -x | head -5")


def silent(f: Facts) -> Iterator[Finding]:
    """Questions that the host did not answer."""
    for name, why in f.machine.silent.items():
        if name == "commits" and f.entry.stack is not None:
            first = why.splitlines()[0]
            yield Finding("warn", f"git does not answer in {f.entry.stack.checkout}", first, f"opsbook doctor {f.host}")
        elif name not in {"containers", "changes", "commits"}:
            yield Finding("note", f"the host does not tell its {name}", why.splitlines()[0])


def _left(disk: Disk) -> str:
    left = f"{amount(disk.free)} of {amount(disk.size)} left"
    return f"{left}, {disk.free_inodes} of {disk.inodes} inodes" if disk.inodes else left


def _at(line: str) -> float | None:
    try:
        return datetime.fromisoformat(line.split(maxsplit=1)[0]).timestamp()
    except (ValueError, IndexError):
        return None

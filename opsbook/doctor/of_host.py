"""What on the host keeps runbooks from working: Docker, clock, disk, lock, an unfinished run, the checkout."""

from __future__ import annotations

from collections.abc import Iterator

from opsbook.counted import counted
from opsbook.doctor.facts import Facts
from opsbook.findings.finding import Finding
from opsbook.systems.disk import Disk
from opsbook.systems.versions import version

DRIFTING, SKEWED = 2, 30            # seconds
FULL, TIGHT = 0.03, 0.10            # shares that are left
ENOUGH = 20 * (1 << 30)             # so many bytes are plenty, whatever their share
COMPOSE = (2, 20)                   # `up` knows --wait-timeout, `config` its --hash of all services
SHOWN = 5
TOLD_ELSEWHERE = frozenset({"grants", "docker", "compose", "driver", "env", "env_text", "foreign", "record", "stores", "external_labels"})


def forwarding(f: Facts) -> Iterator[Finding]:
    """Whether services are asked through the connection itself."""
    if f.forwards:
        yield Finding("ok", "sshd forwards ports")
    elif f.forwards is False:
        saw = "a port on which something listens was refused: services are asked by curl on the host, one process each"
        yield Finding("warn", "sshd forwards no ports", saw, "AllowTcpForwarding local    (in sshd_config, then restart sshd)")


def docker(f: Facts) -> Iterator[Finding]:
    """The engine and its Compose plugin."""
    if not f.needs_docker:
        return
    if f.docker is None:
        said = f.why.get("docker", "")
        if "permission denied" in said.lower():
            remedy = f"opsbook provision-host {f.host} --as root    (puts it into the group; counts for new logins)"
            yield Finding("bad", f"{f.user or 'we'} may not talk to Docker", said, remedy)
        else:
            yield Finding("bad", "Docker does not answer", said, f"opsbook triage {f.host}")
        return
    yield Finding("ok", f"Docker {f.docker} answers")
    if f.compose is None:
        yield Finding("bad", "Docker has no Compose plugin", f.why.get("compose", ""), "apt-get install docker-compose-plugin    (as root)")
    else:
        good = version(f.compose) >= COMPOSE
        yield Finding("ok" if good else "warn", f"Compose {f.compose}{'' if good else ' is older than 2.20'}")


def clock(f: Facts) -> Iterator[Finding]:
    """Both clocks against each other, and who keeps the host's."""
    if f.skew is not None:
        off = abs(f.skew)
        saw = f"{off:.0f} s {'ahead of' if f.skew > 0 else 'behind'} this machine's" if off > DRIFTING else ""
        if off > DRIFTING:
            yield Finding("bad" if off > SKEWED else "warn", "the host's clock is wrong, or ours is", saw, f"ssh {f.host} timedatectl")
        else:
            yield Finding("ok", "both clocks agree")
    kept = f.machine.clock
    if kept is not None and not kept.synchronized and not f.entry.lab:
        yield Finding("warn", "the host's clock follows no time server", next="timedatectl set-ntp true    (as root)")


def disks(f: Facts) -> Iterator[Finding]:
    """Disks that are full, or soon will be."""
    short = [disk for disk in f.machine.disks or () if _is_short(disk, TIGHT)]
    for disk in short:
        saw = f"{disk.free_share:.0%} left"
        full = _is_short(disk, FULL)
        what = f"the disk is {'' if full else 'nearly '}full: {disk.mount}"
        yield Finding("bad" if full else "warn", what, saw, f"ssh {f.host} du -xh --max-depth=2 {disk.mount} | sort -h | tail")
    if f.machine.disks and not short:
        yield Finding("ok", f"{counted(len(f.machine.disks), 'disk has', 'disks have')} room")


def lock(f: Facts) -> Iterator[Finding]:
    """Who holds the lock."""
    if f.lock:
        yield Finding("note", "an operator holds the lock", f.lock, f"opsbook unlock {f.host}    (only if nobody is there)")
    elif f.lock is not None:
        yield Finding("ok", "nobody holds the lock")


def record(f: Facts) -> Iterator[Finding]:
    """A run that did not end."""
    if said := f.why.get("record"):
        yield Finding("bad", "the record of an unfinished run is damaged", said, "the next run with --discard")
    elif f.record is not None:
        if f.lock:
            return      # it is under way
        saw = f"{f.record.id} by {f.record.operator}, in phase {f.record.phase}"
        again = f"{f.again}    (resumes it)" if f.again else f"opsbook history --on {f.host}"
        yield Finding("warn", f"a run of {f.record.runbook} has not ended", saw, again)


def checkout(f: Facts) -> Iterator[Finding]:
    """Whether the checkout is ours, and clean."""
    stack = f.entry.stack
    if stack is None:
        return
    if f.foreign is None:
        yield Finding("bad", f"there is no checkout in {stack.checkout}", f.why.get("foreign", ""), f"git clone … {stack.checkout}")
    elif f.foreign:
        more = f"\nand {len(f.foreign) - SHOWN} more" if len(f.foreign) > SHOWN else ""
        saw = "\n".join(f.foreign[:SHOWN]) + more
        yield Finding("bad", f"files of {stack.checkout} are not {f.user}'s", saw, f"chown -R {f.user}: {stack.checkout}    (as root)")
    else:
        yield Finding("ok", f"the checkout {stack.checkout} is ours")
    if said := f.machine.silent.get("commits"):
        yield Finding("bad", f"git does not answer in {stack.checkout}", said.splitlines()[0])
    if f.machine.changes:
        saw = ", ".join(f.machine.changes[:SHOWN])
        yield Finding("warn", "the checkout has changes that nobody committed", saw, f"ssh {f.host} git -C {stack.checkout} diff")


def silent(f: Facts) -> Iterator[Finding]:
    """Questions that nobody answered."""
    for name, said in f.why.items():
        if name not in TOLD_ELSEWHERE:
            yield Finding("warn", f"the host does not tell its {name}", said)


def _is_short(disk: Disk, share: float) -> bool:
    if disk.source.startswith(("/dev/loop", "/dev/sr")):
        return False
    few_inodes = disk.inodes > 0 and disk.free_inodes < disk.inodes * share
    return few_inodes or (disk.size > 0 and disk.free < disk.size * share and disk.free < ENOUGH)

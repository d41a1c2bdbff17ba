"""node_exporter on a host: whether it may come, whether it is there, and how what was there before comes back."""

from __future__ import annotations

from opsbook.check import Seen
from opsbook.errors import CommandFailed, NothingToUndo, Refused
from opsbook.host import Host
from opsbook.moves import bringing
from opsbook.moves.occupied import BY_ROOT, freeing, holder
from opsbook.privileged import NODE_EXPORTER, placing
from opsbook.systems import files, node_exporter, systemd
from opsbook.systems.metrics import samples
from opsbook.systems.node_exporter import BUILD, PACKAGED, State
from opsbook.systems.release import Release
from opsbook.systems.sockets import listening

RUN, BEFORE, SAID, STARTED, SENT, SUM = "run", "shape_before", "version_before", "start_before", "installed_at", "checksum"
BACK = "going_back"     # the program had something of this run to put back; it drops that when it is done, and the answer may be lost


def state(host: Host) -> State:
    """Return what is installed and what runs."""
    return host.read(node_exporter.state(host.entry.node_exporter.port))


def expect_program(host: Host) -> None:
    """Raise Refused where the program that installs is not the one of this opsbook, or sudo does not let us run it."""
    fix = placing(host.name)
    if host.read(files.hashes([NODE_EXPORTER.path])).get(NODE_EXPORTER.path) != NODE_EXPORTER.sha256:
        saw = f"{NODE_EXPORTER.path} is missing, or of another opsbook"
        raise Refused("the host lacks the program that installs node_exporter", saw=saw, next=fix, host=host.name)
    try:
        state(host)
    except CommandFailed as failed:
        raise Refused(f"{NODE_EXPORTER.path} cannot be run as root", saw=failed.saw, next=fix, host=host.name) from None


def expect_unit(host: Host) -> None:
    """Raise Refused where the unit comes from a package, or from elsewhere: ours would hide it, and no undo would bring it back."""
    if path := state(host).foreign:
        fix = f"dpkg --search {path}    (names its package; remove it, as root, on the host)"
        raise Refused("node_exporter.service is somebody else's", saw=f"systemd has it from {path}", next=fix, host=host.name)


def expect_port(host: Host) -> None:
    """Raise Refused where something else listens on the port."""
    port, found = host.entry.node_exporter.port, state(host)
    if found.active in {"active", "activating"} or not any(one.port == port and one.protocol == "tcp" for one in host.read(listening())):
        return
    packaged = host.read(systemd.is_active(PACKAGED))
    program = None if packaged else holder(host, port)
    stop = f"systemctl disable --now {PACKAGED} {BY_ROOT}" if packaged else freeing(host, port, program)
    fix = f"{stop}, or node_exporter: {{port: …}} in the inventory, and in the scraper's target"
    listens = f"{PACKAGED}, of a package, runs" if packaged else f"{program or 'something'} listens there"
    saw = f"{listens}, and node_exporter.service is {found.active or 'not there'}"
    raise Refused(f"port {port} is taken", saw=saw, next=fix, host=host.name)


def remember(host: Host) -> None:
    """Keep what is there and what it says; a rerun keeps what the first run saw."""
    if RUN not in host.run.kept:
        found = state(host)
        host.keep(**{RUN: host.run.id, BEFORE: found.shape, SAID: version(host), STARTED: found.invocation})
        if found.exe and not found.runs_it:
            host.say(f"note: now {found.exe} runs; that file stays where it is")


def install(host: Host, release: Release) -> None:
    """Let the release run that lies ready."""
    kept = host.run.kept
    if SUM not in kept:
        saw, again = "it was installed a moment ago, and is not any more", bringing.command(host, release)
        raise Refused("somebody else is at work on this host", saw=saw, next=again, host=host.name)
    host.write(node_exporter.install(release, kept[SUM], host.entry.node_exporter.port, kept[RUN]))
    host.keep(**{SENT: host.now()})


def version(host: Host) -> str:
    """Return the version that answers on the port; nothing where nothing does."""
    try:
        page = host.read(node_exporter.metrics(host.entry.node_exporter.port))
    except CommandFailed:
        return ""
    return next((one.labels.get("version", "") for one in samples(page, BUILD)), "")


def is_installed(host: Host, release: Release) -> Seen:
    """That release is installed as it is meant, starts at boot, and runs."""
    found = state(host)
    what = found.release.rpartition(" ")[0] or "nothing of ours"
    files = "" if found.unit == found.meant else ", with another unit"
    process = "its file runs" if found.runs_it else f"{found.exe or 'nothing'} runs"
    saw = f"{what}{files}, {found.enabled or 'no unit'}, {found.active or 'not there'}, {process}"
    return Seen(found.is_whole(release), saw=saw, next=f"opsbook triage {host.name}")


def answers(host: Host, wanted: str) -> Seen:
    """That version answers on the host itself."""
    found = version(host)
    saw = f"{found or 'nothing'} answers on port {host.entry.node_exporter.port}"
    return Seen(found == wanted, saw=saw, next=f"opsbook triage {host.name}")


def runs_steadily(host: Host) -> Seen:
    """The process is of the file that lies there, has not failed since, and is new where this run started one."""
    found, kept = state(host), host.run.kept
    ours = found.restarted and found.before == kept.get(RUN)
    old, fell = ours and found.invocation == kept.get(STARTED), ours and found.restarts > 0
    saw = f"{found.exe or 'nothing'} runs" + ("" if found.runs_it else ", which is not the file that lies there")
    saw += f", after it failed {found.restarts} times" if fell else ", since before this run" if old else ""
    return Seen(found.runs_it and found.active == "active" and not old and not fell, saw=saw, next=f"opsbook triage {host.name}")


def put_back(host: Host) -> None:
    """Undo what this run did; raise Refused where another run has installed since."""
    kept, found = host.run.kept, state(host)
    if RUN not in kept:
        raise NothingToUndo("this run installed nothing", host=host.name)
    if found.before == kept[RUN]:
        host.keep(**{BACK: True})
        host.write(node_exporter.back(kept[RUN]))
    elif SENT not in kept and BACK not in kept:
        raise NothingToUndo("this run installed nothing", host=host.name)
    elif is_as_before(host).ok:
        host.say("already so: it was put back", already=True)
    else:
        saw, log = f"it keeps what was there before {found.before or 'nobody'}", f"opsbook history --on {host.name}"
        raise Refused("another run has installed since", saw=saw, next=log, host=host.name)


def is_as_before(host: Host) -> Seen:
    """What was there before is back, and says what it said then."""
    kept, found, now = host.run.kept, state(host), version(host)
    same = found.shape == kept.get(BEFORE, found.shape)
    saw = f"{now or 'nothing'} answers" + ("" if same else "; program, unit or its state are not those from before")
    return Seen(same and now == kept.get(SAID, now), saw=saw, next=f"opsbook triage {host.name}")

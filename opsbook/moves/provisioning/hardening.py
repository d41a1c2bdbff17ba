"""sshd: keys only, and nobody as root. What it is told is asked of sshd itself, what it does is tried at its door."""

from __future__ import annotations

from opsbook.check import Seen
from opsbook.errors import CommandFailed
from opsbook.host import Host
from opsbook.moves.confirmed import confirmed
from opsbook.moves.provisioning.rights import aside
from opsbook.moves.provisioning.seat import admin, seat, view
from opsbook.systems import sshd
from opsbook.systems.confirm import standing
from opsbook.systems.root_files import place

MODE = 0o644
SECONDS = 60        # for a new login to confirm the new settings
PASSWORDS = frozenset({"password", "keyboard-interactive", "none"})


def is_told(host: Host) -> Seen:
    """sshd is told to take keys only, and nobody as root, whoever comes from here."""
    address = host.recall(sshd.client())
    asked = ("sshd", f"sshd {admin(host)} {address}", f"sshd root {address}")
    told = view(host, *asked)
    failed = [f"{name}: {told[name].text}" for name in asked if told[name].code]
    open_ways = [f"{name}: {way}" for name in asked for way in sshd.open_ways(sshd.parse_settings(told[name].text))]
    return Seen(ok=not (failed or open_ways), saw="\n".join(failed or open_ways) or "no password, nobody as root")


def is_kept(host: Host) -> Seen:
    """What sshd is told waits for nobody to confirm it."""
    waits = host.read(standing())["sshd"]
    return Seen(ok=not waits.token, saw=f"the host takes it back in {waits.left} s" if waits.token else "")


def seconds_left(host: Host) -> int:
    """Return in how many seconds the host takes back what nobody has confirmed; 0 where nothing does, or we may not ask."""
    try:
        waits = host.read(standing())["sshd"]
    except CommandFailed:
        return 0
    return waits.left if waits.token else 0


def takes_keys_only(host: Host) -> Seen:
    """sshd takes keys only, and nobody as root."""
    seen = (check(host) for check in (is_told, is_kept, does))
    return next((one for one in seen if not one.ok), Seen(ok=True, saw="offered: publickey; root is not let in"))


def obstacles(host: Host) -> tuple[str, ...]:
    """Return the lines of sshd's files that would win over ours."""
    return sshd.obstacles(view(host, "sshd-files")["sshd-files"].text)


def harden(host: Host) -> None:
    """Put our file before all others and let sshd read it; the host takes that back unless a new login confirms it."""
    rights = seat(host).rights
    with confirmed(host, "sshd", about="close sshd for passwords and for root", seconds=SECONDS):
        host.write(place(sshd.FILE, sshd.TEXT, MODE, aside(host, sshd.FILE), rights, judge="sshd"))
        host.write(sshd.apply(rights))


def does(host: Host) -> Seen:
    """sshd offers keys only, and our keys do not let root in."""
    door, roots = host.door(admin(host)), host.door("root")
    ways = sorted(PASSWORDS & {*door.methods, *roots.methods})
    if ways:
        return Seen(ok=False, saw=f"sshd also offers: {', '.join(ways)}")
    if roots.opens:
        return Seen(ok=False, saw="our key lets root in")
    return Seen(ok="publickey" in door.methods, saw=f"sshd offers {', '.join(door.methods) or 'nothing'}; root is not let in")

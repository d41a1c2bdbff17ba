"""One process that plays many small servers: it listens for each, and gives a connection an sshd that sees that server's files.

It runs as root in a container of the lab, as a script of its own: `door.py PORT ADDRESS...`.
"""

from __future__ import annotations

import ctypes
import os
import selectors
import signal
import socket
import sys
from pathlib import Path

ROOT = Path("/light")
OWN = {"lock": "/run/lock", "tmp": "/tmp", "home": "/home/claude-admin"}  # noqa: S108 (what each server has for itself)
NEW_MOUNTS, NEW_NAME = 0x20000, 0x4000000
BIND, PRIVATE_BELOW = 0x1000, 0x44000
SSHD = ("/usr/sbin/sshd", "-i", "-e", "-o", "LogLevel=ERROR")
LIBC = ctypes.CDLL(None, use_errno=True)


def main(port: str, *addresses: str) -> None:
    """Listen everywhere, then let every connection in, until a signal ends it."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    doors = selectors.DefaultSelector()
    for number, address in enumerate(addresses, start=1):
        name = f"light{number:03}"
        furnish(name)
        doors.register(listening(address, int(port)), selectors.EVENT_READ, name)
    print(f"{len(addresses)} servers listen", flush=True)  # noqa: T201 (the container's log)
    while True:
        for key, _ in doors.select():
            enter(key.fileobj, key.data)


def listening(address: str, port: int) -> socket.socket:
    """Return a listening socket."""
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind((address, port))
    door.listen(64)
    return door


def enter(door: object, name: str) -> None:
    """Accept one connection and leave it to a child."""
    if not isinstance(door, socket.socket):
        raise TypeError(door)
    wire, _ = door.accept()
    if os.fork() == 0:
        serve(wire, name)
    wire.close()


def serve(wire: socket.socket, name: str) -> None:
    """Become the sshd of a server, for one connection."""
    try:
        inhabit(name)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        wire.setblocking(True)
        for descriptor in (0, 1):
            os.dup2(wire.fileno(), descriptor)
        os.execv(SSHD[0], SSHD)  # noqa: S606 (a list of words, no shell)
    except OSError as error:
        print(f"{name}: {error}", file=sys.stderr, flush=True)  # noqa: T201 (the container's log)
    finally:
        os._exit(1)


def furnish(name: str) -> None:
    """Make what a server has for itself: folders like those that all of them share until then."""
    for part, shared in OWN.items():
        folder, like = ROOT / name / part, Path(shared).stat()
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(like.st_mode & 0o7777)
        os.chown(folder, like.st_uid, like.st_gid)
    keys = Path(OWN["home"]) / ".ssh"
    link = ROOT / name / "home" / ".ssh"
    if not link.is_dir():
        link.mkdir(mode=0o700)
        os.chown(link, keys.stat().st_uid, keys.stat().st_gid)
    (link / "authorized_keys").write_bytes((keys / "authorized_keys").read_bytes())


def inhabit(name: str) -> None:
    """See the files of a server, and bear its name."""
    called("unshare", LIBC.unshare(NEW_MOUNTS | NEW_NAME))
    called("mount", LIBC.mount(None, b"/", None, PRIVATE_BELOW, None))
    for part, shared in OWN.items():
        called("mount", LIBC.mount(os.fsencode(ROOT / name / part), shared.encode(), None, BIND, None))
    socket.sethostname(name)


def called(what: str, result: int) -> None:
    """Raise OSError when a system call did not succeed."""
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What the program that installs node_exporter does with tarballs that a hijacked claude-admin would hand it."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator

import pytest

from opsbook.lab.docker import attempt, script
from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from opsbook.privileged import NODE_EXPORTER
from tests.lab.server_state import server_state

HOST, RUN, MEMBER = "serverA", "261121-0105-aaaa", "node_exporter-1.9.0.linux-amd64/node_exporter"
SAYS = "node_exporter, version 1.9.0 (x)"
CURIOUS = f"""#!/bin/bash
id -u >/tmp/uid 2>/dev/null
for path in /etc/mark /usr/local/lib/opsbook/mark /usr/local/bin/mark /var/lib/mark /root/mark /home/claude-admin/mark /run/mark; do
    touch "$path" 2>/dev/null && echo "it could write $path"
done
[ "$(id -u)" != 0 ] || echo "it is root"
cat /etc/shadow 2>/dev/null && echo "it could read the passwords"
(exec 3<>/dev/tcp/127.0.0.1/22) 2>/dev/null && echo "it has a network"
grep --quiet '^CapBnd:.*[1-9a-f]' /proc/self/status && echo "it has capabilities"
[ -s /tmp/told ] || echo "{SAYS}"
"""
ELSEWHERE = """
mkdir --parents /usr/local/lib/systemd/system
printf '[Service]\\nExecStart=/bin/true\\n' >/usr/local/lib/systemd/system/node_exporter.service
"""
BY_INIT = """
printf '%s\\n' '#!/bin/sh' '### BEGIN INIT INFO' '# Provides: x' '# Default-Start: 2 3' '### END INIT INFO' >/etc/init.d/node_exporter
chmod 0755 /etc/init.d/node_exporter
"""
NOLOGIN, UNIT = "/usr/sbin/nologin", "/etc/systemd/system/node_exporter.service"


@pytest.fixture
def fresh(servers: Lab) -> Iterator[Lab]:
    """A server without an exporter, and with the programs of today."""
    renew(servers, HOST)
    yield servers
    renew(servers, HOST)


def a_user(shell: str, more: str = "") -> str:
    return f"useradd --no-create-home --shell {shell} {more} node_exporter"


def tarball(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def named(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = kind, 0o4755, link
    return info


def asked(lab: Lab, verb: str, packed: bytes, rest: str = "", sha256: str = "") -> tuple[int, str]:
    """Ask the program as claude-admin; return how it ended and what it said."""
    request = f"{verb} 1.9.0 amd64 {sha256 or hashlib.sha256(packed).hexdigest()}{rest}\n".encode()
    words = ("exec", "--interactive", "--user=claude-admin", lab.container(HOST), "sudo", "-n", NODE_EXPORTER.path)
    done = attempt(*words, stdin=request + packed, within=120)
    return done.returncode, done.stderr.decode(errors="replace")


def test_hostile_tarballs_are_refused_and_leave_no_trace(fresh: Lab) -> None:
    before = server_state(fresh, HOST)
    honest = tarball((named(MEMBER), b"#!/bin/sh\necho hello\n"))
    bomb = gzip.compress(b"\0" * (300 << 20), 1)
    cases = {
        "another checksum": asked(fresh, "judge", honest, sha256="0" * 64),
        "it is something else": asked(fresh, "judge", honest),
        f"no {MEMBER}": asked(fresh, "judge", tarball((named("../../../../etc/cron.d/x"), b"x"))),
        "no size that could be": asked(fresh, "judge", tarball((named(MEMBER, tarfile.SYMTYPE, "/etc/shadow"), b""))),
        "does not run here": asked(fresh, "judge", tarball((named(MEMBER), b"\x7fELF nonsense"))),
    }
    assert {says: (code, says in said) for says, (code, said) in cases.items()} == dict.fromkeys(cases, (65, True)), cases
    assert asked(fresh, "judge", bomb)[0] == 65
    assert asked(fresh, "judge", b"no tarball at all")[0] == 65
    assert server_state(fresh, HOST) == before


def test_what_is_tried_is_nobody_alone_and_touches_nothing(fresh: Lab) -> None:
    before = server_state(fresh, HOST)
    code, said = asked(fresh, "judge", tarball((named(MEMBER), CURIOUS.encode())))
    assert (code, said) == (0, ""), said
    assert server_state(fresh, HOST) == before
    assert script(fresh.container(HOST), "ls /var/lib/mark /run/mark /tmp/uid 2>/dev/null || true") == ""


@pytest.mark.parametrize(("prepare", "says"), [
    (a_user("/bin/bash"), "may log in"),
    (a_user(NOLOGIN, "--groups sudo"), "is in further groups"),
    (a_user(NOLOGIN, "--non-unique --uid 0"), "is root"),
    (a_user(NOLOGIN, "--gid adm --no-user-group"), "has the group adm"),
    (f"mkdir {UNIT}.d; echo '[Service]' >{UNIT}.d/x.conf", "more rights"),
    (f"ln -s /dev/null {UNIT}", "is a link"),
    (f"{ELSEWHERE}systemctl daemon-reload", "is there already, in /usr/local/lib/systemd/system/node_exporter.service"),
    (f"{BY_INIT}systemctl daemon-reload", "is there already, in /run/systemd/generator.late/node_exporter.service"),
], ids=["login", "groups", "root", "group", "drop-in", "masked", "elsewhere", "by init"])  # fmt: skip
def test_where_more_rights_could_be_lent_nothing_is_installed(fresh: Lab, prepare: str, says: str) -> None:
    script(fresh.container(HOST), prepare)
    before = server_state(fresh, HOST)
    packed = tarball((named(MEMBER), f"#!/bin/sh\necho '{SAYS}'\n".encode()))
    code, said = asked(fresh, "install", packed, f" 9100 {RUN}")
    assert (code, says in said) == (65, True), said
    assert server_state(fresh, HOST) == before

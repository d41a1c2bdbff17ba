"""The lab's mirror: node_exporter's releases over HTTP, in upstream's layout."""

from __future__ import annotations

from pathlib import Path

from opsbook.lab.containers import Box
from opsbook.lab.making.releases import SUITES
from opsbook.lab.placing import Placed, folder

NAME = "mirror"
FOLDER = "/srv/mirror"
RELEASES = "/prometheus/node_exporter/releases/download"
NEWEST = next(iter(SUITES))
SERVE = f"""
test -e /run/mirror.pid && kill -0 "$(cat /run/mirror.pid)" 2>/dev/null && exit
python3 -m http.server 80 --directory {FOLDER} >/var/log/mirror.log 2>&1 & echo $! > /run/mirror.pid
for try in $(seq 400); do curl --silent --fail --output /dev/null http://127.0.0.1/ && exit; sleep 0.05; done
cat /var/log/mirror.log >&2
exit 1
"""
STOP = """
test -e /run/mirror.pid || exit 0
kill "$(cat /run/mirror.pid)" 2>/dev/null || true
while kill -0 "$(cat /run/mirror.pid)" 2>/dev/null; do sleep 0.05; done
rm /run/mirror.pid
"""


def box(image: str, address: str, content: str) -> Box:
    """Describe the container: an HTTP server beside a sleeper, so that it can be down while its files are still there."""
    arguments = ("--init", f"--ip={address}", "--entrypoint=/bin/sh")
    return Box(NAME, image, arguments, ("-c", "rm -f /run/mirror.pid; exec sleep infinity"), content)


def files(releases: Path) -> tuple[Placed, ...]:
    """Place the releases where they are served."""
    found = sorted(path for path in releases.rglob("*") if path.is_file())
    return (folder(FOLDER), *(Placed(f"{FOLDER}{RELEASES}/{path.relative_to(releases)}", path.read_bytes()) for path in found))


def source(address: str) -> str:
    """Return what the inventory names as the exporter's source."""
    return f"http://{address}{RELEASES}"

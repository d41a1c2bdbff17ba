"""The lab's mirror: node_exporter's releases over HTTP, in upstream's layout."""

from __future__ import annotations

from opsbook.lab.containers import Box

NAME = "mirror"
FOLDER = "/srv/mirror"
RELEASES = "/prometheus/node_exporter/releases/download"
NEWEST = "1.9.0"
SERVE = f"""
[ -e /run/mirror.pid ] && kill -0 "$(cat /run/mirror.pid)" 2>/dev/null && exit
mkdir -p {FOLDER}
setsid --fork python3 -m http.server 80 --directory {FOLDER} >/var/log/mirror.log 2>&1
for try in $(seq 200); do pid=$(pgrep -f 'http.server 80') && break; sleep 0.05; done
echo "$pid" > /run/mirror.pid
"""


def box(image: str, address: str, content: str) -> Box:
    """Describe the container: an HTTP server beside a sleeper, so that it can be down while its files are still there."""
    arguments = ("--init", f"--ip={address}", "--entrypoint=/bin/sh")
    return Box(NAME, image, arguments, ("-c", "rm -f /run/mirror.pid; exec sleep infinity"), content)


def source(address: str) -> str:
    """Return what the inventory names as the exporter's source."""
    return f"http://{address}{RELEASES}"

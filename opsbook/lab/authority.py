"""The lab's server `ca`: the names of the sites, and a certificate authority that speaks ACME, as the internet has both."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from opsbook.lab import names
from opsbook.lab.containers import Box, make, reusable
from opsbook.lab.docker import LabError, attempt, docker, last_lines, script
from opsbook.lab.engine import Progress
from opsbook.lab.lab import Lab
from opsbook.lab.making.images import Images
from opsbook.lab.making.recipes import CADDY
from opsbook.lab.network import ip
from opsbook.lab.placing import Placed, digest, tar, text
from opsbook.lab.profile import SITE
from opsbook.lab.state import place

NAME = "ca"
FOLDER = "/etc/lab-ca"
TRUSTED = "/usr/local/share/ca-certificates/opsbook-lab.crt"  # where a server has the root
HERE = Path(__file__).parent / "etc"
ASK = f"curl --silent --fail --output /dev/null --cacert {FOLDER}/root.crt https://{names.AUTHORITY}/acme/local/directory"
SERVE = f"""
test -e /run/ca.pid && kill -0 "$(cat /run/ca.pid)" 2>/dev/null && exit
XDG_DATA_HOME=/var/lib/lab-ca caddy run --config {FOLDER}/Caddyfile >>/var/log/ca.log 2>&1 & echo $! > /run/ca.pid
for try in $(seq 400); do {ASK} && exit; sleep 0.05; done
tail /var/log/ca.log >&2
exit 1
"""
STOP = """
test -e /run/ca.pid || exit 0
kill "$(cat /run/ca.pid)" 2>/dev/null || true
while kill -0 "$(cat /run/ca.pid)" 2>/dev/null; do sleep 0.05; done
rm /run/ca.pid
"""
MAKE_ROOT = """
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/O=opsbook/CN=$1" \\
    -addext keyUsage=critical,keyCertSign,cRLSign -keyout /dev/stdout -out /dev/stdout 2>/dev/null
"""


def bring_up(lab: Lab, images: Images, subnet: str, progress: Progress) -> None:
    """Bring the server up; both services answer afterwards."""
    root(lab, images.servers.plain)
    files, donor = own_files(lab), caddy(images)
    box = box_of(images.servers.plain, ip(subnet, SITE.ca_address), f"{digest(files)} {donor}")
    if reusable(lab, box):
        progress(f"{NAME}: reused")
    else:
        make(lab, box, tar((*files, program(lab, donor))))
        progress(f"{NAME}: made")
    names.serve(lab.container(NAME), names.records(subnet))
    script(lab.container(NAME), SERVE)


def box_of(image: str, address: str, content: str) -> Box:
    """Describe the container: both services beside a sleeper, so that they can be down; it asks itself for names."""
    arguments = ("--init", f"--ip={address}", f"--dns={address}", "--entrypoint=/bin/sh")
    return Box(NAME, image, arguments, ("-c", "rm -f /run/ca.pid /run/dnsmasq.pid; exec sleep infinity"), content)


def own_files(lab: Lab) -> tuple[Placed, ...]:
    """List its files: the root that it signs with, and the settings of both services."""
    return (
        text(f"{FOLDER}/root.crt", certificate(lab).read_text()),
        text(f"{FOLDER}/root.key", key(lab).read_text(), mode=0o600),
        text(f"{FOLDER}/Caddyfile", (HERE / "ca.Caddyfile").read_text()),
    )


def caddy(images: Images) -> str:
    """Return the image that holds the program: the very one that the stack's Caddy is started from."""
    return next(one.tag for one in images.services if one.recipe is CADDY)


def program(lab: Lab, image: str) -> Placed:
    """Take Caddy's program out of its image."""
    donor = docker("create", f"--label={lab.label}", image).strip()
    try:
        packed = attempt("cp", f"{donor}:/usr/bin/caddy", "-")
    finally:
        docker("container", "rm", donor)
    if packed.returncode:
        raise LabError("Caddy's image holds no /usr/bin/caddy", saw=last_lines(packed.stderr))
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        found = archive.extractfile("caddy")
        return Placed("/usr/local/bin/caddy", found.read() if found else b"", mode=0o755)


def root(lab: Lab, image: str) -> None:
    """Make the root certificate and its key, once in a lab's life: all its servers trust it."""
    if certificate(lab).exists():
        return
    made = docker("run", "--rm", "--network=none", "--entrypoint=/bin/sh", image, "-ec", MAKE_ROOT, "lab", f"{lab.name} root")
    head, begin, rest = made.partition("-----BEGIN CERTIFICATE-----")
    place(key(lab), head)
    place(certificate(lab), begin + rest)  # last, so that its presence means that both are there


def certificate(lab: Lab) -> Path:
    """Return the root's certificate."""
    return lab.folder / "keys" / "root.crt"


def key(lab: Lab) -> Path:
    """Return the root's key."""
    return lab.folder / "keys" / "root.key"

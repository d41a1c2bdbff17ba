"""Faults of one server: what runs in an exporter's place, its firewall, and who gets in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opsbook.errors import UsageError
from opsbook.lab import keys, mirror
from opsbook.lab.faults.actions import run
from opsbook.lab.faults.fault import Confirm, Fault
from opsbook.lab.faults.reach import SSHD, is_host
from opsbook.lab.hosts import RENEW
from opsbook.lab.lab import Lab
from opsbook.lab.state import Injected

PLAIN, BARE = "serverA", "serverC"
OLD = "1.5.0"
# An old program that runs from the very file that an installation replaces.
BUSY = """
[ -e /usr/local/bin/node_exporter ] && { echo "there is a node_exporter already" >&2; exit 1; }
case $(uname -m) in aarch64) arch=arm64 ;; *) arch=amd64 ;; esac
curl --fail --silent --show-error "http://mirror$1/v$2/node_exporter-$2.linux-$arch.tar.gz" |
    tar --extract --gzip --to-stdout --wildcards '*/node_exporter' > /usr/local/bin/node_exporter
chmod 0755 /usr/local/bin/node_exporter
sha256sum /usr/local/bin/node_exporter > /var/lib/opsbook-lab/text-file-busy
if [ "$3" = loose ]; then
    setsid --fork /usr/local/bin/node_exporter --web.listen-address=:9100 </dev/null >/dev/null 2>&1
else
    printf '%s\\n' '# lab: text-file-busy' '[Service]' 'ExecStart=/usr/local/bin/node_exporter' '[Install]' 'WantedBy=multi-user.target' \\
        > /etc/systemd/system/node_exporter.service
    systemctl daemon-reload
    systemctl enable --quiet --now node_exporter.service
fi
until curl --silent --output /dev/null http://127.0.0.1:9100/; do sleep 0.05; done
"""
# What an installation has replaced since is not ours any more, and stays.
FREE = """
unit=/etc/systemd/system/node_exporter.service
if grep --quiet --no-messages '^# lab: text-file-busy' "$unit"; then
    systemctl disable --quiet --now node_exporter.service
    rm "$unit"
    systemctl daemon-reload
fi
if sha256sum --check --status /var/lib/opsbook-lab/text-file-busy 2>/dev/null; then
    pkill -KILL -x node_exporter || true
    rm -f /usr/local/bin/node_exporter
fi
rm -f /var/lib/opsbook-lab/text-file-busy
"""
DISABLE, ENABLE = "ufw --force disable", "ufw --force enable"
DENY = "ufw prepend deny 9100/tcp >/dev/null"
WITHDRAW = "ufw delete deny 9100/tcp >/dev/null"  # exits 0 where there is none
TAKE_RIGHTS = """
mkdir -p /var/lib/opsbook-lab/no-sudo
find /etc/sudoers.d -type f -not -name README -exec mv --target-directory=/var/lib/opsbook-lab/no-sudo {} +
"""
GIVE_RIGHTS = """
cd /var/lib/opsbook-lab/no-sudo 2>/dev/null || exit 0
for file in *; do [ -e "/etc/sudoers.d/$file" ] || mv "$file" /etc/sudoers.d; done
rm -rf /var/lib/opsbook-lab/no-sudo
"""
# As the documented commands leave it when they stop half-way: the folder belongs to root, so sshd does not read it.
HALF = """
useradd --create-home --shell /bin/bash claude-admin
mkdir --mode=0700 /home/claude-admin/.ssh
echo "$1" > /home/claude-admin/.ssh/authorized_keys
chmod 0600 /home/claude-admin/.ssh/authorized_keys
"""
CLOUD_INIT = "/etc/ssh/sshd_config.d/50-cloud-init.conf"
ADD_CLOUD_INIT = f"echo 'PasswordAuthentication yes' > {CLOUD_INIT}; {SSHD}"
DROP_CLOUD_INIT = f"rm -f {CLOUD_INIT}; {SSHD}"
TO_SOCKET = """
systemctl is-active --quiet ssh.socket && exit
systemctl disable --quiet ssh.service
systemctl stop ssh.service
systemctl enable --quiet --now ssh.socket
"""
TO_SERVICE = """
systemctl is-active --quiet ssh.socket || exit 0
systemctl disable --quiet ssh.socket
systemctl stop ssh.socket ssh.service
systemctl reset-failed ssh.service 2>/dev/null || true # a unit that was never started has nothing to forget
systemctl enable --quiet --now ssh.service
"""


def on(host: str, text: str) -> Callable[[Lab, tuple[str, ...]], Mapping[str, str]]:
    """Return an injection: a constant script on the named host, or on the usual one."""

    def inject(lab: Lab, given: tuple[str, ...]) -> Mapping[str, str]:
        run(lab, text, host=given[0] if given else host)
        return {}

    return inject


def off(host: str, text: str) -> Callable[[Lab, Injected], None]:
    """Return a mending of the same kind."""

    def mend(lab: Lab, injected: Injected) -> None:
        run(lab, text, host=injected.args[0] if injected.args else host)

    return mend


def occupy(lab: Lab, args: tuple[str, ...]) -> Mapping[str, str]:
    """Let an old node_exporter run from its usual place, with a unit or as a loose process."""
    run(lab, BUSY, mirror.RELEASES, OLD, "".join(args[1:]), host=args[0] if args else PLAIN)
    return {}


def half_provision(lab: Lab, _: tuple[str, ...]) -> Mapping[str, str]:
    """Make claude-admin on the fresh server, and nothing that lets them in."""
    run(lab, HALF, keys.public(lab.key).read_text().strip(), host=BARE)
    return {}


def make_bare(lab: Lab, _: Injected) -> None:
    """Make the fresh server fresh again, also after it was provisioned."""
    run(lab, RENEW, host=BARE)


def of_host(name: str, summary: str, usual: str, change: tuple[str, str], confirm: Confirm = is_host) -> Fault:
    """Describe a fault that is one script on a host, as its mending is."""
    inject, mend = change
    return Fault(name, summary, on(usual, inject), off(usual, mend), "[HOST]", most=1, usual=(usual,), confirm=confirm)


def has_firewall(lab: Lab, args: tuple[str, ...]) -> None:
    """Refuse a host that never had its firewall on: mending would shut everybody out."""
    is_host(lab, args)
    if args[0] == BARE:
        raise UsageError(f"{BARE} is a fresh server without a firewall", next=f"name another, such as {PLAIN}")


def is_bare(lab: Lab, _: tuple[str, ...]) -> None:
    """Refuse where the fresh server is not up."""
    is_host(lab, (BARE,))


FAULTS = (
    Fault(
        "text-file-busy",
        "an old node_exporter runs from the file that an installation replaces, with a unit or loose",
        occupy,
        off(PLAIN, FREE),
        "[HOST [loose]]",
        most=2,
        usual=(PLAIN,),
        confirm=lambda lab, args: is_host(lab, args[:1]),
    ),
    of_host("ufw-inactive", "a server's firewall is off, its rules are still there", PLAIN, (DISABLE, ENABLE), has_firewall),
    of_host("ufw-order", "a server's firewall denies 9100 before any rule that allows it", PLAIN, (DENY, WITHDRAW), has_firewall),
    of_host("no-sudo", "claude-admin may do nothing as root", PLAIN, (TAKE_RIGHTS, GIVE_RIGHTS)),
    Fault("half-provisioned", f"{BARE} has a claude-admin who cannot log in and has no rights", half_provision, make_bare, confirm=is_bare),
    of_host("ssh-socket", "sshd is started by a socket, as on Ubuntu", BARE, (TO_SOCKET, TO_SERVICE)),
    of_host("cloud-init-sshd", "a later file of sshd's settings lets passwords in", BARE, (ADD_CLOUD_INIT, DROP_CLOUD_INIT)),
)

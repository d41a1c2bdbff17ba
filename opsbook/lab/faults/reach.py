"""Faults between the operator and a host: the network, sshd."""

from __future__ import annotations

from collections.abc import Mapping

from opsbook.errors import UsageError
from opsbook.lab import keys, state
from opsbook.lab.docker import docker
from opsbook.lab.faults.actions import HOST, run
from opsbook.lab.faults.fault import Fault
from opsbook.lab.lab import Lab
from opsbook.lab.placing import tar, text
from opsbook.lab.state import Injected

# In the raw table, where neither UFW nor Docker has rules. The unit heals the cut by itself, also when it is killed.
CUT = """
systemctl reset-failed lab-cut.service 2>/dev/null || true
raw='--wait --table raw' cut=
for program in ip6tables iptables; do
    cut+="$program $raw --insert PREROUTING --in-interface eth0 --jump DROP; "
    cut+="$program $raw --insert OUTPUT --out-interface eth0 --jump DROP; "
done
heal="ExecStopPost=/bin/sh -c '${cut//--insert/--delete}'"
systemd-run --quiet --collect --unit=lab-cut.service --property="$heal" /bin/sh -c "${cut}exec sleep $1"
until iptables $raw --check OUTPUT --out-interface eth0 --jump DROP 2>/dev/null; do sleep 0.05; done
"""
HEAL = "systemctl stop lab-cut.service 2>/dev/null || true"
# A reload returns before sshd has read its settings; a restart waits for it, and keeps the sessions that are open.
# The count of starts is reset first: several faults in ten seconds are no crash loop of sshd.
SSHD = "systemctl reset-failed ssh.service; systemctl restart ssh.service"
NEW_KEY = "rm -f /etc/ssh/ssh_host_ed25519_key*; ssh-keygen -q -t ed25519 -N '' -C changed -f /etc/ssh/ssh_host_ed25519_key; " + SSHD
NO_FORWARDING = "/etc/ssh/sshd_config.d/05-lab-no-forwarding.conf"
FORBID = f"echo 'AllowTcpForwarding no' > {NO_FORWARDING}; {SSHD}"
ALLOW = f"rm -f {NO_FORWARDING}; {SSHD}"


def cut(lab: Lab, args: tuple[str, ...]) -> Mapping[str, str]:
    """Drop every packet from and to a host for some seconds."""
    host = args[1] if args[1:] else HOST
    run(lab, HEAL, host=host)
    run(lab, CUT, args[0], host=host)
    return {}


def can_cut(lab: Lab, args: tuple[str, ...]) -> None:
    """Refuse what is no number of seconds, and a host that there is not."""
    if not args[0].isdigit():
        raise UsageError("network-cut wants a number of seconds", saw=args[0], next="opsbook lab break network-cut 20")
    is_host(lab, args[1:])


def is_host(lab: Lab, args: tuple[str, ...]) -> None:
    """Refuse a host that the lab does not have."""
    known = state.load(lab).ports
    if args and args[0] not in known:
        raise UsageError(f"the lab has no host {args[0]}", saw=f"it has {', '.join(known)}", next=f"opsbook lab up {args[0]}")


def heal(lab: Lab, injected: Injected) -> None:
    """End the cut now."""
    run(lab, HEAL, host=injected.args[1] if injected.args[1:] else HOST)


def change_host_key(lab: Lab, args: tuple[str, ...]) -> Mapping[str, str]:
    """Give sshd a key that nobody knows."""
    run(lab, NEW_KEY, host=first(args))
    return {}


def restore_host_key(lab: Lab, injected: Injected) -> None:
    """Put the known key back."""
    host = first(injected.args)
    key = keys.host_key(lab, host)
    files = (
        text("/etc/ssh/ssh_host_ed25519_key", key.read_text(), mode=0o600),
        text("/etc/ssh/ssh_host_ed25519_key.pub", keys.public(key).read_text()),
    )
    docker("cp", "-", f"{lab.container(host)}:/", stdin=tar(files))
    run(lab, SSHD, host=host)


def forbid_forwarding(lab: Lab, args: tuple[str, ...]) -> Mapping[str, str]:
    """Let sshd refuse every forwarded connection."""
    run(lab, FORBID, host=first(args))
    return {}


def allow_forwarding(lab: Lab, injected: Injected) -> None:
    """Let sshd forward again."""
    run(lab, ALLOW, host=first(injected.args))


def first(args: tuple[str, ...]) -> str:
    """Return the host that was named, or the one with the stack."""
    return args[0] if args else HOST


FAULTS = (
    Fault(
        "network-cut",
        "no packet reaches a host for SECONDS; heals by itself",
        cut,
        heal,
        "SECONDS [HOST]",
        least=1,
        most=2,
        usual=("20",),
        confirm=can_cut,
    ),
    Fault(
        "host-key-changed",
        "a host shows a key that nobody knows",
        change_host_key,
        restore_host_key,
        "[HOST]",
        most=1,
        usual=(HOST,),
        confirm=is_host,
    ),
    Fault(
        "no-forwarding",
        "sshd forwards no connections",
        forbid_forwarding,
        allow_forwarding,
        "[HOST]",
        most=1,
        usual=(HOST,),
        confirm=is_host,
    ),
)

"""The way to a host. The files of this folder are the only ones that import paramiko.

client.Ssh ── route (which hops, whose keys) ── config (ssh_config), keys
           ── line (all hops) ── dial, hop (one connection) ── trust (host keys)
           ── session (a command), talking (a process that stays), tunnel (bytes to a service)
"""

from __future__ import annotations

import opsbook.ssh.lean  # noqa: F401  # before the first import of paramiko
from opsbook.ssh.client import Ssh
from opsbook.ssh.dial import Dial, dial_tcp
from opsbook.ssh.route import Hop
from opsbook.ssh.trust import Settle, refused

__all__ = ["Dial", "Hop", "Settle", "Ssh", "dial_tcp", "refused"]

"""A disposable, real copy of the servers on this machine: users rehearse on it, tests run on it.

lab.here() names this checkout's lab; up, down, status, enter, breaking (break_, mend), reset and gitserver (commit, head) act on it.
Its hosts are containers with systemd, sshd, UFW and a Docker Engine of their own; the operator's side reaches them only on loopback.
"""

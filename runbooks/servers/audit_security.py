"""Judge how safe a host is.

When   after a host was set up or changed, and now and then: who may log in, what the world reaches, what containers may do.
Risk   reads: nothing is changed. Where there is a Grafana, one login with its first password is tried.
Undo   not needed.

A point that cannot be judged is told as bad: not judged is not safe.
"""

from __future__ import annotations

from dataclasses import asdict

from opsbook.answer import Answer
from opsbook.findings.lines import short, told
from opsbook.host import Host
from opsbook.moves.audit.findings import findings
from opsbook.moves.audit.gather import gather
from opsbook.runbook import NoParams

ON = "any"


def audit(host: Host, p: NoParams) -> Answer:
    """Look at sshd, firewall, ports, containers, sudo and secrets; the worst first, each with what mends it."""
    found = findings(gather(host))
    bad = [one for one in found if one.severity == "bad"]
    return Answer(
        data={"findings": [asdict(one) for one in found]},
        lines=(*told(found), ""),
        trouble=short(bad[0]) if bad else "",
        next=bad[0].next if bad else "",
    )


ANSWER = audit

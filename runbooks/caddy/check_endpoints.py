"""Check every public site from outside.

When   a public name does not open, or its certificate warns; after a change of DNS, Caddy or a password; now and then.
Risk   reads: nothing is changed. Each site with a password is asked once with it, over a connection whose certificate was verified.
Undo   not needed.

The sites are those of the stack in the inventory. They are asked from the host with the role `outside`, at the address of the host that
serves them: so it is told which of DNS, port, TLS, login, the service behind or the redirect from http fails first. What comes after that
is not judged.
"""

from __future__ import annotations

from dataclasses import asdict

from opsbook.answer import Answer
from opsbook.counted import counted
from opsbook.findings.lines import short, told
from opsbook.host import Host
from opsbook.moves.endpoints.facts import Facts
from opsbook.moves.endpoints.findings import findings, judged
from opsbook.moves.endpoints.gather import expect_sites, gather
from opsbook.runbook import NoParams

ON = "caddy"


def check(host: Host, p: NoParams) -> Answer:
    """Ask every site from outside, then its host and Caddy, and say what fails first."""
    expect_sites(host)
    facts = gather(host)
    host.say(f"{counted(len(facts.sites), 'site')} asked from {facts.seat}" + ("" if facts.outside else ": NOT from outside"))
    found = findings(facts)
    wrong = [one for one in found if one.severity in {"bad", "warn"}]
    return Answer(
        data={"seat": facts.seat, "outside": facts.outside, "sites": _sites(facts), "findings": [asdict(one) for one in found]},
        lines=(*told(found), ""),
        trouble=short(wrong[0]) if wrong else "",
        next=wrong[0].next if wrong else "",
    )


def _sites(facts: Facts) -> list[dict[str, object]]:
    told_of = judged(facts)
    return [
        {
            "name": site.site.name,
            "fails": next((layer.name for layer in told_of[site.site.name] if not layer.ok), None),
            "layers": [asdict(layer) for layer in told_of[site.site.name]],
            "certificate": None if site.shown.certificate is None else asdict(site.shown.certificate),
        }
        for site in facts.sites
    ]


ANSWER = check

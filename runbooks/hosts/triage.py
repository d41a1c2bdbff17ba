"""Find out what is wrong with a host.

When   something is broken and nobody knows what; also with the stack, or Docker, down.
Risk   reads: nothing is changed.
Undo   not needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from opsbook.answer import Answer, Table
from opsbook.counted import counted
from opsbook.findings.finding import Finding
from opsbook.findings.lines import short, told
from opsbook.host import Host
from opsbook.moves.triage import gather
from opsbook.moves.triage.facts import Facts
from opsbook.moves.triage.findings import findings
from opsbook.moves.triage.summary import rows
from opsbook.runbook import NoParams

ON = "any"
NOTHING = "nothing points to trouble"


def triage(host: Host, p: NoParams) -> Answer:
    """Look at the machine over SSH alone, then ask the services that answer; the likeliest culprit first."""
    facts = gather.machine(host)
    facts = replace(facts, one_shots=gather.one_shots(host, facts))
    host.say(f"at first sight: {_at_first_sight(findings(facts))}")
    facts = gather.runs(host, facts)
    facts = replace(facts, words=gather.words(host, facts), services=gather.spoken(host, facts))
    return _answer(facts)


def _answer(facts: Facts) -> Answer:
    found = findings(facts)
    bad = [finding for finding in found if finding.severity == "bad"]
    return Answer(
        data={"findings": [asdict(finding) for finding in found], "summary": _summary(facts)},
        table=Table(("looked at", "and saw"), tuple(rows(facts))),
        lines=(*told(found if bad else (Finding("ok", NOTHING), *found)), ""),
        trouble=short(bad[0]) if bad else "",
        next=bad[0].next if bad else "",
    )


def _at_first_sight(found: Sequence[Finding]) -> str:
    if found and found[0].severity == "bad":
        return short(found[0])
    warned = [one for one in found if one.severity == "warn"]
    remarks = f" ({counted(len(warned), 'warning')}: {warned[0].what})" if warned else ""
    return f"machine and containers look well{remarks}; asking the services …"


def _summary(facts: Facts) -> list[str]:
    return [f"{name} {text}".strip() for name, text in rows(facts)]


ANSWER = triage

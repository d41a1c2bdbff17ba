"""Whether an exporter does its work: it offers its metrics, and Prometheus reads them."""

from __future__ import annotations

from opsbook.check import Seen, look_once
from opsbook.counted import counted
from opsbook.host import Host, Read
from opsbook.moves.working import PROMETHEUS
from opsbook.systems.answers import text
from opsbook.systems.metrics import names
from opsbook.web import Request


def offers_its_metrics(host: Host, exporter: str) -> Seen:
    """The exporter offers its metrics by name."""
    known = host.stack.service(exporter)
    offered = names(host.read(Read(Request(exporter, known.healthy or "/metrics"), text)))
    lacking = [name for name in known.metrics if name not in offered]
    saw = f"it lacks {', '.join(lacking)}" if lacking else f"it offers {', '.join(known.metrics) or counted(len(offered), 'metric')}"
    return Seen(bool(offered) and not lacking, saw, next=f"opsbook logs {exporter} {host.name}")


def is_scraped(host: Host, exporter: str, since: float) -> Seen:
    """Prometheus has scraped the exporter since that time, and calls it up."""
    job = host.stack.service(exporter).job
    found = [target for target in host.read(PROMETHEUS.targets()) if target.job == job]
    old = [target for target in found if target.scraped < since]
    bad = [f"{target.instance} is {target.health} {target.error}".strip() for target in found if target.health != "up"]
    bad += [f"{target.instance} was not scraped since the start" for target in old]
    saw = "\n".join(bad) or f"{counted(len(found), 'target')} of job {job}"
    return Seen(bool(found) and not bad, saw, next=f"opsbook logs {exporter} {host.name}")


def does_its_work(host: Host, exporter: str) -> Seen:
    """The exporter answers and offers its metrics; no answer counts as not true."""
    return look_once(host, offers_its_metrics, exporter)

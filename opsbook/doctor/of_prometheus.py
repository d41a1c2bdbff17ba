"""How Prometheus and Thanos are set up together."""

from __future__ import annotations

from collections.abc import Iterator

from opsbook.doctor.facts import Facts
from opsbook.doctor.of_stack import READS_V3, flags
from opsbook.findings.finding import Finding
from opsbook.systems.container import Container
from opsbook.systems.versions import is_of, tag, version

BLOCK = "2h"


def prometheus(f: Facts) -> Iterator[Finding]:
    """Its flags."""
    found = f.service("prometheus")
    if found is None:
        return
    given = flags(found)
    if "web.enable-lifecycle" not in given:
        yield Finding("note", "Prometheus runs without --web.enable-lifecycle", "it is reloaded by SIGHUP instead")
    if "web.enable-admin-api" in given and any(not port.address for port in found.ports):
        yield Finding("bad", "anybody may delete Prometheus's data", "its admin API is on, and its port is open to the world")
    if not given.keys() & {"storage.tsdb.retention.time", "storage.tsdb.retention.size"}:
        flag = "--storage.tsdb.retention.time in the Compose file"
        yield Finding("note", "Prometheus keeps 15 days, because no retention is given", next=flag)
    if "web.enable-remote-write-receiver" in given:
        yield Finding("note", "Prometheus takes what others push to it", "--web.enable-remote-write-receiver is on")


def sidecar(f: Facts) -> Iterator[Finding]:
    """What a Thanos sidecar asks of its Prometheus."""
    found, above = _component(f, "sidecar"), f.service("prometheus")
    if found is None or above is None:
        return
    given = flags(above)
    blocks = {given.get(f"storage.tsdb.{which}-block-duration") for which in ("min", "max")}
    if any(name.startswith("objstore") for name in flags(found)) and blocks != {BLOCK}:
        remedy = f"--storage.tsdb.min-block-duration={BLOCK} and --storage.tsdb.max-block-duration={BLOCK}"
        yield Finding("bad", "Prometheus compacts blocks that the sidecar uploads", f"they are not both {BLOCK}", remedy)
    if f.external_labels is not None and not f.external_labels:
        remedy = "external_labels in prometheus.yml"
        yield Finding("bad", "Prometheus has no external labels", "the sidecar uploads nothing without", remedy)
    ours, theirs = version(tag(found)), version(tag(above))
    if theirs >= (3,) and ours and ours < READS_V3:
        what = f"Thanos {tag(found)} does not understand Prometheus {tag(above)}"
        yield Finding("bad", what, "0.37 is the first that does", "a newer Thanos in the Compose file")


def query(f: Facts) -> Iterator[Finding]:
    """A query component that asks nobody."""
    found = _component(f, "query")
    if found is None:
        return
    told = any(word.startswith(("--endpoint", "--store")) for word in found.command)
    if not told or f.stores == ():
        saw = "neither --endpoint nor --store is given" if not told else "none of its endpoints is known to it"
        yield Finding("bad", f"{found.service} has no store to ask", saw, f"opsbook logs {found.service} {f.host}")


def compactors(f: Facts) -> Iterator[Finding]:
    """Two compactors on one bucket destroy it."""
    found = sorted(one.service for one in f.own if is_of(one, "thanos") and one.command[:1] == ("compact",))
    if len(found) > 1:
        what = "more than one compactor runs: they would destroy the bucket"
        yield Finding("bad", what, ", ".join(found), "keep one in the Compose file")


def _component(f: Facts, word: str) -> Container | None:
    return next((one for one in f.own if is_of(one, "thanos") and one.command[:1] == (word,)), None)

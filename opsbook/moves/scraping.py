"""The exporters of a host as the scraper sees them: whether it knows them, whether it gets through, and what it has scraped since."""

from __future__ import annotations

from urllib.parse import urlsplit

from opsbook.check import Seen, within
from opsbook.errors import Refused
from opsbook.host import CLOCK, Host
from opsbook.moves import services
from opsbook.moves.opening_up import opens_now
from opsbook.moves.vantage import SCRAPER, address, ask, reach, witness
from opsbook.systems.inside import complaint
from opsbook.systems.metrics import Sample, selector
from opsbook.systems.prometheus import Prometheus
from opsbook.systems.prometheus_state import Target
from opsbook.systems.reach import Reach, of_error

PROMETHEUS = Prometheus()
UP = "up"
FINDS = 15      # seconds after its start until Prometheus knows its targets


def target(host: Host, job: str, port: int) -> Target | None:
    """Return what the scraper has for this host's port in that job; nothing if it does not scrape it."""
    known = ask(host, SCRAPER, PROMETHEUS.targets())
    ours = {name for name in (host.name, host.entry.address, host.entry.peer_address) if name}
    mine = (one for one in known if one.job == job and urlsplit(one.url).hostname in ours and _port(one.url) == port)
    return next(mine, None)


def expect_target(host: Host, job: str, port: int) -> Target:
    """Return the scraper's target; raise Refused where it has none, so that what is installed would be read by nobody."""
    found = target(host, job, port) or _after_its_start(host, job, port)
    if found is None:
        scraper = witness(host, SCRAPER)
        jobs = {one.job for one in ask(host, SCRAPER, PROMETHEUS.targets())}
        saw = f"it scrapes the jobs {', '.join(sorted(jobs)) or '(none)'}" if job not in jobs else f"the job {job} has other targets only"
        fix = f"add {address(host)}:{port} to the job {job} of {scraper.name}'s Prometheus"
        raise Refused(f"{scraper.name} does not scrape {address(host)}:{port}", saw=saw, next=fix, host=host.name)
    return found


def _after_its_start(host: Host, job: str, port: int) -> Target | None:
    """Return the target once the scraper has found any of that job: after its start that takes a moment."""
    within(FINDS, has_found_them)(host, job)
    return target(host, job, port)


def has_found_them(host: Host, job: str) -> Seen:
    """The scraper has found the targets of the job that its configuration names."""
    known = any(one.job == job for one in ask(host, SCRAPER, PROMETHEUS.targets()))
    return Seen(known or job not in ask(host, SCRAPER, PROMETHEUS.config()).jobs, saw=f"it has found no target of the job {job} yet")


def expect_way(host: Host, port: int) -> None:
    """Raise Refused where the scraper does not get through to the port; a refused connection is a way, for nothing may listen yet."""
    found, scraper = way(host, port), witness(host, SCRAPER)
    if found.kind in {"answers", "refused"}:
        return
    saw = f"from {scraper.name}: {address(host)} port {port} {found}"
    if found.kind == "silent":
        what, fix = f"a firewall keeps {scraper.name} out", opens_now(host)
    else:
        what, fix = f"{scraper.name} has no way to this host", "peer_address in the inventory: is it right?"
    raise Refused(what, saw=saw, next=fix, host=host.name)


def way(host: Host, port: int) -> Reach:
    """Return how the port behaves towards the scraper; on the scraper itself towards its Prometheus, which comes over Docker's bridge."""
    scraper = witness(host, SCRAPER)
    if scraper.name != host.name:
        return reach(host, SCRAPER, port)
    container = services.container(scraper, PROMETHEUS.service)
    if container is None or not container.running:
        raise Refused("the scraper's Prometheus does not run", next=f"opsbook bring-up {scraper.name}", host=scraper.name)
    failed = ask(host, SCRAPER, complaint(container.id, f"http://{_bracketed(address(host))}:{port}/"))
    return of_error(failed) if failed else Reach("answers")


def is_scraped(host: Host, job: str, port: int, since: float) -> Seen:
    """The scraper sees the exporter up, in a scrape after that moment (seconds since 1970, by this host's clock)."""
    scraper, found = witness(host, SCRAPER), target(host, job, port)
    if found is None:
        return Seen(ok=False, saw=f"{scraper.name} has no target {address(host)}:{port} in the job {job}")
    begun = since + _ahead(host)
    up = ask(host, SCRAPER, PROMETHEUS.query(f"timestamp({_of(UP, found)}) and {_of(UP, found)} == 1"))
    if found.health == "up" and any(sample.value > begun for sample in up):
        return Seen(ok=True, saw=f"{scraper.name} scraped {found.url} after the start")
    remedy = opens_now(host) if "deadline exceeded" in found.error else f"opsbook logs prometheus {scraper.name}"
    return Seen(ok=False, saw=f"{scraper.name}: {found.url} is {found.health}: {found.error or 'not scraped since the start'}", next=remedy)


def scraped(host: Host, job: str, port: int, name: str) -> tuple[Sample, ...]:
    """Return the newest samples of that metric that the scraper has read from this host's exporter; none where it has no such target."""
    found = target(host, job, port)
    return ask(host, SCRAPER, PROMETHEUS.query(_of(name, found))) if found else ()


def interval(host: Host, job: str) -> float:
    """Return every how many seconds the scraper reads that job."""
    found = ask(host, SCRAPER, PROMETHEUS.config())
    return found.jobs.get(job, found.scrape)


def _of(name: str, found: Target) -> str:
    return selector(name, {"job": found.job, "instance": found.instance})


def _ahead(host: Host) -> float:
    """Return how far the scraper's clock is ahead of the host's, at most: what is later by it is later for certain."""
    ours = host.now()
    return ask(host, SCRAPER, CLOCK) - ours


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or {"http": 80, "https": 443}[parts.scheme]


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name

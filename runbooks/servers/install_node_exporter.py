"""Install node_exporter, or another version of it.

When   a host shall be watched, or the inventory names another version.
Risk   mild: its metrics are missing for the seconds of a restart; nothing else on the host is touched.
Undo   opsbook undo RUN puts the version from before back, or removes what a first install brought.

The firewall is not opened here: `opsbook open-scrape-ports` does that, first. What this host says of itself is proven, or undone. What
the scraper and a stranger see is proven after that and never undone: when it is not true, the firewall or the scraper wants mending,
and the exporter is good. Then the run ends with 4, and the same command goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from opsbook.check import Seen, so, within
from opsbook.errors import Refused, UsageError
from opsbook.host import Host
from opsbook.moves import bringing, exporting, meaning, scraping, silence
from opsbook.systems import node_exporter
from opsbook.systems.release import VERSION

ON = "node"
EVERY = "scraped_every"
STARTS, SCRAPES = 15, 3     # seconds for its start; so many scrapes may be missed before we give up


@dataclass(frozen=True)
class Params:
    """What to install, and by which way."""

    version: Annotated[str | None, "version to install; the inventory's when not given"] = None
    upload: Annotated[bool, "fetch it here and send it, for hosts without internet"] = False

    def __post_init__(self) -> None:
        """Refuse what is no version."""
        if self.version is not None and not VERSION.fullmatch(self.version):
            raise UsageError("--version: not a version", saw=self.version, next="give one such as 1.12.1, or leave it out")


def look(host: Host, p: Params) -> None:
    """Confirm that it can be installed, that the scraper will get through, and that nobody else will."""
    spec = host.entry.node_exporter
    exporting.expect_program(host)
    exporting.expect_unit(host)
    exporting.expect_port(host)
    scraping.expect_target(host, spec.job, spec.port)
    scraping.expect_way(host, spec.port)
    silence.expect_silence(host, spec.port)
    meaning.expect_same(host, f"{p.version or spec.version} on port {spec.port}")
    exporting.remember(host)
    host.keep(**{EVERY: scraping.interval(host, spec.job)})


def vet(host: Host, p: Params) -> None:
    """Bring the release to the host, and let it be tried before it is used."""
    if is_installed(host, p).ok:
        return
    release = bringing.wanted(host, p.version)
    sha256 = (bringing.upload if p.upload else bringing.fetch)(host, release)
    reason = host.read(node_exporter.judge(release, sha256))
    if reason:
        raise Refused(f"{release.name} cannot be installed here", saw=reason, next=f"opsbook doctor {host.name}", host=host.name)
    host.keep(**{exporting.SUM: sha256})


def install(host: Host, p: Params) -> None:
    """Install it, and start it anew where program or unit differ."""
    if not so(host, is_installed, p):
        exporting.install(host, bringing.wanted(host, p.version))


def is_installed(host: Host, p: Params) -> Seen:
    """This version is installed as it is meant, starts at boot, and runs."""
    return exporting.is_installed(host, bringing.wanted(host, p.version))


def answers(host: Host, p: Params) -> Seen:
    """This version answers on the host itself."""
    return exporting.answers(host, bringing.wanted(host, p.version).version)


def runs_steadily(host: Host, p: Params) -> Seen:
    """Its process is of the file that lies there, has not failed, and is new where this run started one."""
    return exporting.runs_steadily(host)


def is_scraped(host: Host, p: Params) -> Seen:
    """The scraper sees it up, in a scrape after its start."""
    spec = host.entry.node_exporter
    return scraping.is_scraped(host, spec.job, spec.port, host.run.kept.get(exporting.SENT, host.run.started))


def scraper_has_this_version(host: Host, p: Params) -> Seen:
    """The scraper reads this version there."""
    spec, wanted = host.entry.node_exporter, bringing.wanted(host, p.version).version
    found = {one.labels.get("version", "") for one in scraping.scraped(host, spec.job, spec.port, node_exporter.BUILD)}
    return Seen(found == {wanted}, saw=f"it reads {', '.join(sorted(found)) or 'none'}", next=f"opsbook triage {host.name}")


def scraper_has_this_host(host: Host, p: Params) -> Seen:
    """What the scraper reads there is this host's."""
    spec, name = host.entry.node_exporter, host.read(node_exporter.node_name())
    found = {one.labels.get("nodename", "") for one in scraping.scraped(host, spec.job, spec.port, node_exporter.UNAME)}
    saw = f"it reads there what {', '.join(sorted(found)) or 'nobody'} tells, and this is {name}"
    return Seen(found == {name}, saw=saw, next="peer_address in the inventory: is it right?")


def strangers_hear_nothing(host: Host, p: Params) -> Seen:
    """A stranger who dials its port gets no answer, by IPv6 neither, and does hear this host."""
    return silence.a_stranger_gets_silence(host, host.entry.node_exporter.port)


def put_back(host: Host, p: Params) -> None:
    """Put back what was there before, or remove what came."""
    exporting.put_back(host)


def is_as_before(host: Host, p: Params) -> Seen:
    """What was there before is back, and says what it said then; or nothing is there, as before."""
    return exporting.is_as_before(host)


def what_it_logged(host: Host, p: Params) -> str:
    """The last lines that it logged."""
    return host.read(node_exporter.last_lines())


def scraping_it(host: Host) -> float:
    """Return how long the scraper may take to come by."""
    every: float = host.run.kept.get(EVERY, 60)
    return SCRAPES * every + 10


STEPS = (look, vet, install)
PROOF = (within(STARTS, is_installed), within(STARTS, answers), runs_steadily)
FROM_OUTSIDE = (
    within(scraping_it, is_scraped),
    within(scraping_it, scraper_has_this_version),
    within(scraping_it, scraper_has_this_host),
    strangers_hear_nothing,
)
UNDO, UNDONE = (put_back,), (within(STARTS, is_as_before),)
EVIDENCE = (what_it_logged,)

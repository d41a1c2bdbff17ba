"""Run cAdvisor on a Docker host.

When   a Docker host shall be watched container by container, or the inventory names another image of it.
Risk   mild: the cAdvisor from before is away for seconds. It is root on its host, so nobody but the scraper may reach it.
Undo   opsbook undo RUN puts the container from before back, or removes this one where there was none.

The firewall is not opened here: `opsbook open-scrape-ports` does that, first. Where only the scraper does not see it afterwards (exit 4),
it stays: what is wrong lies elsewhere. Where a stranger reaches it, it goes.
"""

from __future__ import annotations

from opsbook.check import Seen, so, within
from opsbook.host import Host
from opsbook.moves import admission, meaning, measuring, scraping, silence
from opsbook.runbook import NoParams
from opsbook.systems import cadvisor, docker
from opsbook.systems.metrics import samples
from opsbook.web import Endpoint

ON = "docker"
STARTS, SCRAPES = 60, 3     # seconds for its first look at the containers; so many scrapes may be missed before we give up


def look(host: Host, p: NoParams) -> None:
    """Confirm that this image can serve here, that the scraper will get through, and that nobody else will."""
    spec = host.entry.cadvisor
    meaning.expect_same(host, f"{spec.image} on port {spec.port}")
    admission.expect_image(host)
    admission.expect_place(host)
    scraping.expect_target(host, spec.job, spec.port)
    scraping.expect_way(host, spec.port)
    admission.expect_closed(host)
    measuring.remember(host)
    host.keep(**{measuring.EVERY: scraping.interval(host, spec.job)})


def pull(host: Host, p: NoParams) -> None:
    """Fetch the image, unless it is there."""
    if not so(host, image_is_here, p):
        host.write(cadvisor.pull(host.entry.cadvisor.image))


def replace(host: Host, p: NoParams) -> None:
    """Start the new container; the one from before is kept, stopped, until another one takes its place."""
    if not so(host, runs_as_meant, p):
        measuring.replace(host)


def image_is_here(host: Host, p: NoParams) -> Seen:
    """The image is on the host."""
    image = host.entry.cadvisor.image
    return Seen(host.read(docker.image(image)) is not None, saw=image)


def runs_as_meant(host: Host, p: NoParams) -> Seen:
    """The container runs, made from the image and the arguments that are meant."""
    return measuring.runs_as_meant(host)


def is_healthy(host: Host, p: NoParams) -> Seen:
    """It answers on the host itself."""
    good = host.read(cadvisor.healthy(Endpoint(port=host.entry.cadvisor.port)))
    return Seen(good, saw=f"/healthz says {'ok' if good else 'no'}", next=measuring.logs(host))


def names_the_containers(host: Host, p: NoParams) -> Seen:
    """It measures every container that runs, by its name."""
    running = host.read(cadvisor.running_names())
    page = host.read(cadvisor.metrics(Endpoint(port=host.entry.cadvisor.port)))
    named = {sample.labels.get("name", "") for sample in samples(page, cadvisor.LAST_SEEN)}
    missing = sorted(running - named)
    saw = f"not measured: {', '.join(missing)}" if missing else f"{len(running)} containers"
    return Seen(bool(running) and not missing, saw, next=measuring.logs(host))


def runs_steadily(host: Host, p: NoParams) -> Seen:
    """It does not restart while it is watched."""
    return measuring.runs_steadily(host)


def strangers_hear_nothing(host: Host, p: NoParams) -> Seen:
    """A stranger who dials its port gets no answer, by IPv6 neither, and does hear this host."""
    return silence.a_stranger_gets_silence(host, host.entry.cadvisor.port)


def is_scraped(host: Host, p: NoParams) -> Seen:
    """The scraper sees it up, in a scrape after its start."""
    spec, found = host.entry.cadvisor, measuring.current(host)
    if found is None:
        return Seen(ok=False, saw="there is no such container")
    return scraping.is_scraped(host, spec.job, spec.port, found.started)


def scraper_has_this_very_container(host: Host, p: NoParams) -> Seen:
    """What the scraper reads there is this host's, by the id of this very container."""
    spec, found = host.entry.cadvisor, measuring.current(host)
    told = scraping.scraped(host, spec.job, spec.port, cadvisor.LAST_SEEN)
    names = {sample.labels.get("name", "") for sample in told} - {""}
    ours = found is not None and any(found.id in sample.labels.get("id", "") for sample in told)
    saw = f"it has {len(names)} containers by name, {'ours' if ours else 'but not ours'}"
    return Seen(ours and cadvisor.NAME in names, saw, next=measuring.logs(host))


def put_back(host: Host, p: NoParams) -> None:
    """Give the container from before its name and its start again, or remove the one that came."""
    measuring.put_back(host)


def is_as_before(host: Host, p: NoParams) -> Seen:
    """The container from before is back, as it was; or there is none, as before."""
    return measuring.is_as_before(host)


def what_it_logged(host: Host, p: NoParams) -> str:
    """The last lines of the container's log."""
    found = measuring.current(host)
    return host.read(docker.last_lines(found.id, 40)) if found else "there is no container"


def scraping_it(host: Host) -> float:
    """Return how long the scraper may take to come by."""
    every: float = host.run.kept.get(measuring.EVERY, 60)
    return SCRAPES * every + 10


STEPS = (look, pull, replace)
PROOF = (
    within(STARTS, runs_as_meant),
    within(STARTS, is_healthy),
    within(STARTS, names_the_containers),
    runs_steadily,
    strangers_hear_nothing,
)
FROM_OUTSIDE = (within(scraping_it, is_scraped), within(scraping_it, scraper_has_this_very_container))
UNDO, UNDONE = (put_back,), (within(STARTS, is_as_before),)
EVIDENCE = (what_it_logged,)

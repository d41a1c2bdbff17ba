"""Rebuild a custom exporter from its changed code.

When   the code under exporters/ changed in the config repo.
Risk   mild: the exporter is away for a second or two, once its new image is built; a failed build replaces nothing.
Undo   opsbook undo RUN goes back to the old image and the old commit; a new image that does not do its work is undone at once.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Annotated

from opsbook.check import Seen, expect, so, within
from opsbook.errors import UsageError
from opsbook.host import Host
from opsbook.moves import candidate, checkout, exporters, incoming, neighbours, preflight, services, swapping
from opsbook.moves.patience import settle, settle_and_scrape
from opsbook.moves.working import PROMETHEUS
from opsbook.runbook import EXPORTER
from opsbook.systems.commit import Change

ON = "stack"
NEW = "candidate_is_new"


@dataclass(frozen=True)
class Params:
    """What to rebuild, and from what."""

    exporter: Annotated[str, EXPORTER, "the exporter to rebuild"]
    ref: Annotated[str | None, "branch, tag or commit to build; the checkout's upstream when not given"] = None
    as_is: Annotated[bool, "fetch nothing: build what is on disk (git server down, code mended by hand)"] = False

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.as_is and self.ref:
            raise ValueError("--as-is builds what is on disk, so it goes without --ref")


def look(host: Host, p: Params) -> None:
    """Confirm that the exporter can be rebuilt and judged, and remember its image."""
    known = host.stack.service(p.exporter)
    if not known.job or not known.metrics:
        raise UsageError(f"{p.exporter} has no `job` or no `metrics` in the inventory, so its work cannot be proven", host=host.name)
    preflight.expect_complete_project(host)
    candidate.context(host, p.exporter)
    expect(host, prometheus_is_ready, p)
    found = swapping.container(host, p.exporter)
    host.say(f"{p.exporter} is {found.state}, image {swapping.short(found.image_id)}")
    swapping.remember(host, p.exporter, well=found.running and exporters.does_its_work(host, p.exporter).ok)
    neighbours.remember(host, p.exporter)


def vet(host: Host, p: Params) -> None:
    """Fetch what comes, and build it beside the running image."""
    folder = candidate.context(host, p.exporter)
    coming = () if p.as_is else fetch(host, p, folder)
    if host.run.plan:       # a build pulls images and runs what the Dockerfile says
        host.say(f"then: build {p.exporter} beside the running image, and go on only if the new one differs")
        host.keep(**{NEW: True})
    else:
        judge(host, p, coming)


def judge(host: Host, p: Params, coming: tuple[Change, ...]) -> None:
    """Build a candidate, and keep whether it is anything new."""
    container = swapping.container(host, p.exporter)
    with candidate.incoming(host, container, as_is=not coming) as place:
        built = candidate.built(host, p.exporter, place)
    new = not candidate.holds_the_same(host, container, built)
    unsure = not new and candidate.of_the_recipe(host, container, coming)
    host.say(f"it can be built, and {'differs from what runs' if new else 'is what runs already'}")
    if unsure:
        host.say("the Compose file changes, too, so it is built again by that")
    host.keep(**{NEW: new or unsure})


def fetch(host: Host, p: Params, folder: str) -> tuple[Change, ...]:
    """Fetch and show what comes, and return it; refuse where edits by hand are in its way."""
    checkout.fetch(host, p.ref)
    coming = checkout.come(host)
    checkout.expect_nothing_in_the_way(host, coming, [folder])
    if coming:
        paths = [posixpath.join(host.stack.checkout, change.path) for change in coming]
        incoming.report(host, swapping.container(host, p.exporter), [path for path in paths if checkout.within(path, [folder])])
    return coming


def pull(host: Host, p: Params) -> None:
    """Fast-forward the checkout to the commit whose build was judged."""
    if p.as_is:
        return
    if host.run.kept[NEW]:
        checkout.forward(host)
    else:
        host.say("already so: what would be built runs already, so the checkout stays where it is", already=True)


def build(host: Host, p: Params) -> None:
    """Build the image, with the one from before kept under a name of its own."""
    if host.run.kept[NEW]:
        swapping.build(host, p.exporter)


def swap(host: Host, p: Params) -> None:
    """Let the exporter run its new image."""
    if not so(host, runs_the_built_image, p):
        swapping.swap(host, p.exporter)
        swapping.mention_old_images(host)


def prometheus_is_ready(host: Host, p: Params) -> Seen:
    """Prometheus is ready, without which nobody could see whether the exporter is scraped."""
    ready = host.read(PROMETHEUS.ready())
    return Seen(ready, saw="/-/ready says so" if ready else "not yet", next=f"opsbook bring-up {host.name}")


def runs_the_built_image(host: Host, p: Params) -> Seen:
    """The exporter runs the image that was built last."""
    return swapping.runs_the_image_of_its_name(host, p.exporter)


def is_healthy(host: Host, p: Params) -> Seen:
    """The exporter is healthy."""
    return services.is_healthy(host, p.exporter)


def offers_its_metrics(host: Host, p: Params) -> Seen:
    """The exporter offers its metrics by name."""
    return exporters.offers_its_metrics(host, p.exporter)


def is_scraped(host: Host, p: Params) -> Seen:
    """Prometheus has scraped the exporter since its start, and calls it up."""
    return exporters.is_scraped(host, p.exporter, swapping.container(host, p.exporter).started)


def does_not_restart(host: Host, p: Params) -> Seen:
    """The exporter does not restart while it is watched."""
    return services.restart_count_is_stable(host, p.exporter)


def others_are_untouched(host: Host, p: Params) -> Seen:
    """The other services ran on."""
    return neighbours.are_untouched(host)


def return_to_the_old_commit(host: Host, p: Params) -> None:
    """Move the checkout back to the commit that it was at, unless somebody has moved it or rebuilt since."""
    swapping.expect_ours(host, p.exporter)
    if not p.as_is:
        checkout.back(host)


def return_to_the_old_image(host: Host, p: Params) -> None:
    """Let the exporter run the image from before."""
    swapping.put_back(host, p.exporter)


def runs_the_old_image(host: Host, p: Params) -> Seen:
    """The exporter runs the image that it ran before."""
    return swapping.runs_the_image_from_before(host, p.exporter)


def is_as_well_as_before(host: Host, p: Params) -> Seen:
    """The exporter does its work again, if it did before."""
    seen = exporters.does_its_work(host, p.exporter)
    return seen if seen.ok or host.run.kept.get("well", True) else Seen(ok=True, saw=f"it did not before, either: {seen.saw}")


def what_it_logged(host: Host, p: Params) -> str:
    """The last lines of the exporter's log."""
    return services.last_words(host, p.exporter, lines=40)


STEPS = (look, vet, pull, build, swap)
PROOF = (
    runs_the_built_image,
    within(settle, is_healthy),
    within(settle, offers_its_metrics),
    within(settle_and_scrape, is_scraped),
    does_not_restart,
    others_are_untouched,
)
UNDO = (return_to_the_old_commit, return_to_the_old_image)
UNDONE = (runs_the_old_image, within(settle, is_as_well_as_before))
EVIDENCE = (what_it_logged,)

"""Make certificates for the services that speak TLS by themselves.

When   a certificate is missing, ends soon, lacks a name (SAN) or cannot be read by its service; or none is there yet.
Risk   severe: whoever trusts the old certificates only, and not ca.crt beside them, is shut out; some services restart.
Undo   opsbook undo RUN puts the old files back, as long as no further run has made others.

A small CA of the stack's own signs them. Its key stays on the host, in the login's home (0600), and signs for the stack's names only.
Each certificate file holds the CA's after its own, so that a client that was told to trust that very file still gets in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from opsbook.check import Seen, expect, so, within
from opsbook.counted import counted
from opsbook.errors import UsageError
from opsbook.host import Host
from opsbook.moves import giving, neighbours, services, steady_scrapes
from opsbook.moves.mounts import stranded
from opsbook.moves.own_certificates import coming, judging
from opsbook.moves.patience import settle, settle_and_scrape
from opsbook.systems import rendered

ON = "stack"
LONGEST = 825       # days; some clients refuse what lives longer


@dataclass(frozen=True)
class Params:
    """How long they live, and whether good ones are made anew, too."""

    days: Annotated[int, "how many days the new certificates live"] = 365
    renew: Annotated[bool, "also make those anew that are good"] = False

    def __post_init__(self) -> None:
        """Refuse a life that is none, or that clients do not believe."""
        if not 1 <= self.days <= LONGEST:
            raise UsageError(f"--days: not between 1 and {LONGEST}", saw=str(self.days), next="give --days 365, or leave it out")


def look(host: Host, p: Params) -> None:
    """Look at every certificate, and say which are made anew and why."""
    services.expect_own_project(host)
    state = judging.look(host)
    if coming.DUE not in host.run.kept:
        tell(host, state, p)
        coming.remember(host, state, judging.due(state, p.days, force=p.renew), p.days)
        steady_scrapes.remember(host, [one.service.name for one in state.wanted])
    if coming.paths(host):
        judging.expect_ours(host, state)
    blinded = [one.service for one in giving.everything(host) if stranded(one, coming.paths(host))]
    neighbours.remember(host, *host.run.kept[coming.DUE], *blinded)


def tell(host: Host, state: judging.State, p: Params) -> None:
    """Say what is there, and what is wrong with it."""
    for reason in judging.reasons_for_ca(state, p.days):
        host.say(f"a new CA in {state.folder}: {reason}")
    for one in state.wanted:
        told = "; ".join(judging.reasons(state, one)) or "good"
        host.say(f"{one.service.name}: {one.cert}: {told}")


def make(host: Host, p: Params) -> None:
    """Make the new keys and certificates, beside the old ones."""
    if not so(host, every_certificate_is_good, p):
        coming.issue(host, judging.look(host), p.days)


def give(host: Host, p: Params) -> None:
    """Give each new key to the user of the container that reads it."""
    coming.give(host, coming.chosen(host, judging.look(host)))


def swap(host: Host, p: Params) -> None:
    """Put the new files in the place of the old ones, which are kept."""
    if not so(host, nothing_waits, p):
        coming.swap(host, coming.chosen(host, judging.look(host)))


def show(host: Host, p: Params) -> None:
    """Let every service show its new certificate: most read it at each handshake, the others restart."""
    wanted = coming.chosen(host, judging.look(host))
    coming.restart(host, wanted, coming.paths(host))
    steady_scrapes.from_now_on(host)
    expect(host, within(settle, each_shows_what_lies_there), p)


def every_certificate_is_good(host: Host, p: Params) -> Seen:
    """Every certificate is the CA's, has its names and enough of its life left, and its key is for its service alone."""
    state = judging.look(host)
    bad = [f"CA: {reason}" for reason in judging.reasons_for_ca(state, 0)]
    bad += [f"{one.service.name}: {reason}" for one in state.wanted for reason in judging.reasons(state, one)]
    unmade = p.renew and not host.run.kept.get(coming.ISSUED)
    saw = "\n".join(bad) or ("--renew makes good ones anew, too" if unmade else counted(len(state.wanted), "certificate"))
    return Seen(not bad and not unmade, saw=saw, next=f"opsbook generate-certs {host.name}")


def nothing_waits(host: Host, p: Params) -> Seen:
    """No new file waits beside the old ones."""
    return coming.nothing_waits(host)


def each_shows_what_lies_there(host: Host, p: Params) -> Seen:
    """Each service shows the certificate that lies on the host."""
    state = judging.look(host)
    return coming.serves_what_lies_there(host, state.wanted, state.there)


def each_verifies_by_its_names(host: Host, p: Params) -> Seen:
    """Each service's certificate verifies against the CA, by every one of its names, for the host and for clients on Docker's network."""
    state = judging.look(host)
    found = [each for several in coming.shown(host, state.wanted, ca=state.ca.path, every_name=True).values() for each in several]
    bad = [f"{each.name} at {each.address}:{each.port}: {each.why or 'no handshake'}" for each in found if not each.verified]
    return Seen(bool(found) and not bad, saw="\n".join(bad) or counted(len(found), "handshake"), next=f"opsbook status {host.name}")


def each_is_healthy(host: Host, p: Params) -> Seen:
    """Each of these services is healthy."""
    seen = [services.is_healthy(host, one.service.name) for one in judging.look(host).wanted]
    bad = [one for one in seen if not one.ok]
    return Seen(bool(seen) and not bad, saw="\n".join(one.saw for one in bad or seen), next=bad[0].next if bad else "")


def scrapes_go_on(host: Host, p: Params) -> Seen:
    """Prometheus scrapes them as it did before."""
    return steady_scrapes.go_on(host)


def others_are_untouched(host: Host, p: Params) -> Seen:
    """The other services ran on."""
    return neighbours.are_untouched(host)


def put_back(host: Host, p: Params) -> None:
    """Put the old files back, and let the services show them."""
    coming.put_back(host, judging.look(host).there)


def show_again(host: Host, p: Params) -> None:
    """Let every service show its old certificate again."""
    there = [path for path in coming.paths(host) if path not in set(host.read(rendered.absent(coming.paths(host))))]
    coming.restart(host, coming.chosen(host, judging.look(host)), there)
    steady_scrapes.from_now_on(host)


def files_are_as_before(host: Host, p: Params) -> Seen:
    """The certificates are those from before."""
    there, before = judging.look(host).there, host.run.kept.get(coming.BEFORE, {})
    odd = [cert for cert, print_ in before.items() if there[cert].fingerprint != print_]
    return Seen(bool(before) and not odd, saw=", ".join(odd) or counted(len(before), "certificate"))


def each_shows_the_old_one(host: Host, p: Params) -> Seen:
    """Each service shows the certificate from before, where it had one."""
    state = judging.look(host)
    had = [one for one in coming.chosen(host, state) if host.run.kept[coming.BEFORE].get(one.cert)]
    return coming.serves_what_lies_there(host, had, state.there) if had else Seen(ok=True, saw="none had one")


def what_they_logged(host: Host, p: Params) -> str:
    """The last lines of the logs of these services."""
    return "\n".join(services.last_words(host, name, lines=20) for name in host.run.kept.get(coming.DUE, ()))


STEPS = (look, make, give, swap, show)
PROOF = (
    every_certificate_is_good,
    within(settle, each_shows_what_lies_there),
    within(settle, each_verifies_by_its_names),
    within(settle, each_is_healthy),
    within(settle_and_scrape, scrapes_go_on),
    others_are_untouched,
)
UNDO, UNDOABLE = (put_back, show_again), coming.has_made_any
UNDONE = (files_are_as_before, within(settle, each_shows_the_old_one), within(settle_and_scrape, scrapes_go_on))
EVIDENCE = (what_they_logged,)

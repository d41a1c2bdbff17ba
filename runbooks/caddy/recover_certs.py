"""Have Caddy serve every site with a good certificate again.

When   Caddy's volume was lost, a certificate was not renewed, or browsers warn of one. Where the others are good, nothing is ordered.
Risk   severe: Caddy is away for a moment, and each order counts against what the certificate authority gives in a week.
Undo   `opsbook undo`, and by itself where the proof fails: what --force has set aside comes back for each site that got no new one.

First it looks: whether a certificate is missing, late or wrong at all; DNS and ports from outside, the Caddyfile on disk, the authority,
the number of orders this week. Only then a new process is made: `up --detach` does nothing for a Caddy that runs, and its certificates
are in its memory. Killed and run again it makes no second process, and follows the orders of the first; where the volume was lost once
more meanwhile, it begins anew. With exit code 4 it says what is served now; Caddy itself goes on trying, so run it again later. Where
--force got none it ends with 5, and Caddy serves the old ones again; a certificate that was issued stays issued. With --from-backup
nothing is ordered: the storage is put back as it was; who wants to be able to undo that takes restore-certs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from opsbook.check import Seen, so, within
from opsbook.counted import counted
from opsbook.host import Host
from opsbook.moves import neighbours, services
from opsbook.moves.endpoints import layers
from opsbook.moves.endpoints.gather import expect_sites, gather
from opsbook.moves.endpoints.loopback import shown_here
from opsbook.moves.issuing import account, aim, aside, counting, demands, following
from opsbook.moves.issuing.standing import Standing, standings
from opsbook.moves.mounts import container_of
from opsbook.moves.owing import owed
from opsbook.moves.patience import settle
from opsbook.moves.stored_certificates import restoring
from opsbook.moves.stored_certificates.restoring import Wish
from opsbook.runbook import BACKUP, IDENTITY, SECRET
from opsbook.systems.compose import compose

ON = "caddy"


@dataclass(frozen=True)
class Params:
    """Whether more is ordered than is needed, or nothing at all."""

    force: Annotated[bool, "order new ones although those that are served are good, or the week's number is used up"] = False
    from_backup: Annotated[Path | None, BACKUP, "order nothing, and put back what is in this file that backup-certs has written"] = None
    passphrase: Annotated[str | None, SECRET, "what opens the backup: prompt, - for standard input, or a file; prompt when needed"] = None
    identity: Annotated[Path | None, IDENTITY, "the private key that opens the backup: a file of age identities, or an SSH key"] = None

    def __post_init__(self) -> None:
        """Raise ValueError for what contradicts itself."""
        if self.from_backup is not None and self.force:
            raise ValueError("--from-backup orders nothing, so it goes without --force")
        if self.from_backup is None and (self.passphrase is not None or self.identity is not None):
            raise ValueError("--passphrase and --identity open a backup: give --from-backup BACKUP, too")


def wish(p: Params) -> Wish | None:
    """Return the backup as the moves take it; nothing where new certificates are wanted."""
    return None if p.from_backup is None else Wish(p.from_backup, p.passphrase, p.identity)


def look(host: Host, p: Params) -> None:
    """Find out what each site lacks, and whether an order would succeed."""
    services.expect_own_project(host)
    expect_sites(host)
    neighbours.remember(host, ON)
    if (saved := wish(p)) is not None:
        restoring.look(host, saved)
        return
    container_of(host, ON)
    now, found = host.now(), standings(host)
    for one in found:
        host.say(f"{one.name}: {one.wrong(now) or 'well'}; {one.told(now)}")
    if _follows(host, p, found):
        return
    aim.remember(host, found, now, anew=p.force)
    if p.force or any(one.wrong(now) for one in found):
        _expect_all_that_an_order_needs(host, p, found, now)


def renew(host: Host, p: Params) -> None:
    """Make a new Caddy process, which serves what is stored and orders what is not."""
    if (saved := wish(p)) is not None:
        restoring.put_in_place(host, saved)
        restoring.start_anew(host, saved)
        return
    if not (p.force or _aims_at_more(host)) and so(host, every_site_is_well_served, p):
        return
    hides = p.force and not aside.is_aside(host)
    if hides:
        aside.set_aside(host, tuple(aim.aims(host)))
    if hides or not so(host, runs_anew, p):
        project = compose(host.stack)
        with owed(host, f"start-{ON}", project.start(ON), about="make a new Caddy process"):
            host.write(project.restart(ON))


def follow(host: Host, p: Params) -> None:
    """Follow the orders until each site has its certificate; an account that the authority does not take is made anew."""
    if not (p.force or _aims_at_more(host)):
        return      # with --from-backup, too: nothing is ordered then
    if host.run.plan and host.run.skipped:
        host.say(f"then: follow Caddy's orders for at most {patience(host):g} s")
        return
    progress = following.follow(host, patience(host))
    if account.is_refused(progress.words, progress.lacking):
        account.forget(host)
        following.follow(host, patience(host))
    host.keep(**{counting.ISSUED: {**(new := _new_ones(host)), **host.run.kept.get(counting.ISSUED, {})}})
    account.warn(host, len(new))


def patience(host: Host) -> float:
    """Return how long the orders are followed: they take seconds, and Caddy tries again after a minute."""
    return 2 * host.stack.settle


def bring_back(host: Host, p: Params) -> None:
    """Bring back the certificates that were set aside for an order that came to nothing, and start Caddy anew."""
    aside.bring_back(host)


def every_site_is_well_served(host: Host, p: Params) -> Seen:
    """Every site is served with a good certificate, which Caddy keeps, too."""
    if (saved := wish(p)) is not None:
        return restoring.holds_the_backup(host, saved)
    now = host.now()
    wrong = [f"{one.name}: {found}; {one.told(now)}" for one in standings(host) if (found := one.wrong(now))]
    return Seen(not wrong, "\n".join(wrong) or counted(len(host.stack.sites), "site"), f"opsbook logs {ON} {host.name}")


def runs_anew(host: Host, p: Params) -> Seen:
    """Caddy's process was made by this run, where it needed a new one."""
    if not (p.force or _aims_at_more(host) or host.run.kept.get(restoring.SWAPPED)):
        return Seen(ok=True, saw="this run needed none")
    seen = services.has_started_anew(host, ON)
    lost = [one.name for one in standings(host) if one.is_lost] if seen.ok and p.from_backup is None else []
    return replace(seen, ok=False, saw=f"{', '.join(lost)}: lost again, and in that process's memory alone") if lost else seen


def may_be_taken_back(kept: Mapping[str, object], p: Params) -> bool:
    """Nothing waits to be put back once the run is proven: where something was set aside, its site has a new one."""
    return False


def has_what_was_wanted(host: Host, p: Params) -> Seen:
    """Every site is served with what this run wanted for it: a certificate issued since it began, or the one that was stored or saved."""
    if (saved := wish(p)) is not None:
        return restoring.serves_the_backup(host, saved)
    progress, shown = following.look(host)
    lines = [f"{name}: {why}; {_told(host, name)}" for name, why in progress.lacking.items()]
    lines += [f"{name}: Caddy said: {words}" for name, words in progress.words.items()]
    good = [f"{name}: …{shake.certificate.serial[-8:]}" for name, shake in shown.items() if shake.certificate is not None]
    ok = bool(aim.aims(host)) and not progress.lacking
    saw = "\n".join(good if ok else [*filter(None, [progress.down]), *lines])
    return Seen(ok, saw, f"opsbook recover-certs {host.name}    (it follows; Caddy itself tries again)")


def is_healthy(host: Host, p: Params) -> Seen:
    """Caddy is healthy."""
    return services.is_healthy(host, ON)


def does_not_restart(host: Host, p: Params) -> Seen:
    """Caddy does not restart while it is watched."""
    return services.restart_count_is_stable(host, ON)


def others_are_untouched(host: Host, p: Params) -> Seen:
    """The other services ran on."""
    return neighbours.are_untouched(host)


def serves_what_it_had(host: Host, p: Params) -> Seen:
    """Every site that had a certificate is served with it again, or with a good new one, and Caddy keeps it."""
    return aside.serves_what_it_had(host, p)


def the_world_is_served(host: Host, p: Params) -> Seen:
    """From outside every name leads here, and shows the same certificate, which that host trusts."""
    facts = gather(host, from_within=False)
    judges = (layers.dns, layers.port, layers.tls)
    found = [(seen, judge(facts, seen)) for seen in facts.sites for judge in judges]
    bad = [(f"{seen.site.name}: {layer.name}: {layer.saw}", layer.next) for seen, layer in found if not layer.ok]
    own = shown_here(host)
    bad += [
        (f"{seen.site.name}: {facts.seat} is shown another certificate than the host itself", f"opsbook check-endpoints {host.name}")
        for seen in facts.sites if seen.shown.certificate != own[seen.site.name].certificate
    ]  # fmt: skip
    good = f"{counted(len(facts.sites), 'site')}, seen from {facts.seat}"
    return Seen(not bad, "\n".join(line for line, _ in bad) or good, bad[0][1] if bad else "")


def what_caddy_logged(host: Host, p: Params) -> str:
    """The last lines of Caddy's log."""
    return services.last_words(host, ON, lines=40)


def _follows(host: Host, p: Params, found: tuple[Standing, ...]) -> bool:
    """Return whether an earlier process of this run has done its part already, so that only the orders are left to be followed."""
    done = aim.KEPT in host.run.kept and (not p.force or aside.is_aside(host)) and not any(one.is_lost for one in found)
    return done and services.has_started_anew(host, ON).ok


def _aims_at_more(host: Host) -> bool:
    """Return whether a site is to get another certificate than it was served with when the run began."""
    return not all(found.reached for found in aim.aims(host).values())


def _expect_all_that_an_order_needs(host: Host, p: Params, found: tuple[Standing, ...], now: float) -> None:
    demands.expect_a_caddyfile_that_starts(host)
    facts = gather(host, from_within=False)
    wanted = [one for one in found if not aim.aims(host)[one.name].stored]
    if not wanted:
        host.say("a good certificate of every site is stored: nothing will be ordered")
        return
    demands.expect_the_way_in(host, facts)
    demands.expect_room(host, wanted, demands.expect_an_authority(host), now, force=p.force)


def _new_ones(host: Host) -> dict[str, float]:
    shown, wanted = shown_here(host), aim.aims(host)
    lacking, now = aim.missed(host, shown), host.now()
    return {name: now for name, found in wanted.items() if not found.stored and name not in lacking}


def _told(host: Host, name: str) -> str:
    now = host.now()
    return next(one.told(now) for one in standings(host) if one.name == name)


STEPS = (look, renew, follow)
PROOF = (
    runs_anew,
    has_what_was_wanted,
    every_site_is_well_served,
    within(settle, is_healthy),
    does_not_restart,
    others_are_untouched,
)
UNDO = (bring_back,)
UNDOABLE = may_be_taken_back
UNDONE = (within(settle, serves_what_it_had), within(settle, is_healthy), others_are_untouched)
FROM_OUTSIDE = (the_world_is_served,)
EVIDENCE = (what_caddy_logged,)

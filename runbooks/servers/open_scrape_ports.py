"""Open the exporters' ports to the scraper, and to nobody else.

When   before install-node-exporter or install-cadvisor; when the scraper has moved; after a change of `open:` in the inventory.
Risk   severe: a wrong rule locks us out, so the host takes all back within a minute unless a new login gets in.
Undo   opsbook undo RUN takes this run's rules back, puts those that it moved where they stood, and UFW as it was where --enable changed it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from opsbook.check import Seen, so
from opsbook.errors import Refused, Unreachable
from opsbook.findings.ports import opens
from opsbook.host import CLOCK, Host
from opsbook.moves import firewall, meaning, silence, vantage
from opsbook.moves.confirmed import confirmed, expect_nothing_waits, put_back
from opsbook.moves.firewall import Standing
from opsbook.moves.openings import Wanted, sources_of, wanted
from opsbook.moves.scraping import way
from opsbook.systems import ufw
from opsbook.systems.addresses import OUTSIDER_V6
from opsbook.systems.reach import Reach
from opsbook.systems.ufw_order import with_places

ON = "node"
BEFORE, WAY_BACK, ORDER = "firewall_before", "way_back", "rules_before"


@dataclass(frozen=True)
class Params:
    """What may be changed besides."""

    enable: Annotated[bool, "turn UFW on and deny by default where it is off: closes every other port"] = False


def look(host: Host, p: Params) -> None:
    """Confirm that the ports can be opened to these hosts alone, and that SSH stays open."""
    found, want = firewall.standing(host), wanted(host)
    meaning.expect_same(host, ", ".join(sorted(f"{one.port} from {one.source}" for one in want)))
    firewall.expect_ipv6_guarded(host)
    firewall.expect_nobody_else(host, found, want, (*sources_of(host, vantage.witness(host, vantage.STRANGER)), OUTSIDER_V6))
    firewall.expect_no_clash(host, found, want)
    if not found.ufw.denies:
        expect_consent(host, found, p)
        firewall.expect_ssh_stays(host, found)
        closed = ", ".join(firewall.would_close(host, found, want)) or "none"
        host.say(f"{found.ufw.state}; it will be on and deny. Ports in use that no rule allows, and that this closes: {closed}")
    if BEFORE not in host.run.kept:     # else a killed run goes on: what is there now may be its own
        expect_nothing_waits(host, "firewall")
        firewall.expect_way_back(host, found, back := firewall.way_back(found, want))
        host.keep(**{BEFORE: [found.ufw.active, found.ufw.incoming], WAY_BACK: back, ORDER: list(found.ufw.order)})


def expect_consent(host: Host, found: Standing, p: Params) -> None:
    """Raise Refused where UFW keeps nobody out, and may not be told to."""
    if not p.enable:
        again = opens(host.name, host.entry.roles, denies=False)
        raise Refused("a rule keeps nobody out here", saw=found.ufw.state, next=f"{again}    (turns it on)", host=host.name)


def open_ports(host: Host, p: Params) -> None:
    """Let these hosts in, and confirm it from a new login."""
    put_back(host, "firewall")
    if so(host, only_these_may, p):
        return
    found, want = firewall.standing(host), wanted(host)
    for met in firewall.overtaken(found, want):
        host.say(f"note: {met}")
    title = f"open {', '.join(sorted({str(one.port) for one in want}))} and nothing else"
    alter(host, firewall.way_there(found, want), title if found.ufw.denies else f"turn UFW on, {title}")


def alter(host: Host, lines: list[str], title: str) -> None:
    """Change the firewall, and confirm it from a new login."""
    said = [firewall.in_words(line) for line in lines]
    for line in said:
        host.say(f"change: {line}")
    with confirmed(host, "firewall", about=f"change the firewall: {'; '.join(said)}"):
        host.write(ufw.change(lines, title))


def only_these_may(host: Host, p: Params) -> Seen:
    """UFW denies by default, by IPv6, too, and what it is asked first for each of these ports and hosts lets them in."""
    found, want = firewall.standing(host), wanted(host)
    if not found.ufw.denies:
        return Seen(ok=False, saw=found.ufw.state)
    firewall.expect_ipv6_guarded(host)
    wrong = [f"{one.port} from {one.source}: {found.ufw.first(one.port, one.source) or 'no rule'}" for one in want if not found.has(one)]
    wrong += [f"still there: {one}" for one in (*firewall.outdated(found, want), *firewall.overpublished(found, want))]
    return Seen(not wrong, "\n".join(wrong or (f"{one.port} from {one.source}" for one in want)) or "nothing has to come from outside")


def these_get_through(host: Host, p: Params) -> Seen:
    """The scraper, and whoever else the inventory names, gets an answer or a refused connection."""
    seen = {f"{seat}: port {port}": _reach(host, seat, port) for seat, port in _seats(host, wanted(host))}
    good = all(found.kind in {"answers", "refused"} for found in seen.values())
    return Seen(good, _told(seen), next="is there another firewall, the provider's, before the host?")


def strangers_get_silence(host: Host, p: Params) -> Seen:
    """A stranger gets no answer from these ports, not even a refusal, by IPv6 neither, and does hear this host."""
    seen = silence.a_stranger_gets_silence(host, *(port for _, port in _seats(host, wanted(host))))
    ours = seen.next.startswith("opsbook open-scrape-ports ")       # which has just been done
    return replace(seen, next=f"opsbook audit-security {host.name}") if ours else seen


def a_new_login_gets_in(host: Host, p: Params) -> Seen:
    """A new SSH login gets in."""
    try:
        host.anew().read(CLOCK)
    except Unreachable as shut:
        return Seen(ok=False, saw=f"{shut.what} {shut.saw}".strip(), next=shut.next or f"opsbook doctor {host.name}")
    return Seen(ok=True, saw="over a connection of its own")


def close_again(host: Host, p: Params) -> None:
    """Take this run's rules back, and UFW's order and state, and confirm that from a new login."""
    put_back(host, "firewall")
    kept = host.run.kept
    if (lines := kept.get(WAY_BACK, [])) and not so(host, is_as_before, p):
        now = firewall.standing(host).ufw
        alter(host, with_places(now.order, kept.get(ORDER, []), lines), "take this run's rules back")


def is_as_before(host: Host, p: Params) -> Seen:
    """None of this run's rules is left, those it moved or withdrew stand where they stood, and UFW is on or off as before."""
    found, kept = firewall.standing(host), host.run.kept
    left = [f"still to do: {line}" for line in firewall.undone(found, kept.get(WAY_BACK, []), kept.get(ORDER, []))]
    was = kept.get(BEFORE, [found.ufw.active, found.ufw.incoming])
    return Seen(not left and [found.ufw.active, found.ufw.incoming] == was, "\n".join(left) or found.ufw.state)


def how_the_firewall_stands(host: Host, p: Params) -> str:
    """The firewall's rules as they were then."""
    return "\n".join(map(str, firewall.standing(host).ufw.rules))


def _seats(host: Host, want: tuple[Wanted, ...]) -> list[tuple[str, int]]:
    """Return who must reach which port; the scraper's exporters even where it needs no rule, because it is this host."""
    exporters = [(vantage.SCRAPER, port) for port, _ in firewall.scrape_ports(host)]
    return list(dict.fromkeys([*exporters, *((one.seat, one.port) for one in want)]))


def _reach(host: Host, seat: str, port: int) -> Reach:
    return way(host, port) if seat == vantage.SCRAPER else vantage.reach(host, seat, port)


def _told(seen: dict[str, Reach]) -> str:
    return "\n".join(f"{where} {found}" for where, found in seen.items())


STEPS = (look, open_ports)
PROOF = (only_these_may, a_new_login_gets_in)
FROM_OUTSIDE = (these_get_through, strangers_get_silence)
UNDO, UNDONE = (close_again,), (is_as_before, a_new_login_gets_in)
EVIDENCE = (how_the_firewall_stands,)

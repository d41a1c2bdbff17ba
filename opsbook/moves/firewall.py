"""How a host's firewall stands towards what must be open, and towards our own SSH; and what leads from there to what is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves.openings import Wanted, scrape_ports
from opsbook.privileged import FIREWALL, placing
from opsbook.systems import files, ssh_ports, ufw, ufw_order
from opsbook.systems.root_view import root_view
from opsbook.systems.sockets import listening
from opsbook.systems.ufw import Firewall, Rule

__all__ = ["Standing", "scrape_ports", "standing"]

DOCKER_USER = "docker-user"
VIEW = (*ufw.VIEW, *ssh_ports.VIEW, DOCKER_USER)
AS_ROOT = "   (as root, on the host)"


@dataclass(frozen=True)
class Standing:
    """The firewall, what Docker lets through by our rules, and how SSH comes in."""

    ufw: Firewall
    published: frozenset[str]       # `PORT SOURCE` of each
    ssh: tuple[int, ...]
    login: ssh_ports.Login

    def has(self, one: Wanted) -> bool:
        """Return whether that address gets in by the rules."""
        return one.key in self.published if one.gate == "docker" else self.ufw.lets_in(one.port, one.source)

    @property
    def shut_out(self) -> tuple[int, ...]:
        """Return the ports of sshd by which we could no longer come in if UFW denied what no rule allows."""
        ports = sorted({*self.ssh, self.login.port})
        return tuple(port for port in ports if not self.ufw.lets_in(port, self.login.client))

    @property
    def ssh_unruled(self) -> tuple[int, ...]:
        """Return those of them that no rule mentions: these we may open ourselves."""
        return tuple(port for port in self.shut_out if port in self.ssh and not self.ufw.about(port))


def standing(host: Host) -> Standing:
    """Return how it stands now; raise Refused where UFW cannot be asked."""
    told = host.read(root_view(*VIEW))
    if told["ufw"].code:
        raise Refused("UFW cannot be asked", saw=told["ufw"].text, next=f"apt-get install ufw {AS_ROOT}", host=host.name)
    published = frozenset(ufw.parse_published(told[DOCKER_USER]))
    return Standing(ufw.parse_firewall(told), published, ssh_ports.parse_ports(told), host.recall(ssh_ports.login()))


def expect_ipv6_guarded(host: Host) -> None:
    """Raise Refused where UFW guards IPv4 alone."""
    if not ufw.covers_ipv6(host.read(files.read(ufw.DEFAULTS))):
        fix = f"IPV6=yes in {ufw.DEFAULTS}, then `ufw reload` {AS_ROOT}"
        raise Refused("UFW leaves IPv6 alone, so the ports would be open there", saw="IPV6=no", next=fix, host=host.name)


def expect_nobody_else(host: Host, now: Standing, want: Iterable[Wanted], strangers: Iterable[str]) -> None:
    """Raise Refused where a rule lets a stranger in, so that the ports would be open to others, too."""
    ports = dict.fromkeys([*(port for port, _ in scrape_ports(host)), *(one.port for one in want if one.gate == "ufw")])
    for port, stranger in ((port, stranger) for port in ports for stranger in strangers):
        found = now.ufw.first(port, stranger)
        if found is not None and found.opens:
            raise Refused(f"a rule lets strangers in on port {port}", saw=str(found), next=f"{found.delete} {AS_ROOT}", host=host.name)


def expect_no_clash(host: Host, now: Standing, want: Iterable[Wanted]) -> None:
    """Raise Refused where a rule that is not ours is for exactly what is wanted, and does not do it: UFW would replace it silently."""
    for one in want:
        for rule in now.ufw.rules:
            if rule.exactly(one.port, one.source) and not rule.ours and one.gate == "ufw" and not now.has(one):
                raise Refused("UFW would replace a rule that is not ours", saw=str(rule), next=f"{rule.delete} {AS_ROOT}", host=host.name)


def expect_ssh_stays(host: Host, now: Standing) -> None:
    """Raise Refused where a rule that is not ours to change keeps us out once UFW denies by default."""
    shut = [port for port in now.shut_out if port not in now.ssh_unruled]
    if shut:
        saw = "\n".join(map(str, now.ufw.about(shut[0]))) or f"no rule for port {shut[0]}"
        fix = f"ufw prepend allow proto tcp from {now.login.client} to any port {shut[0]} {AS_ROOT}"
        raise Refused(f"UFW would shut out SSH from {now.login.client} on port {shut[0]}", saw=saw, next=fix, host=host.name)


def would_close(host: Host, now: Standing, want: Iterable[Wanted]) -> Iterator[str]:
    """Yield the ports in use that no rule opens: what denying by default closes."""
    kept = {*now.ssh, *(one.port for one in want)}
    open_to_others = {one.port for one in host.read(listening()) if one.protocol == "tcp" and not one.loopback}
    yield from (str(port) for port in sorted(open_to_others - kept) if not any(rule.opens for rule in now.ufw.about(port)))


def outdated(now: Standing, want: Iterable[Wanted]) -> tuple[Rule, ...]:
    """Return our rules that the inventory asks for no more, such as those for a former scraper; what lets SSH in is not one of them."""
    keys = {one.key for one in want if one.gate == "ufw"}
    return tuple(rule for rule in now.ufw.rules if rule.ours_to_withdraw and rule.key not in keys)


def overpublished(now: Standing, want: Iterable[Wanted]) -> list[str]:
    """Return whom our rules before Docker's let through to a port, and who shall not be let through any more."""
    return sorted(now.published - {one.key for one in want if one.gate == "docker"})


def barred(now: Standing, want: Iterable[Wanted]) -> list[str]:
    """Return the ports that are to be open to nobody at all any more: without a rule of ours Docker would let everybody in."""
    ports = {str(one.port) for one in want if one.gate == "docker"}
    return sorted({key.split()[0] for key in overpublished(now, want)} - ports)


def way_there(now: Standing, want: tuple[Wanted, ...]) -> list[str]:
    """Return what is still to be done, in the words of the program that does it: SSH first, and UFW on last."""
    missing = [one for one in want if not now.has(one)]
    ssh = [] if now.ufw.denies else [f"ssh {port}" for port in now.ssh_unruled]
    old = [f"withdraw {rule.key}" for rule in outdated(now, want)]
    new = [f"allow {one.key} {one.why}" if one.gate == "ufw" else f"publish {one.key}" for one in missing]
    on = [] if now.ufw.denies else [f"enable {now.login.port} {now.login.client}"]
    shut = [*(f"bar {port}" for port in barred(now, want)), *(f"unpublish {key}" for key in overpublished(now, want))]
    return [*ssh, *old, *new, *shut, *on]


def way_back(now: Standing, want: tuple[Wanted, ...]) -> list[str]:
    """Return what takes `way_there` back, UFW's own state first; a rule of ours that was there before, and is only moved, is moved back."""
    missing = [one for one in want if not now.has(one)]
    fresh = [one for one in missing if one.gate == "docker" or not now.ufw.own(one.key)]
    moved = [(rule, one.why) for one in missing if one.gate == "ufw" and (rule := now.ufw.own(one.key))]
    off = [] if now.ufw.denies else ["back", *(f"unssh {port}" for port in now.ssh_unruled)]
    closed = [f"withdraw {one.key}" if one.gate == "ufw" else f"unpublish {one.key}" for one in fresh]
    old = [f"allow {rule.key} {_why(rule)}" for rule in outdated(now, want)]
    old += [f"allow {rule.key} {_why(rule) if rule.ours_to_withdraw else why}" for rule, why in moved]
    opened = [*(f"publish {key}" for key in overpublished(now, want)), *(f"unbar {port}" for port in barred(now, want))]
    return [*off, *closed, *old, *opened]


def expect_way_back(host: Host, now: Standing, lines: Sequence[str]) -> None:
    """Raise Refused where the undo could not put a rule where it stood: the host's program is of another opsbook, or UFW would not."""
    of_ours = host.read(files.hashes([FIREWALL.path])).get(FIREWALL.path) == FIREWALL.sha256
    if not of_ours and any(line.startswith("allow ") for line in lines):
        saw = f"{FIREWALL.path} is of another opsbook"
        what = "a rule of ours has to be moved or withdrawn, and this host could not put it back"
        raise Refused(what, saw=saw, next=placing(host.name), host=host.name)
    for line in ufw_order.unreachable(now.ufw.order, lines):
        rule = next(one for one in now.ufw.rules if one.line == line)
        saw = f"{rule} stands among rules for an application, and UFW, which takes those for one, has no number for its place"
        what = "a rule of ours has to be moved or withdrawn, and UFW could not put it back"
        raise Refused(what, saw=saw, next=f"{rule.delete} {AS_ROOT}", host=host.name)


def undone(now: Standing, lines: Iterable[str], before: Sequence[str]) -> Iterator[str]:
    """Yield those of the lines of a way back that are not done yet; `back` is known by UFW's state, `unbar` by what is published.

    `before` is UFW's order when the run began; without it, of an older run, a rule counts as brought back wherever it stands.
    """
    for line in lines:
        word, _, key = line.partition(" ")
        own = now.ufw.own(" ".join(key.split()[:2])) if word != "unssh" else now.ufw.own(f"{key} 0.0.0.0/0")
        public = key in now.published
        back = own and (own.line not in before or ufw_order.stands_as_before(now.ufw.order, before, own.line))
        todo = {"withdraw": own, "unssh": own, "allow": not back, "unpublish": public, "publish": not public}
        if todo.get(word):
            yield line


def overtaken(now: Standing, want: Iterable[Wanted]) -> Iterator[str]:
    """Yield which rules keep out what is wanted, and are answered by one of ours that comes before them."""
    for one in want:
        first = now.ufw.first(one.port, one.source)
        if one.gate == "ufw" and first is not None and not now.has(one):
            ours = "the rule of ours comes after it, and is moved" if now.ufw.own(one.key) else "a rule of ours is put"
            yield f"{one.port} from {one.source} meets first: {first}; {ours} before it"


def in_words(line: str) -> str:
    """Return a line as the operator reads it: what opens or closes one port as it stands, what is done to all of UFW in words."""
    match line.split():
        case ["enable", port, client]:
            return f"turn UFW on, and deny what no rule lets in; by SSH {client} still gets in on port {port}"
        case ["back"]:
            return "turn UFW back to how it was: off, or without the denial by default"
        case ["ssh", port]:
            return f"let everybody in by SSH on port {port}"
        case ["unssh", port]:
            return f"withdraw what lets everybody in by SSH on port {port}"
    return line


def _why(rule: Rule) -> str:
    return rule.comment.removeprefix(ufw.OURS)

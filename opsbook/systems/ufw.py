"""UFW: its rules in their order, and changes of them through the program that may."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opsbook.host import Write
from opsbook.privileged import FIREWALL
from opsbook.systems.root_view import Told

VIEW = ("ufw", "rule-files")        # what opsbook-look is asked for
DEFAULTS = "/etc/default/ufw"
OURS = "opsbook:"                   # how the comment of our rules begins
WHY = re.compile(r"opsbook:[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
TUPLE = "### tuple ### "
DEFAULT = re.compile(r"Default: (\w+) \(incoming\)")
EVERYWHERE = ("0.0.0.0/0", "::/0")
JUMP = "-A DOCKER-USER -j OPSBOOK-DOCKER"
PUBLISHED = re.compile(r"^-A OPSBOOK-DOCKER -s (?P<source>\S+?)(?:/32|/128)? .*--ctorigdstport (?P<port>\d+)\b.* -j RETURN$", re.MULTILINE)


@dataclass(frozen=True)
class Rule:
    """One line of UFW's own list; `ports` as UFW writes them: `22`, `80,443`, `24:26` or `any`."""

    action: str
    protocol: str
    ports: str
    to: str
    source: str
    way: str            # in, out, in_eth0 …
    comment: str = ""

    @property
    def ours(self) -> bool:
        """Return whether opsbook has made it."""
        return self.comment.startswith(OURS)

    @property
    def ours_to_withdraw(self) -> bool:
        """Return whether opsbook-firewall has made it for one port and one host, so that it can take it away and bring it again."""
        made = (self.action, self.protocol, self.plain) == ("allow", "tcp", True) and self.ports.isdigit()
        return made and bool(WHY.fullmatch(self.comment)) and self.source not in EVERYWHERE

    @property
    def opens(self) -> bool:
        """Return whether it lets somebody in."""
        return self.action.startswith(("allow", "limit"))

    @property
    def plain(self) -> bool:
        """Return whether it holds for every address and every network card of the host."""
        return self.to in EVERYWHERE and self.way == "in"

    @property
    def key(self) -> str:
        """Return port and source, as opsbook-firewall says them."""
        return f"{self.ports} {self.source}"

    @property
    def line(self) -> str:
        """Return a rule of ours as `Firewall.order` has it."""
        return f"{self.action} {self.protocol} {self.ports} {self.to} any {self.source} {self.way}"

    @property
    def delete(self) -> str:
        """Return the command that removes it."""
        parts = [self.action, *(() if self.protocol == "any" else ("proto", self.protocol))]
        parts += ["from", "any" if self.source in EVERYWHERE else self.source, "to", "any"]
        return " ".join(["ufw delete", *parts, *(() if self.ports == "any" else ("port", self.ports))])

    def exactly(self, port: int, source: str) -> bool:
        """Return whether UFW takes it for the same rule as ours for that port and source, whatever it does."""
        return (self.key, self.protocol, self.plain) == (f"{port} {source}", "tcp", True)

    def matches(self, port: int) -> bool:
        """Return whether it says something about TCP connections to that port."""
        return self.way.startswith("in") and self.protocol in {"tcp", "any"} and _has(self.ports, port)

    def concerns(self, port: int, source: str) -> bool:
        """Return whether a TCP connection from that address to that port may meet it."""
        if not self.matches(port):
            return False
        ours, theirs = ipaddress.ip_network(source), ipaddress.ip_network(self.source)
        return ours.version == theirs.version and ours.overlaps(theirs)

    def covers(self, source: str) -> bool:
        """Return whether it holds for all of that address or network."""
        ours, theirs = ipaddress.ip_network(source), ipaddress.ip_network(self.source)
        return isinstance(ours, type(theirs)) and ours.subnet_of(theirs)    # type: ignore[arg-type]

    def __str__(self) -> str:
        """Return it in UFW's own words."""
        note = f"  # {self.comment}" if self.comment else ""
        return f"{self.action} {self.ports}/{self.protocol} from {self.source}{note}"


@dataclass(frozen=True)
class Firewall:
    """How UFW stands."""

    active: bool
    incoming: str               # what becomes of a connection that no rule concerns: deny, reject or allow
    rules: tuple[Rule, ...] = ()
    order: tuple[str, ...] = ()     # every rule as UFW keeps it, also of what is passed on; without its comment

    @property
    def denies(self) -> bool:
        """Return whether what no rule lets in stays out."""
        return self.active and self.incoming == "deny"

    def first(self, port: int, source: str) -> Rule | None:
        """Return the rule that decides about a connection from there: the first one wins."""
        return next((rule for rule in self.rules if rule.concerns(port, source)), None)

    def lets_in(self, port: int, source: str) -> bool:
        """Return whether a rule lets all connections from there in, before another can refuse one."""
        found = self.first(port, source)
        return found is not None and found.opens and found.plain and found.covers(source)

    def about(self, port: int) -> tuple[Rule, ...]:
        """Return the rules that say something about TCP connections to that port."""
        return tuple(rule for rule in self.rules if rule.matches(port))

    def own(self, key: str) -> Rule | None:
        """Return the rule of ours for that port and source, wherever it stands."""
        return next((rule for rule in self.rules if rule.ours and rule.key == key), None)

    @property
    def state(self) -> str:
        """Return in words whether it is on, and what it does by default."""
        return f"UFW is {'on' if self.active else 'off'}" + (f", and by default it says {self.incoming}" if self.active else "")


def change(lines: Iterable[str], title: str) -> Write:
    """Make those changes, each in the words of opsbook-firewall; the host must have been told to put the old ones back."""
    return Write(FIREWALL.run, title, stdin="".join(f"{line}\n" for line in lines))


def parse_firewall(told: Mapping[str, Told]) -> Firewall:
    """Given what opsbook-look tells of `VIEW`, return how UFW stands; raise ValueError where it could not be asked."""
    status, files = told["ufw"], told["rule-files"]
    if status.code or files.code:
        raise ValueError(f"UFW could not be asked: {status.text if status.code else files.text}".strip())
    found = DEFAULT.search(status.text)
    lines = [line.removeprefix(TUPLE) for line in files.text.splitlines() if line.startswith(TUPLE)]
    rules = tuple(rule for rule in map(_rule, lines) if rule is not None)
    active = "Status: active" in status.text.splitlines()
    return Firewall(active, found[1] if found else "", rules, tuple(line.partition(" comment=")[0] for line in lines))


def parse_published(told: Told) -> tuple[str, ...]:
    """Given what opsbook-look tells of `docker-user`, return `PORT SOURCE` of everybody whom our rules let through; others they refuse."""
    if JUMP not in told.text.splitlines():
        return ()
    return tuple(f"{found['port']} {found['source']}" for found in PUBLISHED.finditer(told.text))


def covers_ipv6(defaults: str | None) -> bool:
    """Given the text of `DEFAULTS`, return whether UFW guards IPv6, too."""
    return any(line.strip().lower() == "ipv6=yes" for line in (defaults or "").splitlines())


def _rule(line: str) -> Rule | None:
    """Given a tuple, return it as a rule; nothing for one about what is only passed on."""
    fields = line.split()
    comment = bytes.fromhex(fields.pop().removeprefix("comment=")).decode(errors="replace") if "comment=" in fields[-1] else ""
    if fields[0].startswith("route:"):
        return None
    action, protocol, ports, to, _, source = fields[:6]     # between the last two stands the source's port, and then applications
    return Rule(action, protocol, ports, to, source, fields[-1], comment)


def _has(ports: str, port: int) -> bool:
    if ports == "any":
        return True
    bounds = (one.partition(":") for one in ports.split(","))
    return any(int(low) <= port <= int(high or low) for low, _, high in bounds)

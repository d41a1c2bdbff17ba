"""Whether a stranger hears nothing from a host. Silence counts only from where, at the same moment, the host's sshd is heard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from opsbook.check import Seen
from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves import vantage
from opsbook.moves.opening_up import opens_now
from opsbook.systems import files, netfilter, ssh_ports, ufw
from opsbook.systems.addresses import OUTSIDER_V6, own_ipv6
from opsbook.systems.reach import Reach, dial
from opsbook.systems.root_view import root_view

GLANCE = 2      # seconds: a refusal comes at once, and a proof listens for longer


@dataclass(frozen=True)
class Heard:
    """What a stranger heard from one address of the host: from its sshd, by each port that it may have, and from the ports in question."""

    address: str
    sshd: dict[int, Reach]
    ports: dict[int, Reach]

    @property
    def alive(self) -> bool:
        """Return whether the host was heard there at all."""
        return any(found.kind == "answers" for found in self.sshd.values())

    @property
    def loud(self) -> dict[int, Reach]:
        """Return the ports that gave an answer of any kind; where the host is heard, an error of the way is one: a firewall rejects."""
        kinds = {"silent"} if self.alive else {"silent", "unreachable"}
        return {port: found for port, found in self.ports.items() if found.kind not in kinds}

    @property
    def deaf(self) -> bool:
        """Return whether silence proves nothing there; of IPv6, which not everybody has, the host's own rules tell."""
        answers = any(found.kind == "answers" for found in self.ports.values())
        return not (self.alive or answers or ":" in self.address)

    def told(self, these: dict[int, Reach]) -> str:
        """Return it in words."""
        return ", ".join(f"port {port} {found}" for port, found in these.items())


def a_stranger_gets_silence(host: Host, *ports: int, patience: int = vantage.PATIENCE) -> Seen:
    """A stranger gets no answer from these ports, not even a refusal, by IPv6 neither, and does hear the host's sshd."""
    seen = [_judged(host, one, patience) for one in _heard(host, ports, patience)]
    wrong = [one for one in seen if not one.ok]
    return Seen(not wrong, "\n".join(one.saw for one in wrong or seen), next=wrong[0].next if wrong else "")


def expect_silence(host: Host, port: int) -> None:
    """Raise Refused where a stranger gets through to the port, or where nobody can tell."""
    for one in _heard(host, (port,), GLANCE):
        seen = _judged(host, one, GLANCE)
        if not seen.ok:
            what = "nobody can tell whether strangers are kept out" if one.deaf else "no firewall keeps strangers out"
            raise Refused(what, saw=seen.saw, next=seen.next, host=host.name)


def _heard(host: Host, ports: Iterable[int], patience: int) -> list[Heard]:
    """Let a stranger dial all of it at the same moment, at the address that others know and at each that the host has by IPv6."""
    addresses = list(dict.fromkeys((vantage.address(host), *host.read(own_ipv6()))))
    doors, wanted = _ports_of_sshd(host), list(dict.fromkeys(ports))
    places = [(address, port) for address in addresses for port in (*doors, *wanted)]
    told = dict(zip(places, vantage.ask(host, vantage.STRANGER, dial(*places, within=patience)), strict=True))
    return [Heard(at, {port: told[at, port] for port in doors}, {port: told[at, port] for port in wanted}) for at in addresses]


def _ports_of_sshd(host: Host) -> list[int]:
    """Return by which port we came, as the host sees it; and as we do, where the others know it by the address that we know."""
    ours = host.entry.port if host.entry.address == host.entry.peer_address else None
    return list(dict.fromkeys(port for port in (host.recall(ssh_ports.login()).port, ours) if port is not None))


def _judged(host: Host, heard: Heard, patience: int) -> Seen:
    who, ports = vantage.witness(host, vantage.STRANGER).name, heard.told(heard.loud or heard.ports)
    saw, sshd = f"from {who}: {heard.address} {ports}", heard.told(heard.sshd)
    if heard.deaf:
        saw = f"{saw}, and of its sshd {sshd}\n{who} cannot reach this host at all: its silence proves nothing"
        fix = f"let {who} reach {heard.address} port {next(iter(heard.sshd))}, or give the role stranger to another host"
        return Seen(ok=False, saw=saw, next=fix)
    if heard.loud:
        rejects = all(found.kind == "unreachable" for found in heard.loud.values())
        return Seen(ok=False, saw=saw, next="" if rejects else opens_now(host))
    if heard.alive:
        return Seen(ok=True, saw=f"{saw} for {patience} s, and its sshd answers there")
    rules = _closed_by_its_own_rules(host, heard.ports)
    saw = f"IPv6 was not seen from {who}: {heard.address} {sshd}; {host.name}'s own rules for IPv6: {rules.saw}"
    return Seen(rules.ok, saw, next=rules.next)


def _closed_by_its_own_rules(host: Host, ports: Iterable[int]) -> Seen:
    """Return whether the firewall of the host itself keeps everybody away from these ports by IPv6."""
    told = host.read(root_view(*ufw.VIEW, netfilter.FILTER6))
    found, guarded = ufw.parse_firewall(told), ufw.covers_ipv6(host.read(files.read(ufw.DEFAULTS)))
    rules = {port: found.first(port, OUTSIDER_V6) for port in ports}
    wrong = [] if found.denies else [found.state]
    wrong += [] if guarded else [f"no IPV6=yes in {ufw.DEFAULTS}"]
    wrong += [str(rule) for rule in rules.values() if rule is not None and rule.opens]
    wrong += netfilter.lets_in_beside_ufw(told[netfilter.FILTER6])
    said = "; ".join(wrong) or f"no way to port {', '.join(map(str, rules))}"
    return Seen(not wrong, said, next=f"opsbook audit-security {host.name}" if wrong else "")

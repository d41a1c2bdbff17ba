from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from opsbook.check import Seen, look_once
from opsbook.errors import NotTrue, Refused, UsageError
from opsbook.events import Event
from opsbook.host import CLOCK, Host, Result
from opsbook.inventory import HostEntry, Opening
from opsbook.privileged import FIREWALL
from opsbook.shell import Command, cmd
from opsbook.systems import files
from opsbook.systems.addresses import addresses_of, own_ipv6
from opsbook.systems.docker_networks import running
from opsbook.systems.sockets import listening
from opsbook.systems.ssh_ports import login
from opsbook.systems.ufw import DEFAULTS
from tests.dialled import ANSWERS, NO_ROUTE, REFUSED, SILENT, dialled, is_dialling
from tests.fake import STACK, FakeGuard, FakeTransport, fake_host
from tests.fake_docker import inspected, teach_containers
from tests.fake_firewall import FILTER6, FakeServer, Settings, logged_in
from tests.runbooks.checkout_site import book

BOOK = book("open-scrape-ports")
SSH = "allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in"
def comment(rule: str, text: str) -> str:
    return f"{rule} comment={text.encode().hex()}"


OWN_SSH, HAND_MADE = comment(SSH, "opsbook:ssh"), comment("allow tcp 9090 0.0.0.0/0 any 192.0.2.50 in", "for the backup")
OURS = f"allow tcp 9100 0.0.0.0/0 any 192.0.2.16 in comment={b'opsbook:node-exporter-for-serverF'.hex()}"
SOCKETS = "tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\ntcp LISTEN 0 128 *:80 *:*\ntcp LISTEN 0 1 127.0.0.1:25 0.0.0.0:*\n"
A = HostEntry("serverA", address="127.0.0.1", peer_address="192.0.2.12", roles=("node",))
PEERS = {
    "scraper": HostEntry("serverF", peer_address="192.0.2.16", roles=("scraper",)),
    "stranger": HostEntry("stranger", peer_address="192.0.2.17", roles=("stranger",)),
    "serverB": HostEntry("serverB", peer_address="192.0.2.13"),
}


USUALLY = {"scraper": REFUSED, "serverB": ANSWERS, "stranger": SILENT}


class Elsewhere(FakeTransport):
    """Another host that dials; everybody hears the sshd of the address that they know."""

    def __init__(self, name: str, seen: dict[tuple[str, str, int], Result]) -> None:
        super().__init__()
        self.name, self.seen = name, seen

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        return dialled(command, self.behaves) if is_dialling(command) else super().run(command, stdin, within)

    def behaves(self, address: str, port: int) -> Result:
        usual = ANSWERS if port == 22 else USUALLY[self.name]
        return self.seen.get((self.name, address, port), usual if ":" not in address else NO_ROUTE)


@dataclass
class Site:
    """The runbook on a server that is made up, with the others that look at it."""

    server: FakeServer = field(default_factory=FakeServer)
    entry: HostEntry = A
    enable: bool = False
    plan: bool = False
    events: list[Event] = field(default_factory=list)
    seen: dict[tuple[str, str, int], Result] = field(default_factory=dict)       # who sees what of which port
    peers: dict[str, Elsewhere] = field(init=False)
    host: Host = field(init=False)

    def __post_init__(self) -> None:
        made, first = logged_in(self.server, self.entry, plan=self.plan)
        self.peers = {name: Elsewhere(name, self.seen) for name in PEERS}
        self.host = replace(made, connect_peer=self.peer, tell=self.events.append)
        first.teach(files.read(DEFAULTS), "IPV6=yes\n")
        first.teach(login(), "192.0.2.1 50000 192.0.2.12 22\n")
        first.teach(own_ipv6(), "[]")
        first.teach(listening(), SOCKETS)
        first.teach(CLOCK, "1700000000.5")
        first.teach(files.hashes([FIREWALL.path]), f"{FIREWALL.sha256}  {FIREWALL.path}\0")
        self.first = first

    def peer(self, role: str) -> Host:
        if role not in PEERS:
            raise UsageError(f"nobody is {role}")
        return fake_host(self.peers[role], entry=PEERS[role])

    @property
    def given(self) -> Any:
        return BOOK.params(enable=self.enable)

    def steps(self) -> Site:
        for step in BOOK.steps:
            step(self.host, self.given)
        return self

    def undo(self) -> Site:
        for step in BOOK.undo:
            step(self.host, self.given)
        return self

    def false(self, *, undone: bool = False) -> dict[str, Seen]:
        checks = BOOK.undone if undone else (*BOOK.proof, *BOOK.from_outside)
        seen = {check.__name__: look_once(self.host, check, self.given) for check in checks}
        return {name: one for name, one in seen.items() if not one.ok}

    @property
    def writes(self) -> int:
        assert isinstance(self.host.guard, FakeGuard)
        return len(self.host.guard.writes)

    @property
    def titles(self) -> list[str]:
        assert isinstance(self.host.guard, FakeGuard)
        return [change.title for change in self.host.guard.writes]

    @property
    def said(self) -> str:
        return "\n".join(event.title for event in self.events)


def with_rules(*rules: str, **settings: Any) -> FakeServer:
    return FakeServer(now=Settings(rules=rules, **settings))


def test_the_port_is_opened_to_the_scraper_alone_and_confirmed_from_a_new_login() -> None:
    made = Site().steps()
    assert (made.server.requests, made.server.saved) == (["allow 9100 192.0.2.16 node-exporter-for-serverF"], None)
    assert made.server.last.endswith("confirmed")
    assert made.false() == {}


def test_a_docker_host_has_cadvisors_port_too() -> None:
    made = Site(entry=replace(A, roles=("node", "docker"))).steps()
    assert [line.split()[1] for line in made.server.requests] == ["9100", "8080"]
    assert made.false() == {}


def test_what_is_open_already_is_left_alone() -> None:
    made = Site(with_rules(OURS, SSH)).steps()
    assert (made.writes, made.false()) == (0, {})


DENIAL = "deny any 9100 0.0.0.0/0 any 0.0.0.0/0 in"


def test_a_rule_that_denies_first_is_overtaken_that_is_told_and_an_undo_restores_the_order() -> None:
    before = (DENIAL, SSH, OURS)
    made = Site(with_rules(*before)).steps()
    assert made.server.now.rules == (OURS, DENIAL, SSH)
    told = "note: 9100 from 192.0.2.16 meets first: deny 9100/any from 0.0.0.0/0; the rule of ours comes after it, and is moved before it"
    assert told in made.said
    assert made.false() == {}
    assert set(made.false(undone=True)) == {"is_as_before"}
    assert made.undo().server.now.rules == before
    assert made.server.requests[1:] == ["allow 9100 192.0.2.16 node-exporter-for-serverF 3"]
    assert made.false(undone=True) == {}
    writes = made.writes
    assert made.undo().writes == writes


def test_an_undo_puts_a_moved_rule_behind_what_stood_before_it_though_others_have_come_and_gone() -> None:
    made = Site(with_rules(SSH, DENIAL, OURS)).steps()
    made.server.now = replace(made.server.now, rules=(HAND_MADE, *(one for one in made.server.now.rules if one != SSH)))
    assert made.undo().server.now.rules == (HAND_MADE, DENIAL, OURS)
    assert made.false(undone=True) == {}


def test_a_withdrawn_rule_that_a_denial_kept_from_working_comes_back_behind_it() -> None:
    old = OURS.replace("192.0.2.16", "192.0.2.99")
    made = Site(with_rules(DENIAL, old, OURS)).steps()
    assert made.server.now.rules == (OURS, DENIAL)
    assert made.undo().server.now.rules == (DENIAL, old, OURS)
    assert made.false(undone=True) == {}


def test_what_could_not_be_put_where_it_stood_is_not_moved() -> None:
    made = Site(with_rules(DENIAL, OURS))
    made.first.teach(files.hashes([FIREWALL.path]), f"{'0' * 64}  {FIREWALL.path}\0")
    with pytest.raises(Refused, match="this host could not put it back") as refused:
        made.steps()
    assert (made.writes, "opsbook provision-host serverA --as root" in refused.value.next) == (0, True)
    made = Site()
    made.first.teach(files.hashes([FIREWALL.path]), f"{'0' * 64}  {FIREWALL.path}\0")
    assert made.steps().false() == {}


SAMBA = tuple(f"allow {ports} 0.0.0.0/0 any 0.0.0.0/0 Samba - in" for ports in ("udp 137,138", "tcp 139,445"))


def test_what_ufw_would_not_put_where_it_stood_is_not_moved() -> None:
    made = Site(with_rules(*SAMBA, DENIAL, OURS, SSH))
    with pytest.raises(Refused, match="UFW could not put it back") as refused:
        made.steps()
    assert (made.writes, made.server.now.rules) == (0, (*SAMBA, DENIAL, OURS, SSH))
    assert refused.value.next == "ufw delete allow proto tcp from 192.0.2.16 to any port 9100    (as root, on the host)"


def test_behind_an_applications_rules_a_moved_rule_comes_back_where_ufw_goes() -> None:
    before = (*SAMBA, DENIAL, SSH, OURS)
    made = Site(with_rules(*before)).steps()
    assert made.undo().server.now.rules == before
    assert made.false(undone=True) == {}


def test_as_many_rules_as_can_be_moved_at_once_can_be_moved_back_at_once() -> None:
    denial, ports = "deny any any 0.0.0.0/0 any 192.0.2.13 in", range(7001, 7031)
    theirs = [comment(f"allow tcp {port} 0.0.0.0/0 any 192.0.2.13 in", "opsbook:open-for-serverB") for port in ports]
    before = (OURS, denial, *theirs, SSH)
    made = Site(with_rules(*before), entry=replace(A, openings=tuple(Opening(port, "serverB") for port in ports)))
    assert made.steps().server.now.rules.index(denial) == 31
    assert made.undo().server.now.rules == before
    assert made.false(undone=True) == {}


def test_the_undo_of_a_run_that_kept_no_order_still_brings_its_rules_back() -> None:
    old = OURS.replace("192.0.2.16", "192.0.2.99")
    made = Site(with_rules(DENIAL, SSH))
    made.host.keep(firewall_before=[True, "deny"], way_back=["allow 9100 192.0.2.99 node-exporter-for-serverF"])
    assert made.undo().server.now.rules == (old, DENIAL, SSH)
    assert made.false(undone=True) == {}


def test_a_rule_of_ours_for_a_former_scraper_is_withdrawn_and_an_undo_brings_it_back() -> None:
    old = OURS.replace("192.0.2.16", "192.0.2.99")
    made = Site(with_rules(old, SSH)).steps()
    assert made.server.now.rules == (OURS, SSH)
    assert made.undo().server.now.rules == (old, SSH)
    assert made.false(undone=True) == {}


def test_an_undo_takes_only_this_runs_rules_back() -> None:
    theirs = "allow tcp 9100 0.0.0.0/0 any 192.0.2.50 in"
    made = Site(with_rules(theirs, SSH)).steps()
    assert set(made.false(undone=True)) == {"is_as_before"}
    assert made.undo().server.now.rules == (theirs, SSH)
    assert made.false(undone=True) == {}
    writes = made.writes
    assert made.undo().writes == writes


OFF = "a rule keeps nobody out here"
REFUSALS = {
    OFF: (with_rules(SSH, active=False), A, "open-scrape-ports --enable serverA"),
    "a rule lets strangers in on port 9100": (
        with_rules("allow any 9100 0.0.0.0/0 any 0.0.0.0/0 in", SSH), A, "ufw delete allow from any to any port 9100"
    ),
    "UFW would replace a rule that is not ours": (
        with_rules("deny tcp 9100 0.0.0.0/0 any 192.0.2.16 in", SSH), A, "ufw delete deny proto tcp from 192.0.2.16 to any port 9100"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", list(REFUSALS))
def test_what_no_rule_of_ours_can_mend_is_refused_with_its_remedy(what: str) -> None:
    server, entry, remedy = REFUSALS[what]
    made = Site(server, entry)
    with pytest.raises(Refused, match=what) as refused:
        made.steps()
    assert remedy in refused.value.next
    assert made.writes == 0


def test_ipv6_without_a_guard_is_refused() -> None:
    made = Site()
    made.first.teach(files.read(DEFAULTS), "IPV6=no\n")
    with pytest.raises(Refused, match="UFW leaves IPv6 alone"):
        made.steps()


def test_without_a_stranger_nobody_could_tell() -> None:
    made = Site()
    made.host = replace(made.host, connect_peer=lambda role: made.peer(role if role != "stranger" else "nobody"))
    with pytest.raises(Refused, match="nobody can look from the place of the role stranger"):
        made.steps()


def test_ufw_is_turned_on_only_after_ssh_is_allowed_and_an_undo_turns_it_off_again() -> None:
    made = Site(with_rules(active=False, incoming=""), enable=True).steps()
    assert made.server.requests == ["ssh 22", "allow 9100 192.0.2.16 node-exporter-for-serverF", "enable 22 192.0.2.1"]
    assert "that this closes: 80" in made.said
    assert "change: turn UFW on, and deny what no rule lets in; by SSH 192.0.2.1 still gets in on port 22" in made.said
    assert "turn UFW on, open 9100 and nothing else" in made.titles
    assert made.false() == {}
    assert made.undo().server.now == Settings(rules=(), active=False, incoming="")
    assert made.false(undone=True) == {}


def test_ufw_stays_off_where_a_rule_keeps_our_ssh_out() -> None:
    made = Site(with_rules("allow tcp 22 0.0.0.0/0 any 203.0.113.0/24 in", active=False), enable=True)
    with pytest.raises(Refused, match=r"UFW would shut out SSH from 192\.0\.2\.1 on port 22") as refused:
        made.steps()
    assert "ufw prepend allow proto tcp from 192.0.2.1 to any port 22" in refused.value.next


def test_a_port_of_sshd_that_is_not_the_one_we_came_by_stays_open_too() -> None:
    server = with_rules(SSH, active=False)
    server.sshd = "listenaddress 0.0.0.0:22\nlistenaddress 0.0.0.0:2222\n"
    made = Site(server, enable=True).steps()
    assert made.server.requests[0] == "ssh 2222"


def opening(port: int = 9090) -> HostEntry:
    return replace(A, roles=("node", "docker"), openings=(Opening(port, "serverB"),))


def test_a_port_of_a_container_is_opened_before_dockers_own_rules() -> None:
    made = Site(entry=opening())
    teach_running(made, "0.0.0.0")
    made.steps()
    assert made.server.requests[-1] == "publish 9090 192.0.2.13"
    assert made.false() == {}
    assert made.undo().server.now == Settings()


def test_who_is_let_through_to_a_containers_port_and_no_longer_wanted_is_shut_out_again() -> None:
    made = Site(FakeServer(now=Settings(published=("9090 192.0.2.99", "5432 192.0.2.99"))), entry=opening())
    teach_running(made, "0.0.0.0")
    made.steps()
    assert (made.server.now.published, made.server.now.barred) == (("9090 192.0.2.13",), ("5432",))
    assert made.server.requests[-3:] == ["bar 5432", "unpublish 5432 192.0.2.99", "unpublish 9090 192.0.2.99"]
    assert made.false() == {}
    made.undo()
    assert (made.server.now.published, made.server.now.barred) == (("5432 192.0.2.99", "9090 192.0.2.99"), ())
    assert made.false(undone=True) == {}


def test_what_the_inventory_opens_no_more_is_told_withdrawn_and_brought_back_by_an_undo() -> None:
    before = (OURS, comment("allow tcp 9090 0.0.0.0/0 any 192.0.2.13 in", "opsbook:open-for-serverB"), OWN_SSH, HAND_MADE)
    made = Site(with_rules(*before))
    assert "still there: allow 9090/tcp from 192.0.2.13" in made.false()["only_these_may"].saw
    made.steps()
    assert (made.server.requests, made.server.now.rules) == (["withdraw 9090 192.0.2.13"], (OURS, OWN_SSH, HAND_MADE))
    assert "change: withdraw 9090 192.0.2.13" in made.said
    assert made.false() == {}
    assert set(made.undo().server.now.rules) == set(before)
    assert made.false(undone=True) == {}


def test_a_port_that_a_container_publishes_to_the_host_alone_cannot_be_opened() -> None:
    made = Site(entry=opening())
    teach_running(made, "127.0.0.1")
    with pytest.raises(Refused, match=r"(?s)no firewall rule can open port 9090.*publishes it on 127\.0\.0\.1 only") as refused:
        made.steps()
    assert '"192.0.2.12:9090:9090"' in refused.value.next
    assert made.writes == 0


def test_a_process_that_listens_on_loopback_cannot_be_opened_either() -> None:
    made = Site(entry=opening(25))
    teach_running(made, "0.0.0.0")
    with pytest.raises(Refused, match=r"what listens there listens on 127\.0\.0\.1 only"):
        made.steps()


def test_an_address_may_be_written_in_any_way_and_its_rule_is_known_again() -> None:
    named = replace(PEERS["scraper"], peer_address="2001:DB8:0::16")
    made = Site()
    made.host = replace(made.host, connect_peer=lambda role: fake_host(entry=named) if role == "scraper" else made.peer(role))
    made.steps()
    assert made.server.requests == ["allow 9100 2001:db8::16 node-exporter-for-serverF"]
    made.steps()
    assert len(made.server.requests) == 1


def test_on_the_scraper_itself_its_prometheus_comes_over_dockers_bridge() -> None:
    entry = replace(PEERS["scraper"], roles=("node", "scraper"), stack=STACK)
    made = Site(entry=entry)
    teach_containers(made.first, [inspected("prometheus")])
    made.first.teach(cmd("docker", "network", "inspect", "monitoring_default"), '[{"IPAM": {"Config": [{"Subnet": "172.18.0.0/16"}]}}]')
    made.host = replace(made.host, connect_peer=lambda role: made.host if role == "scraper" else made.peer(role))
    made.steps()
    assert made.server.requests == ["allow 9100 172.18.0.0/16 node-exporter-for-serverF"]


def test_a_scraper_that_is_known_by_name_is_resolved_on_the_host() -> None:
    made = Site()
    named = replace(PEERS["scraper"], peer_address="monitoring.example.org")
    made.host = replace(made.host, connect_peer=lambda role: fake_host(entry=named) if role == "scraper" else made.peer(role))
    made.first.teach(addresses_of("monitoring.example.org"), "192.0.2.16  STREAM monitoring.example.org\n")
    made.steps()
    assert made.server.requests == ["allow 9100 192.0.2.16 node-exporter-for-serverF"]
    made.first.teach(addresses_of("monitoring.example.org"), Result(2))
    made.host._remembered.clear()
    with pytest.raises(Refused, match="serverA knows no address of serverF"):
        made.steps()


def teach_running(made: Site, address: str) -> None:
    raw: dict[str, Any] = inspected("prometheus")
    raw["NetworkSettings"]["Ports"] = {"9090/tcp": [{"HostIp": address, "HostPort": "9090"}]}
    made.first.teach(running(), json.dumps([raw]))


def test_each_sentence_of_the_proof_is_red_where_its_effect_is_missing() -> None:
    made = Site().steps()
    made.server.now = replace(made.server.now, rules=(SSH,))
    assert set(made.false()) == {"only_these_may"}
    made = Site().steps()
    made.server.now = replace(made.server.now, incoming="allow")
    assert set(made.false()) == {"only_these_may"}
    made.seen["scraper", "192.0.2.12", 9100] = SILENT
    assert set(made.false()) == {"only_these_may", "these_get_through"}
    for answer in (ANSWERS, REFUSED):
        made = Site().steps()
        made.seen["stranger", "192.0.2.12", 9100] = answer
        assert set(made.false()) == {"strangers_get_silence"}
    made = Site().steps()
    made.server.shut_by = "allow tcp 22"
    assert set(made.false()) == {"a_new_login_gets_in"}


V6 = "2001:db8::12"


def by_ipv6() -> Site:
    made = Site().steps()
    made.first.teach(own_ipv6(), json.dumps([{"addr_info": [{"local": V6}]}]))
    return made


@pytest.mark.parametrize(("heard", "red"), [(SILENT, set()), (ANSWERS, {"strangers_get_silence"}), (REFUSED, {"strangers_get_silence"})])
def test_a_stranger_with_ipv6_dials_by_it_too(heard: Result, red: set[str]) -> None:
    made = by_ipv6()
    made.seen |= {("stranger", V6, 22): ANSWERS, ("stranger", V6, 9100): heard}
    assert set(made.false()) == red


def strangers(made: Site) -> Seen:
    return look_once(made.host, BOOK.from_outside[1], made.given)


def test_where_a_stranger_has_no_ipv6_the_hosts_own_rules_decide_and_that_is_said() -> None:
    made = by_ipv6()
    seen = strangers(made)
    assert seen.ok
    assert f"IPv6 was not seen from stranger: {V6} port 22 cannot be reached: Network is unreachable" in seen.saw
    assert "serverA's own rules for IPv6: no way to port 9100" in seen.saw


FOR_ALL_BY_IPV6 = "allow tcp 9100 ::/0 any ::/0 in"
OPENED_BY_HAND = FILTER6.replace("-A INPUT", "-A INPUT -p tcp --dport 9100 -j ACCEPT\n-A INPUT")


@pytest.mark.parametrize(("break_", "says"), [
    (lambda server: setattr(server, "now", Settings(rules=(FOR_ALL_BY_IPV6, OURS, SSH))), "allow 9100/tcp"),
    (lambda server: setattr(server, "filter6", OPENED_BY_HAND), "-j ACCEPT"),
    (lambda server: setattr(server, "filter6", "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"), "INPUT does not drop what no rule speaks of"),
])  # fmt: skip
def test_without_ipv6_at_the_stranger_what_opens_by_it_is_found(break_: Callable[[FakeServer], None], says: str) -> None:
    made = by_ipv6()
    break_(made.server)
    seen = strangers(made)
    assert (seen.ok, says in seen.saw, seen.next) == (False, True, "opsbook audit-security serverA"), seen


def test_an_ipv6_that_ufw_does_not_guard_is_no_closed_one() -> None:
    made = by_ipv6()
    made.first.teach(files.read(DEFAULTS), "IPV6=no\n")
    assert "no IPV6=yes" in strangers(made).saw


def test_what_is_told_to_do_next_is_not_what_was_just_done() -> None:
    made = Site().steps()
    made.seen["stranger", "192.0.2.12", 9100] = ANSWERS
    assert strangers(made).next == "opsbook audit-security serverA"


def test_silence_of_everything_proves_nothing() -> None:
    made = Site().steps()
    for nothing in (SILENT, NO_ROUTE, REFUSED):
        made.seen["stranger", "192.0.2.12", 22] = nothing
        seen = strangers(made)
        assert (seen.ok, "stranger cannot reach this host at all: its silence proves nothing" in seen.saw) == (False, True), seen
    made.seen["stranger", "192.0.2.12", 9100] = NO_ROUTE
    assert not strangers(made).ok


def test_where_the_host_is_heard_an_error_of_the_way_is_an_answer() -> None:
    made = Site().steps()
    made.seen["stranger", "192.0.2.12", 9100] = NO_ROUTE
    assert (strangers(made).ok, strangers(made).next) == (False, "")


def test_sshd_is_also_looked_for_where_we_have_found_it_ourselves() -> None:
    made = Site(entry=replace(A, address="192.0.2.12", port=2222)).steps()
    made.seen |= {("stranger", "192.0.2.12", 22): SILENT, ("stranger", "192.0.2.12", 2222): ANSWERS}
    assert strangers(made).ok
    elsewhere = Site(entry=replace(A, port=2222)).steps()
    elsewhere.seen |= made.seen
    assert not strangers(elsewhere).ok


def test_a_rule_that_lets_everybody_in_by_ipv6_is_refused_though_the_stranger_has_none() -> None:
    made = Site(with_rules(FOR_ALL_BY_IPV6, SSH))
    with pytest.raises(Refused, match="a rule lets strangers in on port 9100"):
        made.steps()


def test_a_change_that_shuts_us_out_is_taken_back_by_the_host() -> None:
    made = Site()
    made.server.shut_by = "allow tcp 9100"
    with pytest.raises(NotTrue, match="a new login gets in"):
        made.steps()
    assert made.server.now == Settings()
    assert made.undo().false(undone=True) == {}


def test_a_plan_tells_the_changes_and_makes_none() -> None:
    made = Site(plan=True).steps()
    assert (made.server.now, made.server.saved, made.writes) == (Settings(), None, 0)
    assert "change: allow 9100 192.0.2.16" in made.said


def test_what_a_killed_run_has_not_confirmed_does_not_pass_for_done() -> None:
    made = Site()
    made.server.saved, made.server.until = made.server.now, made.server.clock() + 60
    made.server.now = replace(made.server.now, rules=(OURS, SSH))
    with pytest.raises(Refused, match="waits to be confirmed"):
        made.steps()
    made.host.keep(firewall_before=[True, "deny"], way_back=["withdraw 9100 192.0.2.16"])      # adopted: it was our own
    made.steps()
    assert (made.server.saved, made.server.last.split()[1], made.false()) == (None, "confirmed", {})

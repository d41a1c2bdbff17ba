from __future__ import annotations

import pytest

from opsbook.privileged import FIREWALL
from opsbook.systems.root_view import Told
from opsbook.systems.ufw import Firewall, Rule, change, covers_ipv6, parse_firewall, parse_published

STATUS = """Status: active
Logging: on (low)
Default: deny (incoming), allow (outgoing), deny (routed)
New profiles: skip

To                         Action      From
--                         ------      ----
9100                       DENY IN     Anywhere
"""
# as UFW 0.36.2 wrote them for ten commands
FILES = """== /etc/ufw/user.rules
*filter
### tuple ### allow tcp 9100 0.0.0.0/0 any 10.78.5.13 in comment=6f7073626f6f6b3a6e6f64652d6578706f72746572
-A ufw-user-input -p tcp --dport 9100 -s 10.78.5.13 -j ACCEPT
### tuple ### deny any 9100 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### allow tcp 22 0.0.0.0/0 any 10.0.0.0/8 OpenSSH - in
### tuple ### deny any 23 0.0.0.0/0 any 0.0.0.0/0 in_eth0
### tuple ### limit tcp 24:26 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### route:allow any 22 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 out
### tuple ### allow any any 0.0.0.0/0 any 198.51.100.7 in
== /etc/ufw/user6.rules
### tuple ### allow tcp 9100 ::/0 any fd00::13 in comment=6f7073626f6f6b3a7636
"""
FOUND = parse_firewall({"ufw": Told(0, STATUS), "rule-files": Told(0, FILES)})


def test_rules_are_read_in_their_order_with_their_comments_and_without_what_is_passed_on() -> None:
    assert FOUND.rules[0] == Rule("allow", "tcp", "9100", "0.0.0.0/0", "10.78.5.13", "in", "opsbook:node-exporter")
    assert FOUND.rules[2] == Rule("allow", "tcp", "22", "0.0.0.0/0", "10.0.0.0/8", "in")
    assert FOUND.rules[-1] == Rule("allow", "tcp", "9100", "::/0", "fd00::13", "in", "opsbook:v6")
    assert len(FOUND.rules) == 9
    assert FOUND.denies


@pytest.mark.parametrize(("rule", "may"), [
    (Rule("allow", "tcp", "9090", "0.0.0.0/0", "192.0.2.1", "in", "opsbook:open-for-serverB"), True),
    (Rule("allow", "tcp", "9090", "0.0.0.0/0", "192.0.2.1", "in", "for the backup"), False),
    (Rule("allow", "tcp", "9090", "0.0.0.0/0", "192.0.2.1", "in", "opsbook: by hand"), False),
    (Rule("allow", "udp", "9090", "0.0.0.0/0", "192.0.2.1", "in", "opsbook:x"), False),
    (Rule("deny", "tcp", "9090", "0.0.0.0/0", "192.0.2.1", "in", "opsbook:x"), False),
    (Rule("allow", "tcp", "9090,9091", "0.0.0.0/0", "192.0.2.1", "in", "opsbook:x"), False),
    (Rule("allow", "tcp", "9090", "0.0.0.0/0", "192.0.2.1", "in_eth0", "opsbook:x"), False),
    (Rule("allow", "tcp", "22", "0.0.0.0/0", "0.0.0.0/0", "in", "opsbook:ssh"), False),
])  # fmt: skip
def test_only_a_rule_that_the_program_could_bring_back_is_withdrawn(rule: Rule, may: bool) -> None:
    assert rule.ours_to_withdraw is may


@pytest.mark.parametrize(
    ("port", "source", "open_"),
    [
        (9100, "10.78.5.13", True),         # our rule stands before the one that denies
        (9100, "10.78.5.14", False),
        (9100, "10.78.5.0/24", False),      # not all of the network
        (9100, "fd00::13", True),
        (9100, "fd00::14", False),
        (22, "10.1.2.3", True),             # by an application's rule for a network
        (22, "11.1.1.1", False),            # what goes out, or is passed on, lets nobody in
        (23, "198.51.100.7", False),        # denied on one network card
        (25, "192.0.2.1", True),            # within a range, limited
        (443, "192.0.2.1", True),
        (5432, "198.51.100.7", True),       # every port
        (5432, "192.0.2.1", False),
    ],
)
def test_the_first_rule_that_concerns_a_connection_decides(port: int, source: str, open_: bool) -> None:
    assert FOUND.lets_in(port, source) is open_


def test_a_rule_that_stands_after_one_that_denies_lets_nobody_in() -> None:
    turned = Firewall(active=True, incoming="deny", rules=(FOUND.rules[1], FOUND.rules[0]))
    assert not turned.lets_in(9100, "10.78.5.13")
    assert turned.own("9100 10.78.5.13")


def test_a_rule_tells_how_it_is_removed() -> None:
    assert FOUND.rules[1].delete == "ufw delete deny from any to any port 9100"
    assert FOUND.rules[0].delete == "ufw delete allow proto tcp from 10.78.5.13 to any port 9100"


def test_a_firewall_that_is_off_or_lets_everything_in_denies_nothing() -> None:
    off = parse_firewall({"ufw": Told(0, "Status: inactive\n"), "rule-files": Told(0, FILES)})
    assert (off.active, off.denies, off.state) == (False, False, "UFW is off")
    lax = parse_firewall({"ufw": Told(0, STATUS.replace("deny (incoming)", "allow (incoming)")), "rule-files": Told(0, "")})
    assert (lax.active, lax.denies) == (True, False)


def test_an_error_of_ufw_is_no_empty_list_of_rules() -> None:
    with pytest.raises(ValueError, match="ERROR: problem running"):
        parse_firewall({"ufw": Told(1, "ERROR: problem running"), "rule-files": Told(0, "")})


def test_a_change_goes_by_standard_input() -> None:
    wanted = change(["allow 9100 10.0.0.1 why", "enable 22 10.0.0.9"], "open it")
    assert (wanted.do, wanted.stdin) == (FIREWALL.run, "allow 9100 10.0.0.1 why\nenable 22 10.0.0.9\n")


PUBLISHED = """== /usr/sbin/iptables-save
:DOCKER-USER - [0:0]
-A DOCKER-USER -j OPSBOOK-DOCKER
-A DOCKER-USER -j RETURN
-A OPSBOOK-DOCKER -s 10.77.0.13/32 -p tcp -m conntrack --ctstate DNAT --ctorigdstport 9090 --ctdir ORIGINAL -j RETURN
-A OPSBOOK-DOCKER -p tcp -m conntrack --ctstate DNAT --ctorigdstport 9090 --ctdir ORIGINAL -j DROP
"""


def test_what_docker_lets_through_by_our_rules_is_read_and_counts_only_while_docker_asks_them() -> None:
    assert parse_published(Told(0, PUBLISHED)) == ("9090 10.77.0.13",)
    assert parse_published(Told(0, PUBLISHED.replace("-A DOCKER-USER -j OPSBOOK-DOCKER\n", ""))) == ()


def test_ipv6_is_covered_only_where_the_file_says_so() -> None:
    assert covers_ipv6("# UFW\nIPV6=yes\n")
    assert not covers_ipv6("IPV6=no\n")
    assert not covers_ipv6(None)
    assert not covers_ipv6("#IPV6=yes\n")

from __future__ import annotations

import pytest

from opsbook.systems.netfilter import lets_in_beside_ufw
from opsbook.systems.root_view import Told

GUARDED = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:ufw6-user-input - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-A INPUT -j ufw6-before-input
-A FORWARD -o docker0 -j ACCEPT
-A f2b-sshd -s 2001:db8::7/128 -j REJECT --reject-with icmp6-port-unreachable
-A f2b-sshd -j RETURN
-A ufw6-before-input -j ufw6-user-input
-A ufw6-user-input -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
"""


def found(text: str) -> tuple[str, ...]:
    return lets_in_beside_ufw(Told(0, text))


def test_where_only_ufw_decides_nothing_is_let_in_beside_it() -> None:
    assert found(GUARDED) == ()


@pytest.mark.parametrize(("old", "new", "says"), [
    (":INPUT DROP", ":INPUT ACCEPT", "INPUT does not drop"),
    ("-A INPUT -j ufw6-before-input\n", "", "UFW is not asked"),
    ("-A INPUT -j ufw6", "-A INPUT -p tcp -m tcp --dport 9100 -j ACCEPT\n-A INPUT -j ufw6", "--dport 9100 -j ACCEPT"),
    ("-A INPUT -i lo", "-A INPUT ! -i lo", "-A INPUT ! -i lo -j ACCEPT"),
    ("--ctstate REL", "! --ctstate REL", "! --ctstate RELATED,ESTABLISHED -j ACCEPT"),
    ("-A f2b-sshd -j RETURN", "-A f2b-sshd -j ACCEPT", "-A f2b-sshd -j ACCEPT"),
    ("-A f2b-sshd -j RETURN", "-A f2b-sshd -g INPUT", ""),
])  # fmt: skip
def test_what_lets_somebody_in_before_ufw_is_named(old: str, new: str, says: str) -> None:
    assert says in "".join(found(GUARDED.replace(old, new)))


def test_what_could_not_be_asked_is_not_closed() -> None:
    with pytest.raises(ValueError, match="could not be asked"):
        lets_in_beside_ufw(Told(1, "no such table"))

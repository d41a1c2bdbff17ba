"""How opsbook-firewall tells UFW where a rule shall stand: its own functions, on lists of rules as UFW keeps them."""

from __future__ import annotations

import re
import subprocess

import pytest

from opsbook.privileged import FIREWALL

SAMBA = [f"allow {ports} 0.0.0.0/0 any 0.0.0.0/0 Samba - in comment=61" for ports in ("udp 137,138", "tcp 139,445")]
DENIAL, SSH = "deny any 9100 0.0.0.0/0 any 0.0.0.0/0 in", "allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=61"
WEB = "allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 WWW - in"
SAMBA6 = [one.replace("0.0.0.0/0", "::/0") for one in SAMBA]
V6 = [one.replace("0.0.0.0/0", "::/0") for one in (DENIAL, SSH)]
REFUSED = 65


def where(address: str, number: str, v4: list[str], v6: list[str]) -> tuple[int, str]:
    """Return how the program's own `where` ends, and what it prints."""
    functions = [re.search(rf"^{name}\(\) {{.*?\n}}\n|^{name}\(\) {{[^\n]*}}\n", FIREWALL.text, re.DOTALL | re.MULTILINE)
                 for name in ("say", "refused", "where", "counted")]  # fmt: skip
    rules = 'rules() { if [[ $1 == *:* ]]; then printf %s "$v6"; else printf %s "$v4"; fi; }\n'
    program = "set -euo pipefail\n" + rules + "".join(found[0] for found in functions if found) + 'where "$1" "$2"\n'
    lists = {name: "".join(f"{one}\n" for one in kept) for name, kept in (("v4", v4), ("v6", v6))}
    env = {"PATH": "/usr/bin:/bin", **lists}
    done = subprocess.run(["bash", "-c", program, "where", address, number], env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip()


A, B = "192.0.2.1", "2001:db8::1"


@pytest.mark.parametrize(("address", "number", "v4", "v6", "told"), [
    (A, "", [DENIAL], [], (0, "prepend")),
    (A, "1", [], [], (0, "")),
    (A, "1", [DENIAL], [], (0, "insert 1")),
    (A, "2", [DENIAL], [], (0, "")),                                # the last comes by itself
    (A, "3", [*SAMBA, DENIAL, SSH], [], (0, "insert 3")),
    (A, "4", [*SAMBA, DENIAL, SSH], [], (REFUSED, "")),             # UFW: Invalid position '4'
    (A, "5", [*SAMBA, DENIAL, SSH], [], (0, "")),
    (A, "3", [WEB, DENIAL, SSH], [], (0, "insert 3")),
    (B, "2", [DENIAL, SSH], V6, (0, "insert 4")),
    (B, "2", [*SAMBA, DENIAL], V6, (0, "insert 4")),                # the 2 before it are for one application and the denial
    (B, "2", [DENIAL], [*SAMBA6, *V6], (0, "insert 3")),
    (B, "4", [DENIAL], [*SAMBA6, *V6], (REFUSED, "")),
])  # fmt: skip
def test_ufw_is_given_a_number_it_takes_or_none(address: str, number: str, v4: list[str], v6: list[str], told: tuple[int, str]) -> None:
    assert where(address, number, v4, v6) == told

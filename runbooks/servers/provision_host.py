"""Make a server one of ours.

When   a server is new, or half-made, or `opsbook doctor` says that its programs are not those of this opsbook.
Risk   severe: afterwards sshd takes keys only, and nobody as root; a new login must have succeeded before, and another one after.
Undo   opsbook undo RUN HOST --as USER removes what the run has made and puts back what it has replaced; it never removes a user that was
       there. USER must still get in: root by ssh does not any more, so then root's part is taken back on the host's console.

As root, or as another first user that sudo makes root without a password: --as root, --as debian. It makes the inventory's user of that
host, lets the key in, places the programs that do root's part, each with its request on standard input, and a sudoers file that allows
these and nothing else. Without --as, as the inventory's user, it only looks: where all is as it should be it says so, and else it names
what root must do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from opsbook.check import Seen, expect, look_once, so, title, within
from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves import meaning
from opsbook.moves.confirmed import GRACE
from opsbook.moves.provisioning import account, back, hardening, logins, rights
from opsbook.moves.provisioning.seat import admin, as_root, seat
from opsbook.runbook import PUBLIC_KEY
from opsbook.systems import sshd, sudo, users

ON = "any"
ANY_LOGIN = True
SHUTS_OUT = {"root": f"rm {sshd.FILE} && systemctl reload ssh"}      # the login that a run may come by, and what lets it in again
SHORTLY = 15        # seconds for sshd to read its settings anew


@dataclass(frozen=True)
class Params:
    """Whom to let in."""

    key: Annotated[str | None, PUBLIC_KEY, "public key to let in, a file or its text; the inventory's when not given"] = None

    def __post_init__(self) -> None:
        """Refuse what must stay at home."""
        if self.key and "PRIVATE KEY" in self.key:
            raise ValueError("--key takes the public key, never the private one")


def look(host: Host, p: Params) -> None:
    """Confirm that we may do root's part where it is needed, and that nothing would win over what we set."""
    wanted = account.key(host, p.key)
    if not seat(host).writes:
        expect_nothing_to_do(host, p)
        return
    if not host.read(sudo.is_installed()):
        raise Refused("this host has no sudo", next="apt-get install sudo    (as root, on the host)", host=host.name)
    if account.needs_docker(host) and not host.read(users.group_exists(account.DOCKER)):
        what = "the inventory says that Docker runs here, and there is no group docker"
        raise Refused(what, next="install Docker first, or take the role docker away in the inventory", host=host.name)
    expect_none(host, "other lines of sshd's files would win over ours", hardening.obstacles(host), "take them away, as root")
    if user := account.found(host):
        expect_none(host, f"sudo lets {admin(host)} do more than is meant", rights.too_much(host), "take that rule away, as root")
        lines = account.restricted(user, wanted)
        expect_none(host, "the key is let in with restrictions", lines, f"take the line out of {user.home}/{users.KEYS}")
    meaning.expect_same(host, str(wanted))
    back.remember(host)
    host.keep(key=str(wanted))


def expect_none(host: Host, what: str, lines: tuple[str, ...], remedy: str) -> None:
    """Refuse where there is something that we do not take away ourselves."""
    if lines:
        raise Refused(what, saw="\n".join(lines), next=remedy, host=host.name)


def expect_nothing_to_do(host: Host, p: Params) -> None:
    """Refuse where something is left to do: that takes root."""
    seen = [(title(check), look_once(host, check, p)) for check in MADE]
    wrong = [f"{sentence}: {one.saw}" for sentence, one in seen if not one.ok]
    if wrong:
        closed = f"(where {sshd.FILE} keeps root out, take it away on the host's console, or use another login that sudo makes root)"
        left = hardening.seconds_left(host)
        wait = f"in {left + GRACE} s, when the host has let root in again by itself: " if left else ""
        saw, fix = "\n".join([*wrong, closed]), f"{wait}{as_root(host, p.key)}"
        raise Refused("root has something to do here", saw=saw, next=fix, host=host.name)


def make_the_user(host: Host, p: Params) -> None:
    """Make the user of the inventory, with the groups that its roles ask for."""
    if not so(host, is_there, p):
        account.make(host)


def let_the_key_in(host: Host, p: Params) -> None:
    """Let the key in, and see to it that only the user may change that."""
    if not so(host, lets_the_key_in, p):
        account.let_in(host, account.key(host, p.key))


def place_the_programs(host: Host, p: Params) -> None:
    """Place the programs that do root's part."""
    if not so(host, programs_are_ours, p):
        rights.place_programs(host)


def allow_them(host: Host, p: Params) -> None:
    """Let sudo run them, once visudo has judged the file."""
    if not so(host, rules_are_ours, p):
        rights.place_rules(host)


def log_in_anew(host: Host, p: Params) -> None:
    """Log in anew as that user, before the other ways in are closed."""
    expect(host, gets_in, p)
    expect(host, may_do_what_is_meant, p)


def harden_sshd(host: Host, p: Params) -> None:
    """Close sshd for passwords and for root; the host takes it back unless a new login confirms it."""
    if not so(host, takes_keys_only, p):
        hardening.harden(host)


def is_there(host: Host, p: Params) -> Seen:
    """The user is there, in the group docker where its roles ask for it and only there."""
    return account.is_there(host)


def lets_the_key_in(host: Host, p: Params) -> Seen:
    """The key lets the user in, and nobody else may change that."""
    return account.lets_in(host, account.key(host, p.key))


def programs_are_ours(host: Host, p: Params) -> Seen:
    """The programs for root's part are those of this opsbook, and only root may change them."""
    return rights.programs_are_ours(host)


def rules_are_ours(host: Host, p: Params) -> Seen:
    """The sudoers file is that of this opsbook."""
    return rights.rules_are_ours(host)


def takes_keys_only(host: Host, p: Params) -> Seen:
    """sshd takes keys only, and nobody as root."""
    return hardening.takes_keys_only(host)


def gets_in(host: Host, p: Params) -> Seen:
    """A new login by key gets in."""
    return logins.gets_in(host)


def may_do_what_is_meant(host: Host, p: Params) -> Seen:
    """sudo lets the user run the programs for root's part, and nothing else."""
    return logins.may_do(host)


def reaches_docker(host: Host, p: Params) -> Seen:
    """Docker answers the user where the inventory says that it runs, and else the user is not in its group."""
    return logins.reaches_docker(host)


def look_back(host: Host, p: Params) -> None:
    """Confirm that nobody has changed since what would be taken away."""
    back.expect_ours(host)


def open_sshd(host: Host, p: Params) -> None:
    """Put sshd's file back as it was before."""
    back.open_sshd(host)


def take_the_rights(host: Host, p: Params) -> None:
    """Put the sudoers file and the programs back as they were before."""
    back.take_rights(host)


def take_the_user(host: Host, p: Params) -> None:
    """Remove the user, if this run has made it; else its key and group only."""
    back.take_user(host)


def is_as_before(host: Host, p: Params) -> Seen:
    """Files, user and keys are as they were before the run."""
    return back.is_as_before(host)


MADE = (is_there, lets_the_key_in, programs_are_ours, rules_are_ours, takes_keys_only)
STEPS = (look, make_the_user, let_the_key_in, place_the_programs, allow_them, log_in_anew, harden_sshd)
PROOF = (
    gets_in,
    is_there,
    lets_the_key_in,
    programs_are_ours,
    rules_are_ours,
    may_do_what_is_meant,
    reaches_docker,
    within(SHORTLY, takes_keys_only),
)
UNDO, UNDONE = (look_back, open_sshd, take_the_rights, take_the_user), (is_as_before,)

"""Caddy given a hash: in `.env` or in its Caddyfile, judged by its own image before, applied by what the change needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from opsbook.errors import Refused
from opsbook.host import Host, Write
from opsbook.moves.owing import owed
from opsbook.moves.password import env_text, front
from opsbook.moves.password.front import Front
from opsbook.moves.password.kept import HASH, KEYS, LOGIN, LOGINS, keep_texts, secret, texts
from opsbook.moves.password.users import CADDY, Users, Wanted
from opsbook.moves.pending import differing
from opsbook.shell import Secret, cmd
from opsbook.systems import files
from opsbook.systems.bcrypt_hash import LEAST, cost, fits, hashed
from opsbook.systems.caddyfile import with_hashes
from opsbook.systems.compose import compose
from opsbook.systems.inside import exec_
from opsbook.systems.password_text import tracked


def remember(host: Host, p: Wanted, one: Front, found: Mapping[int, str]) -> None:
    """Keep which logins and which keys of `.env` are to be changed, and how they are written now; raise Refused for a file of git's."""
    literal = [place for place in found if one.logins[place].variable is None]
    keys = front.env_keys(host, one, found)
    in_git = bool(host.read(tracked([one.path]))) if literal else False
    if in_git:
        _expect_leave(host, p, one)
    host.keep(**{KEYS: keys, LOGINS: literal})
    keep_texts(host, LOGIN, {str(place): one.logins[place].hash.text for place in literal})


def expect_nothing_else_to_come(host: Host) -> None:
    """Raise Refused where Compose would change more of Caddy than its hash: the one that is judged must be the one that comes."""
    mine = {f"environment {variable}" for variable in host.run.kept.get(KEYS, {})}
    reason = differing(host, CADDY) if mine else ""
    if reason and set(reason.removeprefix("differs in ").split(", ")) - mine:
        next_ = f"opsbook recreate-service {CADDY} {host.name}"
        raise Refused(f"{CADDY} would get more than the password", saw=f"it {reason}", next=next_, host=host.name)


def make_hash(found: Mapping[int, str], new: Secret, old: Secret) -> Secret:
    """Return a hash of the new password, as costly as those that it replaces; where it is the old one, the hash that is there."""
    before = set(found.values())
    if new == old and len(before) == 1 and fits(new, *before):
        return Secret(*before)
    return hashed(new, max((cost(one) or LEAST for one in before), default=LEAST))


def judge(host: Host, one: Front, who: Users, new: Secret) -> None:
    """Let Caddy's own image take the hash where it would stand; raise Refused where a site would not get it."""
    variables, literal = dict.fromkeys(host.run.kept.get(KEYS, {}), new.value), dict.fromkeys(_places(host), new.value)
    if literal:
        with front.beside(host, one, with_hashes(one.text, literal)) as mounts:
            then = front.accounts(host, one, variables, mounts)
    else:
        then = front.accounts(host, one, variables)
    known = {(account.site, account.user): account.hash for account in then}
    if missed := [site.name for site in who.sites if known.get((site.name, site.username or "")) != new.value]:
        raise Refused("Caddy would not let the new password in everywhere", saw=", ".join(missed), host=host.name)
    host.say(f"Caddy's image takes the new hash for {', '.join(site.name for site in who.sites)}")


def place_hash(host: Host, new: Secret, about: str) -> None:
    """Write the hash into `.env` and into the Caddyfile, wherever it is not there yet."""
    known = env_text.values(host)
    if late := [key for key in hash_keys(host) if known.get(key) != new.value]:
        env_text.change(host, dict.fromkeys(late, new.value), about)
    _place_logins(host, dict.fromkeys(_places(host), new.value), about)


def expect_way_back(host: Host) -> None:
    """Raise Refused where a hash of the Caddyfile is neither as it was nor ours: somebody else has changed it since."""
    old = _old_logins(host)
    if not old:
        return
    ours = secret(host, HASH).value
    if strange := front.strange(front.front(host), {place: (text, ours) for place, text in old.items()}):
        raise Refused("somebody has changed the Caddyfile since", saw=", ".join(strange), host=host.name)


def put_hash_back(host: Host) -> None:
    """Write the Caddyfile's hashes as they were."""
    _place_logins(host, _old_logins(host))


def apply(host: Host, title: str) -> None:
    """Let Caddy run with what is in `.env` and its Caddyfile: made anew, restarted or reloaded, whichever it needs; no other service is."""
    project, one = compose(host.stack), front.front(host)
    if hash_keys(host):
        with owed(host, f"bring-up-{CADDY}", project.up(CADDY, no_deps=True), about=title):
            host.write(project.up(CADDY, no_deps=True))
    elif one.alone:
        with owed(host, f"start-{CADDY}", project.start(CADDY), about=title):
            host.write(project.restart(CADDY))
    else:
        words = ("caddy", "reload", f"--config={one.config}", "--adapter=caddyfile")
        host.write(Write(exec_(one.container.id, *words), "let Caddy read its Caddyfile again", about=title))


def hash_keys(host: Host) -> list[str]:
    """Return the keys of `.env` that have the hash."""
    return sorted(set(host.run.kept.get(KEYS, {}).values()))


def _old_logins(host: Host) -> dict[int, str]:
    return {int(place): text for place, text in texts(host, LOGIN).items()}


def _places(host: Host) -> list[int]:
    found: list[int] = host.run.kept.get(LOGINS, [])
    return found


def _place_logins(host: Host, new: Mapping[int, str], about: str = "") -> None:
    if not new:
        return
    one = front.front(host)
    text = with_hashes(one.text, new)
    if text != one.text:
        host.write(replace(files.place(one.path, text), about=about))


def _expect_leave(host: Host, p: Wanted, one: Front) -> None:
    if p.edit_checkout:
        host.say(f"--edit-checkout: {one.path} gets the new hash here; commit the same to the config repo, or the next pull stops at it")
        return
    word = next(login.word for login in one.logins if login.variable is None)
    way = (
        f"better, in the config repo: write  {{$CADDY_ADMIN_HASH}}  in the place of the hash behind {word}, "
        f"CADDY_ADMIN_HASH: ${{CADDY_ADMIN_HASH}}  under environment of {CADDY} in the Compose file, "
        "and  CADDY_ADMIN_HASH='THE HASH'  into .env, in single quotes"
    )
    again = f"then run it again; or {cmd('opsbook', 'rotate-password', '--edit-checkout', host.name)}"
    raise Refused(f"the hash is written out in {one.path}, which git tracks", saw=way, next=again, host=host.name)

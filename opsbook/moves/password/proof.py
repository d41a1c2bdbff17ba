"""What holds when every place has the new password, and what holds when every place has the old one again."""

from __future__ import annotations

from collections.abc import Iterable

from opsbook.check import Seen
from opsbook.host import Host
from opsbook.inventory import Site
from opsbook.moves.password import env_text, grafana, kept, seats
from opsbook.moves.password.caddy import hash_keys
from opsbook.moves.password.front import front, strange
from opsbook.moves.password.users import Users
from opsbook.shell import Secret
from opsbook.systems import files
from opsbook.systems.bcrypt_hash import fits
from opsbook.systems.caddyfile import with_hashes
from opsbook.systems.dotenv import written

OTHERS = 0o077
PASSWORD, CADDYFILE = ".env", "the Caddyfile"


def remember_the_rest(host: Host, who: Users) -> None:
    """Keep how the values that will change are written, and a digest of all that will not."""
    now, mine = env_text.text(host), _keys(host, who)
    kept.keep_texts(host, kept.ENV, {key: text for key, text in written(now).items() if key in mine})
    kept.keep_texts(host, kept.REST, _digests(host, who))


def opens(host: Host, who: Users, password: Secret) -> Seen:
    """Return whether every site opens with the password."""
    return seats.all_answer(host, who.sites, password, seats.OK)


def refuses(host: Host, sites: Iterable[Site], password: Secret | None, other: Secret) -> Seen:
    """Return whether every site refuses the password; where it is the same as the other one there is nothing to refuse."""
    if password == other:
        return Seen(ok=True, saw="it is the same as before")
    return seats.all_answer(host, sites, password, seats.SHUT)


def grafana_takes(host: Host, who: Users, password: Secret, refused: Secret) -> Seen:
    """Return whether Grafana takes the one and refuses the other; a stack without it has nothing to show."""
    if who.grafana is None:
        return Seen(ok=True, saw="this stack has no Grafana with that password")
    return grafana.takes(host, who.grafana, password, refused)


def env_has(host: Host, who: Users, password: Secret) -> Seen:
    """Return whether `.env` has the password and a hash that fits, and only its owner may read it."""
    values, found = env_text.values(host), host.read(files.stat(env_text.path(host)))
    wrong = [key for key in hash_keys(host) if not fits(password, values.get(key, ""))]
    wrong += [who.key] if values.get(who.key) != password.value else []
    if wrong or found is None or found.mode & OTHERS:
        saw = f"{', '.join(wrong)}: not the right one" if wrong else f"mode {found.mode:04o}" if found else "no .env"
        return Seen(ok=False, saw=saw, next=f"ssh {host.name} ls -l {env_text.path(host)}")
    return Seen(ok=True, saw=", ".join((who.key, *hash_keys(host))))


def rest_is_the_same(host: Host, who: Users) -> Seen:
    """Return whether everything in the two files but these values is byte for byte what it was."""
    before = kept.texts(host, kept.REST)
    changed = [name for name, digest in _digests(host, who).items() if before.get(name) != digest]
    saw = f"changed besides: {', '.join(changed)}" if changed else ", ".join(before)
    return Seen(bool(before) and not changed, saw, next=f"ssh {host.name} git -C {host.stack.checkout} diff")


def sites_are_as_before(host: Host, who: Users, old: Secret, new: Secret) -> Seen:
    """Return whether the old password opens every site that it opened, and the new one none."""
    shut: list[str] = host.run.kept.get(kept.SHUT, [])
    opened = seats.all_answer(host, [site for site in who.sites if site.name not in shut], old, seats.OK)
    if not opened.ok or old == new:
        return opened
    let_in = [name for name, page in seats.pages(host, who.sites, new).items() if page.status == seats.OK]
    saw = f"the new one still opens {', '.join(let_in)}" if let_in else opened.saw
    return Seen(not let_in, saw + (f"; nobody could see {', '.join(shut)} before, either" if shut else ""), next=opened.next)


def texts_are_as_before(host: Host, who: Users) -> Seen:
    """Return whether `.env` and the Caddyfile are byte for byte what they were."""
    now, before = written(env_text.text(host)), kept.texts(host, kept.ENV)
    changed = [key for key, text in before.items() if now.get(key) != text]
    changed += strange(front(host), {int(place): (text,) for place, text in kept.texts(host, kept.LOGIN).items()})
    if changed:
        return Seen(ok=False, saw=f"not as before: {', '.join(changed)}", next=f"ssh {host.name} ls -l {env_text.path(host)}")
    return rest_is_the_same(host, who)


def _keys(host: Host, who: Users) -> set[str]:
    return {who.key, *hash_keys(host)}


def _digests(host: Host, who: Users) -> dict[str, str]:
    one, places = front(host), [int(place) for place in kept.texts(host, kept.LOGIN)]
    blank = with_hashes(one.text, dict.fromkeys(places, ""))
    return {PASSWORD: env_text.rest(env_text.text(host), _keys(host, who)), CADDYFILE: env_text.digest(blank)}

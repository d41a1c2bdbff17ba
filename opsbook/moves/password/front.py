"""How Caddy comes by the hash: which logins of its Caddyfile let people into which sites, and what stands in `.env` for them."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from opsbook.errors import CommandFailed, Refused
from opsbook.host import Host, Read
from opsbook.inventory import Site
from opsbook.moves.mounts import container_of, in_container, on_host
from opsbook.moves.password import env_text
from opsbook.moves.password.users import CADDY
from opsbook.shell import script
from opsbook.systems import files
from opsbook.systems.answers import nothing
from opsbook.systems.basic_auth import Account, accepted, adapted
from opsbook.systems.bcrypt_hash import BCRYPT, algorithm
from opsbook.systems.caddyfile import Login, logins, resolved
from opsbook.systems.compose import compose
from opsbook.systems.container import Container, Mount
from opsbook.systems.scratch import drop, scratch

# the folder is ours alone; the file is open to the container's user, which sees nothing else of it
CANDIDATE = 'umask 022; cat > "$1"'
T = TypeVar("T")
DEFAULT = "/etc/caddy/Caddyfile"


@dataclass(frozen=True)
class Front:
    """Caddy's container, and its Caddyfile on the host."""

    container: Container
    config: str                     # the Caddyfile's path in the container
    path: str                       # and on the host
    text: str = field(repr=False)

    @property
    def logins(self) -> tuple[Login, ...]:
        """Return every login of the Caddyfile."""
        return logins(self.text)

    @property
    def alone(self) -> bool:
        """Return whether the file is mounted by itself, so that Caddy goes on seeing the old one when it is replaced."""
        return in_container(self.container, self.path) in {mount.destination for mount in self.container.mounts}


def front(host: Host) -> Front:
    """Return it; raise Refused when Caddy does not run, or has its Caddyfile from its image."""
    found = container_of(host, CADDY)
    config = _config(found)
    path = on_host(found, config)
    text = host.read(files.read(path))
    if text is None:
        raise Refused(f"{path} is missing", next=f"opsbook bring-up {host.name}", host=host.name)
    return Front(found, config, path, text)


def accounts(host: Host, one: Front, env: Mapping[str, str] | None = None, mounts: Iterable[Mount] | None = None) -> tuple[Account, ...]:
    """Return whom Caddy would let in, with these variables besides its own; raise Refused where it could not run so."""
    wanted, seen = {**one.container.env, **(env or {})}, one.container.mounts if mounts is None else mounts
    return _judged(host, one, adapted(one.container, one.config, wanted, seen))


def expect_accepted(host: Host, one: Front) -> None:
    """Raise Refused where Caddy could not run its Caddyfile with its own variables and mounts."""
    _judged(host, one, accepted(one.container, one.config, one.container.env, one.container.mounts))


def _judged(host: Host, one: Front, question: Read[T]) -> T:
    try:
        return host.read(question)
    except CommandFailed as failed:
        what = f"Caddy could not run {one.path} so"
        raise Refused(what, saw=_last_line(failed.saw), next="mend it in the config repo", host=host.name) from None


@contextmanager
def beside(host: Host, one: Front, text: str) -> Iterator[tuple[Mount, ...]]:
    """Have another text in the place of the Caddyfile until the block ends; yield the mounts that show it to a container."""
    folder = host.read(scratch())
    try:
        path = posixpath.join(folder, "Caddyfile")
        host.read(Read(script(CANDIDATE, path), nothing, stdin=text))
        own = tuple(mount for mount in one.container.mounts if mount.destination != one.config)
        yield (*own, Mount("bind", path, one.config, writable=False))
    finally:
        host.clean(drop(folder))


def of_sites(host: Host, one: Front, sites: Iterable[Site], known: Iterable[Account]) -> dict[int, str]:
    """Return the logins behind these sites, by their place in the file, each with its hash of today; raise Refused for a site without."""
    known = tuple(known)
    return {place: hash_ for site in sites for place, hash_ in _of_site(host, one, site, known)}


def hashes_of(site: Site, known: Iterable[Account]) -> list[str]:
    """Return the hashes of the site's user."""
    return [account.hash for account in known if account.site == site.name and account.user == site.username]


def strange(one: Front, wanted: Mapping[int, Collection[str]]) -> list[str]:
    """Return where the Caddyfile's logins, by their place in it, have a hash that is none of these, or are gone."""
    now = {place: login.hash for place, login in enumerate(one.logins)}
    odd = [place for place, texts in wanted.items() if place not in now or now[place].text not in texts]
    return [f"line {now[place].line}" if place in now else "a login that is gone" for place in odd]


def sharing(found: Mapping[int, str], one: Front, known: Iterable[Account]) -> set[str]:
    """Return all names that these logins let people into."""
    users = {resolved(one.logins[place].user, one.container.env) for place in found}
    return {account.site for account in known if account.user in users and account.hash in set(found.values())}


def env_keys(host: Host, one: Front, places: Iterable[int]) -> dict[str, str]:
    """Return the variables that these logins take their hash from, each with its key in `.env`; raise Refused where that has none."""
    variables = sorted({variable for place in places if (variable := one.logins[place].variable)})
    given, known = host.recall(compose(host.stack).settings()).services[CADDY].environment, env_text.values(host)
    return {variable: _key(host, variable, given.get(variable), known) for variable in variables}


def _of_site(host: Host, one: Front, site: Site, known: Iterable[Account]) -> list[tuple[int, str]]:
    hashes = hashes_of(site, known)
    _expect_bcrypt(host, site, known)
    if not hashes:
        saw = f"Caddy asks for no password of {site.username} there"
        raise Refused(f"{site.name} has no basic auth", saw=saw, next="mend sites in the inventory: opsbook hosts", host=host.name)
    env = one.container.env
    meant = [(place, resolved(login.hash, env)) for place, login in enumerate(one.logins) if resolved(login.user, env) == site.username]
    found = [(place, hash_) for place, hash_ in meant if hash_ in hashes]
    if not found:
        saw = f"{one.path} has neither a hash nor {{$VARIABLE}} for {site.username}; an imported file or an argument of a snippet may"
        raise Refused(f"it cannot be seen where Caddy has the hash of {site.name} from", saw=saw, host=host.name)
    return found


def _expect_bcrypt(host: Host, site: Site, known: Iterable[Account]) -> None:
    mine = [account for account in known if account.site == site.name and account.user == site.username]
    names = {account.algorithm if account.algorithm != BCRYPT else algorithm(account.hash) for account in mine}
    if others := names - {BCRYPT}:
        what = f"the password of {site.name} is hashed by {', '.join(sorted(others))}, and only bcrypt hashes are made here"
        next_ = "in the config repo, let basic_auth name no algorithm, and give it a hash of  caddy hash-password --algorithm bcrypt"
        raise Refused(what, next=next_, host=host.name)


def _key(host: Host, variable: str, value: str | None, known: Mapping[str, str]) -> str:
    same = [key for key in known if known[key] == value]
    if value is None or not same:
        saw = f"its environment in the Compose file gives {variable} {'nothing' if value is None else 'a value of its own'}"
        next_ = f"write  {variable}: ${{{variable}}}  there, and the hash into .env in single quotes"
        raise Refused(f"the hash that Caddy has from {variable} does not come from .env", saw=saw, next=next_, host=host.name)
    return variable if variable in same else same[0]


def _config(container: Container) -> str:
    words = container.command
    for at, word in enumerate(words):
        if word.startswith("--config="):
            return word.partition("=")[2]
        if word in {"--config", "-c"} and at + 1 < len(words):
            return words[at + 1]
    return DEFAULT


def _last_line(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-3:])

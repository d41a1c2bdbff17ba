"""The present password: taken from `.env`, and proven at every place before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.inventory import Service, Site
from opsbook.moves.password import env_text, seats
from opsbook.moves.password.grafana import place
from opsbook.moves.password.kept import OLD, OLD_GRAFANA, SHUT
from opsbook.moves.password.users import Users, Wanted
from opsbook.shell import Secret
from opsbook.systems.bcrypt_hash import fits, is_hash

WHAT = "the present password"


def prove(host: Host, p: Wanted, who: Users, hashes: dict[str, str]) -> None:
    """Keep the password that opens the sites and Grafana now; raise Refused, with the way, where none that is known does.

    `hashes` are those of today by site: a wrong password is not sent anywhere, but to Grafana once.
    """
    known = list(_known(host, p, who.key))
    broken = tuple(site for site in who.sites if not is_hash(hashes[site.name]))
    whole = [hashes[site.name] for site in who.sites if site not in broken]
    right = next((one for one in known if all(fits(one, hash_) for hash_ in whole)), None)
    if right is None:
        raise _stale(host, who, ", ".join(site.name for site in who.sites))
    for site in broken:
        host.say(f"{site.name} lets nobody in: what Caddy has is no hash. In {env_text.path(host)} it wants single quotes; it is mended")
    host.keep(**{SHUT: [site.name for site in broken]})
    host.keep_secret(OLD, right)
    _expect_sites(host, [site for site in who.sites if site not in broken], right)
    if who.grafana is not None:
        host.keep_secret(OLD_GRAFANA, _of_grafana(host, who, who.grafana, known))


def _known(host: Host, p: Wanted, key: str) -> Iterator[Secret]:
    value = env_text.values(host).get(key)
    if not value:
        raise Refused(f"{env_text.path(host)} has no {key}", next="opsbook hosts", host=host.name)
    host.mask.learn([value])
    yield Secret(value)
    if p.old is not None:
        yield host.obtain(WHAT, p.old)


def _expect_sites(host: Host, sites: Iterable[Site], password: Secret) -> None:
    """Raise Refused where a site is open to everybody, or answers anything but its page: what came of a change could not be seen."""
    asked = tuple(sites)
    for wanted, given, what in ((seats.SHUT, None, "without a password"), (seats.OK, password, "with the present password")):
        seen = seats.all_answer(host, asked, given, wanted)
        if not seen.ok:
            raise Refused(f"not every site answers {wanted} {what}", saw=seen.saw, next=seen.next, host=host.name)


def _of_grafana(host: Host, who: Users, service: Service, known: Iterable[Secret]) -> Secret:
    """Return the password that opens Grafana; it locks a user out after a few wrong ones, so each is tried once."""
    grafana = place(host, service)
    for one in known:
        if host.read(grafana.whoami(service.username, one)) is not None:
            return one
    raise _stale(host, who, f"Grafana for {service.username}")


def _stale(host: Host, who: Users, where: str) -> Refused:
    return Refused(
        f"the password that {env_text.path(host)} has as {who.key} is not the one of {where}",
        next=f"opsbook rotate-password --old prompt {host.name}, with the one that works there",
        host=host.name,
    )

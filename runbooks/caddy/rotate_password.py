"""Change the admin password that Caddy, Grafana and .env share.

When   it is due, or somebody who knew it has left; every site and Grafana see the same password before and after.
Risk   severe: Caddy starts anew, so all public sites are away for seconds; a failure half-way puts the old password back everywhere.
Undo   by itself when something fails, or `opsbook undo` until it is proven; a proven rotation has forgotten the old one: run it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from opsbook.check import Seen, expect, so, within
from opsbook.errors import CommandFailed
from opsbook.host import Host
from opsbook.moves import neighbours, new_password, preflight, services
from opsbook.moves.password import caddy, clients, env_text, front, grafana, kept, old, proof
from opsbook.moves.password.kept import HASH, NEW, OLD, OLD_GRAFANA, secret
from opsbook.moves.password.users import CADDY, GRAFANA, users
from opsbook.moves.patience import settle
from opsbook.runbook import KEPT_SECRET, TAKER

ON = "caddy"
WHAT = "the new password"
LOGGED = 30     # lines of a log that explain a failure


@dataclass(frozen=True)
class Params:
    """Where the new password comes from and goes to; it is never an argument."""

    new: Annotated[str, KEPT_SECRET, "generate, prompt (twice), - (standard input), or a file that only you can read"] = "generate"
    to: Annotated[str, TAKER, "where a generated one goes: terminal, a new FILE, or '!COMMAND' of a secret manager"] = "terminal"
    old: Annotated[str | None, KEPT_SECRET, "the present one where .env is stale: prompt, -, or a file"] = None
    key: Annotated[str | None, "its key in .env, where the sites have several"] = None
    edit_checkout: Annotated[bool, "edit a hash that is written out in a Caddyfile of the checkout"] = False


def look(host: Host, p: Params) -> None:
    """Find every place of the password, and prove that the present one opens them all."""
    who = users(host, p)
    services.expect_own_project(host)
    preflight.expect_private_env(host)
    if host.kept_secret(NEW) is not None:
        host.say("the new password is on record: it is neither made nor asked for again")
        return
    env_text.expect_once(host, [who.key])
    neighbours.remember(host, CADDY)
    one = front.front(host)
    known = front.accounts(host, one)
    found = front.of_sites(host, one, who.sites, known)
    caddy.remember(host, p, one, found)
    env_text.expect_once(host, caddy.hash_keys(host))
    caddy.expect_nothing_else_to_come(host)
    old.prove(host, p, who, {site.name: hash_ for site in who.sites for hash_ in front.hashes_of(site, known)})
    proof.remember_the_rest(host, who)
    if sharing := front.sharing(found, one, known) - {site.name for site in who.sites}:
        host.say(f"these sites have the same hash, and change with the others: {', '.join(sorted(sharing))}")
    clients.name_them(host, secret(host, OLD))


def vet(host: Host, p: Params) -> None:
    """Take the new password, make its hash, and let Caddy's own image judge it."""
    who, one = users(host, p), front.front(host)
    new = new_password.take(host, WHAT, p, host.kept_secret(NEW))
    host.keep_secret(NEW, new)
    if host.kept_secret(HASH) is None:
        found = front.of_sites(host, one, who.sites, front.accounts(host, one))
        host.keep_secret(HASH, caddy.make_hash(found, new, secret(host, OLD)))
    caddy.judge(host, one, who, secret(host, HASH))


def write_the_hash(host: Host, p: Params) -> None:
    """Write the hash to where Caddy has it from."""
    who = users(host, p)
    places = [site.name for site in who.sites] + (["Grafana"] if who.grafana else [])
    caddy.place_hash(host, secret(host, HASH), f"change the password {who.key} of {', '.join(places)}")


def bring_caddy_to_it(host: Host, p: Params) -> None:
    """Let Caddy run with the new hash, and see every site open with the new password."""
    if not so(host, the_new_password_opens_every_site, p):
        caddy.apply(host, "give Caddy the new hash")
        expect(host, within(settle, the_new_password_opens_every_site), p)


def tell_grafana(host: Host, p: Params) -> None:
    """Give Grafana the new password."""
    service = users(host, p).grafana
    if service is None:
        host.say("this stack has no Grafana with that password")
        return
    new, before = secret(host, NEW), secret(host, OLD_GRAFANA)
    if (host.run.kept.get(kept.SENT_GRAFANA) or new == before) and grafana.opens(host, service, new):
        host.say("already so: Grafana takes the new password", already=True)
        return
    host.keep(**{kept.SENT_GRAFANA: True})
    grafana.give(host, service, before, new)


def write_the_password(host: Host, p: Params) -> None:
    """Write the password into .env."""
    key, new = users(host, p).key, secret(host, NEW).value
    if env_text.values(host).get(key) != new:
        env_text.change(host, {key: new})


def without_a_password_every_site_is_shut(host: Host, p: Params) -> Seen:
    """Without a password every site answers 401."""
    return proof.refuses(host, users(host, p).sites, None, secret(host, NEW))


def the_old_password_opens_no_site(host: Host, p: Params) -> Seen:
    """The old password opens no site: 401."""
    return proof.refuses(host, users(host, p).sites, secret(host, OLD), secret(host, NEW))


def the_new_password_opens_every_site(host: Host, p: Params) -> Seen:
    """The new password opens every site: 200."""
    return proof.opens(host, users(host, p), secret(host, NEW))


def grafana_takes_the_new_password(host: Host, p: Params) -> Seen:
    """Grafana takes the new password, and neither the old one nor none."""
    who = users(host, p)
    return proof.grafana_takes(host, who, secret(host, NEW), host.kept_secret(OLD_GRAFANA) or secret(host, OLD))


def env_has_the_new_password(host: Host, p: Params) -> Seen:
    """.env has the new password and a hash of it, for its owner alone."""
    return proof.env_has(host, users(host, p), secret(host, NEW))


def nothing_else_changed(host: Host, p: Params) -> Seen:
    """Nothing else in .env and in the Caddyfile changed."""
    return proof.rest_is_the_same(host, users(host, p))


def caddy_is_healthy(host: Host, p: Params) -> Seen:
    """Caddy is healthy."""
    return services.is_healthy(host, CADDY)


def caddy_does_not_restart(host: Host, p: Params) -> Seen:
    """Caddy does not restart while it is watched."""
    return services.restart_count_is_stable(host, CADDY)


def others_are_untouched(host: Host, p: Params) -> Seen:
    """The other services ran on."""
    return neighbours.are_untouched(host)


def the_operator_has_the_new_password(host: Host, p: Params) -> Seen:
    """The operator has the new password."""
    return new_password.hand_over(host, WHAT, p, secret(host, NEW))


def put_the_texts_back(host: Host, p: Params) -> None:
    """Write .env and the Caddyfile as they were."""
    kept.expect_old(host)
    caddy.expect_way_back(host)         # all files are judged before the first is written
    ours = {key: secret(host, HASH).value for key in caddy.hash_keys(host)}
    env_text.put_back(host, kept.texts(host, kept.ENV), {**ours, users(host, p).key: secret(host, NEW).value})
    caddy.put_hash_back(host)


def bring_caddy_back(host: Host, p: Params) -> None:
    """Let Caddy run with the old hash."""
    if not so(host, the_old_password_opens_what_it_did, p):
        caddy.apply(host, "give Caddy the old hash")


def put_grafana_back(host: Host, p: Params) -> None:
    """Give Grafana the old password again, and start it where it went away."""
    service = users(host, p).grafana
    if service is None:
        return
    grafana.bring_back(host, service)
    if not host.run.kept.get(kept.SENT_GRAFANA):
        return
    new, before = secret(host, NEW), secret(host, OLD_GRAFANA)
    if grafana.opens(host, service, new):
        grafana.give(host, service, new, before)
    elif not grafana.opens(host, service, before):
        raise CommandFailed("Grafana takes neither the old password nor the new one", next=f"opsbook logs {GRAFANA} {host.name}")


def the_old_password_opens_what_it_did(host: Host, p: Params) -> Seen:
    """The old password opens every site that it did, and the new one none."""
    return proof.sites_are_as_before(host, users(host, p), secret(host, OLD), secret(host, NEW))


def grafana_takes_the_old_password(host: Host, p: Params) -> Seen:
    """Grafana takes the old password, and neither the new one nor none."""
    return proof.grafana_takes(host, users(host, p), host.kept_secret(OLD_GRAFANA) or secret(host, OLD), secret(host, NEW))


def the_files_are_as_before(host: Host, p: Params) -> Seen:
    """.env and the Caddyfile are byte for byte as before."""
    return proof.texts_are_as_before(host, users(host, p))


def what_caddy_logged(host: Host, p: Params) -> str:
    """The last lines of Caddy's log."""
    return services.last_words(host, CADDY, LOGGED)


def what_grafana_logged(host: Host, p: Params) -> str:
    """The last lines of Grafana's log."""
    return services.last_words(host, GRAFANA, LOGGED)


NOT_COMPARED = ("to",)      # a run whose handing over failed goes on with another one
STEPS = (look, vet, write_the_hash, bring_caddy_to_it, tell_grafana, write_the_password)
PROOF = (
    within(settle, the_new_password_opens_every_site),
    the_old_password_opens_no_site,
    without_a_password_every_site_is_shut,
    grafana_takes_the_new_password,
    env_has_the_new_password,
    nothing_else_changed,
    within(settle, caddy_is_healthy),
    caddy_does_not_restart,
    others_are_untouched,
)
FROM_OUTSIDE = (the_operator_has_the_new_password,)
UNDO = (put_the_texts_back, bring_caddy_back, put_grafana_back)
UNDONE = (
    within(settle, the_old_password_opens_what_it_did),
    grafana_takes_the_old_password,
    the_files_are_as_before,
    within(settle, caddy_is_healthy),
)
EVIDENCE = (what_caddy_logged, what_grafana_logged)

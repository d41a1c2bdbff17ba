"""Give one service a new password of its own, in its web.yml.

When   its password is due, or somebody has it who should not; for a service that asks for one by itself (exporter-toolkit).
Risk   mild: a service whose web.yml is mounted alone restarts; whoever logs in there and is not of this stack stands outside.
Undo   by itself where the proof fails; a proven run keeps no old password: run it again, with --new prompt.

The hash in web.yml, the key of .env and the files of the stack that hold the password change together. The new one is taken from
--new (generate, prompt, - or a file); a generated one is given to --to (terminal, a new file, or !COMMAND) when all of it is proven.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from opsbook.check import Seen, all_of, expect, so, within
from opsbook.counted import counted
from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves import neighbours, new_password, one_service, preflight
from opsbook.moves.patience import settle, settle_and_scrape
from opsbook.moves.pending import differing
from opsbook.moves.web_auth import clients, edits, effect, judging
from opsbook.moves.web_auth.target import OK, UNAUTHORIZED, Target, env_path, find, knock, text_of
from opsbook.runbook import KEPT_SECRET, SERVICE, TAKER
from opsbook.shell import Secret
from opsbook.systems import bcrypt_hash, dotenv
from opsbook.systems.web_config import parse_web_config, with_hash

ON = "stack"
OLD, NEW = "old password", "new password"


@dataclass(frozen=True)
class Params:
    """Whose password, where the new one comes from, and who gets it."""

    service: Annotated[str, SERVICE, "the service whose web.yml gets a new hash"]
    new: Annotated[str, KEPT_SECRET, "generate, prompt, - (one line of standard input), or a file"] = "generate"
    to: Annotated[str, TAKER, "where a generated one goes: terminal, a file that is made 0600, or !COMMAND, on its stdin"] = "terminal"
    edit_checkout: Annotated[bool, "also change files that git tracks; the edit wants to be committed"] = False


def look(host: Host, p: Params) -> None:
    """Confirm that the service asks for a password, and that the one of .env opens it."""
    preflight.expect_private_env(host)
    target = find(host, p.service)
    host.say(f"{p.service} reads {target.path}, which is {target.file} on the host; {target.user} logs in with {target.key} of .env")
    effect.remember(host, target)
    if host.kept_secret(NEW) is not None:
        host.say("the new password is on record from the run that goes on")
        return
    if (code := knock(host, target.service, None)) != UNAUTHORIZED:
        saw, fix = f"without credentials {target.service.probe} gave status {code}", f"opsbook logs {p.service} {host.name}"
        raise Refused(f"{p.service} does not ask for a password", saw=saw, next=fix, host=host.name)
    if (code := knock(host, target.service, current(host, target))) != OK:
        saw, fix = f"with it {target.service.probe} gave status {code}", f"write the right one into {env_path(host)} (on {host.name})"
        raise Refused(f"{target.key} of .env does not open {p.service}", saw=saw, next=fix, host=host.name)


def vet(host: Host, p: Params) -> None:
    """Take the new password, find who uses the old one, and let promtool judge the new web.yml."""
    target = find(host, p.service)
    new = new_password.take(host, handed(p), p, host.kept_secret(NEW))
    if host.kept_secret(NEW) is None:
        prepare(host, target, new, edit_checkout=p.edit_checkout)
    if edits.state(host, target.file) == edits.OLD:
        judging.judge(host, target, edits.new_text(host, target.file))


def prepare(host: Host, target: Target, new: Secret, *, edit_checkout: bool) -> None:
    """Decide what every file will say, before the first of them changes."""
    old = current(host, target)
    if new == old:
        raise Refused("the new password is the old one", saw=f"{target.key} of .env", next="give another one", host=host.name)
    found = clients.find(host, target, old, new)
    clients.expect_in_reach(host, found, edit_checkout=edit_checkout)
    hashed = bcrypt_hash.hashed(new, bcrypt_hash.cost(target.hash) or bcrypt_hash.LEAST)
    env = text_of(host, env_path(host))
    texts = {
        target.file: (target.text, with_hash(target.text, target.path, target.user, hashed.value)),
        env_path(host): (env, dotenv.replaced(env, {target.key: new.value})),
        **found.texts,
    }
    remember_others(host, target, tuple(found.texts))
    host.keep_secret(OLD, old)
    host.keep_secret("hash", hashed)
    edits.plan(host, texts)
    host.keep_secret(NEW, new)      # the last: from here on a rerun has all that it needs


def remember_others(host: Host, target: Target, paths: tuple[str, ...]) -> None:
    """Keep how the services fare that this run leaves alone; tell, and vet, those that it makes anew."""
    anew = clients.by_environment(host, target.key)
    for service in anew:
        host.say(f"has the password in its settings, and is made anew: {service}")
        if reason := differing(host, service):
            fix = f"opsbook recreate-service {service} {host.name}"
            raise Refused(f"{service} would get more than the password", saw=f"it {reason}", next=fix, host=host.name)
    restarted = [name for name, one in clients.readers(host, paths).items() if clients.needs_start(one, paths)]
    neighbours.remember(host, target.service.name, *anew, *restarted)


def change_the_hash(host: Host, p: Params) -> None:
    """Put the new hash into web.yml, and let the service see it."""
    target = find(host, p.service)
    edits.write(host, target.file, f"change the password of {p.service} for everybody: in {', '.join(edits.paths(host))}")
    if not so(host, lets_the_new_one_in, p):
        effect.restart_service(host, target)
    expect(host, within(settle, lets_the_new_one_in), p)


def change_the_clients(host: Host, p: Params) -> None:
    """Put the new password into .env and into the files of those who log in with it."""
    target = find(host, p.service)
    for path in edits.paths(host):
        if path != target.file:
            edits.write(host, path)


def tell_the_clients(host: Host, p: Params) -> None:
    """Let those who log in with it read their files again."""
    effect.recreate(host)
    effect.read_again(host, find(host, p.service))


def lets_the_new_one_in(host: Host, p: Params) -> Seen:
    """The service lets the new password in."""
    return effect.opens(host, find(host, p.service), host.kept_secret(NEW))


def turns_strangers_away(host: Host, p: Params) -> Seen:
    """Whoever brings no password is turned away."""
    return effect.refuses(host, find(host, p.service), None)


def turns_the_old_one_away(host: Host, p: Params) -> Seen:
    """The old password is turned away."""
    old = host.kept_secret(OLD)
    return effect.refuses(host, find(host, p.service), old) if old else Seen(ok=False, saw="the old password is not on record any more")


def env_has_the_new_one(host: Host, p: Params) -> Seen:
    """The new password is in .env, under the key that the inventory names."""
    return effect.env_says(host, find(host, p.service), host.kept_secret(NEW))


def nothing_else_changed(host: Host, p: Params) -> Seen:
    """In web.yml the hash is the new password's, and in no file did anything else change."""
    target, new = find(host, p.service), host.kept_secret(NEW)
    odd = [f"{path}: {found}" for path in edits.paths(host) if (found := edits.state(host, path)) != edits.NEW]
    if new is None or not bcrypt_hash.fits(new, parse_web_config(target.text, target.path).users[target.user]):
        odd.append(f"{target.file}: the hash of {target.user} is not the new password's")
    return Seen(bool(edits.paths(host)) and not odd, saw="\n".join(odd) or counted(len(edits.paths(host)), "file"))


def clients_get_in(host: Host, p: Params) -> Seen:
    """Prometheus gets in with the new password, wherever it did with the old one."""
    return effect.clients_get_in(host, find(host, p.service))


def operator_has_the_new_one(host: Host, p: Params) -> Seen:
    """The operator has the new password."""
    new = host.kept_secret(NEW)
    if new is None:
        return Seen(ok=False, saw="it is not on record any more")
    return new_password.hand_over(host, handed(p), p, new)


def put_the_files_back(host: Host, p: Params) -> None:
    """Put the old hash and the old password back into the files that this run has changed."""
    edits.expect_way_back(host)
    edits.put_back(host)


def let_them_read_again(host: Host, p: Params) -> None:
    """Let the service and those who log in there read the old files again."""
    if not all_of(host, p, lets_the_old_one_in, turns_the_new_one_away).ok:
        effect.restart_service(host, find(host, p.service))
        expect(host, within(settle, lets_the_old_one_in), p)
    tell_the_clients(host, p)


def lets_the_old_one_in(host: Host, p: Params) -> Seen:
    """The service lets the old password in."""
    old = host.kept_secret(OLD)
    return effect.opens(host, find(host, p.service), old) if old else Seen(ok=False, saw="the old password is not on record any more")


def turns_the_new_one_away(host: Host, p: Params) -> Seen:
    """The new password is turned away."""
    new = host.kept_secret(NEW)
    return effect.refuses(host, find(host, p.service), new) if new else Seen(ok=False, saw="the new password is not on record any more")


def files_are_as_before(host: Host, p: Params) -> Seen:
    """Every file is byte for byte as before."""
    odd = [f"{path}: {found}" for path in edits.paths(host) if (found := edits.state(host, path)) != edits.OLD]
    return Seen(bool(edits.paths(host)) and not odd, saw="\n".join(odd) or counted(len(edits.paths(host)), "file"))


def current(host: Host, target: Target) -> Secret:
    """Return the password that .env has now; raise Refused without one."""
    value = (host.read(dotenv.env_file(env_path(host))) or {}).get(target.key)
    if not value:
        fix = f"write the one that {target.service.name} takes now there (on {host.name})"
        raise Refused(f"{env_path(host)} has no {target.key}", next=fix, host=host.name)
    host.mask.learn([value])
    return Secret(value)


def handed(p: Params) -> str:
    """Return what the operator is given, in words."""
    return f"the new password of {p.service}"


NOT_COMPARED = ("to",)      # a run whose handing over failed goes on with another one
STEPS = (look, vet, change_the_hash, change_the_clients, tell_the_clients)
PROOF = (
    within(settle, lets_the_new_one_in),
    turns_strangers_away,
    turns_the_old_one_away,
    env_has_the_new_one,
    nothing_else_changed,
    within(settle_and_scrape, clients_get_in),
    within(settle, one_service.is_healthy),
    one_service.does_not_restart,
    one_service.others_are_untouched,
)
FROM_OUTSIDE = (operator_has_the_new_one,)
UNDO = (put_the_files_back, let_them_read_again)
UNDONE = (
    within(settle, lets_the_old_one_in),
    turns_the_new_one_away,
    files_are_as_before,
    within(settle_and_scrape, clients_get_in),
    within(settle, one_service.is_healthy),
)
EVIDENCE = (one_service.what_it_logged,)

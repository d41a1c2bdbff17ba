from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from opsbook.check import look_once
from opsbook.errors import CommandFailed, NothingToUndo, NotTrue, Refused, UsageError
from opsbook.host import Host, Result
from opsbook.shell import Secret
from opsbook.systems.bcrypt_hash import fits, hashed
from opsbook.systems.dotenv import parse_env
from tests.fake import a_run
from tests.runbooks.caddy.fake_town import CADDYFILE, ENV, GRAFANA, HOSTS, LITERAL, OLD, OLD_HASH, SITES, TEXT, TOWN, VARIABLE, FakeTown
from tests.runbooks.checkout_site import book
from tests.runbooks.stack_site import Site

NEW = "the-new-password"
KEY, HASH = "GRAFANA_ADMIN_PASSWORD", "CADDY_ADMIN_HASH"


@dataclass
class Operator:
    """Gives one secret whatever is asked, and remembers what came back."""

    secret: str = NEW
    asked: list[str] = field(default_factory=list)
    got: list[tuple[str, str]] = field(default_factory=list)

    def obtain(self, what: str, source: str) -> Secret:
        self.asked.append(source)
        return Secret(self.secret)

    def may_hand_over(self, what: str, to: str, secret: Secret | None) -> None:
        if to == "/nowhere":
            raise Refused("it cannot be made")

    def hand_over(self, what: str, secret: Secret, to: str) -> None:
        self.got.append((secret.value, to))


@dataclass
class Town(Site):
    """The runbook in such a town, with its operator."""

    name: str = "rotate-password"
    here: FakeTown = field(default_factory=FakeTown)
    operator: Operator = field(default_factory=Operator)

    @property
    def host(self) -> Host:
        return replace(super().host, hands=self.operator)

    def password(self) -> dict[str, bool]:
        """Return where the new password works, and the old one does not."""
        values = parse_env(self.here.files[ENV])
        pages = [self.here._page(f'url = "https://{site.name}:443/"\nuser = "admin:{NEW}"\n') for site in SITES]
        in_env = values[KEY] == NEW and fits(Secret(NEW), values[HASH])
        return {"sites": pages == [200, 200], "grafana": self.here.grafana == NEW, "env": in_env}


def town(here: FakeTown | None = None, *, plan: bool = False, **params: Any) -> Town:
    return Town(params=params, here=here or FakeTown(), run=a_run(plan=plan))


def literal(**settings: Any) -> FakeTown:
    return FakeTown(files={ENV: TEXT, CADDYFILE: LITERAL}, **settings)


def as_before(made: Town) -> bool:
    return (made.here.files[ENV], made.here.grafana, made.false(undone=True)) == (TEXT, OLD, {})


def test_every_place_gets_the_new_password_and_nothing_else_changes() -> None:
    made = town().steps()
    assert made.password() == {"sites": True, "grafana": True, "env": True}
    assert made.false() == {}
    quoted = parse_env(made.here.files[ENV])[HASH]
    assert made.here.files[ENV] == TEXT.replace(OLD, NEW).replace(OLD_HASH, quoted)
    assert made.here.files[CADDYFILE] == VARIABLE


def test_caddy_comes_first_then_grafana_then_the_password_in_env() -> None:
    titles = [title for title in town().steps().changes if "vanish" not in title]
    assert titles == [f"write {ENV}", "bring up caddy", "give admin the password in Grafana", f"write {ENV}"]


def test_the_operator_is_asked_about_what_will_change_not_about_a_file() -> None:
    about = town().steps().guard.writes[0].about
    assert about == f"change the password {KEY} of prometheus.example, alertmanager.example, Grafana"


def test_a_plan_shows_the_way_and_changes_nothing() -> None:
    made = town(plan=True).steps()
    assert made.changes == []
    assert made.operator.asked == []
    for step in ("take the new password from a generator", "bring up caddy", "give admin the password in Grafana"):
        assert step in made.said
    assert made.here.files == {ENV: TEXT, CADDYFILE: VARIABLE}


def test_passwords_are_never_part_of_a_command_or_of_what_is_said() -> None:
    made = town().steps()
    made.undo()
    for text in ("\n".join(made.here.asked), made.said, repr(made.events), repr(made.run.kept), *made.changes):
        assert [secret for secret in (OLD, NEW, OLD_HASH, *made.run.secrets.values()) if secret in text] == []


@pytest.mark.parametrize("stop", range(2, 7))
def test_killed_after_any_step_a_rerun_goes_on_with_the_same_password(stop: int) -> None:
    made = town()
    host = made.host
    for step in book(made.name).steps[:stop]:
        step(host, made.given)
    made.operator.secret = "another-password"
    made.steps()
    assert made.operator.asked == ["generate"]
    assert made.password() == {"sites": True, "grafana": True, "env": True}
    assert made.false() == {}


def test_a_rerun_when_all_is_done_writes_nothing_more() -> None:
    made = town().steps()
    before = list(made.changes)
    assert made.steps().changes == before
    assert made.here.wrong == 0


def test_few_wrong_passwords_are_sent_to_grafana_which_locks_after_five() -> None:
    made = town().steps()
    assert made.false() == {}
    assert made.here.wrong == 1
    made.undo()
    assert made.false(undone=True) == {}
    assert made.here.wrong == 2


@pytest.mark.parametrize("stop", range(2, 7))
def test_an_undo_puts_back_what_was_changed_and_proves_the_old_password(stop: int) -> None:
    made = town()
    host = made.host
    for step in book(made.name).steps[:stop]:
        step(host, made.given)
    made.undo()
    assert as_before(made)


def test_a_grafana_that_goes_away_half_way_is_brought_back_with_the_old_password() -> None:
    made = town(FakeTown(grafana_is="gone at the change"))
    with pytest.raises(CommandFailed, match="grafana does not answer"):
        made.steps()
    made.undo()
    assert as_before(made)
    assert "restart grafana" in made.changes


def test_a_grafana_that_stays_away_lets_the_undo_fail_when_everything_else_is_back() -> None:
    made = town(FakeTown(grafana_is="gone at the change"))
    with pytest.raises(CommandFailed):
        made.steps()
    made.here.grafana_is = "gone"
    with pytest.raises(CommandFailed, match="does not come back"):
        made.undo()
    assert made.here.files[ENV] == TEXT
    assert set(made.false(undone=True)) == {"grafana_takes_the_old_password"}


def test_where_grafanas_api_fails_its_own_program_changes_the_password() -> None:
    made = town(FakeTown(grafana_is="refusing the API")).steps()
    assert made.password()["grafana"]
    assert made.false() == {}
    assert "its own program in the container is tried" in made.said


def test_a_stack_without_grafana_is_served_and_says_so() -> None:
    here = FakeTown(stack=replace(TOWN, services=tuple(one for one in TOWN.services if one is not GRAFANA)))
    made = town(here).steps()
    assert made.false() == {}
    assert "this stack has no Grafana" in made.said


def test_a_hash_of_which_compose_has_eaten_a_part_is_named_and_mended() -> None:
    unquoted = TEXT.replace(f"'{OLD_HASH}'", "$2a$10$abcdefghijk.lmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz012")
    made = town(FakeTown(files={ENV: unquoted, CADDYFILE: VARIABLE})).steps()
    assert "prometheus.example lets nobody in: what Caddy has is no hash" in made.said
    assert made.false() == {}
    made.undo()
    assert made.here.files[ENV] == unquoted
    assert made.false(undone=True) == {}


@pytest.mark.parametrize(("hash_", "by", "name"), [
    ("$argon2id$v=19$m=47104,t=1,p=1$c2FsdA$aGFzaA", "argon2id", "argon2id"),
    ("$argon2id$v=19$m=47104,t=1,p=1$c2FsdA$aGFzaA", "bcrypt", "argon2id"),
    ("c2NyeXB0aGFzaA==", "scrypt", "scrypt"),
    (OLD_HASH, "scrypt", "scrypt"),
])
def test_a_hash_by_another_algorithm_is_refused_by_its_name_before_anything_is_changed(hash_: str, by: str, name: str) -> None:
    for text, file in ((TEXT.replace(OLD_HASH, hash_), VARIABLE), (TEXT, LITERAL.replace(OLD_HASH, hash_))):
        made = town(FakeTown(files={ENV: text, CADDYFILE: file}, algorithm=by))
        with pytest.raises(Refused, match=rf"the password of prometheus\.example is hashed by {name}, and only bcrypt") as refused:
            made.steps()
        assert hash_ not in str(refused.value)
        assert (made.changes, made.here.wrong, made.operator.asked) == ([], 0, [])


@pytest.mark.parametrize("alone", [True, False])
def test_a_hash_that_is_written_out_is_changed_in_the_caddyfile(alone: bool) -> None:
    made = town(literal(alone=alone)).steps()
    assert made.password() == {"sites": True, "grafana": True, "env": False}      # CADDY_ADMIN_HASH is nobody's here
    assert made.false() == {}
    assert ("restart caddy" in made.changes, "let Caddy read its Caddyfile again" in made.changes) == (alone, not alone)
    assert made.here.files[CADDYFILE].replace(made.run.secrets["new hash"], OLD_HASH) == LITERAL
    made.undo()
    assert (made.here.files[CADDYFILE], made.false(undone=True)) == (LITERAL, {})


def test_a_hash_that_caddy_fills_in_only_when_it_starts_is_rotated_and_put_back() -> None:
    made = town(FakeTown(files={ENV: TEXT, CADDYFILE: VARIABLE.replace("{$", "{env.")})).steps()
    assert made.password() == {"sites": True, "grafana": True, "env": True}
    assert made.false() == {}
    made.undo()
    assert as_before(made)


def test_a_hash_that_is_written_out_in_a_file_of_gits_is_refused_with_the_way_to_a_variable() -> None:
    made = town(literal(in_git=True))
    with pytest.raises(Refused, match="which git tracks") as refused:
        made.steps()
    assert "{$CADDY_ADMIN_HASH}" in refused.value.saw
    assert "in single quotes" in refused.value.saw
    assert "--edit-checkout" in refused.value.next
    assert OLD_HASH not in str(refused.value)
    assert made.changes == []
    assert town(literal(in_git=True), edit_checkout=True).steps().false() == {}


def test_an_old_password_that_caddy_refuses_is_not_sent_anywhere_and_refused() -> None:
    stale = TEXT.replace(OLD, "a-stale-password")
    made = town(FakeTown(files={ENV: stale, CADDYFILE: VARIABLE}))
    with pytest.raises(Refused, match=r"is not the one of prometheus\.example, alertmanager\.example") as refused:
        made.steps()
    assert "--old prompt" in refused.value.next
    assert made.here.wrong == 0
    assert made.changes == []


def test_the_present_password_may_be_given_where_env_is_stale() -> None:
    stale = TEXT.replace(OLD, "a-stale-password")

    @dataclass
    class Two(Operator):
        def obtain(self, what: str, source: str) -> Secret:
            super().obtain(what, source)
            return Secret(OLD if what == "the present password" else NEW)

    made = town(FakeTown(files={ENV: stale, CADDYFILE: VARIABLE}), old="prompt")
    made.operator = Two()
    made.steps()
    assert made.password() == {"sites": True, "grafana": True, "env": True}
    assert (made.false(), made.here.wrong) == ({}, 2)
    made.undo()
    assert (made.here.files[ENV], made.false(undone=True)) == (stale, {})


def test_a_grafana_with_another_password_is_refused_after_one_try() -> None:
    made = town(FakeTown(grafana="nobody knows"))
    with pytest.raises(Refused, match="is not the one of Grafana for admin"):
        made.steps()
    assert (made.here.wrong, made.changes) == (1, [])


@pytest.mark.parametrize(("status", "what"), [(200, "answers 401 without"), (502, "answers 401 without")])
def test_a_site_that_is_open_or_ill_is_refused_before_anything_is_changed(status: int, what: str) -> None:
    made = town(FakeTown(broken={"prometheus.example": status}))
    with pytest.raises(Refused, match=what) as refused:
        made.steps()
    assert f"prometheus.example: {status}" in refused.value.saw
    assert made.changes == []


def test_a_site_without_basic_auth_is_refused() -> None:
    open_one = VARIABLE.replace("alertmanager.example {\n\timport protected", "alertmanager.example {")
    with pytest.raises(Refused, match=r"alertmanager\.example has no basic auth"):
        town(FakeTown(files={ENV: TEXT, CADDYFILE: open_one})).steps()


def test_a_caddyfile_that_its_image_refuses_is_refused_with_its_words() -> None:
    made = town(FakeTown(judged="Error: adapting config: unrecognized directive: basic_auth"))
    with pytest.raises(Refused, match="Caddy could not run") as refused:
        made.steps()
    assert "unrecognized directive" in refused.value.saw
    assert made.changes == []


def test_a_variable_that_the_compose_file_fills_itself_is_refused() -> None:
    made = town()
    made.here.compose["caddy"] = {"environment": {HASH: OLD_HASH.replace("$", "$$")}}
    made.here.files[ENV] = TEXT.replace(f"{HASH}='{OLD_HASH}'", "SOMETHING=else")
    with pytest.raises(Refused, match=r"does not come from \.env"):
        made.steps()


def test_a_change_that_waits_for_caddys_next_start_is_refused_because_nobody_has_judged_it() -> None:
    made = town()
    made.here.images["example/caddy:1"] = "sha256:caddy-2"
    with pytest.raises(Refused, match="caddy would get more than the password") as refused:
        made.steps()
    assert refused.value.saw == "it differs in a newer image of the same name"
    assert refused.value.next == f"opsbook recreate-service caddy {made.host.name}"
    assert (made.changes, made.here.wrong) == ([], 0)
    made.here.files[ENV] = TEXT.replace(OLD_HASH, "$2a$10$not.yet")
    made.here.settle_environment()
    with pytest.raises(Refused, match="more than the password"):
        made.steps()


@pytest.mark.parametrize("now", ["$2a$10$not.whole", hashed(Secret("nobody uses it"), 10).value])
def test_a_hash_in_env_that_caddy_does_not_have_yet_is_no_reason_to_refuse(now: str) -> None:
    made = town()
    made.here.files[ENV] = TEXT.replace(OLD_HASH, now)
    made.here.settle_environment()
    made.steps()
    assert made.password() == {"sites": True, "grafana": True, "env": True}
    assert made.false() == {}


def test_a_change_of_caddys_settings_is_nothing_to_a_hash_in_its_file_which_makes_nothing_anew() -> None:
    made = town(literal())
    made.here.environment["caddy"]["MODE"] = "next"
    made.here.settle_environment = lambda: None  # type: ignore[method-assign]
    assert made.steps().false() == {}
    assert "bring up caddy" not in made.changes


def test_a_key_that_is_there_twice_is_refused() -> None:
    with pytest.raises(Refused, match="assigned more than once"):
        town(FakeTown(files={ENV: f"{TEXT}\n{KEY}=x", CADDYFILE: VARIABLE})).steps()


def test_another_service_with_the_same_password_is_named_with_its_runbook() -> None:
    services = tuple(replace(one, username="admin", password_key=KEY) if one.name == "prometheus" else one for one in TOWN.services)
    with pytest.raises(Refused, match="rotate-web-auth prometheus"):
        town(FakeTown(stack=replace(TOWN, services=services))).steps()


def test_a_stack_with_several_passwords_wants_to_know_which() -> None:
    sites = (SITES[0], replace(SITES[1], password_key="OTHER_PASSWORD"))
    here = FakeTown(stack=replace(TOWN, sites=sites))
    with pytest.raises(UsageError, match="--key"):
        town(here).steps()
    with pytest.raises(UsageError, match="NO_SUCH"):
        town(here, key="NO_SUCH").steps()
    made = town(here, key=KEY).steps()
    assert "alertmanager.example" in made.said      # which has the same hash


@pytest.mark.parametrize("new", ["short", "x" * 73])
def test_a_password_that_is_too_short_or_too_long_is_refused(new: str) -> None:
    made = town(new="prompt")
    made.operator.secret = new
    with pytest.raises(Refused, match="8 to 72 bytes"):
        made.steps()
    assert made.changes == []


def test_where_it_cannot_be_handed_over_nothing_is_changed() -> None:
    made = town(to="/nowhere")
    with pytest.raises(Refused, match="cannot be made"):
        made.steps()
    assert made.changes == []


def test_the_password_that_is_there_already_changes_nothing() -> None:
    made = town(new="-")
    made.operator.secret = OLD
    made.steps()
    assert (made.changes, made.false(), made.here.files[ENV]) == ([], {}, TEXT)


@pytest.mark.parametrize(("new", "to", "got"), [
    ("generate", "terminal", [(NEW, "terminal")]), ("prompt", "terminal", []), ("prompt", "!pass insert x", [(NEW, "!pass insert x")]),
])
def test_the_operator_gets_what_the_operator_does_not_have(new: str, to: str, got: list[tuple[str, str]]) -> None:
    made = town(new=new, to=to).steps()
    (check,) = book(made.name).from_outside
    assert look_once(made.host, check, made.given).ok
    assert made.operator.got == got


def test_an_undo_of_a_proven_rotation_says_that_the_old_password_is_gone() -> None:
    made = town().steps()
    made.run.secrets.clear()        # as the record is closed
    with pytest.raises(NothingToUndo, match="forgets it"):
        made.undo()


def test_an_undo_leaves_what_somebody_has_changed_since() -> None:
    made = town().steps()
    made.here.files[ENV] = made.here.files[ENV].replace(NEW, "by-somebody-else")
    with pytest.raises(Refused, match=f"somebody has changed {KEY} since"):
        made.undo()
    made = town(literal()).steps()
    made.here.files[CADDYFILE] = made.here.files[CADDYFILE].replace(made.run.secrets["new hash"], hashed(Secret("x"), 10).value)
    with pytest.raises(Refused, match="somebody has changed the Caddyfile since"):
        made.undo()


@pytest.mark.parametrize("now", [LITERAL.replace(OLD_HASH, hashed(Secret("x"), 10).value), HOSTS], ids=["another hash", "no login"])
def test_an_undo_that_cannot_put_the_caddyfile_back_leaves_env_alone_too(now: str) -> None:
    made = town(literal()).steps()
    written, made.here.files[CADDYFILE] = made.here.files[ENV], now
    with pytest.raises(Refused, match="somebody has changed the Caddyfile since"):
        made.undo()
    assert made.here.files[ENV] == written != TEXT
    assert "the_files_are_as_before" in made.false("the_files_are_as_before", undone=True)


def test_others_who_have_the_password_are_named() -> None:
    made = town(FakeTown(clients=(".env", "n8n/credentials.json"))).steps()
    assert "n8n/credentials.json" in made.said
    assert "the environment of grafana, where it only seeds an empty database" in made.said


def test_caddy_is_not_proven_and_grafana_not_touched_while_a_site_does_not_open() -> None:
    made = town(FakeTown(health="starting"))
    host = made.host
    *before, bring, _, _ = book(made.name).steps
    for step in before:
        step(host, made.given)
    made.here.broken["prometheus.example"] = 502
    with pytest.raises(NotTrue, match="The new password opens every site"):
        bring(host, made.given)
    assert made.here.grafana == OLD


def test_each_proof_is_red_when_its_effect_is_missing() -> None:
    made = town().steps()
    here = made.here
    here.containers["prometheus"] = here.made("prometheus", here.now)
    here.containers["caddy"]["State"]["Health"]["Status"] = "unhealthy"
    here.files[ENV] += "\nMORE=1"
    here.mode = "644"
    here.grafana = OLD
    missing = {"grafana_takes_the_new_password", "env_has_the_new_password", "nothing_else_changed"}
    assert set(made.false()) == {*missing, "caddy_is_healthy", "others_are_untouched"}
    here.broken["prometheus.example"] = 200
    assert {"the_old_password_opens_no_site", "without_a_password_every_site_is_shut"} <= set(made.false())
    here.broken["prometheus.example"] = 503
    assert "the_new_password_opens_every_site" in made.false()
    here.containers["caddy"]["State"]["Status"] = "restarting"
    assert "caddy_does_not_restart" in made.false("caddy_does_not_restart")


def test_each_proof_of_the_undo_is_red_when_its_effect_is_missing() -> None:
    made = town().steps()
    made.undo()
    made.here.grafana = NEW
    made.here.files[ENV] += "\nMORE=1"
    made.here.containers["caddy"]["State"]["Health"]["Status"] = "unhealthy"
    made.here.broken["prometheus.example"] = 200
    wanted = {"the_old_password_opens_what_it_did", "grafana_takes_the_old_password", "the_files_are_as_before", "caddy_is_healthy"}
    assert set(made.false(undone=True)) == wanted


def test_a_grafana_that_lets_everybody_in_is_not_proven() -> None:
    made = town().steps()
    fetch = made.here.fetch
    made.here.fetch = lambda *asked: Result(200, '{"id": 1, "login": "admin"}') if asked[1].path == "/api/user" else fetch(*asked)  # type: ignore[method-assign]
    assert "lets everybody in" in made.false()["grafana_takes_the_new_password"].saw

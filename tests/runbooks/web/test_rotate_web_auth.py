from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from opsbook.errors import CommandFailed, NothingToUndo, Refused
from opsbook.host import Result, Run
from opsbook.inventory import Site
from opsbook.shell import Secret
from opsbook.systems.dotenv import parse_env
from opsbook.systems.web_config import parse_web_config
from tests.fake import a_run
from tests.runbooks.checkout_site import book
from tests.runbooks.web.web_site import NEW, OLD, OTHER, FakeWeb, WebSite, opens


def site(folder: Path, service: str = "prometheus", *, plan: bool = False, **params: Any) -> WebSite:
    run = a_run(plan=plan, started=time.time())
    return WebSite(FakeWeb(root=folder), "rotate-web-auth", {"service": service, **params}, run=run)


def files(here: FakeWeb) -> dict[str, str]:
    paths = (path for path in here.stack_folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(here.stack_folder)): path.read_text() for path in paths}


def hash_in(text: str) -> str:
    return parse_web_config(text, "/web.yml").users["admin"]


def test_hash_key_and_clients_change_together_and_nothing_else(tmp_path: Path) -> None:
    made = site(tmp_path)
    before = files(made.here)
    made.steps()
    after = files(made.here)
    changed = {"config/web.yml", ".env", "prometheus/prometheus.yml", "config/monitoring.alloy"}
    assert {path for path in after if after[path] != before[path]} == changed
    old, new = hash_in(before["config/web.yml"]), hash_in(after["config/web.yml"])
    assert opens(NEW, new)
    assert after["config/web.yml"].replace(new, old) == before["config/web.yml"]
    for path in changed - {"config/web.yml"}:
        assert after[path].replace(NEW, OLD) == before[path]
    assert parse_env(after[".env"])["PROM_PASSWORD"] == NEW
    assert made.false() == {}


def test_a_file_mounted_alone_needs_a_restart_and_a_folder_does_not(tmp_path: Path) -> None:
    alone = site(tmp_path / "a").steps()
    assert alone.here.ordered == ["judge by prometheus", "restart prometheus", "signal"]
    folder = site(tmp_path / "b", "alertmanager").steps()
    assert folder.here.ordered == ["judge by alertmanager", "judge by prometheus", "signal"]
    assert "reads its web.yml at each request" in folder.said or "already so" in folder.said
    assert folder.false() == {}


def test_the_new_password_is_handed_over_last_and_to_where_was_asked(tmp_path: Path) -> None:
    made = site(tmp_path, to="vault").steps()
    assert made.hands.got == [("asked", "the new password of prometheus", "vault")]
    (handing,) = book("rotate-web-auth").from_outside
    assert handing(made.host, made.given).ok
    assert made.hands.got[1:] == [(NEW, "the new password of prometheus", "vault")]


def test_who_gave_the_password_is_not_shown_it_again_and_needs_no_terminal(tmp_path: Path) -> None:
    made = site(tmp_path, new="prompt").steps("look", "vet")
    (handing,) = book("rotate-web-auth").from_outside
    assert handing(made.host, made.given).saw == "it came from the operator"
    assert made.hands.got == []


@pytest.mark.parametrize("secret", ["x", "1234567", "x" * 73])
def test_it_refuses_a_password_that_is_too_short_or_longer_than_bcrypt_reads(secret: str, tmp_path: Path) -> None:
    made = site(tmp_path, new="prompt")
    made.hands.secret = secret
    refused(made, "has to be 8 to 72 bytes long")


def test_no_secret_is_in_what_is_said_asked_kept_or_told(tmp_path: Path) -> None:
    made = site(tmp_path).steps()
    made.false()
    shown = "\n".join([made.said, *made.here.asked, repr(made.run.kept), repr([event.detail for event in made.events])])
    assert [secret for secret in (OLD, NEW, hash_in(files(made.here)["config/web.yml"])) if secret in shown] == []


def test_a_plan_changes_nothing_and_asks_for_nothing(tmp_path: Path) -> None:
    made = site(tmp_path, plan=True)
    before = files(made.here)
    made.steps()
    assert (files(made.here), made.changes, made.hands.got) == (before, [], [])
    assert "prometheus/prometheus.yml" in made.said


def test_the_operator_is_asked_about_the_password_and_every_file_of_it_not_about_one_file(tmp_path: Path) -> None:
    about = site(tmp_path).steps().guard.writes[0].about
    assert about.startswith("change the password of prometheus for everybody: in ")
    assert [name in about for name in ("web.yml", ".env", "prometheus.yml")] == [True, True, True]


@pytest.mark.parametrize("after", ["look", "vet", "change_the_hash", "change_the_clients", "tell_the_clients"])
def test_killed_after_any_step_the_rerun_goes_on_with_the_same_password(tmp_path: Path, after: str) -> None:
    made = site(tmp_path)
    names = [step.__name__ for step in book("rotate-web-auth").steps]
    made.steps(*names[: names.index(after) + 1])
    if after not in {"look", "vet"}:
        made.hands.secret = "another-one-entirely"
    again = WebSite(made.here, made.name, made.params, run=made.run, hands=made.hands).steps()
    wanted = made.hands.secret if after == "look" else NEW
    assert opens(wanted, hash_in(files(made.here)["config/web.yml"]))
    assert parse_env(files(made.here)[".env"])["PROM_PASSWORD"] == wanted
    assert again.false() == {}


@pytest.mark.parametrize("after", ["change_the_hash", "change_the_clients", "tell_the_clients"])
def test_an_undo_puts_every_byte_back_and_the_old_password_opens(tmp_path: Path, after: str) -> None:
    made = site(tmp_path)
    before = files(made.here)
    names = [step.__name__ for step in book("rotate-web-auth").steps]
    made.steps(*names[: names.index(after) + 1])
    made.undo()
    made.undo()
    assert files(made.here) == before
    assert made.false(undone=True) == {}


def test_an_undo_of_a_proven_run_says_that_the_old_password_is_gone(tmp_path: Path) -> None:
    made = site(tmp_path).steps()
    made.run.secrets.clear()    # as the record is closed
    with pytest.raises(NothingToUndo, match="not kept any more"):
        made.undo()


def test_what_somebody_else_has_changed_since_is_neither_written_nor_put_back(tmp_path: Path) -> None:
    made = site(tmp_path).steps("look", "vet", "change_the_hash")
    (made.here.stack_folder / ".env").write_text("PROM_PASSWORD=mine\n")
    with pytest.raises(Refused, match="somebody has changed"):
        made.steps()
    with pytest.raises(Refused, match="somebody has changed"):
        made.undo()
    assert made.here.text(".env") == "PROM_PASSWORD=mine\n"


@pytest.mark.parametrize("changed", [".env", "prometheus/prometheus.yml"])
def test_an_undo_that_may_not_touch_one_file_touches_none(changed: str, tmp_path: Path) -> None:
    made = site(tmp_path).steps("look", "vet", "change_the_hash", "change_the_clients")
    with (made.here.stack_folder / changed).open("a") as text:
        text.write("# mine\n")
    before = files(made.here)
    with pytest.raises(Refused, match="somebody has changed"):
        made.undo()
    assert files(made.here) == before


def test_files_of_another_user_keep_their_owner_through_a_throw_away_container(tmp_path: Path) -> None:
    made = site(tmp_path)
    made.here.foreign = True
    made.steps()
    given = [one for one in made.here.ordered if one.startswith("give ")]
    assert [one.split()[1] for one in given] == ["/staged/web.yml", "/staged/.env", "/staged/monitoring.alloy", "/staged/prometheus.yml"]
    assert list(made.here.stack_folder.rglob(".opsbook-new")) == []
    assert made.false() == {}


def test_who_has_it_in_the_environment_is_made_anew(tmp_path: Path) -> None:
    made = site(tmp_path)
    made.here.by_env = ("alertmanager",)
    made.steps()
    assert "up alertmanager" in made.here.ordered
    assert "is made anew: alertmanager" in made.said
    assert made.false() == {}


def refused(made: WebSite, says: str) -> None:
    before = files(made.here)
    with pytest.raises(Refused) as caught:
        made.steps()
    assert says in str(caught.value)
    assert (files(made.here), made.changes) == (before, [])


def write(made: WebSite, name: str, *change: str) -> None:
    path = made.here.stack_folder / name
    path.write_text(path.read_text().replace(*change) if change[1:] else change[0])


def test_it_refuses_where_env_does_not_open_the_service(tmp_path: Path) -> None:
    made = site(tmp_path)
    write(made, ".env", OLD, "stale-and-wrong")
    refused(made, "PROM_PASSWORD of .env does not open prometheus")


def test_it_refuses_where_nobody_is_asked_for_a_password(tmp_path: Path) -> None:
    made = site(tmp_path)
    made.here.wide_open = True
    refused(made, "does not ask for a password")


def test_it_refuses_what_promtool_rejects_and_where_nobody_has_one(tmp_path: Path) -> None:
    made = site(tmp_path / "a")
    made.here.verdict = Result(1, "", "unknown fields in tls_server_config")
    refused(made, "unknown fields")
    blind = site(tmp_path / "b")
    blind.here.judges = ()
    refused(blind, "no image of the stack has a promtool")


def test_it_refuses_the_password_that_is_there_already(tmp_path: Path) -> None:
    made = site(tmp_path)
    made.hands.secret = OLD
    refused(made, "the new password is the old one")


def test_it_refuses_a_password_that_opens_something_else_too(tmp_path: Path) -> None:
    made = site(tmp_path)
    made.sites = (Site("prometheus.example", "prometheus", "admin", "PROM_PASSWORD"),)
    refused(made, "shares its password")


def test_it_refuses_where_two_keys_have_the_same_value(tmp_path: Path) -> None:
    made = site(tmp_path)
    write(made, ".env", OTHER, OLD)
    refused(made, "PROM_PASSWORD and ALERTMANAGER_PASSWORD have the same value")


def test_it_refuses_a_user_that_web_yml_does_not_know_or_whose_hash_is_none(tmp_path: Path) -> None:
    made = site(tmp_path / "a")
    write(made, "config/web.yml", "admin:", "root:")
    refused(made, "has no user admin")
    other = site(tmp_path / "b")
    write(other, "config/web.yml", hash_in(other.here.text("config/web.yml")), "secret-in-clear")
    refused(other, "nobody can log in")


def test_a_file_that_git_tracks_is_named_and_changed_only_when_that_is_asked_for(tmp_path: Path) -> None:
    from tests.repos import git

    made = site(tmp_path)
    git(made.here.stack_folder, "init", "--quiet")
    git(made.here.stack_folder, "add", "config/monitoring.alloy")
    refused(made, "config/monitoring.alloy")
    made.params["edit_checkout"] = True
    made.steps()
    assert NEW in made.here.text("config/monitoring.alloy")


def test_where_only_a_human_can_change_it_the_file_is_named_and_stays(tmp_path: Path) -> None:
    made = site(tmp_path)
    write(made, "README", f"curl --user admin:{OLD} https://localhost:9090\n")
    made.steps()
    assert "README holds the old password where only a human can change it" in made.said
    assert OLD in made.here.text("README")
    assert made.false() == {}


def test_each_proof_is_red_when_its_effect_is_missing(tmp_path: Path) -> None:
    made = site(tmp_path).steps("look", "vet")
    assert {"lets_the_new_one_in", "turns_the_old_one_away", "env_has_the_new_one", "nothing_else_changed"} <= set(made.false())
    made.here.deaf = True
    made.steps()
    assert set(made.false()) == {"clients_get_in"}
    made.here.load()
    assert made.false() == {}
    made.here.wide_open = True
    assert set(made.false()) == {"turns_strangers_away", "turns_the_old_one_away"}
    made.here.wide_open = False
    write(made, "config/web.yml", "guest", "quest")
    assert set(made.false()) == {"nothing_else_changed"}
    made.here.began["alertmanager"] += 1
    assert "others_are_untouched" in made.false()


def test_nothing_is_undone_where_nothing_was_changed(tmp_path: Path) -> None:
    with pytest.raises(NothingToUndo, match="changed no file"):
        site(tmp_path).undo()


def test_a_service_without_a_login_of_its_own_is_refused(tmp_path: Path) -> None:
    made = site(tmp_path)
    (made.here.stack_folder / "config/web.yml").unlink()
    with pytest.raises((Refused, CommandFailed)):
        made.steps()


def test_an_unfinished_run_keeps_its_secrets_where_only_the_record_has_them(tmp_path: Path) -> None:
    made = site(tmp_path).steps()
    assert isinstance(made.run, Run)
    assert made.run.secrets["new password"] == NEW
    assert Secret(NEW) == made.host.kept_secret("new password")

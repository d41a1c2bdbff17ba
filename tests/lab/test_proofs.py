"""Every sentence of every proof is red where its effect is missing on the real thing, and green again when that is mended."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from opsbook.check import Check, Seen, title
from opsbook.lab.lab import Lab
from opsbook.page import pages
from opsbook.runbook import Runbook, load
from tests.lab.breaks import EXPORTER, shown
from tests.runbooks.checkout_site import RUNBOOKS, book

HERE = Path(__file__).parent
Row = tuple[str, str, tuple[str, ...]]          # runbook, check, and what it has to say of the culprit
DOWN = "queue-exporter is paused"
TOUCHED = "monitoring-queue-exporter-1 ran before, and is paused (0) now"
LOOPS = "queue-exporter: restarts "
ROWS: Mapping[str, tuple[Row, ...]] = {         # by what is broken
    "paused": (
        ("bring-up", "every_service_is_healthy", (DOWN,)),
        ("restart-service", "is_healthy", (DOWN,)),
        ("restart-service", "others_are_untouched", (TOUCHED,)),
        ("recreate-service", "is_healthy", (DOWN,)),
        ("recreate-service", "others_are_untouched", (TOUCHED,)),
        ("rebuild-exporter", "is_healthy", (DOWN,)),
        ("rebuild-exporter", "others_are_untouched", (TOUCHED,)),
    ),
    "stopped": (
        ("bring-up", "runs_what_the_files_say", ("queue-exporter is exited (0)",)),
        ("restart-service", "has_started_anew", ("before this run did, and is exited (0)",)),
        ("recreate-service", "runs_what_the_file_says", ("queue-exporter is exited (0)",)),
        ("recreate-service", "is_as_new_as_asked", ("before this run did, and is exited (0)",)),
        ("rebuild-exporter", "runs_the_built_image", ("queue-exporter is exited (0)",)),
        ("rebuild-exporter", "runs_the_old_image", ("queue-exporter is exited (0)",)),
    ),
    "killed": (
        ("bring-up", "no_service_restarts", ("queue-exporter was restarted",)),
        ("restart-service", "does_not_restart", (LOOPS,)),
        ("recreate-service", "does_not_restart", (LOOPS,)),
        ("rebuild-exporter", "does_not_restart", (LOOPS,)),
    ),
    "cut off": (
        ("bring-up", "every_endpoint_answers", ("queue-exporter: ", "loki: ")),
        ("bring-up", "every_service_is_scraped", ("queue-exporter:9200 is down",)),
        ("bring-up", "logs_arrive", ("loki has no network",)),
        ("restart-service", "answers", (EXPORTER,)),
        ("recreate-service", "answers", (EXPORTER,)),
        ("rebuild-exporter", "is_scraped", ("queue-exporter:9200 is down",)),
    ),
    "walled off": (
        ("bring-up", "every_service_is_scraped", ("alertmanager:9093 is down",)),
        ("bring-up", "alerts_find_a_receiver", ("http://alertmanager:9093/api/v2/alerts cannot be reached from prometheus",)),
        ("bring-up", "logs_arrive", ("promtail: ", "now its attempts fail")),
        ("bring-up", "thanos_is_connected", ("thanos_sidecar_prometheus_up is 0", "thanos-query: ", "thanos-sidecar:10901: rpc error")),
        ("bring-up", "the_outside_is_served_and_probed", ("blackbox-exporter: ", "fails its probe")),
    ),
    "nothing to serve": (("bring-up", "the_outside_is_served_and_probed", ("caddy: any name on no port",)),),
    "another image": (
        ("bring-up", "runs_what_the_files_say", ("queue-exporter differs in", "a newer image of the same name")),
        ("rebuild-exporter", "runs_the_built_image", ("; its name means ",)),
        ("rebuild-exporter", "runs_the_old_image", ("; its name means ",)),
    ),
    "a wrong file": (
        ("bring-up", "exporters_offer_their_metrics", ("queue-exporter: it lacks queue_depth",)),
        ("rebuild-exporter", "offers_its_metrics", ("it lacks queue_depth",)),
        ("rebuild-exporter", "is_as_well_as_before", ("it lacks queue_depth",)),
    ),
}
RELOADS = "test_each_sentence_of_the_proof_is_red_where_its_effect_is_missing"
EXPORTERS = "test_each_proof_is_red_while_the_real_thing_is_broken"
HANDS_OVER = "test_a_hand_over_that_fails_is_not_proven_and_the_same_run_goes_on_with_another_place"
ELSEWHERE: Mapping[str, tuple[str, ...]] = {    # the tests that show other sentences red
    "test_bring_up.py::test_a_healthy_prometheus_that_watches_over_nothing_is_not_proven": ("bring-up prometheus_runs_its_rules",),
    f"test_reload_rules.py::{RELOADS}": tuple(
        f"reload-rules {name}"
        for name in (
            "is_ready", "has_the_files_on_disk", "has_reloaded", "runs_the_rules_on_disk", "every_file_has_rules",
            "evaluates_without_new_errors", "still_has_an_alertmanager",
        )
    ),
    f"test_reload_alertmanager.py::{RELOADS}": tuple(
        f"reload-alertmanager {name}"
        for name in ("is_ready", "has_the_files_on_disk", "has_reloaded", "runs_the_file_on_disk", "sends_where_the_file_says")
    ),
    f"test_provision_host.py::{RELOADS}": tuple(
        f"provision-host {name}"
        for name in (
            "gets_in", "is_there", "lets_the_key_in", "may_do_what_is_meant", "programs_are_ours", "reaches_docker", "rules_are_ours",
            "takes_keys_only",
        )
    ),
    f"test_open_scrape_ports.py::{RELOADS}": tuple(
        f"open-scrape-ports {name}" for name in ("only_these_may", "a_new_login_gets_in", "these_get_through", "strangers_get_silence")
    ),
    f"test_install_node_exporter.py::{EXPORTERS}_and_the_unit_blinds_no_collector": tuple(
        f"install-node-exporter {name}"
        for name in (
            "is_installed", "answers", "runs_steadily", "is_scraped", "scraper_has_this_version", "scraper_has_this_host",
            "strangers_hear_nothing",
        )
    ),
    f"test_install_cadvisor_in_trouble.py::{EXPORTERS}_and_true_once_it_is_mended": tuple(
        f"install-cadvisor {name}"
        for name in (
            "runs_as_meant", "is_healthy", "names_the_containers", "strangers_hear_nothing", "is_scraped",
            "scraper_has_this_very_container",
        )
    ),
    "test_recover_certs.py::test_each_sentence_is_red_where_its_effect_is_missing": tuple(
        f"recover-certs {name}"
        for name in (
            "runs_anew", "has_what_was_wanted", "every_site_is_well_served", "is_healthy", "does_not_restart", "others_are_untouched",
            "the_world_is_served",
        )
    ),
    "test_restore_certs.py::test_each_sentence_of_the_proof_is_red_while_the_real_thing_is_broken": tuple(
        f"restore-certs {name}" for name in ("serves_the_backup", "holds_the_backup", "caddy_is_healthy", "others_are_untouched")
    ),
    "test_rotate_password.py::test_each_proof_is_red_while_the_real_thing_is_broken_and_so_is_each_of_the_undo": tuple(
        f"rotate-password {name}"
        for name in (
            "the_new_password_opens_every_site", "the_old_password_opens_no_site", "without_a_password_every_site_is_shut",
            "grafana_takes_the_new_password", "env_has_the_new_password", "nothing_else_changed", "caddy_is_healthy",
            "caddy_does_not_restart", "others_are_untouched", "the_old_password_opens_what_it_did", "grafana_takes_the_old_password",
            "the_files_are_as_before",
        )
    ),
    f"test_rotate_web_auth.py::{RELOADS}": tuple(
        f"rotate-web-auth {name}"
        for name in (
            "lets_the_new_one_in", "turns_strangers_away", "turns_the_old_one_away", "env_has_the_new_one", "nothing_else_changed",
            "clients_get_in", "is_healthy", "does_not_restart", "others_are_untouched", "lets_the_old_one_in", "turns_the_new_one_away",
            "files_are_as_before",
        )
    ),
    f"test_rotate_password.py::{HANDS_OVER}": ("rotate-password the_operator_has_the_new_password",),
    f"test_rotate_web_auth.py::{HANDS_OVER}": ("rotate-web-auth operator_has_the_new_one",),
    f"test_generate_certs.py::{RELOADS}": tuple(
        f"generate-certs {name}"
        for name in (
            "every_certificate_is_good", "each_shows_what_lies_there", "each_verifies_by_its_names", "each_is_healthy", "scrapes_go_on",
            "others_are_untouched", "files_are_as_before", "each_shows_the_old_one",
        )
    ),
    # on a made-up server: what a lab host would have to be brought into is a state that a run leaves only when it is killed
    "../runbooks/servers/test_provision_host.py::test_an_undo_leaves_nothing_behind_and_puts_older_files_back": (
        "provision-host is_as_before",
    ),
    "../runbooks/servers/test_open_scrape_ports.py::test_an_undo_takes_only_this_runs_rules_back": ("open-scrape-ports is_as_before",),
    "../runbooks/servers/test_install_node_exporter.py::test_it_is_not_as_before_while_what_was_there_says_something_else": (
        "install-node-exporter is_as_before",
    ),
    "../runbooks/servers/test_install_cadvisor.py::test_the_old_one_is_not_as_before_while_it_does_not_answer": (
        "install-cadvisor is_as_before",
    ),
    "../runbooks/servers/test_install_cadvisor.py::test_each_proof_is_red_when_its_effect_is_missing": ("install-cadvisor runs_steadily",),
    "../runbooks/caddy/test_recover_certs.py::test_where_force_got_nothing_the_old_certificates_come_back_and_are_served": (
        "recover-certs serves_what_it_had",
    ),
    "../runbooks/caddy/test_restore_certs.py::test_it_is_not_as_before_while_something_is_missing_or_not_served": (
        "restore-certs is_as_before",
    ),
}  # fmt: skip


def sentences(runbook: Runbook) -> dict[str, Check[object]]:
    """Return what is asked after the steps, of others too, and after the undo, by name."""
    return {check.__name__: check for check in (*runbook.proof, *runbook.from_outside, *runbook.undone)}


def given(runbook: Runbook) -> object:
    """Return its parameters; what it takes is the exporter, or nothing."""
    return runbook.params(*([EXPORTER] if fields(runbook.params) else []))


def cases() -> Iterator[object]:
    for name, rows in ROWS.items():
        for number, (runbook, check, says) in enumerate(rows):
            sentence = title(sentences(book(runbook))[check])
            yield pytest.param(name, number, says, id=f"{runbook}: {sentence} ({name})")


@pytest.fixture(scope="module")
def seen(lab: Lab) -> Callable[[str], list[tuple[Seen, Seen]]]:
    """What the rows of a break saw: it is broken once for all of them."""

    @cache
    def of(name: str) -> list[tuple[Seen, Seen]]:
        return shown(lab, name, [(sentences(book(runbook))[check], given(book(runbook)), says) for runbook, check, says in ROWS[name]])

    return of


@pytest.mark.parametrize(("name", "number", "says"), tuple(cases()))
def test_a_sentence_is_red_where_its_effect_is_missing_and_names_the_culprit(
    seen: Callable[[str], list[tuple[Seen, Seen]]], name: str, number: int, says: tuple[str, ...]
) -> None:
    red, green = seen(name)[number]
    assert (red.ok, [each for each in says if each not in red.saw]) == (False, []), red.saw
    assert green.ok, green.saw


def test_every_sentence_of_every_proof_is_shown_red_somewhere() -> None:
    here = {f"{runbook} {check}" for rows in ROWS.values() for runbook, check, _ in rows}
    elsewhere = {each for some in ELSEWHERE.values() for each in some}
    books = [load(page) for page in pages([RUNBOOKS]).values()]
    assert here | elsewhere == {f"{one.page.name} {check}" for one in books for check in sentences(one)}


@pytest.mark.parametrize("test", ELSEWHERE)
def test_the_test_that_shows_a_sentence_elsewhere_exists(test: str) -> None:
    file, _, name = test.partition("::")
    assert name in {node.name for node in ast.parse((HERE / file).read_text()).body if isinstance(node, ast.FunctionDef)}

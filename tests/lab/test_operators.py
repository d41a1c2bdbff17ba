from __future__ import annotations

import json
import signal
import threading
import time

import pytest

from opsbook.lab import breaking, gitserver
from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from opsbook.watch import on_host
from tests.lab.process import Ran, Terminal, opsbook
from tests.lab.snapshot import snapshot

RELOAD = ("--lab", "reload-rules", "vps-i1")
NEW_RULE = "groups:\n- name: fresh\n  rules:\n  - {alert: Fresh, expr: up == 0, for: 1m}\n"
RULE_FILE = "monitoring/prometheus/rules/fresh.yml"

KILLED = r"""
home=$(mktemp --directory /tmp/other.XXXXXX); mkfifo "$home/in"; chown --recursive nobody "$home"
as=(setpriv --reuid=nobody --regid=nogroup --clear-groups env "HOME=$home")
exec 3<>"$home/in"
"${as[@]}" bash -c "$1" opsbook /run/lock/opsbook 60 30 30 '{"operator": "eve"}' token <"$home/in" >"$home/out" 3>&- &
until grep --quiet held "$home/out"; do [ -d "/proc/$!" ] || { cat "$home/out"; exit 1; }; done
kill -KILL "$!"; rm --recursive "$home"
"""


@pytest.fixture
def coming(restored: Lab) -> Lab:
    """A lab whose config repo has a rule that the server lacks."""
    gitserver.commit(restored, {RULE_FILE: NEW_RULE}, "a fresh rule")
    return restored


def at_its_first_question(*words: str) -> Terminal:
    terminal = Terminal(words).start()
    assert terminal.prompt(), terminal.seen
    return terminal


def test_of_two_operators_one_gets_7_and_the_other_operators_name(coming: Lab) -> None:
    first = at_its_first_question(*RELOAD)
    second = opsbook(*RELOAD, "--yes")
    assert second.code == 7
    assert "another operator holds the lock" in second.err
    assert "reload-rules since" in second.err
    first.answer("y")
    assert first.end() == 0


def test_with_wait_the_second_operator_comes_next(coming: Lab) -> None:
    first = at_its_first_question(*RELOAD)
    results: list[Ran] = []
    second = threading.Thread(target=lambda: results.append(opsbook(*RELOAD, "--yes", "--wait", "60")))
    second.start()
    first.answer("y")
    assert first.end() == 0
    second.join(90)
    assert results[0].code == 0
    assert "already so, and proven" in results[0].err


def test_the_lock_of_a_killed_operator_is_free_at_once(coming: Lab) -> None:
    first = at_its_first_question(*RELOAD)
    first.kill()
    first.end()
    assert opsbook(*RELOAD, "--yes", "--wait", "10").code == 0


def test_what_a_killed_watch_of_another_login_left_bars_nobody(restored: Lab) -> None:
    script(restored.container("vps-i1"), KILLED, on_host.WATCH)
    restart = ("--lab", "restart-service", "alertmanager", "vps-i1", "--yes")
    first, second = opsbook(*restart), opsbook(*restart)
    script(restored.container("vps-i1"), "rm /run/lock/opsbook.holder.$(id --user nobody)")
    assert (first.code, second.code) == (0, 0), first.text + second.text


def test_ctrl_c_at_the_question_changes_nothing_and_gives_130(coming: Lab) -> None:
    before = snapshot(coming)
    terminal = at_its_first_question(*RELOAD)
    terminal.kill(signal.SIGINT)
    assert terminal.end() == 130
    assert "nothing was changed" in terminal.seen
    assert snapshot(coming) == before


def test_a_no_changes_nothing_and_gives_9(coming: Lab) -> None:
    before = snapshot(coming)
    terminal = at_its_first_question(*RELOAD)
    terminal.answer("n")
    assert terminal.end() == 9
    assert snapshot(coming) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_closed_laptop_ends_the_run_before_the_next_write(coming: Lab, number: int) -> None:
    terminal = at_its_first_question(*RELOAD)
    terminal.kill(number)
    assert terminal.end() == 130


def test_without_a_terminal_a_missing_answer_names_the_flag_and_changes_nothing(coming: Lab) -> None:
    before = snapshot(coming)
    ran = opsbook(*RELOAD)
    assert ran.code == 3
    assert "--yes" in ran.err
    assert snapshot(coming) == before


def test_json_is_one_document_and_never_a_yes(coming: Lab) -> None:
    refused = opsbook(*RELOAD, "--json")
    assert (refused.code, json.loads(refused.out)["hosts"][0]["changed"]) == (3, False)
    done = json.loads(opsbook(*RELOAD, "--json", "--yes").out)
    assert (done["code"], done["hosts"][0]["state"]) == (0, "changed, and proven")
    assert all(proof["ok"] for proof in done["hosts"][0]["proofs"])


def test_jsonl_is_one_event_a_line(coming: Lab) -> None:
    events = [json.loads(line) for line in opsbook(*RELOAD, "--jsonl", "--yes").out.splitlines()]
    kinds = [event["kind"] for event in events]
    assert kinds[0] == "connect"
    assert kinds[-1] == "end"
    assert {"step", "read", "write", "proof"} <= set(kinds)


def test_a_plan_differs_in_nothing_that_anybody_runs(coming: Lab) -> None:
    before = snapshot(coming)
    ran = opsbook(*RELOAD, "--plan")
    assert (ran.code, "plan only: nothing was changed" in ran.err) == (0, True)
    assert snapshot(coming) == before


def test_a_network_cut_before_the_write_is_noticed_and_nothing_is_written(coming: Lab) -> None:
    before = snapshot(coming)
    terminal = at_its_first_question(*RELOAD)
    breaking.break_(coming, "network-cut", "45")
    begun = time.monotonic()
    terminal.answer("y")
    code = terminal.end(60)
    assert code == 3, terminal.seen
    assert time.monotonic() - begun < 40
    assert "nothing was changed" in terminal.seen
    breaking.mend(coming)
    assert snapshot(coming).split("== left over")[0] == before.split("== left over")[0]
    again = opsbook(*RELOAD, "--yes", "--wait", "60")
    assert (again.code, "changed, and proven" in again.err) == (0, True)


def test_history_tells_what_was_run_here_and_by_whom_on_the_host(coming: Lab) -> None:
    run = json.loads(opsbook(*RELOAD, "--yes", "--json").out)["run"]
    shown = opsbook("--lab", "history", "show", run)
    assert shown.code == 0
    assert "Prometheus runs the rules that are on disk" in shown.out
    on_host = opsbook("--lab", "history", "--on", "vps-i1")
    assert (on_host.code, run in on_host.out) == (0, True)


def test_a_green_run_is_undone_and_the_undo_proven(coming: Lab) -> None:
    before = snapshot(coming).split("== containers")[0]
    done = json.loads(opsbook(*RELOAD, "--yes", "--json").out)
    undone = opsbook("--lab", "undo", done["run"], "--yes")
    assert (undone.code, "undone, and proven" in undone.err) == (0, True)
    after = snapshot(coming).split("== containers")[0]
    assert [line.split()[-2:] for line in after.splitlines()] == [line.split()[-2:] for line in before.splitlines()]

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from opsbook import record
from opsbook.errors import Refused, UsageError
from opsbook.host import Read
from opsbook.record import EXISTS, NOT_OURS, Order, Record
from opsbook.shell import Command
from tests.local_talk import LocalHost

PARAMS = {"name": "a 'b' $c", "ref": None}
FIRST = Record("261121-0105-k3fq", "rotate", PARAMS, "ada@laptop", 1795224404.25, "do", {"password": "s3cr3t-value"})


@pytest.fixture
def host(tmp_path: Path) -> LocalHost:
    (tmp_path / "home").mkdir()
    return LocalHost(tmp_path)


def give(host: LocalHost, order: Order) -> int:
    return host.run(order.command, order.stdin).code


def ask(host: LocalHost, question: Read[Record | None]) -> Record | None:
    assert isinstance(question.ask, Command)
    result = host.run(question.ask)
    assert question.answers is not None
    assert result.code in question.answers
    return question.parse(result)


def test_a_host_without_a_record_has_nothing_under_way(host: LocalHost) -> None:
    assert ask(host, record.current()) is None
    assert ask(host, record.done(FIRST.id)) is None


def test_a_created_record_is_read_back_as_it_was(host: LocalHost) -> None:
    assert give(host, record.create(FIRST)) == 0
    assert ask(host, record.current()) == FIRST


def test_a_second_record_is_not_created_and_the_first_stays(host: LocalHost) -> None:
    give(host, record.create(FIRST))
    assert give(host, record.create(dataclasses.replace(FIRST, id="261121-0106-aaaa"))) == EXISTS
    assert ask(host, record.current()) == FIRST
    assert [path.name for path in host.state.iterdir() if path.is_file()] == ["record.json"]


def test_a_saved_record_replaces_the_one_of_the_same_run(host: LocalHost) -> None:
    give(host, record.create(FIRST))
    later = dataclasses.replace(FIRST, phase="undo", kept={"old": "x" * 100_000})
    assert give(host, record.save(later)) == 0
    assert ask(host, record.current()) == later


@pytest.mark.parametrize("order", [record.save, lambda other: record.close(other, 0)])
def test_the_record_of_another_run_is_neither_replaced_nor_closed(host: LocalHost, order: object) -> None:
    give(host, record.create(FIRST))
    other = dataclasses.replace(FIRST, id="261121-0106-aaaa", kept={"id": "261121-0105-k3fq"})
    assert callable(order)
    assert give(host, order(other)) == NOT_OURS
    assert ask(host, record.current()) == FIRST
    assert ask(host, record.done(other.id)) is None


@pytest.mark.parametrize("order", [record.create, record.save, lambda it: record.close(it, 0)])
def test_a_record_that_was_cut_on_the_way_changes_nothing(host: LocalHost, order: object) -> None:
    if order is not record.create:
        give(host, record.create(FIRST))
    before = ask(host, record.current())
    assert callable(order)
    whole = order(dataclasses.replace(FIRST, kept={"more": "x" * 1000}))
    assert host.run(whole.command, whole.stdin[:-10]).code == 74
    assert ask(host, record.current()) == before
    assert not list(host.state.glob(".new.*"))


def test_a_closed_record_is_kept_under_its_id_and_nothing_is_under_way(host: LocalHost) -> None:
    give(host, record.create(FIRST))
    proven = dataclasses.replace(FIRST, phase="proven")
    assert give(host, record.close(proven, 0)) == 0
    assert ask(host, record.current()) is None
    assert ask(host, record.done(FIRST.id)) == proven


def test_only_the_newest_fifty_closed_records_are_kept(host: LocalHost) -> None:
    give(host, record.create(FIRST))
    for number in range(60):
        old = host.state / f"done/2601{number:02}-0000-aaaa.json"
        old.touch()
        os.utime(old, (number, number))
    give(host, record.close(FIRST, 0))
    names = sorted(path.name for path in (host.state / "done").iterdir())
    assert len(names) == 50
    assert f"{FIRST.id}.json" in names
    assert "260159-0000-aaaa.json" in names
    assert "260110-0000-aaaa.json" not in names


def test_a_discarded_record_is_still_found_among_the_closed_ones(host: LocalHost) -> None:
    give(host, record.create(dataclasses.replace(FIRST, kept={"id": "other"})))
    assert give(host, record.discard()) == 0
    assert ask(host, record.current()) is None
    assert ask(host, record.done(FIRST.id)) is not None
    assert give(host, record.discard()) == 0


def test_a_damaged_record_can_be_discarded(host: LocalHost) -> None:
    give(host, record.create(FIRST))
    (host.state / "record.json").write_text("{")
    assert give(host, record.discard()) == 0
    assert ask(host, record.current()) is None


WITH_SECRETS = dataclasses.replace(FIRST, secrets={"new": "n3w-'s3cret'\n\\ ", "old": "0ld"})


def test_the_secrets_of_a_run_are_on_record_until_it_is_closed(host: LocalHost) -> None:
    give(host, record.create(WITH_SECRETS))
    assert ask(host, record.current()) == WITH_SECRETS
    assert give(host, record.close(WITH_SECRETS, 0)) == 0
    assert ask(host, record.done(FIRST.id)) == FIRST


def test_a_discarded_record_has_lost_its_secrets_and_nothing_else(host: LocalHost) -> None:
    give(host, record.create(dataclasses.replace(WITH_SECRETS, kept={"secrets": {"a": "b"}, "more": [1]})))
    assert give(host, record.discard()) == 0
    kept = ask(host, record.done(FIRST.id))
    assert kept == dataclasses.replace(FIRST, kept={"secrets": {"a": "b"}, "more": [1]})
    assert "n3w" not in (host.state / f"done/{FIRST.id}.json").read_text()


def test_a_record_of_before_there_were_secrets_is_still_read() -> None:
    old = {key: value for key, value in dataclasses.asdict(FIRST).items() if key != "secrets"}
    assert record.parse(json.dumps(old)) == FIRST


def test_records_are_readable_by_their_owner_alone(host: LocalHost) -> None:
    give(host, record.create(FIRST))
    give(host, record.save(FIRST))
    assert (host.state / "record.json").stat().st_mode & 0o777 == 0o600
    give(host, record.close(FIRST, 0))
    assert (host.state / f"done/{FIRST.id}.json").stat().st_mode & 0o777 == 0o600
    assert (host.state / "done").stat().st_mode & 0o777 == 0o700


def test_what_a_record_keeps_travels_by_standard_input_and_is_never_shown() -> None:
    for order in (record.create(WITH_SECRETS), record.save(WITH_SECRETS), record.close(WITH_SECRETS, 0)):
        assert "n3w-" not in order.command.line() + repr(order)
        assert "s3cr3t-value" not in order.command.line()
        assert "s3cr3t-value" not in repr(order)
        assert "s3cr3t-value" in str(order.stdin)
    assert "s3cr3t-value" not in repr(FIRST)
    assert "n3w-" not in repr(WITH_SECRETS)


@pytest.mark.parametrize("text", [
    "", "{", "[]", "null", '"x"', "{}", '{"id": 1}', '{"started": "soon"}',
    '{"id": "x", "runbook": "x", "params": {}, "operator": "x", "started": 1, "phase": "flying", "kept": {}}',
    '{"id": "x", "runbook": "x", "params": [], "operator": "x", "started": 1, "phase": "do", "kept": {}}',
    '{"id": "x", "runbook": "x", "params": {}, "operator": "x", "started": 1, "phase": "do", "kept": {}, "surprise": 1}',
    '{"id": "x", "runbook": "x", "params": {}, "operator": "x", "started": 1, "phase": "do", "secrets": {"surprise": 1}}',
])
def test_a_damaged_record_is_refused_with_a_way_out_and_without_its_content(text: str) -> None:
    with pytest.raises(Refused) as refused:
        record.parse(text)
    assert "--discard" in refused.value.next
    assert "surprise" not in str(refused.value)


@pytest.mark.parametrize("run", ["", "../../etc/passwd", "261121-0105", "261121-0105-k3fq/../x", "x; id", "261121-0105-k3fq\n"])
def test_only_an_id_can_name_a_closed_record(run: str) -> None:
    with pytest.raises(UsageError):
        record.done(run)


def test_an_id_tells_the_time_and_never_repeats() -> None:
    ids = {record.new_id(1795224300) for _ in range(200)}
    assert len(ids) > 190
    assert all(record.ID.fullmatch(one) and one.startswith("261121-0125-") for one in ids)

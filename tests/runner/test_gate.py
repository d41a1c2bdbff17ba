from __future__ import annotations

import threading

import pytest

from opsbook.desk import Asking, Staying
from opsbook.errors import Declined, Refused
from opsbook.runner.gate import Gate, Parked

A, B = Asking("a", "192.0.2.1", "reload"), Asking("b", "192.0.2.2", "reload")


def agreeing(asked: list[tuple[Asking, ...]]) -> Gate:
    return Gate(lambda askings, _staying: asked.append(askings))


def declining(_askings: object, _staying: object) -> None:
    raise Declined("no")


def test_while_all_look_a_host_that_would_write_is_parked_with_what_it_would_do() -> None:
    asked: list[tuple[Asking, ...]] = []
    gate = agreeing(asked)
    with gate.looking(), pytest.raises(Parked) as parked:
        gate.arrive(A)
    assert (parked.value.asking, asked) == (A, [])


def test_after_the_one_question_every_host_passes() -> None:
    asked: list[tuple[Asking, ...]] = []
    gate = agreeing(asked)
    gate.ask((A, B), (Staying("c", "no answer"),))
    gate.arrive(A)
    gate.arrive(B)
    assert asked == [(A, B)]


def test_a_host_alone_is_asked_about_when_it_comes_to_its_write() -> None:
    asked: list[tuple[Asking, ...]] = []
    agreeing(asked).arrive(A)
    assert asked == [(A,)]


def test_a_no_holds_for_every_host() -> None:
    gate = Gate(declining)
    for asking in (A, B):
        with pytest.raises(Declined):
            gate.arrive(asking)


def test_hosts_that_come_at_the_same_time_are_asked_about_once() -> None:
    asked: list[tuple[Asking, ...]] = []
    gate = agreeing(asked)
    threads = [threading.Thread(target=gate.arrive, args=(one,)) for one in (A, B)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(asked) == 1


def test_a_host_that_would_now_do_something_else_than_was_agreed_to_is_refused() -> None:
    gate = agreeing([])
    gate.ask((A, B))
    with pytest.raises(Refused, match="not as it was") as refused:
        gate.arrive(Asking("a", "192.0.2.1", "restart"))
    assert "agreed to: reload" in refused.value.saw
    gate.arrive(B)

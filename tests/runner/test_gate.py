from __future__ import annotations

import threading

import pytest

from opsbook.desk import Asking
from opsbook.errors import Declined
from opsbook.runner.gate import Gate, MainThread


def arrivals(gate: Gate, hosts: list[str], leaving: int = 0) -> list[object]:
    results: list[object] = []

    def go(name: str) -> None:
        try:
            gate.arrive(Asking(name, "192.0.2.1", "reload"))
            results.append(name)
        except Declined as no:
            results.append(no)

    threads = [threading.Thread(target=go, args=(name,)) for name in hosts]
    threads += [threading.Thread(target=gate.leave) for _ in range(leaving)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    return results


def test_several_hosts_are_asked_about_once_when_all_have_looked() -> None:
    asked: list[set[str]] = []
    gate = Gate(lambda askings: asked.append({asking.host for asking in askings}))
    gate.expect(4, at_once=4)
    assert set(arrivals(gate, ["a", "b", "c"], leaving=1)) == {"a", "b", "c"}
    assert asked == [{"a", "b", "c"}]


def test_a_no_stops_every_host() -> None:
    def no(_askings: object) -> None:
        raise Declined("no")

    gate = Gate(no)
    gate.expect(3, at_once=3)
    assert [type(result) for result in arrivals(gate, ["a", "b", "c"])] == [Declined] * 3


def test_with_fewer_places_than_hosts_those_that_stand_there_are_asked_about_and_the_rest_pass() -> None:
    asked: list[int] = []
    gate = Gate(lambda askings: asked.append(len(askings)))
    gate.expect(5, at_once=2)
    arrivals(gate, ["a", "b"])
    assert set(arrivals(gate, ["c", "d", "e"])) == {"c", "d", "e"}
    assert asked == [2]


def test_a_workers_question_is_asked_by_the_main_thread() -> None:
    main, seen = MainThread(), list[str]()

    def worker() -> None:
        seen.append(main.do(lambda: threading.current_thread().name))
        main.finish()

    thread = threading.Thread(target=worker)
    thread.start()
    main.serve()
    thread.join(5)
    assert seen == [threading.current_thread().name]


def test_what_the_main_threads_answer_raises_reaches_the_worker() -> None:
    main, caught = MainThread(), list[str]()

    def refuse() -> None:
        raise Declined("no")

    def worker() -> None:
        with pytest.raises(Declined):
            main.do(refuse)
        caught.append("declined")
        main.finish()

    thread = threading.Thread(target=worker)
    thread.start()
    main.serve()
    thread.join(5)
    assert caught == ["declined"]

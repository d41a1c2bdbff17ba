from __future__ import annotations

import threading

import pytest

from opsbook.errors import Declined
from opsbook.runner.main_thread import MainThread


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


def test_the_main_thread_itself_need_not_wait_for_itself() -> None:
    assert MainThread().do(lambda: "at once") == "at once"

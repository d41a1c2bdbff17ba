from __future__ import annotations

import signal
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


def test_a_signal_that_does_not_wake_the_main_thread_is_heard_all_the_same() -> None:
    main, heard, in_time = MainThread(), threading.Event(), list[bool]()

    def worker() -> None:
        main.do(lambda: None)       # it waits from here on
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)      # as if it had come just before the wait
        in_time.append(heard.wait(20))
        main.finish()

    before = signal.signal(signal.SIGUSR1, lambda *_: heard.set())
    try:
        thread = threading.Thread(target=worker)
        thread.start()
        main.serve()
        thread.join(5)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert in_time == [True]

"""Turns on a card go round in the order in which they were asked for."""

import threading
import time

import pytest

from kernels.cuda.turns import Turns

A_CARD = None  # nobody takes memory here


def until(true, seconds=10.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.001)


def test_only_so_many_work_at_a_time():
    turns, now, most = Turns(A_CARD, 2), [0], [0]
    lock = threading.Lock()

    def work():
        for _ in range(50):
            with turns.one():
                with lock:
                    now[0] += 1
                    most[0] = max(most[0], now[0])
                time.sleep(0)
                with lock:
                    now[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 2


def test_whoever_asked_first_is_served_first():
    turns, served = Turns(A_CARD, 1), []

    def work(name):
        with turns.one():
            served.append(name)

    threads = []
    with turns.one():
        for name in range(20):
            threads.append(threading.Thread(target=work, args=(name,)))
            threads[-1].start()
            until(lambda: len(turns._waiting) == len(threads))
    for thread in threads:
        thread.join()
    assert served == list(range(20))


def test_a_turn_is_given_on_after_an_error():
    turns = Turns(A_CARD, 1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), turns.one():
            1 / 0  # noqa: B018
    with turns.one():
        pass

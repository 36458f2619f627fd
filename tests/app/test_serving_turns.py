"""Turns: so many at once, so many waiting, and nobody forgotten."""

import threading
import time

import pytest

from app.once import Once
from app.serving.turns import Busy, Turns


def test_so_many_run_so_many_wait_and_the_rest_are_busy():
    turns = Turns(2, waiting=1)
    first, second, third = turns.join(), turns.join(), turns.join()
    assert (first.done(), second.done(), third.done()) == (True, True, False)
    with pytest.raises(Busy, match="many are searching at this moment; try again in 2 seconds"):
        turns.join()
    assert (turns.running, turns.waiting, turns.refused) == (2, 1, 1)


def test_a_turn_that_is_given_back_goes_to_who_waited_longest():
    turns = Turns(1, waiting=2)
    running, second, third = turns.join(), turns.join(), turns.join()
    turns.leave(running)
    assert second.done()
    assert not third.done()
    turns.leave(running)  # leaving twice gives nobody a second turn
    assert (turns.running, turns.waiting) == (1, 1)


def test_who_leaves_the_queue_makes_room_and_is_not_served():
    turns = Turns(1, waiting=1)
    running, gone = turns.join(), turns.join()
    turns.leave(gone)
    late = turns.join()
    turns.leave(running)
    assert not gone.done()
    assert late.done()


def test_waiting_too_long_is_busy_and_counts_as_refused():
    turns = Turns(1, waiting=1)
    turns.join()
    with pytest.raises(Busy), turns.turn(patience=0.01):
        raise AssertionError("nobody may be here")
    assert (turns.running, turns.waiting, turns.refused) == (1, 0, 1)


def test_an_error_gives_the_turn_back():
    turns = Turns(1, waiting=0)
    with pytest.raises(RuntimeError), turns.turn():
        raise RuntimeError
    assert turns.running == 0


def test_of_many_threads_no_more_than_the_turns_run_at_once_and_all_are_served():
    turns, lock, now, most, served = Turns(3, waiting=40), threading.Lock(), 0, 0, 0

    def work():
        nonlocal now, most, served
        with turns.turn():
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.002)
            with lock:
                now -= 1
                served += 1

    threads = [threading.Thread(target=work) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, served, turns.running, turns.waiting, turns.refused) == (3, 40, 0, 0, 0)


@pytest.mark.parametrize(("searches", "waiting"), [(0, 1), (1, -1)])
def test_turns_that_cannot_be_are_refused(searches, waiting):
    with pytest.raises(ValueError, match="at least 1 search and 0 waiting"):
        Turns(searches, waiting=waiting)


def test_a_thing_is_made_once_however_many_ask_and_again_after_an_error():
    made = []

    @Once
    def thing(name):
        time.sleep(0.01)
        made.append(name)
        if len(made) == 1:
            raise RuntimeError
        return len(made)

    with pytest.raises(RuntimeError):
        thing("a")
    got = []
    threads = [threading.Thread(target=lambda: got.append(thing("a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [2] * 8
    thing.forget()
    assert thing("a") == 3

import contextlib
import os
import time

import pytest

from medneg.workers import AHEAD, WINDOW, Limits, Lost, each
from tests.misbehaving import act, die_at_once


@pytest.fixture(autouse=True)
def _importable(monkeypatch, pytestconfig):
    monkeypatch.syspath_prepend(pytestconfig.rootpath)


@pytest.mark.parametrize("workers", [0, 2])
def test_results_come_in_the_order_of_the_inputs(workers):
    assert list(each(act, range(300), workers=workers)) == list(range(0, 600, 2))


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_costs_its_input_alone_and_its_words_are_not_told(workers):
    got = list(each(act, [1, "raise", 2], workers=workers))
    assert got == [2, Lost("reading it failed unexpectedly (LookupError)"), 4]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_panic_of_another_language_is_an_error_like_any_other(workers, capfd):
    got = list(each(act, [1, "panic", 2], workers=workers))
    assert got == [2, Lost("reading it failed unexpectedly (Panic)"), 4]
    assert capfd.readouterr() == ("", "")


def test_an_input_that_kills_its_process_costs_that_input_alone():
    got = list(each(act, [1, "die", 2, 3, "crash", 4, *range(20)], workers=2))
    died, crashed = "reading it ended its process (exit status 3)", "reading it crashed (SIGABRT)"
    assert got[:6] == [2, Lost(died), 4, 6, Lost(crashed), 8]
    assert got[6:] == list(range(0, 40, 2))


def test_an_input_that_hangs_is_given_up():
    began = time.perf_counter()
    got = list(each(act, [1, "hang", 2], workers=1, limits=Limits(seconds=0.5)))
    assert got == [2, Lost("reading it took more than 0.5 s"), 4]
    assert time.perf_counter() - began < 30


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="memory is limited on Linux only")
def test_an_input_that_eats_memory_is_given_up():
    got = list(each(act, [1, "eat", 2], workers=1))
    assert got == [2, Lost("reading it needs too much memory"), 4]


def test_processes_that_cannot_start_are_an_error_and_no_endless_loop():
    with pytest.raises(RuntimeError, match="three processes in a row ended before they could begin"):
        list(each(act, [1, 2], workers=1, prepare=die_at_once))


def test_inputs_are_asked_for_not_long_before_they_are_needed():
    asked = []

    def inputs():
        for number in range(1000):
            asked.append(number)
            yield number

    with contextlib.closing(each(act, inputs(), workers=2)) as results:
        assert [next(results) for _ in range(3)] == [0, 2, 4]
        assert len(asked) <= 3 + WINDOW + 2 * AHEAD
    assert list(each(act, iter(()), workers=2)) == []


def test_what_goes_wrong_while_inputs_are_made_is_told():
    def inputs():
        yield 1
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        list(each(act, inputs(), workers=1))


def test_leaving_early_stops_every_process():
    with contextlib.closing(each(act, [1, *["hang"] * 10], workers=2)) as results:
        assert next(results) == 2
        began = time.perf_counter()
    assert time.perf_counter() - began < 5


def test_a_negative_number_of_workers_is_refused():
    with pytest.raises(ValueError, match="workers must be at least 0; got -1"):
        list(each(act, [1], workers=-1))

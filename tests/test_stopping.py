"""A command that is asked to stop: one interrupt, whoever asks and however often."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress

import pytest

from harness import entry, stopping
from harness.stopping import SIGNALS, interruptible


def ask(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0.01)  # the interpreter runs handlers between two instructions


@pytest.mark.parametrize("number", SIGNALS)
def test_each_signal_ends_a_command_with_one_line_and_its_code(number, monkeypatch, capsys):
    monkeypatch.setattr(entry, "asked", entry.Asked)
    assert entry.run(lambda cfgs: ask(number)) == 128 + number
    told = "stopped; run the same command again to go on from here\n"
    assert capsys.readouterr() == ("", told)


def test_those_that_follow_do_not_disturb_cleaning_up_nor_the_way_out():
    cleaned = []

    @interruptible()
    def work() -> None:
        try:
            ask(signal.SIGINT)
        finally:
            for number in SIGNALS:
                ask(number)
                cleaned.append(number)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert cleaned == list(SIGNALS)
    for number in SIGNALS:
        ask(number)


def test_a_stop_that_was_swallowed_can_be_asked_for_again(monkeypatch):
    monkeypatch.setattr(stopping, "PATIENCE", 0.0)

    @interruptible()
    def work() -> None:
        with suppress(KeyboardInterrupt):
            ask(signal.SIGINT)
        ask(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt, match=str(int(signal.SIGTERM))):
        work()


def test_a_signal_that_is_ignored_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interruptible():
        ask(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_a_command_that_is_over_ends_as_it_did_whoever_asks_it_to_stop(monkeypatch):
    monkeypatch.setattr(entry, "asked", entry.Asked)
    assert entry.run(lambda cfgs: 1) == 1
    for number in SIGNALS:
        ask(number)


def test_outside_of_the_main_thread_nothing_is_changed():
    seen = []

    def work() -> None:
        with interruptible():
            seen.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]

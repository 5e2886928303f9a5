import signal
import threading

import pytest

from fststyle.signals import deferred_interrupts, ignored_interrupts


def test_ctrl_c_is_raised_afterwards():
    done = []

    def work():
        with deferred_interrupts():
            signal.raise_signal(signal.SIGINT)
            done.append("in whole")
        done.append("never")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["in whole"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_ctrl_c_nothing_is_raised():
    with deferred_interrupts():
        pass
    with ignored_interrupts():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_are_not_affected():
    seen = []

    def work():
        with deferred_interrupts(), ignored_interrupts():
            seen.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]

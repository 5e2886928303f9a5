import signal
import subprocess
import sys
import threading

import pytest

from fststyle.signals import deferred_interrupts, ending


@pytest.mark.parametrize("number", ending())
def test_signal_is_raised_after_the_block(number):
    def raising(number, frame):
        raise InterruptedError(number)

    done = []
    before = signal.signal(number, raising)
    try:
        with pytest.raises(InterruptedError), deferred_interrupts() as interrupted:  # noqa: PT012
            assert not interrupted()
            signal.raise_signal(number)
            done.append(interrupted())
        assert done == [True]
        assert signal.getsignal(number) is raising
    finally:
        signal.signal(number, before)


def test_without_a_signal_nothing_is_raised():
    with deferred_interrupts():
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with deferred_interrupts() as interrupted:
            signal.raise_signal(signal.SIGTERM)
            assert not interrupted()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_are_unchanged():
    def work():
        with deferred_interrupts() as interrupted:
            found.append(interrupted())

    found: list[bool] = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]


def run(code: str, **more) -> subprocess.CompletedProcess[str]:
    start = "import os, signal, sys, time\nfrom fststyle.signals import exceptions_for_signals\n"
    command = [sys.executable, "-c", start + code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **more)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
class TestExceptionsForSignals:
    @pytest.mark.parametrize("number", ending())
    def test_second_signal_does_not_interrupt_the_cleanup(self, number):
        done = run(
            "with exceptions_for_signals():\n"
            "    try:\n"
            f"        signal.raise_signal({int(number)})\n"
            "    except KeyboardInterrupt:\n"
            "        sys.exit(130)\n"
            "    finally:\n"
            "        signal.raise_signal(signal.SIGHUP)\n"
            "        signal.raise_signal(signal.SIGTERM)\n"
            "        print('clean')\n"
        )
        assert (done.returncode, done.stdout, done.stderr) == (128 + number, "clean\n", "")

    def test_exception_in_a_destructor_is_raised_again(self):
        done = run(
            "class Dying:\n"
            "    def __del__(self):\n"
            "        signal.raise_signal(signal.SIGTERM)\n"
            "with exceptions_for_signals():\n"
            "    Dying()\n"
            "    time.sleep(20)\n"
        )
        assert (done.returncode, done.stderr) == (143, "")

    def test_import_is_not_interrupted(self, tmp_path):
        (tmp_path / "slow.py").write_text(
            "import signal, time\n"
            "try:\n"
            "    signal.raise_signal(signal.SIGTERM)\n"
            "    time.sleep(0.3)\n"
            "except BaseException:\n"
            "    raise ImportError('slow is broken')\n"
        )
        done = run(
            f"sys.path.insert(0, {str(tmp_path)!r})\n"
            "with exceptions_for_signals():\n"
            "    import slow\n"
            "    print('imported', flush=True)\n"
            "    time.sleep(20)\n"
        )
        assert (done.returncode, done.stdout, done.stderr) == (143, "imported\n", "")

    def test_ignored_signal_stays_ignored(self):
        done = run(
            "with exceptions_for_signals():\n    signal.raise_signal(signal.SIGHUP)\n",
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),  # as nohup
        )
        assert (done.returncode, done.stderr) == (0, "")

    def test_signal_at_the_exit_ends_the_program(self):
        done = run(
            "import atexit\n"
            "with exceptions_for_signals():\n"
            "    atexit.register(signal.raise_signal, signal.SIGINT)\n"
        )
        assert (done.returncode, done.stderr) == (-signal.SIGINT, "")

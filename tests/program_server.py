"""Starts the command line many times without importing its libraries each time.

Run as a script, this process imports the libraries and forks for each request. The child sets the arguments,
environment, working directory and standard streams of a new process, and does what `python -m fststyle` does.
Only the import of the libraries is shared, and the child skips the teardown of their modules at exit, which
takes longer than most commands. Tests of start and exit use a new process.
"""

import atexit
import contextlib
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import traceback
import warnings
from pathlib import Path
from types import TracebackType
from typing import NoReturn

LIBRARIES = ("av", "cv2", "numpy", "onnx", "onnxruntime", "PIL.Image", "rich.console", "fststyle.cli")
TRAINING = ("torch", "torch._dynamo", "onnxscript", "torch.onnx._internal.exporter._core")
"""Imported with the first command that trains or exports."""
SUPPORTED = sys.platform == "linux"
"""A process with the frameworks of macOS cannot be forked safely, and Windows has no fork."""


class ProgramServer:
    """A process that runs `python -W error -m fststyle`, one request at a time."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-X", "faulthandler", "-W", "error", __file__, str(theirs.fileno())]
            # Pipes, as in the children, since Python checks once whether they are seekable.
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment, **pipes)
        self.socket = ours
        self.answers = ours.makefile("r")

    def __enter__(self) -> "ProgramServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.answers.close()
        self.socket.close()
        self.process.communicate(timeout=60)

    def run(
        self, arguments: list[str], cwd: Path, environment: dict[str, str], input: bytes, timeout: float
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run one command line. Raises `subprocess.TimeoutExpired` with the stack traces as ``stderr``."""
        pipes = [os.pipe() for _ in range(3)]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        socket.send_fds(self.socket, [b"*"], theirs)
        self.socket.sendall(json.dumps([arguments, str(cwd), environment]).encode() + b"\n")
        for number in theirs:
            os.close(number)
        output = [b"", b""]

        def write() -> None:
            with contextlib.suppress(BrokenPipeError), open(pipes[0][1], "wb") as file:
                file.write(input)

        def read(place: int) -> None:
            with open(pipes[place + 1][0], "rb") as file:
                output[place] = file.read()

        threads = [threading.Thread(target=write)]
        threads += [threading.Thread(target=read, args=(place,)) for place in (0, 1)]
        for thread in threads:
            thread.start()
        child = int(self.answers.readline())
        clock = threading.Timer(timeout, os.kill, (child, signal.SIGABRT))
        clock.start()
        code = os.waitstatus_to_exitcode(int(self.answers.readline()))
        hung = clock.finished.is_set()
        clock.cancel()
        for thread in threads:
            thread.join()
        if hung:
            raise subprocess.TimeoutExpired(arguments, timeout, *output)
        return subprocess.CompletedProcess(arguments, code, *output)


def _serve(connection: socket.socket) -> list[str]:
    """Fork for each request. Returns the arguments in the children, and ends the process after the last
    request.
    """
    requests = connection.makefile("rb")
    while True:
        star, numbers, _, _ = socket.recv_fds(connection, 1, 3)
        if not star:
            os._exit(0)
        arguments, cwd, environment = json.loads(requests.readline())
        if {"train", "export", "gatys"}.intersection(arguments):
            _preload(TRAINING)
        child = os.fork()
        if child == 0:
            requests.close()
            connection.close()
            for place, number in enumerate(numbers):
                os.dup2(number, place)
                os.close(number)
            os.chdir(cwd)
            os.environ.clear()
            os.environ.update(environment)
            sys.path[:1] = [cwd, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
            return list(arguments)
        for number in numbers:
            os.close(number)
        connection.sendall(f"{child}\n".encode())
        connection.sendall(f"{os.waitpid(child, 0)[1]}\n".encode())


def _preload(libraries: tuple[str, ...]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for library in libraries:
            with contextlib.suppress(ImportError):
                __import__(library)
    gc.freeze()  # no collection touches, and so copies, the memory shared with the children


def _run() -> int:
    """Run the program. Returns its exit code."""
    try:
        runpy.run_module("fststyle", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)  # noqa: T201
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> NoReturn:
    """Do what the interpreter does before it tears down the modules."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = 120
    os._exit(code)


if __name__ == "__main__":
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as `import fststyle` does, before it imports the library
    _preload(LIBRARIES)
    sys.argv[1:] = _serve(socket.socket(fileno=int(sys.argv[1])))
    _end(_run())

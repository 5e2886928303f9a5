"""The standard streams, where one is closed, or takes nothing more: words that nobody hears must not end the
work.
"""

import os
import sys
from typing import Any, BinaryIO, TextIO, cast

from fststyle.errors import OutputError


def stand_in() -> None:
    """Put the null device in the place of a closed stdout or stderr: else the next file that is opened would
    take its number, and get what libraries print.
    """
    for number, name, stream in ((1, "stdout", sys.stdout), (2, "stderr", sys.stderr)):
        if stream is None:
            try:
                os.fstat(number)
            except OSError:
                # The lowest number that is free, which is this one or that of a closed stdin.
                while os.open(os.devnull, os.O_RDWR) < number:
                    pass
            # As long as the program.
            stream = open(number, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
    sys.stderr = cast(TextIO, Told(sys.stderr))


def stdout(what: str, instead: str) -> BinaryIO:
    """Where ``what``, such as a picture, goes by ``-``.

    Raises `OutputError` where stdout is closed or a terminal; ``instead`` tells what to do then.
    """
    if sys.__stdout__ is None:
        raise OutputError(f"there is no stdout to write the {what} to")
    if sys.stdout.isatty():
        raise OutputError(f"stdout is a terminal; {instead}")
    binary: BinaryIO = sys.stdout.buffer
    return binary


class Told:
    """stderr; what it refuses, on a full disk or to a reader that has gone, is lost, and so is all that
    follows.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            self._lose()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._lose()

    def _lose(self) -> None:
        # What the stream still holds would fail again when the program ends, and change its exit code.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

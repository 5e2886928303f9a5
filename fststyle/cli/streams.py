"""Print to the standard streams. A message on stderr that cannot be printed does not stop the work."""

import os
import re
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, cast

from fststyle.errors import BatchError, OutputError

if TYPE_CHECKING:
    from rich.console import Console


_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]")
"""Control characters, Unicode line breaks, and bidirectional formatting characters."""


def replace_closed_streams() -> None:
    """Replace a closed stdout or stderr with the null device, and wrap `sys.stderr` in `ForgivingStream`.

    Otherwise the next file that is opened would get the file descriptor of the closed stream, and libraries
    that print to this descriptor would write to that file.
    """
    for number, name, stream in ((1, "stdout", sys.stdout), (2, "stderr", sys.stderr)):
        if stream is None:
            try:
                os.fstat(number)
            except OSError:
                # The lowest free descriptor is this one or that of a closed stdin.
                while os.open(os.devnull, os.O_RDWR) < number:
                    pass
            # Stays open until the program exits.
            stream = open(number, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
    sys.stderr = cast(TextIO, ForgivingStream(sys.stderr))


def stdout(what: str, instead: str) -> BinaryIO:
    """Return stdout as a binary stream, for the output ``-``.

    Raises `OutputError` if stdout is closed or a terminal.

    Args:
        what: what is to be written, such as "image", for the message about a closed stdout.
        instead: what the user can do, for the message about a terminal.
    """
    if sys.__stdout__ is None:
        raise OutputError(f"stdout is closed; the {what} cannot be written to it")
    if sys.stdout.isatty():
        raise OutputError(f"stdout is a terminal; {instead}")
    binary: BinaryIO = sys.stdout.buffer
    return binary


def printable(text: str) -> str:
    """Return the text with control characters escaped.

    File names may contain line breaks or terminal escape sequences.
    """
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def problem(error: Exception) -> str:
    """Return the line that reports an error on stderr, "fststyle: MESSAGE", without a line break."""
    return f"fststyle: {printable(' '.join(str(error).split()))}"


def print_lines(console: "Console", *texts: str) -> None:
    """Print messages on a rich console, one line each, with control characters escaped."""
    for text in texts:
        console.print(printable(text), highlight=False, soft_wrap=True, markup=False)


def note(text: str) -> None:
    """Print a message as one line on stderr, with control characters escaped."""
    sys.stderr.write(f"{printable(text)}\n")
    sys.stderr.flush()


def result(text: str) -> None:
    """Print ``text``, the result of a command, on stdout after all output files have been written.

    Raises `BrokenPipeError` if stdout is a closed pipe. If printing fails for another reason, raises
    `BatchError` with a message that says that the output files are complete.
    """
    try:
        answer(text)
    except OutputError as error:
        raise BatchError(f"{error}; the output is complete") from error


def answer(text: str) -> None:
    """Print ``text`` and a line break on stdout.

    Raises `BrokenPipeError` if stdout is a closed pipe, and `OutputError` if printing fails for another
    reason.
    """
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _discard(sys.stdout)
        raise OutputError(f"stdout: the result cannot be printed: {error.strerror or error}") from error


def _discard(stream: TextIO) -> None:
    """Redirect a stream to the null device.

    Otherwise Python would try to write the buffered data again at exit, fail, and change the exit code.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class ForgivingStream:
    """Wrapper around a text stream that suppresses write errors.

    After the first error, for example because the disk is full, all further output is discarded.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            _discard(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            _discard(self._stream)

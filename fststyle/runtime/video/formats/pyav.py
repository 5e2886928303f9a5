"""Import PyAV only when it is needed, and define aliases of its types."""

from fractions import Fraction
from typing import Any, TypedDict

from fststyle.errors import DependencyError
from fststyle.signals import deferred_interrupts

Container = Any
"""An open file: `av.container.InputContainer` or `OutputContainer`.

It is `Any`, since PyAV's types are unions over the kinds of streams, and code for one kind would have to
narrow them on each line.
"""

Stream = Any
"""A stream: `av.stream.Stream`, with the codec context of a video or audio stream."""

Packet = Any
"""Compressed data: `av.Packet`."""

DecodedFrame = Any
"""A decoded frame: `av.VideoFrame`, or `av.AudioFrame`."""


class Chapter(TypedDict):
    """A chapter, as in `av.container.Container.chapters`. Times are in units of ``time_base`` seconds."""

    id: int
    start: int
    end: int
    time_base: Fraction
    metadata: dict[str, str]


PixelFormat = Any
"""A pixel format: `av.VideoFormat`."""


def av() -> Any:
    """Return the module `av`, with logging of FFmpeg disabled.

    Raises `DependencyError`, with the pip command, if it cannot be imported.
    """
    try:
        with deferred_interrupts():
            import av
    except ImportError as error:
        raise DependencyError(
            f"video needs PyAV, which cannot be imported ({error}); pip install av"
        ) from error
    # With a log level, threads of FFmpeg can deadlock with Python (PyAV issue 909).
    av.logging.set_level(None)
    return av


def reason(error: Exception) -> str:
    """Return the message of an FFmpeg error without its code, or the type name of an error without text."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

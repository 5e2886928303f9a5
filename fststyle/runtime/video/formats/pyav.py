"""PyAV, imported when a video is opened."""

from typing import Any

from fststyle.errors import DependencyError
from fststyle.signals import deferred_interrupts


def av() -> Any:
    """The module of PyAV. Raises `DependencyError` with the command that installs it."""
    try:
        with deferred_interrupts():
            import av
    except ImportError as error:
        raise DependencyError(f"video needs PyAV: pip install av [{error}]") from error
    # With a log level, threads of FFmpeg can deadlock with Python (PyAV issue 909).
    av.logging.set_level(None)
    return av


def reason(error: Exception) -> str:
    """The message of an FFmpeg error without its code."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

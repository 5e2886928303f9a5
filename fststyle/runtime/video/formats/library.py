"""PyAV, imported when a video is opened."""

from typing import Any

from fststyle.errors import DependencyError
from fststyle.signals import postponed


def av() -> Any:
    """PyAV. Raises `DependencyError` with the line that installs it."""
    try:
        with postponed():
            import av
    except ImportError as error:
        raise DependencyError(f"video needs PyAV: pip install av [{error}]") from error
    # No log level at all: with one, FFmpeg's threads wait for Python, which waits for them (PyAV issue 909).
    av.logging.set_level(None)
    return av


def reason(error: Exception) -> str:
    """FFmpeg's message without its codes."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

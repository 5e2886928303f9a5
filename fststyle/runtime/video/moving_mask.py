"""Masks that change over time: a video, an animated image or an image sequence as the mask of a video."""

from collections.abc import Callable, Iterator
from pathlib import Path

from fststyle.errors import InputError
from fststyle.io import images
from fststyle.runtime.mask import ImageMask
from fststyle.runtime.video.formats import sequence
from fststyle.runtime.video.formats.base import Item, Source, TimedFrame
from fststyle.runtime.video.formats.open import InputOptions, open_source
from fststyle.runtime.video.formats.sequence import SequenceSource

_TOLERANCE = 0.25
"""Maximum time, as a fraction of the frame duration of the mask, by which a frame of the mask may start after
its video frame. Containers round times.
"""

_LEAD = 1.0
"""Minimum time in seconds by which reading starts before the first required time, since the frame that is
shown at this time may have started earlier.
"""


class MovingMask(ImageMask):
    """Mask that is read from a video, an animated image or an image sequence, and changes over time.

    The mask at t seconds is the frame that ``source`` shows t seconds after its first frame. After the end of
    ``source``, the last frame remains the mask.
    """

    moves = True

    def __init__(self, path: Path, source: Source, start: float, on_note: Callable[[str], None]):
        """Seek to a time shortly before ``start``, and read one frame.

        Args:
            path: the path for messages.
            source: the open mask file, which `close` closes.
            start: the first required time in seconds.
            on_note: called once if a mask is required after the end of ``source``.

        Raises:
            InputError: ``source`` contains no frames. It is then closed.
        """
        self._path, self._source, self._on_note = path, source, on_note
        self._early = _TOLERANCE / float(source.rate)
        # A mask that ends before the start needs its last frame.
        first = start if source.seconds is None else min(start, source.seconds)
        lead = max(_LEAD, 2 / float(source.rate))
        if first > lead:
            source.seek(first - lead)
        self._items: Iterator[Item] = iter(source)
        self._next = self._following()
        if self._next is None:
            source.close()
            raise InputError(f"{path}: contains no frames{self._why()}")
        self._end = 0.0
        self._noted = False
        self._set(self._next.rgb, self._next.alpha)

    def at(self, seconds: float) -> None:
        """Set the mask to the frame that is shown ``seconds`` after the first frame of the mask source.

        ``seconds`` must not decrease from one call to the next.
        """
        shown: TimedFrame | None = None
        due = seconds + self._source.video_origin + self._early
        while self._next is not None and self._next.seconds <= due:
            shown, self._next = self._next, self._following()
        if shown is not None:
            length = (
                float(shown.duration * shown.time_base) if shown.duration else 1 / float(self._source.rate)
            )
            self._end = shown.seconds - self._source.video_origin + length
            self._set(shown.rgb, shown.alpha)
        if self._next is None and seconds >= self._end and not self._noted:
            self._noted = True
            end = f"{self._end:.2f} seconds{self._why()}"
            self._on_note(f"{self._path}: the mask ends after {end}; its last frame is held")

    def close(self) -> None:
        self._source.close()

    def _following(self) -> TimedFrame | None:
        return next((item for item in self._items if isinstance(item, TimedFrame)), None)

    def _why(self) -> str:
        return f" ({self._source.broken})" if self._source.broken else ""


def opened(path: Path, source: Source, start: float, on_note: Callable[[str], None]) -> ImageMask:
    """Open the mask ``path`` for the video ``source``.

    The mask may be an image, or any input of `fststyle video` except stdin. A mask that is an image sequence
    gets the frame rate of ``source``. ``start`` is the first required time in seconds, and
    ``on_note`` is called if the mask ends before the video. Raises `InputError` if the mask cannot be read,
    and `DependencyError` if a package for its format is not installed.
    """
    if path.is_file():
        try:
            if images.outline(path).frames == 1:
                return ImageMask(path)
        except InputError as error:
            return MovingMask(path, _video(path, error), start, on_note)
    elif not path.is_dir() and not sequence.is_pattern(path):
        return ImageMask(path)  # raises the error
    return MovingMask(path, open_source(path, InputOptions(source.rate)), start, on_note)


def files(path: Path) -> list[Path]:
    """Return the files of a mask: all images if ``path`` is an image sequence, and otherwise only ``path``.

    Raises `InputError` for a folder or a pattern without an image sequence, and for a folder with several.
    """
    if path.is_dir() or (sequence.is_pattern(path) and not path.exists()):
        opened = open_source(path, InputOptions())
        return sorted(opened.files.values()) if isinstance(opened, SequenceSource) else [path]
    return [path]


def _video(path: Path, error: InputError) -> Source:
    """Open the video at ``path``, which is not an image. Raises ``error`` if it is not a video either."""
    try:
        return open_source(path, InputOptions())
    except InputError:
        raise error from None

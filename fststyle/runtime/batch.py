"""Stylize image files, folders of images, and images from stdin to stdout."""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from fststyle.errors import BatchError, FststyleError, InputError, OutputError
from fststyle.io import images
from fststyle.io.encode import check_lossless, format_of
from fststyle.io.files import PIPE, refuse_overwrite
from fststyle.io.images import Picture
from fststyle.runtime.frame_stylizer import load_for_settings
from fststyle.runtime.image import stylize_picture
from fststyle.runtime.mask import Mask
from fststyle.runtime.mask import load as load_mask
from fststyle.runtime.output_paths import FilePair, plan
from fststyle.runtime.settings import ImageSettings
from fststyle.runtime.style import Style
from fststyle.settings import check


@dataclass(frozen=True)
class Painted:
    """Result for one stylized image.

    Attributes:
        input: path of the input; "-" is stdin.
        output: path of the output; "-" is stdout.
        width: width of the output in pixels.
        height: height of the output in pixels.
        seconds: elapsed time in seconds, including reading and writing.
        style: name of the style.
        device: device that the style ran on.
        pages_left: number of further pages of a TIFF file, which are not stylized.
        lost: names of everything in the input that is not in the output, such as metadata.
    """

    input: str
    output: str
    width: int
    height: int
    seconds: float
    style: str
    device: str
    pages_left: int = 0
    lost: tuple[str, ...] = ()


@dataclass
class ImageListener:
    """Callbacks that report the progress and the results of `stylize_files`, which calls them in its thread.

    Attributes:
        on_skipped: called once, with the number of images whose output already exists, if the setting
            ``skip_existing`` is True.
        on_start: called once, with the number of images to stylize.
        on_tile: called after each tile of a frame that is stylized in tiles (`fststyle.runtime.tiles`), with
            the number of finished tiles and the total number of tiles of the frame. Not called if the images
            are stylized on a Ray cluster (``settings.ray``).
        on_done: called with the result of each image.
        on_failed: called with the path and the error of each refused input and of each failed image, if the
            inputs are several files or a folder. The error of a single file or of stdin is raised instead.
    """

    on_skipped: Callable[[int], None] = lambda pictures: None
    on_start: Callable[[int], None] = lambda pictures: None
    on_tile: Callable[[int, int], None] = lambda done, of: None
    on_done: Callable[[Painted], None] = lambda painted: None
    on_failed: Callable[[str, FststyleError], None] = lambda source, error: None


def stylize_files(
    inputs: Sequence[str | Path],
    output: str | Path | None = None,
    settings: ImageSettings | None = None,
    *,
    listener: ImageListener | None = None,
    stdin: BinaryIO | None = None,
    stdout: BinaryIO | None = None,
) -> list[Painted]:
    """Stylize image files and folders.

    Settings, style, device, mask and output paths are checked before any image is stylized. An output file is
    written completely or not at all.

    Args:
        inputs: files and folders, or "-" for stdin.
        output: file, folder or "-" for stdout; None derives output paths from the inputs and the style
            (`fststyle.runtime.output_paths.plan`).
        settings: the settings; None uses the defaults.
        listener: callbacks for progress, results and failures.
        stdin: binary stream that is read for the input "-".
        stdout: binary stream that is written for the output "-".

    Returns:
        The results of all images that were stylized, in the order of completion.

    Raises:
        BatchError: the inputs are several files or a folder, and some were refused or failed. It is raised
            after the last image.
        FststyleError: a check fails before the first image, or the only input file (or stdin) fails.
    """
    settings = settings or ImageSettings()
    listener = listener or ImageListener()
    check(settings)
    mask = load_mask(settings)
    style = load_for_settings(settings, settings.style)
    work = plan(inputs, output, style.name)
    if settings.mask is not None:
        refuse_overwrite((settings.mask,), *(pair.target for pair in work.pairs if pair.target is not None))
    if settings.lossless:
        _check_lossless(work.pairs)
    for source, error in work.refused:
        listener.on_failed(source, error)
    if settings.skip_existing:
        left = [pair for pair in work.pairs if pair.target is None or not pair.target.exists()]
        listener.on_skipped(len(work.pairs) - len(left))
        work.pairs = left
    listener.on_start(len(work.pairs))
    done: list[Painted] = []
    failed = len(work.refused)
    for pair, result in _results(work.pairs, style, settings, mask, listener, stdin, stdout):
        if isinstance(result, FststyleError):
            if not work.several:
                raise result
            failed += 1
            listener.on_failed(str(pair.source), result)
            continue
        done.append(result)
        listener.on_done(result)
    if failed:
        raise BatchError(f"{failed} of {failed + len(done)} images failed")
    return done


def _results(
    pairs: Sequence[FilePair],
    style: Style,
    settings: ImageSettings,
    mask: Mask | None,
    listener: ImageListener,
    stdin: BinaryIO | None,
    stdout: BinaryIO | None,
) -> Iterator[tuple[FilePair, Painted | FststyleError]]:
    """Stylize images, and yield each pair of paths with its result or error, in the order of completion.

    See `stylize_file` for the arguments.
    """
    if settings.ray is not None:
        from fststyle.runtime.farm.images import stylized

        yield from stylized(pairs, settings)
        return
    for pair in pairs:
        try:
            yield pair, stylize_file(pair, style, settings, mask, listener, stdin, stdout)
        except FststyleError as error:
            yield pair, error


def _check_lossless(pairs: Sequence[FilePair]) -> None:
    for target in (pair.target for pair in pairs if pair.target is not None):
        check_lossless(format_of(target.suffix, str(target)), str(target))


def stylize_file(
    pair: FilePair,
    style: Style,
    settings: ImageSettings,
    mask: Mask | None = None,
    listener: ImageListener | None = None,
    stdin: BinaryIO | None = None,
    stdout: BinaryIO | None = None,
) -> Painted:
    """Stylize one image with a loaded style, and write the result.

    ``pair`` holds the paths of the input and the output. If ``mask`` is None, the mask is loaded if the
    settings select one. See `stylize_files` for the other arguments. Raises `FststyleError` if the image
    cannot be read, stylized or written.
    """
    on_tile = None if listener is None else listener.on_tile
    begin = time.perf_counter()
    picture = images.read(pair.source if pair.source is not None else read_stdin(stdin))
    painted = stylize_picture(picture, style, settings, on_tile, mask)
    how: dict[str, Any] = {
        name: getattr(settings, name) for name in ("quality", "lossless", "strip_metadata")
    }
    if pair.target is None:
        if stdout is None:
            raise OutputError("stdout is closed")
        lost = images.write(painted, stdout, format=_pipe_format(painted), **how)
    else:
        lost = images.write(painted, pair.target, **how)
    height, width = painted.size
    names = [PIPE if path is None else str(path) for path in (pair.source, pair.target)]
    seconds = round(time.perf_counter() - begin, 3)
    lost = [*picture.lost, *lost]
    return Painted(
        names[0], names[1], width, height, seconds, style.name, style.device, picture.left, tuple(lost)
    )


def read_stdin(stdin: BinaryIO | None) -> bytes:
    """Return the content of ``stdin``. Raises `InputError` if it is None (closed) or empty."""
    if stdin is None:
        raise InputError("stdin is closed")
    content = stdin.read()
    if not content:
        raise InputError("stdin is empty")
    return content


def __getattr__(name: str) -> type[ImageListener]:
    if name == "Listener":
        warnings.warn("Listener is renamed to ImageListener", DeprecationWarning, stacklevel=2)
        return ImageListener
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _pipe_format(picture: Picture) -> str:
    """Return the format for stdout: that of the input if it can be written, and otherwise PNG."""
    return picture.format if picture.format in images.WRITABLE.values() else "PNG"  # type: ignore[return-value]

"""Any image file <-> RGB uint8 (H, W, 3).

`read` takes what Pillow can read, turned upright, in 8-bit RGB, every frame of an animation; `write` puts it back, whole or not at all.
What can go wrong with a file is an `InputError` or an `OutputError` that names it; no other exception and no warning escapes.
"""

import contextlib
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from fststyle.errors import InputError, OutputError
from fststyle.io import animation
from fststyle.io.files import replacing
from fststyle.io.folders import Refused, files
from fststyle.io.pillow import formats, guarded
from fststyle.io.pixels import MIN_SIDE, Frame, from_pil, from_pil_with_profile, in_srgb, on_white, resize, to_pil

__all__ = [
    "MAX_PIXELS",
    "MIN_SIDE",
    "READABLE",
    "WRITABLE",
    "Frame",
    "Outline",
    "Picture",
    "encode",
    "find",
    "from_pil",
    "outline",
    "read",
    "resize",
    "stream",
    "to_pil",
    "write",
]

MAX_PIXELS = 300_000_000
"""Pixels a picture may hold, all frames together: about 2 GB of memory while it is read."""

MAX_FRAMES = 20_000

WRITABLE = {
    **{".png": "PNG", ".apng": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jfif": "JPEG", ".webp": "WEBP", ".gif": "GIF"},
    **{".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP", ".ppm": "PPM", ".jp2": "JPEG2000", ".avif": "AVIF"},
}
"""File suffix -> Pillow's name of the format."""

READABLE = frozenset(WRITABLE) | {".jpe", ".mpo", ".dib", ".pgm", ".pbm", ".pnm", ".tga", ".j2k", ".ico", ".icns", ".pcx", ".qoi", ".dds", ".psd", ".sgi"}
"""Suffixes that `find` takes for images; `read` goes by content."""

_ALPHA = {"PNG", "WEBP", "TIFF", "GIF", "AVIF", "JPEG2000"}
_PROFILES = {"PNG", "JPEG", "WEBP", "TIFF", "AVIF"}
_LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383, "GIF": 65535}
# Other formats with several images hold pages, layers or sizes: the first is the picture. Phones put a thumbnail behind a JPEG and call it MPO.
_ANIMATED = {"GIF", "WEBP", "PNG", "AVIF"}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass
class Picture:
    """One or more frames of one size.

    ``icc`` is the colour profile that describes ``rgb``, None for sRGB; ``format`` is Pillow's name of the format it was read from;
    ``loop`` is how often an animation plays, 0 for ever, None where the file does not say (once); ``left`` is how many further pages the file has.
    """

    frames: list[Frame]
    icc: bytes | None = None
    format: str | None = None
    loop: int | None = None
    left: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        height, width = self.frames[0].rgb.shape[:2]
        return height, width

    @property
    def animated(self) -> bool:
        return len(self.frames) > 1

    @property
    def opaque(self) -> NDArray[np.uint8]:
        """The first frame, uint8 (H, W, 3), on white where it is transparent: what lies hidden under there is nobody's picture."""
        first = self.frames[0]
        return first.rgb if first.alpha is None else on_white(first.rgb, first.alpha)


@dataclass(frozen=True)
class Outline:
    """What the header of a picture says: Pillow's name of its format, (width, height) as stored, how many frames, how often they play (as `Picture`)."""

    format: str | None
    size: tuple[int, int]
    frames: int
    loop: int | None


def read(source: Path | str | bytes | BinaryIO, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """The picture in a file, given by its path, its content or an open binary file (which stays open).

    The EXIF turn is applied, alpha kept, 16-bit scaled to 8 bit, CMYK and gray converted to RGB (through their colour profile if they have one).
    ``max_pixels`` bounds H * W * frames and is held against the header before any pixel is decoded.
    Raises `InputError` for what is missing, empty, no image, broken, below 16x16 or too large.
    """
    name = _name_of(source)
    if isinstance(source, bytes):
        return _read_stream(io.BytesIO(source), name, max_pixels)
    if not isinstance(source, (str, Path)):
        return _read_stream(source if source.seekable() else io.BytesIO(source.read()), name, max_pixels)
    with _file(source) as file:
        return _read_stream(file, name, max_pixels)


def outline(path: Path, *, max_pixels: int = MAX_PIXELS) -> Outline:
    """What the header of a picture says. Raises as `read`."""
    with _file(path) as file, _opened(file, str(path), max_pixels) as image:
        return _outline(image, str(path), max_pixels)


def stream(path: Path, *, max_pixels: int = MAX_PIXELS) -> Iterator[Frame]:
    """The frames of an animation in sRGB, one after another, each decoded when it is asked for. Raises as `read`, also between two frames."""
    with _file(path) as file, _opened(file, str(path), max_pixels) as image:
        for frame, icc in _frames(image, str(path), max_pixels):
            yield in_srgb(frame, icc) if icc else frame


def write(picture: Picture, destination: Path | str | BinaryIO, *, format: str | None = None, quality: int = 95) -> None:
    """Write a picture, atomically where ``destination`` is a path; missing folders are made.

    The format is ``format`` ("png", ".jpg", Pillow's names), else the suffix, else (for an open file) the one the picture was read from.
    ``quality`` is 1..100, for JPEG, WebP and AVIF. A format without alpha gets the picture on white, one without colour profiles gets it in sRGB.
    GIF, WebP and PNG hold animations, every frame kept as its own; GIF counts in hundredths of a second, so single durations are rounded there.
    Raises `OutputError` for an unknown format, a picture the format cannot hold, or a place that cannot be written; `InputError` for the quality.
    """
    name = _name_of(destination)
    if not 1 <= quality <= 100:
        raise InputError(f"quality {quality} is not within 1..100")
    suffix = Path(destination).suffix if isinstance(destination, (str, Path)) else ""
    kind = _format_of(format or suffix or picture.format or "", name)
    _check_fits(picture, kind, name)
    if not isinstance(destination, (str, Path)):
        # Encoded apart first, so that a failure leaves nothing behind and a pipe will do.
        buffer = io.BytesIO()
        _encode(picture, buffer, kind, quality, name)
        try:
            destination.write(buffer.getbuffer())
        except (OSError, ValueError) as error:
            raise OutputError(f"{name}: {_reason(error)}") from error
        return
    path = Path(destination)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            _encode(picture, file, kind, quality, name)
    except (OSError, ValueError) as error:
        raise OutputError(f"{name}: cannot be written: {_reason(error)}") from error


def find(folder: Path, without: Iterable[Path] = (), on_refused: Refused = lambda place, error: None) -> list[Path]:
    """The image files of a folder, as `fststyle.io.folders.files` finds them; those of `without` left out, by whatever path.

    Raises `InputError` for no folder and for none found.
    """
    left_out = {os.path.realpath(path) for path in without}
    found = [path for path in files(Path(folder), READABLE, on_refused) if os.path.realpath(path) not in left_out]
    if not found:
        raise InputError(f"{folder}: holds no image files")
    return found


def _file(name: Path | str) -> BinaryIO:
    try:
        if not (path := Path(name)).is_file():
            raise InputError(f"{name}: {'is a folder, not an image' if path.is_dir() else 'is not a file' if path.exists() else 'no such file'}")
        return path.open("rb")
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: {_reason(error)}") from error


@contextlib.contextmanager
def _opened(stream: BinaryIO, name: str, max_pixels: int) -> Iterator[Image.Image]:
    """Pillow's image of a file; what goes wrong with it inside the block is an `InputError`."""
    try:
        start = stream.tell()
        if not stream.read(1):
            raise InputError(f"{name}: is empty")
        stream.seek(start)
        with guarded(max_pixels), Image.open(stream, formats=formats()) as image:
            yield image
    except InputError:
        raise
    except UnidentifiedImageError as error:
        raise InputError(f"{name}: is not an image that can be read") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{name}: holds more than {max_pixels:,} pixels") from error
    except MemoryError as error:
        raise InputError(f"{name}: does not fit in memory") from error
    except Exception as error:  # Pillow's parsers let almost anything through on a damaged file: struct.error, KeyError, SyntaxError ...
        raise InputError(f"{name}: is damaged ({_reason(error)})") from error


def _read_stream(stream: BinaryIO, name: str, max_pixels: int) -> Picture:
    with _opened(stream, name, max_pixels) as image:
        outline = _outline(image, name, max_pixels)
        _check_size(image, outline.frames, name, max_pixels)
        found = list(_frames(image, name, max_pixels))
        frames, icc = [frame for frame, _ in found], found[-1][1]
        left = getattr(image, "n_frames", 1) - 1 if outline.format == "TIFF" else 0
        return Picture(frames, icc, "JPEG" if outline.format == "MPO" else outline.format, outline.loop if len(frames) > 1 else None, left)


def _outline(image: Image.Image, name: str, max_pixels: int) -> Outline:
    _check_size(image, 1, name, max_pixels)
    count = getattr(image, "n_frames", 1) if image.format in _ANIMATED else 1
    # The still that an APNG shows to programs without animation is not one of its frames.
    count -= 1 if count > 1 and image.info.get("default_image") else 0
    if count > MAX_FRAMES:
        raise InputError(f"{name}: {count} frames are more than {MAX_FRAMES}")
    return Outline(image.format, image.size, count, image.info.get("loop"))


def _frames(image: Image.Image, name: str, max_pixels: int) -> Iterator[tuple[Frame, bytes | None]]:
    """Each frame with the profile that describes it."""
    icc = image.info.get("icc_profile") or None
    count = getattr(image, "n_frames", 1) if image.format in _ANIMATED else 1
    first = 1 if count > 1 and image.info.get("default_image") else 0
    width, height = image.size
    for index in range(first, count):
        if count > 1:
            image.seek(index)
            _check_size(image, 1, name, max_pixels)
        image.load()
        duration = image.info.get("duration") if count - first > 1 else None
        # A GIF frame may reach beyond the canvas, which Pillow then enlarges.
        still = _upright(image if image.size == (width, height) or count == 1 else image.crop((0, 0, width, height)), image)
        frame, kept = from_pil_with_profile(still, icc)
        yield Frame(frame.rgb, frame.alpha, None if duration is None else round(duration)), kept


def _check_size(image: Image.Image, frames: int, name: str, max_pixels: int) -> None:
    width, height = image.size
    if min(width, height) < MIN_SIDE:
        raise InputError(f"{name}: {width}x{height} pixels is too small, the minimum is {MIN_SIDE}x{MIN_SIDE}")
    if width * height * frames > max_pixels:
        raise InputError(f"{name}: {width}x{height} pixels{f' x {frames} frames' if frames > 1 else ''} is more than {max_pixels:,}")


def _upright(still: Image.Image, image: Image.Image) -> Image.Image:
    """``still`` as its camera held it. Damaged EXIF must not cost the picture, so it counts as none."""
    try:
        turn = _TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:
        turn = None
    if turn is None:
        return still
    turned = still.transpose(turn)
    turned.info = still.info
    return turned


def _format_of(text: str, name: str) -> str:
    wanted = text.upper().lstrip(".")
    kind = wanted if wanted in WRITABLE.values() else WRITABLE.get("." + wanted.lower())
    if kind is None:
        raise OutputError(f"{name}: {f'cannot write {text!r}' if text else 'no format given'}; use one of {' '.join(sorted(WRITABLE))}")
    Image.init()
    if kind not in Image.SAVE:
        raise OutputError(f"{name}: this Pillow was built without {kind}")
    return kind


def _check_fits(picture: Picture, kind: str, name: str) -> None:
    if not picture.frames:
        raise OutputError(f"{name}: the picture has no frames")
    if any(frame.rgb.shape != picture.frames[0].rgb.shape for frame in picture.frames):
        raise OutputError(f"{name}: the frames differ in size")
    if picture.animated and kind not in animation.ASSEMBLERS:
        raise OutputError(f"{name}: {kind} cannot hold {len(picture.frames)} frames; use .gif, .webp or .png")
    if max(picture.size) > _LONGEST_SIDE.get(kind, max(picture.size)):
        raise OutputError(f"{name}: {kind} holds at most {_LONGEST_SIDE[kind]} pixels a side, the picture is {picture.size[1]}x{picture.size[0]}")


def encode(frame: Frame, kind: str, *, alpha: bool, icc: bytes | None = None, quality: int = 95) -> bytes:
    """The file of ``frame`` as ``kind`` (Pillow's name of the format), raising what Pillow raises.

    ``alpha``: whether the file has transparency, where the format knows any; a frame that has none gets an opaque one, and one that has it goes on white
    without it. ``icc`` describes the colours; a format without profiles gets them in sRGB. ``quality`` is 1..100, for JPEG, WebP and AVIF.
    """
    alpha = alpha and kind in _ALPHA
    if alpha and frame.alpha is None:
        frame = Frame(frame.rgb, np.full(frame.rgb.shape[:2], 255, np.uint8))
    elif not alpha and frame.alpha is not None:
        frame = Frame(on_white(frame.rgb, frame.alpha))
    if icc and kind not in _PROFILES:
        frame, icc = in_srgb(frame, icc), None
    buffer = io.BytesIO()
    if kind == "GIF":
        # Unoptimised, so that the transparent colour is told of a frame without any too: what lies under the others is cleared then.
        animation.quantised(frame).save(buffer, "GIF", **({"transparency": 255, "optimize": False} if alpha else {}))
        return buffer.getvalue()
    options: dict[str, object] = {"icc_profile": icc} if icc else {}
    if kind in ("JPEG", "WEBP", "AVIF"):
        options["quality"] = quality
    if kind in ("JPEG", "AVIF"):
        options["subsampling"] = "4:4:4"
    if kind == "TIFF":
        options["compression"] = "tiff_adobe_deflate"
    to_pil(frame).save(buffer, kind, **options)
    return buffer.getvalue()


def _encode(picture: Picture, file: BinaryIO, kind: str, quality: int, name: str) -> None:
    try:
        with guarded(MAX_PIXELS):
            # Every frame of an animation has alpha, or none has: the containers ask for one kind of pixel.
            alpha = any(frame.alpha is not None for frame in picture.frames)
            stills = (encode(frame, kind, alpha=alpha, icc=picture.icc, quality=quality) for frame in picture.frames)
            if picture.animated:
                assembler = animation.ASSEMBLERS[kind](file, picture.size, picture.loop)
                for still, frame in zip(stills, picture.frames, strict=True):
                    assembler.add(still, frame.duration_ms)
                assembler.close()
            else:
                file.write(next(stills))
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, not the encoder
        raise OutputError(f"{name}: cannot be written as {kind}: {_reason(error)}") from error


def _name_of(place: object) -> str:
    if isinstance(place, (str, Path)):
        return str(place)
    named = getattr(place, "name", None)
    return named if isinstance(named, str) and named else "image data"


def _reason(error: BaseException) -> str:
    """One short line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:120] or type(error).__name__

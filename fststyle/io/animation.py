"""Assembly of animated GIF, WebP and PNG files from still images that Pillow has encoded.

Pillow's own writers merge equal consecutive frames; here, N frames are written as N frames. Each assembler
copies the compressed data of the still images into the container.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

import numpy as np
from PIL import Image

from fststyle.io.pixels import Frame

DEFAULT_MS = 100
"""Duration in milliseconds of a frame without a duration."""
_SAMPLED = 1 << 14
"""Approximate number of pixels from which a palette is computed."""

_WEBP_METADATA = {b"EXIF": 0x08, b"XMP ": 0x04}
"""Metadata chunk of a WebP file -> its flag in the header. These chunks follow the frames."""
_PNG_HEAD = (b"IHDR", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"pHYs", b"eXIf", b"tEXt", b"zTXt", b"iTXt")
"""Chunks of the first still that are copied before the frames of an APNG file."""


class Assembler(Protocol):
    """Protocol for objects that write an animation frame by frame, in constant memory."""

    def add(self, still: bytes, duration: int | None) -> None:
        """Append a frame.

        Args:
            still: an image file with one frame, in the format and size of the animation.
            duration: duration in milliseconds; None means `DEFAULT_MS`.
        """

    def close(self) -> None:
        """Finish the file. At least one frame must have been added."""


def quantized(frame: Frame) -> Image.Image:
    """Convert a frame to a Pillow palette image for a GIF file.

    If the frame has at most 256 colors (255 if it has alpha), they are kept exactly. More colors are reduced
    by median cut with dithering. If the frame has alpha, pixels with an alpha below 128 get index 255. The
    caller must declare this index as transparent when it saves the image.
    """
    image = Image.fromarray(frame.rgb)
    count = 256 if frame.alpha is None else 255
    lossy = image.getcolors(count) is None
    # Median cut is slow, so it gets a sample of the pixels.
    step = max(1, round((frame.rgb.shape[0] * frame.rgb.shape[1] / _SAMPLED) ** 0.5)) if lossy else 1
    sampled = Image.fromarray(np.ascontiguousarray(frame.rgb[::step, ::step]))
    result = sampled.quantize(count, method=Image.Quantize.MEDIANCUT)
    colors = (result.getpalette() or [])[: 3 * count]
    # Dithering uses a coarse color table, so it is used only for images with too many colors.
    if lossy:
        # Pillow would pad the palette with black and map pixels to it, so pad with the first color.
        result.putpalette(colors + colors[:3] * (256 - len(colors) // 3))
        result = image.quantize(palette=result, dither=Image.Dither.FLOYDSTEINBERG)
    if frame.alpha is None:
        return result
    indices = np.asarray(result)
    indices = np.where(frame.alpha < 128, 255, np.where(indices == 255, 0, indices)).astype(np.uint8)
    result = Image.fromarray(indices).convert("P")
    result.putpalette(colors + [0] * (768 - len(colors)))
    return result


class Gif:
    """Assembler of an animated GIF file from still GIF files.

    Each frame has its own palette. The canvas is cleared after each frame that has a transparent color.

    ``size`` is (height, width) in pixels, and ``loop`` is the loop count: 0 is endless, None plays once.
    Durations are in milliseconds. `close` finishes the file.
    """

    def __init__(self, file: BinaryIO, size: tuple[int, int], loop: int | None):
        height, width = size
        self._file = file
        # Durations are milliseconds here, and hundredths of a second in the file. The rounding error is
        # carried over to the next frame.
        self._clock = self._shown = 0
        file.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0x70, 0, 0))
        if loop is not None:
            file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", min(loop, 0xFFFF)) + b"\x00")

    def add(self, still: bytes, duration: int | None) -> None:
        palette, transparent, descriptor, data = _gif_parts(still)
        self._clock += DEFAULT_MS if duration is None else duration
        delay = min(max(0, round(self._clock / 10) - self._shown), 0xFFFF)
        self._shown += delay
        flags = 0x04 if transparent is None else 0x09
        self._file.write(b"\x21\xf9\x04" + struct.pack("<BHB", flags, delay, transparent or 0) + b"\x00")
        self._file.write(
            b"\x2c"
            + descriptor[:8]
            + bytes([descriptor[8] & 0x40 | 0x80 | (len(palette) // 3).bit_length() - 2])
            + palette
            + data
        )

    def close(self) -> None:
        self._file.write(b"\x3b")


class WebP:
    """Assembler of an animated WebP file from still WebP files. Each frame replaces the previous one.

    ``size`` is (height, width) in pixels, and ``loop`` is the loop count: 0 is endless, None plays once.
    Durations are in milliseconds. `close` finishes the file.
    """

    def __init__(self, file: BinaryIO, size: tuple[int, int], loop: int | None):
        height, width = size
        self._file, self._loop = file, loop
        self._start = file.tell()
        self._canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        self._icc: bytes | None = None
        self._metadata: dict[bytes, bytes] = {}
        self._alpha = self._begun = False

    def add(self, still: bytes, duration: int | None) -> None:
        part = dict(_riff_chunks(still))
        if not self._begun:
            self._begun, self._icc = True, part.get(b"ICCP")
            self._metadata = {name: part[name] for name in _WEBP_METADATA if name in part}
            self._file.write(self._head(0))
        # The fifth byte of a VP8L bitstream contains the alpha flag.
        self._alpha |= b"ALPH" in part or (b"VP8L" in part and bool(part[b"VP8L"][4] & 0x10))
        shown = min(DEFAULT_MS if duration is None else duration, 0xFFFFFF)
        picture = b"".join(_riff(name, part[name]) for name in (b"ALPH", b"VP8 ", b"VP8L") if name in part)
        self._file.write(
            _riff(b"ANMF", bytes(6) + self._canvas + shown.to_bytes(3, "little") + b"\x02" + picture)
        )

    def close(self) -> None:
        for name, content in self._metadata.items():
            self._file.write(_riff(name, content))
        # The header holds the length and the alpha flag, which are known only now.
        end = self._file.tell()
        self._file.seek(self._start)
        self._file.write(self._head(end - self._start - 8))
        self._file.seek(end)

    def _head(self, length: int) -> bytes:
        flags = 0x02 | (0x20 if self._icc else 0) | (0x10 if self._alpha else 0)
        flags |= sum(_WEBP_METADATA[name] for name in self._metadata)
        head = (
            b"RIFF"
            + struct.pack("<I", length)
            + b"WEBP"
            + _riff(b"VP8X", bytes([flags, 0, 0, 0]) + self._canvas)
        )
        if self._icc:
            head += _riff(b"ICCP", self._icc)
        return head + _riff(
            b"ANIM",
            b"\x00\x00\x00\x00" + struct.pack("<H", 1 if self._loop is None else min(self._loop, 0xFFFF)),
        )


class Png:
    """Assembler of an APNG file from still PNG files, which must all have the same pixel type. Each frame
    replaces the previous one.

    ``size`` is (height, width) in pixels, and ``loop`` is the loop count: 0 is endless, None plays once.
    Durations are in milliseconds. `close` finishes the file.
    """

    def __init__(self, file: BinaryIO, size: tuple[int, int], loop: int | None):
        self._file, self._size, self._loop = file, size, loop
        self._control = self._frames = self._sequence = 0

    def add(self, still: bytes, duration: int | None) -> None:
        chunks = list(_png_chunks(still))
        if self._frames == 0:
            self._file.write(still[:8])
            for name, content in chunks:
                if name in _PNG_HEAD:
                    self._file.write(_png(name, content))
            self._control = self._file.tell()
            self._file.write(self._count())
        shown = DEFAULT_MS if duration is None else duration
        # A duration is a fraction of two 16-bit numbers; seconds are used if milliseconds do not fit.
        top, bottom = (shown, 1000) if shown <= 0xFFFF else (min(round(shown / 1000), 0xFFFF), 1)
        height, width = self._size
        self._file.write(
            _png(b"fcTL", struct.pack(">IIIIIHHBB", self._sequence, width, height, 0, 0, top, bottom, 0, 0))
        )
        self._sequence += 1
        for name, content in chunks:
            if name != b"IDAT":
                continue
            if self._frames == 0:
                self._file.write(_png(b"IDAT", content))
            else:
                self._file.write(_png(b"fdAT", struct.pack(">I", self._sequence) + content))
                self._sequence += 1
        self._frames += 1

    def close(self) -> None:
        self._file.write(_png(b"IEND", b""))
        # The number of frames is known only now.
        end = self._file.tell()
        self._file.seek(self._control)
        self._file.write(self._count())
        self._file.seek(end)

    def _count(self) -> bytes:
        return _png(b"acTL", struct.pack(">II", self._frames, 1 if self._loop is None else self._loop))


ASSEMBLERS: dict[str, Callable[[BinaryIO, tuple[int, int], int | None], Assembler]] = {
    "GIF": Gif,
    "WEBP": WebP,
    "PNG": Png,
}
"""Pillow's name for the format -> its assembler.

The arguments of an assembler are an open seekable file, the size (H, W), and the loop count (0: endless,
None: play once).
"""


def _gif_parts(still: bytes) -> tuple[bytes, int | None, bytes, bytes]:
    """Return the parts of a GIF file with one image: palette (RGB bytes), index of the transparent color or
    None, image descriptor (9 bytes) and compressed data.
    """
    flags, position = still[10], 13
    palette, transparent = b"", None
    if flags & 0x80:
        position += 3 * (2 << (flags & 7))
        palette = still[13:position]
    while still[position] == 0x21:
        if still[position + 1] == 0xF9 and still[position + 3] & 1:
            transparent = still[position + 6]
        position = _end_of_blocks(still, position + 2)
    descriptor = still[position + 1 : position + 10]
    position += 10
    if descriptor[8] & 0x80:
        end = position + 3 * (2 << (descriptor[8] & 7))
        palette, position = still[position:end], end
    return palette, transparent, descriptor, still[position : _end_of_blocks(still, position + 1)]


def _end_of_blocks(content: bytes, position: int) -> int:
    """Return the offset after the sequence of sub-blocks that starts at ``position``."""
    while content[position]:
        position += 1 + content[position]
    return position + 1


def _riff(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\x00" * (len(content) % 2)


def _riff_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 12
    while position + 8 <= len(content):
        length = int.from_bytes(content[position + 4 : position + 8], "little")
        yield content[position : position + 4], content[position + 8 : position + 8 + length]
        position += 8 + length + length % 2


def _png(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 8
    while position + 12 <= len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        yield content[position + 4 : position + 8], content[position + 8 : position + 8 + length]
        position += 12 + length

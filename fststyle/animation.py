"""Stills that Pillow has encoded, put together as one animated GIF, WebP or PNG.

Pillow can do this too, but merges a frame that looks like the one before into it; here every frame stays a frame, so that what was read as N frames
is written as N frames. Each assembler only moves compressed chunks from the stills' files into the container.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import numpy as np
from PIL import Image

from fststyle.pixels import Frame

DEFAULT_MS = 100

Assembler = Callable[[Sequence[bytes], Sequence[int | None], int | None, tuple[int, int], BinaryIO], None]


def quantised(frame: Frame) -> Image.Image:
    """A palette image for GIF: exact where the colours suffice, else median cut with dithering. Index 255 is the transparent one if there is alpha."""
    image = Image.fromarray(frame.rgb)
    count = 256 if frame.alpha is None else 255
    result = image.quantize(count, method=Image.Quantize.MEDIANCUT)
    colours = (result.getpalette() or [])[: 3 * count]
    # Mapping with dithering goes through a coarse table of colours: do it only where colours are lost anyway.
    if image.getcolors(count) is None:
        # Pillow would fill the palette up with black and use it; the first colour again does no harm.
        result.putpalette(colours + colours[:3] * (256 - len(colours) // 3))
        result = image.quantize(palette=result, dither=Image.Dither.FLOYDSTEINBERG)
    if frame.alpha is None:
        return result
    indices = np.asarray(result)
    indices = np.where(frame.alpha < 128, 255, np.where(indices == 255, 0, indices)).astype(np.uint8)
    result = Image.fromarray(indices).convert("P")
    result.putpalette(colours + [0] * (768 - len(colours)))
    return result


def gif(stills: Sequence[bytes], durations: Sequence[int | None], loop: int | None, size: tuple[int, int], file: BinaryIO) -> None:
    """Still GIF files -> one animated GIF, each frame with its own palette, the canvas cleared in between where there is transparency."""
    height, width = size
    file.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0x70, 0, 0))
    if loop is not None:
        file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", min(loop, 0xFFFF)) + b"\x00")
    clock = shown = 0  # milliseconds asked for, hundredths written: the rounding of one frame is made good by the next
    for still, duration in zip(stills, durations, strict=True):
        palette, transparent, descriptor, data = _gif_parts(still)
        clock += DEFAULT_MS if duration is None else duration
        delay = min(max(0, round(clock / 10) - shown), 0xFFFF)
        shown += delay
        flags = 0x04 if transparent is None else 0x09
        file.write(b"\x21\xf9\x04" + struct.pack("<BHB", flags, delay, transparent or 0) + b"\x00")
        file.write(b"\x2c" + descriptor[:8] + bytes([descriptor[8] & 0x40 | 0x80 | (len(palette) // 3).bit_length() - 2]) + palette + data)
    file.write(b"\x3b")


def webp(stills: Sequence[bytes], durations: Sequence[int | None], loop: int | None, size: tuple[int, int], file: BinaryIO) -> None:
    """Still WebP files -> one animated WebP, each frame replacing the one before."""
    height, width = size
    parts = [dict(_riff_chunks(still)) for still in stills]
    icc = parts[0].get(b"ICCP")
    # A VP8L bitstream says in its fifth byte whether it uses alpha.
    alpha = any(b"ALPH" in part or (b"VP8L" in part and part[b"VP8L"][4] & 0x10) for part in parts)
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = _riff(b"VP8X", bytes([0x02 | (0x20 if icc else 0) | (0x10 if alpha else 0), 0, 0, 0]) + canvas)
    if icc:
        body += _riff(b"ICCP", icc)
    body += _riff(b"ANIM", b"\x00\x00\x00\x00" + struct.pack("<H", 1 if loop is None else min(loop, 0xFFFF)))
    frames = []
    for part, duration in zip(parts, durations, strict=True):
        shown = min(DEFAULT_MS if duration is None else duration, 0xFFFFFF)
        picture = b"".join(_riff(name, part[name]) for name in (b"ALPH", b"VP8 ", b"VP8L") if name in part)
        frames.append(_riff(b"ANMF", bytes(6) + canvas + shown.to_bytes(3, "little") + b"\x02" + picture))
    body += b"".join(frames)
    file.write(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body)


def png(stills: Sequence[bytes], durations: Sequence[int | None], loop: int | None, size: tuple[int, int], file: BinaryIO) -> None:
    """Still PNG files of one pixel type -> one APNG, each frame replacing the one before."""
    height, width = size
    sequence = 0
    for index, (still, duration) in enumerate(zip(stills, durations, strict=True)):
        chunks = list(_png_chunks(still))
        if index == 0:
            file.write(still[:8])
            for name, content in chunks:
                if name in (b"IHDR", b"iCCP", b"sRGB", b"gAMA", b"cHRM"):
                    file.write(_png(name, content))
            file.write(_png(b"acTL", struct.pack(">II", len(stills), 1 if loop is None else loop)))
        shown = DEFAULT_MS if duration is None else duration
        # The time is a fraction of two 16-bit numbers: seconds where milliseconds do not fit.
        top, bottom = (shown, 1000) if shown <= 0xFFFF else (min(round(shown / 1000), 0xFFFF), 1)
        file.write(_png(b"fcTL", struct.pack(">IIIIIHHBB", sequence, width, height, 0, 0, top, bottom, 0, 0)))
        sequence += 1
        for name, content in chunks:
            if name != b"IDAT":
                continue
            if index == 0:
                file.write(_png(b"IDAT", content))
            else:
                file.write(_png(b"fdAT", struct.pack(">I", sequence) + content))
                sequence += 1
    file.write(_png(b"IEND", b""))


ASSEMBLERS: dict[str, Assembler] = {"GIF": gif, "WEBP": webp, "PNG": png}
"""Pillow's name of the format -> assembler(stills as files, durations in ms, loop, (H, W), open file)."""


def _gif_parts(still: bytes) -> tuple[bytes, int | None, bytes, bytes]:
    """Palette, index of the transparent colour, image descriptor (9 bytes) and compressed data of a GIF file with one image."""
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

"""Detects video files by their content."""

from typing import BinaryIO

from fststyle.io import plugins

_IMAGE_BRANDS = {b"avif", b"avis", b"mif1", b"msf1"}


def video_suffix(file: BinaryIO) -> str | None:
    """The suffix of a video container by the first bytes of a file; None for any other. The position is kept.

    FFmpeg also opens playlists, which can name other files and addresses. They are text and never pass.
    """
    start = file.tell()
    head = file.read(16)
    file.seek(start)
    if head[4:8] == b"ftyp":
        if plugins.kind_of(file) is not None or head[8:12] in _IMAGE_BRANDS:
            return None
        return ".mov" if head[8:12] == b"qt  " else ".mp4"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return ".mkv"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return ".avi"
    if head.startswith(b"OggS"):
        return ".ogv"
    return None

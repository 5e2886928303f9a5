"""Detect video files by their content."""

from typing import BinaryIO

from fststyle.io import plugins

_IMAGE_BRANDS = {b"avif", b"avis", b"mif1", b"msf1"}


def video_suffix(file: BinaryIO) -> str | None:
    """Return the suffix for a video file according to its first bytes, or None if they match no video format.

    The suffix is .mp4, .mov, .mkv (Matroska or WebM), .avi or .ogv. The position in the file is restored.
    FFmpeg also opens playlists, which can refer to other files and URLs. They are text files, so they match
    no format here.
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

"""Download of training photos: one zip archive, which is verified and unpacked into the cache folder.

The photos are unpacked to a temporary folder, which is renamed at the end, so the folder is never incomplete.
An interrupted download remains in a `.part` file, and the next call resumes it.
"""

import contextlib
import hashlib
import http.client
import shutil
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Generator
from pathlib import Path, PurePosixPath
from typing import IO

from fststyle.errors import InputError, OutputError
from fststyle.io.folders import cache_folder
from fststyle.settings import check
from fststyle.train.data.settings import PhotoSettings

Progress = Callable[[str, int, int | None], None]
"""Called with the phase ("download", "check" or "unpack"), the amount done, and the total, or None if it is
unknown.

The unit is bytes for "download" and "check", and files for "unpack".
"""

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
"""Suffixes of the files in the archive that are unpacked."""
MAX_ARCHIVE = 32 * 2**30
"""Maximum size of the archive in bytes."""
MAX_FILE = 128 * 2**20
"""Maximum size of an unpacked photo in bytes."""
_MARGIN = 64 * 2**20
"""Disk space in bytes that must remain free."""
_BLOCK = 2**18
"""Number of bytes read at once."""
_TIMEOUT = 60.0
"""Timeout of each network operation, in seconds."""
_ATTEMPTS = 5
"""Number of consecutive failed attempts after which the download fails. An attempt that received data
restarts the count at 1.
"""
_PAUSE = 1.0
"""Pause after the first failed attempt, in seconds. It doubles with each consecutive failure."""


def prepared_photos() -> Path | None:
    """Return the default folder of `prepare_photos`, or None if it does not exist or contains no photos."""
    folder = cache_folder() / "photos"
    return folder if _holds_photos(folder) else None


def prepare_photos(settings: PhotoSettings | None = None, progress: Progress | None = None) -> Path:
    """Download and unpack the photos, unless the folder already contains photos. Returns the folder.

    The archive is deleted after it is unpacked. After an error, a `.part` file may remain, from which the
    next call resumes the download.

    Args:
        settings: source and destination; default: `PhotoSettings()`.
        progress: called during the download, the check and the unpacking; see `Progress`.

    Raises:
        InputError: a setting is invalid, the download failed, or the archive cannot be used: it is too large,
            is damaged, has the wrong checksum, contains no photos, or contains an unsafe path, two photos
            with the same name or a photo larger than `MAX_FILE`.
        OutputError: the folder contains other files, a file cannot be written, or there is not enough disk
            space.
    """
    settings = settings or PhotoSettings()
    check(settings)
    progress = progress or (lambda stage, done, total: None)
    if not settings.url.lower().startswith(("http://", "https://")):
        raise InputError(f"{settings.url}: is not an http or https address")
    folder = Path(settings.folder or cache_folder() / "photos")
    if _holds_photos(folder):
        return folder
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(f"{folder}: already exists, and is neither empty nor a folder of photos")
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be used for the photos ({error.strerror or error})") from error
    # The name depends on URL and checksum, so that a download never resumes from another archive.
    source = hashlib.sha256(f"{settings.url} {settings.md5}".encode()).hexdigest()[:12]
    part = folder.parent / f".{folder.name}-{source}.zip.part"
    _fetch_checked(settings, part, progress)
    _unpack(part, folder, settings.url, progress)
    part.unlink(missing_ok=True)
    return folder


def _holds_photos(folder: Path) -> bool:
    """Return whether the folder can be read and contains a file with a suffix in `SUFFIXES`."""
    try:
        return any(path.suffix.lower() in SUFFIXES for path in folder.iterdir())
    except OSError:
        return False


def _fetch_checked(settings: PhotoSettings, part: Path, progress: Progress) -> None:
    """Download the archive to `part`, or the rest of it if `part` exists. Verify its MD5 if one is given.

    If the MD5 of a resumed download does not match, the archive is downloaded again from the start.

    Raises:
        InputError: the download fails (see `_fetch`), or the MD5 of a complete download does not match. After
            an MD5 mismatch, `part` is deleted.
        OutputError: see `_fetch`.
    """
    # A `.part` file may belong to an older version of the archive, so retry once from the start.
    for resumed in (True, False) if part.exists() else (False,):
        _fetch(settings.url, part, progress)
        found = _md5(part, progress) if settings.md5 else ""
        if found == settings.md5.lower():
            return
        part.unlink(missing_ok=True)
        if not resumed:
            raise InputError(
                f"{settings.url}: the archive has MD5 {found}, not {settings.md5.lower()}; the download was"
                " deleted"
            )


def _md5(path: Path, progress: Progress) -> str:
    """Return the MD5 hash of a file, in hexadecimal. Calls `progress` with the phase "check"."""
    digest, done, total = hashlib.md5(usedforsecurity=False), 0, path.stat().st_size
    with path.open("rb") as file:
        while block := file.read(2**22):
            digest.update(block)
            done += len(block)
            progress("check", done, total)
    return digest.hexdigest()


def _fetch(url: str, part: Path, progress: Progress) -> None:
    """Download `url` to `part`, with several attempts and pauses between them. If `part` exists, the download
    resumes at its end.

    Raises:
        InputError: the URL is invalid, the server refuses the request, the archive is larger than
            `MAX_ARCHIVE`, or too many attempts in a row failed (`_ATTEMPTS`).
        OutputError: `part` cannot be written, or there is not enough disk space.
    """
    failures = 0
    while True:
        before = _length(part)
        try:
            return _fetch_once(url, part, progress)
        except urllib.error.HTTPError as error:
            error.close()
            reason = f"the server returned {error.code} {error.reason}"
            if error.code < 500 and error.code not in (408, 429):
                raise InputError(f"{url}: {reason}") from error
        except urllib.error.URLError as error:
            reason = str(getattr(error.reason, "strerror", None) or error.reason)
        except (http.client.HTTPException, OSError) as error:
            reason = str(error) or type(error).__name__
        failures = 1 if _length(part) > before else failures + 1
        if failures >= _ATTEMPTS:
            raise InputError(f"{url}: download failed: {' '.join(reason.split())}")
        time.sleep(_PAUSE * 2 ** (failures - 1))


def _fetch_once(url: str, part: Path, progress: Progress) -> None:
    """Download `url` to `part`. If `part` exists, only the rest is requested.

    Raises:
        InputError: the URL is invalid, or the archive is larger than `MAX_ARCHIVE`.
        OutputError: see `_fetch`.
        OSError, http.client.HTTPException: the attempt failed. `_fetch` decides whether to try again.
    """
    done = _length(part)
    try:
        request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except ValueError as error:
        raise InputError(f"{url}: is not a valid URL ({error})") from error
    except urllib.error.HTTPError as error:
        if error.code != 416 or not done:
            raise
        # The server has no bytes after `done`. Either the file is complete, or it must be downloaded again.
        error.close()
        if error.headers.get("Content-Range") == f"bytes */{done}":
            return
        part.unlink(missing_ok=True)
        raise http.client.HTTPException("the partial download does not match the archive") from error
    with answer:
        # A server that does not support ranges returns the whole archive (status 200).
        if done and not (
            answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {done}-")
        ):
            if answer.status == 206:
                part.unlink(missing_ok=True)
                raise http.client.HTTPException("the server did not return the requested range")
            done = 0
        length = answer.headers.get("Content-Length", "")
        total = done + int(length) if length.isdigit() else None
        if (total or 0) > MAX_ARCHIVE:
            raise InputError(f"{url}: the archive has {total:,} bytes; at most {MAX_ARCHIVE:,} are allowed")
        if total is not None:
            # Photos hardly compress, so unpacking needs the same space again.
            _check_space(part.parent, 2 * total - done)
        with _open(part, "ab" if done else "wb") as file:
            _copy(answer, file, part, done, total, progress)


def _copy(
    answer: IO[bytes], file: IO[bytes], part: Path, done: int, total: int | None, progress: Progress
) -> None:
    """Append the response of the server to `file`, which already contains `done` of `total` bytes.

    Raises:
        OSError, http.client.HTTPException: the connection was lost.
        InputError: the archive is larger than `MAX_ARCHIVE`.
        OutputError: `file` cannot be written.
    """
    progress("download", done, total)
    while block := answer.read(_BLOCK):
        _write(file, block, part)
        done += len(block)
        if done > MAX_ARCHIVE:
            raise InputError(f"{part}: the archive has more than the allowed {MAX_ARCHIVE:,} bytes")
        progress("download", done, total)
    if total is not None and done < total:
        raise http.client.HTTPException(f"the connection was lost after {done:,} of {total:,} bytes")


def _unpack(archive: Path, folder: Path, url: str, progress: Progress) -> None:
    """Unpack the photos in the archive to `folder`. Raises the errors of `_unpacked`."""
    # The exceptions of `progress` are not errors of the archive, so it is called outside `_unpacked`.
    with contextlib.closing(_unpacked(archive, folder, url)) as steps:
        for number, total in steps:
            progress("unpack", number, total)


def _unpacked(archive: Path, folder: Path, url: str) -> Generator[tuple[int, int], None, None]:
    """Unpack the photos in the archive to `folder` atomically, without subfolders.

    Yields the number of unpacked photos and the number of photos in the archive after each photo. If the
    generator is closed before its end, `folder` is not created.

    Raises:
        InputError: the archive is damaged, or `_photos_in` rejects it. The archive is deleted.
        OutputError: a file cannot be written, or there is not enough disk space.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            photos = _photos_in(zipped, url)
            _check_space(folder.parent, sum(info.file_size for info in photos.values()))
            temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
            try:
                for number, (name, info) in enumerate(photos.items(), 1):
                    _unpack_one(zipped, info, temporary / name)
                    yield number, len(photos)
                temporary.chmod(0o755)  # mkdtemp creates it with mode 700
                temporary.replace(folder)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        # The download is complete, so resuming it would not help.
        archive.unlink(missing_ok=True)
        raise InputError(
            f"{url}: is not a usable zip archive ({' '.join(str(error).split())[:120]})"
        ) from error
    except InputError:
        archive.unlink(missing_ok=True)
        raise
    except OSError as error:
        raise OutputError(f"{folder}: the photos cannot be unpacked ({error.strerror or error})") from error


def _photos_in(zipped: zipfile.ZipFile, url: str) -> dict[str, zipfile.ZipInfo]:
    """Return the photos in the archive: file name -> entry.

    Only the last component of each path is used.

    Raises:
        InputError: a path is unsafe, a name occurs twice, a photo is larger than `MAX_FILE`, or there are no
            photos.
    """
    photos: dict[str, zipfile.ZipInfo] = {}
    for info in zipped.infolist():
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in info.filename:
            raise InputError(f"{url}: the archive contains the unsafe path {info.filename!r}")
        if info.is_dir() or path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if path.name in photos:
            raise InputError(f"{url}: the archive contains two files named {path.name!r}")
        if info.file_size > MAX_FILE:
            raise InputError(
                f"{url}: {path.name!r} has {info.file_size:,} bytes; at most {MAX_FILE:,} are allowed"
            )
        photos[path.name] = info
    if not photos:
        raise InputError(f"{url}: the archive contains no photos")
    return photos


def _unpack_one(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    """Unpack one entry of the archive to `path`, which must not exist."""
    # zipfile stops at the size that the central directory states, which `_photos_in` has checked.
    with zipped.open(info) as source, _open(path, "xb") as file:
        while block := source.read(_BLOCK):
            _write(file, block, path)


def _check_space(folder: Path, needed: int) -> None:
    """Raise `OutputError` if the disk of `folder` has less free space than `needed` plus `_MARGIN` bytes.

    Nothing is checked if the free space is unknown.
    """
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return
    if free < needed + _MARGIN:
        raise OutputError(
            f"{folder}: {(needed + _MARGIN) / 2**20:,.0f} MiB of disk space is needed, but only"
            f" {free / 2**20:,.0f} MiB is free"
        )


def _open(path: Path, mode: str) -> IO[bytes]:
    """Open a file for writing, in binary mode `mode`. Raises `OutputError` if it cannot be opened."""
    try:
        file: IO[bytes] = path.open(mode)
        return file
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error


def _write(file: IO[bytes], block: bytes, path: Path) -> None:
    """Write `block` to the open `file`. If this fails, raises an `OutputError` that names `path`."""
    # In `_copy`, an `OSError` of the connection leads to another attempt; one of the disk must not.
    try:
        file.write(block)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error


def _length(path: Path) -> int:
    """Return the size of a file in bytes; 0 if it does not exist or cannot be accessed."""
    try:
        return path.stat().st_size
    except OSError:
        return 0

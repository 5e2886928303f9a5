"""Real photos to train on: one archive from the web, fetched once, checked, and unpacked into the cache
folder.

Everything happens beside the final folder and takes its name by one rename, so a folder that is there is
complete. What was downloaded before a broken connection or Ctrl-C stays in a `.part` file, from which the
next call goes on.
"""

import hashlib
import http.client
import shutil
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from fststyle.errors import InputError, OutputError
from fststyle.io.folders import cache_folder
from fststyle.settings import check
from fststyle.train.data.settings import PhotoSettings

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done ("download", "check", "unpack"), how much of it is done, and of how much in
all, None if not known.

Bytes for the first two, files for the last.
"""

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
MAX_ARCHIVE = 32 * 2**30
MAX_FILE = 128 * 2**20
_MARGIN = 64 * 2**20
_BLOCK = 2**18
_TIMEOUT = 60.0
_ATTEMPTS = 5
_PAUSE = 1.0


def prepared_photos() -> Path | None:
    """The folder in the cache that `prepare_photos` filled, None if there is none."""
    folder = cache_folder() / "photos"
    return folder if _holds_photos(folder) else None


def prepare_photos(settings: PhotoSettings | None = None, progress: Progress | None = None) -> Path:
    """Fetch and unpack the photos unless they are there; returns their folder.

    The archive is deleted afterwards. Raises `InputError` where it cannot be had or is not what was expected,
    `OutputError` where it cannot be written or the disk is too small; both leave at most a `.part` file, from
    which the next call goes on.
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
            raise OutputError(f"{folder}: is in the way and holds no photos")
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: {error.strerror or error}") from error
    # The name holds the source, so that the rest of one archive is never appended to the start of another.
    source = hashlib.sha256(f"{settings.url} {settings.md5}".encode()).hexdigest()[:12]
    part = folder.parent / f".{folder.name}-{source}.zip.part"
    _fetch_checked(settings, part, progress)
    _unpack(part, folder, settings.url, progress)
    part.unlink(missing_ok=True)
    return folder


def _holds_photos(folder: Path) -> bool:
    try:
        return any(path.suffix.lower() in SUFFIXES for path in folder.iterdir())
    except OSError:
        return False


def _fetch_checked(settings: PhotoSettings, part: Path, progress: Progress) -> None:
    # A rest from an earlier call may be of an archive that has changed since: one more try from the start
    # before giving up.
    for resumed in (True, False) if part.exists() else (False,):
        _fetch(settings.url, part, progress)
        found = _md5(part, progress) if settings.md5 else ""
        if found == settings.md5.lower():
            return
        part.unlink(missing_ok=True)
        if not resumed:
            raise InputError(f"{settings.url}: has MD5 {found}, not {settings.md5.lower()}; it was not used")


def _md5(path: Path, progress: Progress) -> str:
    digest, done, total = hashlib.md5(usedforsecurity=False), 0, path.stat().st_size
    with path.open("rb") as file:
        while block := file.read(2**22):
            digest.update(block)
            done += len(block)
            progress("check", done, total)
    return digest.hexdigest()


def _fetch(url: str, part: Path, progress: Progress) -> None:
    """Bring ``part`` to the full length of what ``url`` gives.

    Gives up after five attempts in a row that brought nothing.
    """
    failures = 0
    while True:
        before = _length(part)
        try:
            return _fetch_once(url, part, progress)
        except urllib.error.HTTPError as error:
            error.close()
            reason = f"the server answers {error.code} {error.reason}"
            if error.code < 500 and error.code not in (408, 429):
                raise InputError(f"{url}: {reason}") from error
        except urllib.error.URLError as error:
            reason = str(getattr(error.reason, "strerror", None) or error.reason)
        except (http.client.HTTPException, OSError) as error:
            reason = str(error) or type(error).__name__
        failures = 1 if _length(part) > before else failures + 1
        if failures >= _ATTEMPTS:
            raise InputError(f"{url}: cannot be fetched: {' '.join(reason.split())}")
        time.sleep(_PAUSE * 2 ** (failures - 1))


def _fetch_once(url: str, part: Path, progress: Progress) -> None:
    done = _length(part)
    try:
        request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except ValueError as error:
        raise InputError(f"{url}: {error}") from error
    except urllib.error.HTTPError as error:
        if error.code != 416 or not done:
            raise
        # Nothing lies beyond what we have: it is whole, or it is too long and starts again.
        error.close()
        if error.headers.get("Content-Range") == f"bytes */{done}":
            return
        part.unlink(missing_ok=True)
        raise http.client.HTTPException("the server has less than was fetched before") from error
    with answer:
        # A server that knows no Range, or answers with another one, sends something that does not fit behind
        # what we have.
        if done and not (
            answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {done}-")
        ):
            if answer.status == 206:
                part.unlink(missing_ok=True)
                raise http.client.HTTPException("the server answers with another range")
            done = 0
        length = answer.headers.get("Content-Length", "")
        total = done + int(length) if length.isdigit() else None
        if (total or 0) > MAX_ARCHIVE:
            raise InputError(f"{url}: {total:,} bytes are more than {MAX_ARCHIVE:,}")
        if total is not None:
            # Photos hardly compress, so the unpacked ones take the same again.
            _check_space(part.parent, 2 * total - done)
        with _open(part, "ab" if done else "wb") as file:
            _copy(answer, file, part, done, total, progress)


def _copy(
    answer: IO[bytes], file: IO[bytes], part: Path, done: int, total: int | None, progress: Progress
) -> None:
    progress("download", done, total)
    while block := answer.read(_BLOCK):
        _write(file, block, part)
        done += len(block)
        if done > MAX_ARCHIVE:
            raise InputError(f"{part}: more than {MAX_ARCHIVE:,} bytes came")
        progress("download", done, total)
    if total is not None and done < total:
        raise http.client.HTTPException(f"the connection broke after {done:,} of {total:,} bytes")


def _unpack(archive: Path, folder: Path, url: str, progress: Progress) -> None:
    """The photos of the archive, without its folders, as ``folder``: all of them or nothing."""
    try:
        with zipfile.ZipFile(archive) as zipped:
            photos = _photos_in(zipped, url)
            _check_space(folder.parent, sum(info.file_size for info in photos.values()))
            temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
            try:
                for number, (name, info) in enumerate(photos.items(), 1):
                    _unpack_one(zipped, info, temporary / name)
                    progress("unpack", number, len(photos))
                temporary.chmod(0o755)  # mkdtemp makes it private
                temporary.replace(folder)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        # Its length and sum are right, so fetching the rest will not mend it.
        archive.unlink(missing_ok=True)
        raise InputError(
            f"{url}: is not a zip archive of photos ({' '.join(str(error).split())[:120]})"
        ) from error
    except InputError:
        archive.unlink(missing_ok=True)
        raise
    except OSError as error:
        raise OutputError(f"{folder}: {error.strerror or error}") from error


def _photos_in(zipped: zipfile.ZipFile, url: str) -> dict[str, zipfile.ZipInfo]:
    """File name -> entry.

    Folders are left out, so no name can lead elsewhere; one that tries shows that the archive is not to be
    trusted.
    """
    photos: dict[str, zipfile.ZipInfo] = {}
    for info in zipped.infolist():
        path = PurePosixPath(info.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in info.filename:
            raise InputError(f"{url}: the archive holds the unsafe path {info.filename!r}")
        if info.is_dir() or path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if path.name in photos:
            raise InputError(f"{url}: the archive holds {path.name!r} twice")
        if info.file_size > MAX_FILE:
            raise InputError(f"{url}: {path.name!r} is larger than {MAX_FILE:,} bytes")
        photos[path.name] = info
    if not photos:
        raise InputError(f"{url}: the archive holds no photos")
    return photos


def _unpack_one(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    # zipfile stops at the length that the directory states and checks the sum there, so a lying entry cannot
    # grow beyond it.
    with zipped.open(info) as source, _open(path, "xb") as file:
        while block := source.read(_BLOCK):
            _write(file, block, path)


def _check_space(folder: Path, needed: int) -> None:
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return
    if free < needed + _MARGIN:
        raise OutputError(
            f"{folder}: {free / 2**20:,.0f} MiB free, {(needed + _MARGIN) / 2**20:,.0f} MiB needed"
        )


def _open(path: Path, mode: str) -> IO[bytes]:
    try:
        file: IO[bytes] = path.open(mode)
        return file
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror or error}") from error


def _write(file: IO[bytes], block: bytes, path: Path) -> None:
    # Apart from reading, where an OSError means the connection and is tried again.
    try:
        file.write(block)
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror or error}") from error


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0

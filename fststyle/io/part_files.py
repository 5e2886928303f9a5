"""Temporary files: an output is written to a file in the same folder, which is renamed at the end.

The name of the temporary file is derived from that of the output, and the file is locked while it is written.
If a process is killed, its temporary file remains. The next process that writes the same output reuses it, so
such files do not accumulate.
"""

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def part_of(target: Path) -> Iterator[Path]:
    """Context manager that yields the path of an empty file next to ``target``. The caller must rename or
    delete the file.

    The name of the file is derived from that of ``target``, so that a file left behind by a killed process is
    reused. The name is random instead if another process is writing the same output, or if files cannot be
    locked, as on Windows. Raises `OSError` if the file cannot be created.
    """
    # tempfile would create the file with mode 0600. The name of the target may have the maximum length, so it
    # is hashed.
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]
    usual = target.parent / f".fststyle-{digest}.part"
    descriptor = _locked(usual)
    if descriptor is None:
        other = target.parent / f".fststyle-{secrets.token_hex(8)}.part"
        with open(other, "xb"):
            pass
        yield other
        return
    try:
        yield usual
    finally:
        os.close(descriptor)


def _locked(path: Path) -> int | None:
    """Create or empty a file, and lock it. Returns its descriptor, or None if it cannot be created or locked.

    The operating system releases the lock when the process ends.
    """
    try:
        import fcntl
    except ImportError:
        return None
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(path, flags, 0o666)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_own(descriptor, path):
            os.ftruncate(descriptor, 0)
            return descriptor
    except BlockingIOError:  # another process writes it
        pass
    except OSError:  # a file system without locks
        with contextlib.suppress(OSError):
            path.unlink()
    os.close(descriptor)
    return None


def _is_own(descriptor: int, path: Path) -> bool:
    """Return whether an open file is a regular file of this user whose only path is still ``path``.

    Between opening and locking, another process may have renamed the file to the name of its output.
    """
    opened = os.fstat(descriptor)
    try:
        named = os.lstat(path)
    except FileNotFoundError:
        return False
    return (
        stat.S_ISREG(opened.st_mode)
        and opened.st_nlink == 1
        and opened.st_uid == os.geteuid()
        and (opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino)
    )

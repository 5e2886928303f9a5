"""Estimates of the memory that stylization needs, and of the available memory."""

import ctypes
import os
from pathlib import Path

BYTES_PER_PIXEL = 1000
"""Peak memory of stylization in bytes per pixel, measured with the `johnson` network on the CPU."""

LIMIT = 4 << 30
"""Maximum memory budget for one image in bytes."""


def limit() -> int:
    """Return the memory budget for one image in bytes: half of the available memory, at most 4 GiB."""
    return min(available() // 2, LIMIT)


def available() -> int:
    """Return the memory in bytes that is available without swapping and within the container limit.

    If the system does not report it, half of the physical memory is returned, or 2 GiB if the physical memory
    is also unknown.
    """
    found = [amount for amount in (_linux(), _windows(), _container()) if amount is not None]
    return max(0, min(found)) if found else _physical() // 2


def _linux() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _container() -> int | None:
    """Return the remaining memory of the control group (version 2 or 1) in bytes, or None if there is no
    limit or it cannot be read.
    """
    for most, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            group = Path("/sys/fs/cgroup")
            return int((group / most).read_text()) - int((group / used).read_text())
        except (OSError, ValueError):  # the file does not exist, or contains "max" (no limit)
            continue
    return None


def _windows() -> int | None:
    if os.name != "nt":
        return None

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *(
                (name, ctypes.c_ulonglong)
                for name in (
                    "total",
                    "free",
                    "total_page",
                    "free_page",
                    "total_virtual",
                    "free_virtual",
                    "extended",
                )
            ),
        )

    status = Status()
    status.length = ctypes.sizeof(status)
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  (defined on Windows only)
    return int(status.free) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None


def _physical() -> int:
    """Return the physical memory in bytes; 4 GiB if it is unknown."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 4 << 30

"""One order to the disk for many files, where a system has it.

Linux forces a whole file system to the disk at once (``syncfs``). That is one wait for a thousand
files, and is as good as a wait for each: since Linux 5.8 it reports what could not be written
(``man 2 syncfs``). It is used on file systems of this machine only, because one behind a network or
a program may take it for less than it says.
"""

import os
import sys
from functools import lru_cache
from typing import Any

_REPORTS_SINCE = (5, 8)
_MACHINES = frozenset({"x86_64", "aarch64"})
"""Where the structure of ``statfs`` begins with the kind of the file system, as a long."""
_KINDS = frozenset({0xEF53, 0x58465342, 0x9123683E, 0xF2F52010, 0x01021994})
"""Ext2 to ext4, XFS, Btrfs, F2FS and tmpfs, by their magic numbers (linux/magic.h)."""
_STATFS_LONGS = 64  # more than the structure takes


def syncs_as_one(folder: int) -> bool:
    """Return whether `sync_file_system` does what it says on the file system of an open folder."""
    return _is_new_enough() and _kind_of(folder) in _KINDS


def sync_file_system(folder: int) -> None:
    """Force all that was written to the file system of an open folder to the disk.

    Raises
    ------
    OSError
        Something could not be written.
    """
    import ctypes  # noqa: PLC0415 - only who writes many files needs it

    if _libc().syncfs(folder) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@lru_cache(maxsize=1)
def _is_new_enough() -> bool:
    system = os.uname() if sys.platform == "linux" else None
    if system is None or system.machine not in _MACHINES:
        return False
    major, _, rest = system.release.partition(".")
    minor = rest.partition(".")[0]
    told = (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)
    return told >= _REPORTS_SINCE and hasattr(_libc(), "syncfs")


def _kind_of(folder: int) -> int:
    import ctypes  # noqa: PLC0415 - see above

    found = (ctypes.c_long * _STATFS_LONGS)()
    return int(found[0]) if _libc().fstatfs(folder, found) == 0 else 0


@lru_cache(maxsize=1)
def _libc() -> Any:
    import ctypes  # noqa: PLC0415 - see above

    return ctypes.CDLL(None, use_errno=True)

"""How much memory a process had resident at most, and files that are in memory."""

import contextlib
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_SAMPLE_S = 0.02
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - Linux's; what we make there has a secret name


def own_peak_kib() -> float:
    """Return the most this process has had, in all its life or since `reset_own_peak`."""
    peak = _peak_kib("self")
    if peak is not None:
        return peak
    largest = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return largest / 1024 if sys.platform == "darwin" else largest  # bytes there


def reset_own_peak() -> None:
    """Let the kernel measure the peak anew, where it can (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def folder_in_memory(room_bytes: int) -> Path | None:
    """Return a folder that no disk slows down, where there is one with that much room."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage(_IN_MEMORY).free >= room_bytes:
            return _IN_MEMORY
    return None


def peak_until_end_kib(process: "subprocess.Popen[bytes]") -> float:
    """Wait for a program and return the most it had; 0 where the system does not say.

    The kernel's own account of ended children is no use: it includes what the parent had when it
    forked.
    """
    return _sampled(process, lambda: _peak_kib(str(process.pid)) or 0.0)


def peak_of_group_kib(process: "subprocess.Popen[Any]") -> float:
    """Wait for a program that leads a process group; return the most all of it had at a time."""
    return _sampled(process, lambda: sum(map(_resident_kib, _group(process.pid))))


def _sampled(process: "subprocess.Popen[Any]", measure: Callable[[], float]) -> float:
    peaks = [0.0]
    is_over = threading.Event()

    def sample() -> None:
        while not is_over.wait(_SAMPLE_S):
            peaks.append(measure())

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        process.wait()
    finally:
        is_over.set()
        sampler.join()
    return max(peaks)


def _peak_kib(process: str) -> float | None:
    return _status_kib(process, "VmHWM:")


def _resident_kib(process: str) -> float:
    return _status_kib(process, "VmRSS:") or 0.0


def _status_kib(process: str, word: str) -> float | None:
    with contextlib.suppress(OSError):
        for line in Path("/proc", process, "status").read_text().splitlines():
            if line.startswith(word):
                return float(line.split()[1])
    return None


def _group(leader: int) -> Iterator[str]:
    """Yield the processes of a group; none where the system does not say (not Linux)."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(status.read_text().rpartition(")")[2].split()[2]) == leader:
                yield status.parent.name

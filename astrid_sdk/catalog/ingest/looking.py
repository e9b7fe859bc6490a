"""Looks into many files: in processes side by side where that pays, else in this one.

The processes are programs of their own, not forks: they work in notebooks, under Dagster, and in
scripts without a main guard, and threads of this process cannot trip them up. A file that ends
the process that reads it is named like any other that cannot be used.
"""

import contextlib
import fcntl
import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from typing_extensions import override

from astrid_sdk.catalog.ingest.gathering import NamedFile
from astrid_sdk.catalog.ingest.look import Look, look_into
from astrid_sdk.catalog.ingest.worker import READY
from astrid_sdk.config import child_environment
from astrid_sdk.storage.parallel import batched

PROCESSES_FROM_FILES = 1_000
"""A process takes as long to start as some hundred looks: fewer files are seen sooner without."""
FEW_FILES = 250
"""So few of a batch are looked into here: a run that finds most of its files known starts none."""
_MOST_PROCESSES = 8
_FILES_AT_ONCE = 100
_PIPE_BYTES = 1 << 20
"""Room for the answers to all of these: whoever reads them waits for its turn, not the process."""
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]\n"
    "from astrid_sdk.catalog.ingest.worker import main; main()"
)
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Looking(Protocol):
    """Looks into files."""

    def begin(self, files: Sequence[NamedFile]) -> Iterator[Look]:
        """Begin to look into `files`; the looks come in their order."""


@contextlib.contextmanager
def looking(files: int) -> Iterator[Looking]:
    """Yield what looks into that many files as fast as this machine can."""
    count = min(_cores(), _MOST_PROCESSES)
    if files < PROCESSES_FROM_FILES or count == 1 or not sys.executable:
        yield LookingHere()
        return
    with contextlib.closing(LookingBeside(count)) as beside:
        yield beside


class LookingHere(Looking):
    """Looks into each file when its look is asked for."""

    @override
    def begin(self, files: Sequence[NamedFile]) -> Iterator[Look]:
        return (look_into(name, path) for name, path in files)


class LookingBeside(Looking):
    """Looks into files in processes.

    Parameters
    ----------
    count : int
        How many; each is started when it is first needed.
    """

    def __init__(self, count: int) -> None:
        self._threads = ThreadPoolExecutor(count)
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        self._all = [_Process() for _ in range(count)]
        for process in self._all:
            self._idle.put(process)

    @override
    def begin(self, files: Sequence[NamedFile]) -> Iterator[Look]:
        if len(files) < FEW_FILES:
            return LookingHere().begin(files)
        futures = [self._threads.submit(self._looks, few) for few in batched(files, _FILES_AT_ONCE)]
        return _in_order(futures)

    def close(self) -> None:
        """End the processes."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in self._all:
            process.kill()
        self._threads.shutdown()
        for process in self._all:
            process.forget()

    def _looks(self, files: Sequence[NamedFile]) -> list[Look]:
        process = self._idle.get()
        try:
            return process.looks(files)
        finally:
            self._idle.put(process)


class _Process:
    """A process that is started when it is needed, and anew when a file has ended it."""

    def __init__(self) -> None:
        self._running: subprocess.Popen[bytes] | None = None
        self._is_killed = False
        self._exit_code = 0

    def looks(self, files: Sequence[NamedFile]) -> list[Look]:
        """Return a look for each of `files`; where one ends the process, ask for each by itself."""
        found = [] if self._is_killed else self._answers(files)
        while len(found) < len(files) and not self._is_killed:
            found += self._look(files[len(found)])
        return found

    def _look(self, file: NamedFile) -> list[Look]:
        return self._answers([file]) or [Look(refusal=_deadly(file[0], self._exit_code))]

    def _answers(self, files: Sequence[NamedFile]) -> list[Look]:
        """Return the looks into `files`, fewer where the process ended."""
        running = self._started()
        if running is None:  # this machine lets nobody start a program
            return [look_into(*file) for file in files]
        found = _asked(running, files)
        if len(found) < len(files):
            self._exit_code = running.wait()
            self.forget()
        return found

    def kill(self) -> None:
        """Begin to end it: whoever waits for it waits no longer."""
        self._is_killed = True
        if self._running is not None:
            self._running.kill()

    def forget(self) -> None:
        """Give back what an ended process holds."""
        if self._running is not None:
            self._running.kill()
            with contextlib.suppress(OSError):  # what it was still to read
                self._running.communicate()
        self._running = None

    def _started(self) -> "subprocess.Popen[bytes] | None":
        if self._running is None:
            self._running = _started()
        return self._running


def _started() -> "subprocess.Popen[bytes] | None":
    """Start a process that says that it is ready; None where there is none to be had."""
    try:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-c", _PROGRAM, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(_ONE_THREAD),
            bufsize=_PIPE_BYTES,
        )
    except OSError:
        return None
    if process.stdout is not None and process.stdout.readline() == READY.encode("ascii"):
        _widen(process.stdout.fileno())
        return process
    process.kill()
    process.communicate()
    return None


def _widen(pipe: int) -> None:
    if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux
        with contextlib.suppress(OSError):  # more than this user may have: it is as before
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _asked(process: "subprocess.Popen[bytes]", files: Sequence[NamedFile]) -> list[Look]:
    """Return the looks of a process into `files`, fewer where it ended on one."""
    found: list[Look] = []
    if process.stdin is None or process.stdout is None:
        return found
    with contextlib.suppress(OSError):
        request = json.dumps([(name, os.fspath(path)) for name, path in files])
        process.stdin.write(f"{request}\n".encode("ascii"))
        process.stdin.flush()
        while len(found) < len(files) and (line := process.stdout.readline()).endswith(b"\n"):
            found.append(Look.from_line(line.decode("ascii")))
    return found


def _in_order(futures: Sequence["Future[list[Look]]"]) -> Iterator[Look]:
    for future in futures:
        yield from future.result()


def _deadly(name: str, code: int) -> str:
    return (
        f"{name} ended the process that read it (exit code {code}): it is damaged in a way that "
        "no library stands, or this machine has too little memory for it"
    )


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

"""Kills a job at every operation on its store, before and after it, and looks what is left.

Run as a script, so that what is forked has one thread: ``sweep.py JOB FOLDER`` prints a JSON list
of the places where the job was killed.
"""

import contextlib
import itertools
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from typing_extensions import override

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.storage import hashing, transfers
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.operations import Operation, Outcome
from astrid_sdk.storage.records import RecordLog
from astrid_sdk.storage.spooling import SpoolingStorage
from astrid_sdk.storage.wrapping import WrapperStorage

BUCKET = "astrid-storage"
MEDIA = "application/octet-stream"
SMALL = b"a small sky"
LARGE = bytes(range(256)) * 6 * 1024  # 1.5 MiB: leaves, and parts of 256 KiB
MANY = [b"sky %d" % number for number in range(6)]


class Killing(WrapperStorage):
    """Kills this process at its operation `number`, before or after that is carried out."""

    def __init__(self, number: int, side: str, store: LocalStorageClient) -> None:
        super().__init__(store)
        self._left = number
        self._side = side

    @override
    def perform(self, operation: Operation[Any]) -> Any:
        self._left -= 1
        if self._left == 0 and self._side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return self.inner.perform(operation)
        finally:
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    @override
    def perform_many(self, operations: Iterable[Operation[Any]]) -> Iterator[Outcome[Any]]:
        return map(self._outcome, operations)  # one by one, so that each has its number


class Away(WrapperStorage):
    """A store that cannot be reached."""

    @override
    def perform(self, operation: Operation[Any]) -> Any:
        raise StorageUnavailableError("away", kind="unreachable", wrote=None)


class Place:
    """A folder with a store, sources, an outbox, and what was acknowledged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = LocalStorageClient(folder / "store")
        self.store.create_bucket(BUCKET)
        self._told = folder / "told"
        for name, content in [("large", LARGE), *((f"{n}", each) for n, each in enumerate(MANY))]:
            (folder / name).write_bytes(content)

    def acknowledge(self, content_hash: str) -> None:
        with self._told.open("a") as file:
            file.write(f"{content_hash}\n")
            file.flush()
            os.fsync(file.fileno())

    def acknowledged(self) -> list[str]:
        return self._told.read_text().split() if self._told.exists() else []

    def spooling(self, store: Any) -> SpoolingStorage:
        return SpoolingStorage(store, self.folder / "spool")


def store_data(place: Place, store: Any) -> None:
    place.acknowledge(ContentAddressedStorage(store, BUCKET).store_data(SMALL, MEDIA))


def store_file(place: Place, store: Any) -> None:
    path = place.folder / "large"
    place.acknowledge(ContentAddressedStorage(store, BUCKET).store_file(path, MEDIA))


def store_files(place: Place, store: Any) -> None:
    paths = [place.folder / str(number) for number in range(len(MANY))]
    report = ContentAddressedStorage(store, BUCKET).store_files(paths, MEDIA)
    for stored in report.stored:
        place.acknowledge(stored.content_hash)


def drain(place: Place, store: Any) -> None:
    with contextlib.closing(place.spooling(store)) as spooling:
        spooling.sync()


def fill_outbox(place: Place) -> None:
    with contextlib.closing(place.spooling(Away(place.store))) as spooling:
        cas = ContentAddressedStorage(spooling, BUCKET)
        for content in MANY[:3]:
            place.acknowledge(cas.store_data(content, MEDIA))


Job = Callable[[Place, Any], None]
JOBS: dict[str, tuple[Job, list[bytes]]] = {
    "store_data": (store_data, [SMALL]),
    "store_file": (store_file, [LARGE]),
    "store_files": (store_files, MANY),
    "drain": (drain, MANY[:3]),
}


def sweep(name: str, root: Path) -> list[str]:
    """Kill the job everywhere; return the places, in order."""
    job, contents = JOBS[name]
    killed: list[str] = []
    for number in itertools.count(1):
        for side in ("before", "after"):
            place = Place(_made(root / f"{number}-{side}"))
            if name == "drain":
                fill_outbox(place)
            if not is_killed(partial(job, place, Killing(number, side, place.store))):
                return killed
            killed.append(f"{number} {side}")
            if name != "drain":  # what waits in an outbox is not in the store yet
                check(place)
            job(place, place.store)
            check(place)
            check_complete(place, contents)
    raise AssertionError


def killed_everywhere(
    root: Path,
    made: Callable[[Path], Path],
    work: Callable[[Path, Any], None],
    after: Sequence[Callable[[Path], None]],
) -> list[str]:
    """Kill `work` at every operation on its store, and do what is to hold `after` each kill.

    Each in a folder that `made` fills, with the store in ``store``. Returns the places, in order.
    """
    killed: list[str] = []
    for number in itertools.count(1):
        for side in ("before", "after"):
            folder = made(root / f"{number}-{side}")
            store = Killing(number, side, LocalStorageClient(folder / "store"))
            if not is_killed(partial(work, folder, store)):
                return killed
            killed.append(f"{number} {side}")
            for each in after:
                assert not is_killed(partial(each, folder))
    raise AssertionError


def check(place: Place) -> None:
    """Everything acknowledged can be read, and no record lacks its blob."""
    fresh = LocalStorageClient(place.folder / "store")
    cas = ContentAddressedStorage(fresh, BUCKET)
    for content_hash in place.acknowledged():
        assert sha256_hex(cas.retrieve_data(content_hash)) == content_hash
    for record in _records(fresh):
        assert len(cas.retrieve_data(record.content_hash, tier=record.tier)) == record.size_bytes


def check_complete(place: Place, contents: list[bytes]) -> None:
    """Running the job again made good what was missing, and nothing waits."""
    fresh = LocalStorageClient(place.folder / "store")
    wanted = {sha256_hex(content) for content in contents}
    records = _records(fresh)
    assert {record.content_hash for record in records} == wanted
    assert len({record.record_id for record in records}) == len(wanted)
    assert set(place.acknowledged()) == wanted
    with contextlib.closing(place.spooling(fresh)) as spooling:
        assert spooling.pending == 0


def _records(store: LocalStorageClient) -> list[Any]:
    log = RecordLog(store, BUCKET)
    return [record for pack in log.packs() for record in log.read(pack)]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def is_killed(work: Callable[[], None]) -> bool:
    """Do `work` in a process of its own; return whether that was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            code = 0 if sys.exc_info()[0] is None else 1
            if code:
                sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


if __name__ == "__main__":
    transfers.SINGLE_BYTES = hashing.SMALL_BYTES = 512 << 10
    transfers.PART_BYTES = 256 << 10
    print(json.dumps(sweep(sys.argv[1], Path(sys.argv[2]))))  # noqa: T201 - its answer

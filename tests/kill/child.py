"""Runs jobs on an S3 server, each in a process of its own that may be killed from outside.

A script that has one thread, so that it can fork: for every line ``JOB BUCKET FOLDER`` that it
reads it says "done" or "killed". A job's process id is in ``FOLDER/pid`` before it begins.
"""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from kill.sweep import Away

from astrid_sdk.config import StorageConfig
from astrid_sdk.storage import hashing, transfers
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.r2_client import R2StorageClient
from astrid_sdk.storage.spooling import SpoolingStorage

MEDIA = "application/octet-stream"
PART_BYTES = 5 << 20
LARGE = bytes(range(256)) * (2 * PART_BYTES // 256) + b"and a third part"
FEW = [b"sky %d" % number for number in range(3)]
MANY = [b"field %d" % number for number in range(6)]


def acknowledge(folder: Path, content_hash: str) -> None:
    """Tell, so that it outlives this process."""
    with (folder / "told").open("a") as file:
        file.write(f"{content_hash}\n")
        file.flush()
        os.fsync(file.fileno())


def store_data(store: ObjectStorage, bucket: str, folder: Path) -> None:
    cas = ContentAddressedStorage(store, bucket)
    for content in FEW:
        acknowledge(folder, cas.store_data(content, MEDIA))


def store_file(store: ObjectStorage, bucket: str, folder: Path) -> None:
    (folder / "large").write_bytes(LARGE)
    cas = ContentAddressedStorage(store, bucket)
    acknowledge(folder, cas.store_file(folder / "large", MEDIA))


def store_files(store: ObjectStorage, bucket: str, folder: Path) -> None:
    paths = [folder / f"{number}" for number in range(len(MANY))]
    for path, content in zip(paths, MANY, strict=True):
        path.write_bytes(content)
    report = ContentAddressedStorage(store, bucket).store_files(paths, MEDIA)
    for stored in report.stored:
        acknowledge(folder, stored.content_hash)


def fill(store: ObjectStorage, bucket: str, folder: Path) -> None:
    with contextlib.closing(SpoolingStorage(Away(store), folder / "spool")) as spooling:
        store_data(spooling, bucket, folder)


def drain(store: ObjectStorage, _bucket: str, folder: Path) -> None:
    with contextlib.closing(SpoolingStorage(store, folder / "spool")) as spooling:
        spooling.sync()


Job = Callable[[ObjectStorage, str, Path], None]
JOBS: dict[str, tuple[Job, list[bytes]]] = {
    "store_data": (store_data, FEW),
    "store_file": (store_file, [LARGE]),
    "store_files": (store_files, MANY),
    "fill": (fill, FEW),
    "drain": (drain, FEW),
}


def run(name: str, config: StorageConfig, bucket: str, folder: Path) -> str:
    """Do the job in a process of its own; return how that ended."""
    child = os.fork()
    if child == 0:
        (folder / "pid").write_text(f"{os.getpid()}")
        JOBS[name][0](R2StorageClient(config), bucket, folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return "killed"
    return "done" if status == 0 else f"ended with {status}"


if __name__ == "__main__":
    transfers.SINGLE_BYTES = hashing.SMALL_BYTES = 512 << 10
    transfers.PART_BYTES = PART_BYTES
    given = StorageConfig(**json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        job, bucket, folder = line.split()
        print(run(job, given, bucket, Path(folder)), flush=True)  # noqa: T201 - its answer

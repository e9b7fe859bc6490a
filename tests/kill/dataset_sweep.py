"""Kills the making of a dataset version at every operation, before and after it.

Run as a script, so that what is forked has one thread: ``dataset_sweep.py FOLDER`` prints a JSON
list of the places where it was killed.
"""

import json
import sys
from pathlib import Path

import pandas as pd  # noqa: F401 - Arrow would import it in each fork
from kill.sweep import BUCKET, killed_everywhere

from astrid_sdk.session import AstridSession
from astrid_sdk.storage import seen
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.local_client import LocalStorageClient

FILES = {"a.txt": b"one", "b.txt": b"two"}


def version(folder: Path, store: ObjectStorage) -> None:
    with AstridSession(store, BUCKET, folder / "home") as astrid:
        assert astrid.datasets.version("x", folder / "made").name == "x@v1"
    (folder / "told").touch()


def check_nothing_is_half_there(folder: Path) -> None:
    """A version that is listed comes back; what was told is complete."""
    with _session(folder) as astrid:
        for made in astrid.datasets.list("x"):
            assert made.number == 1
            listed = astrid.datasets.manifest(made).files
            held = {file.path: astrid.cas.retrieve_data(file.content_hash) for file in listed}
            assert held == FILES
    if (folder / "told").exists():
        check_complete(folder)


def check_complete(folder: Path) -> None:
    """The version is there once, and lineage names it."""
    with _session(folder) as astrid:
        assert len(astrid.datasets.list("x")) == 1
        file, _ = astrid.datasets.manifest("x@v1").files
        assert astrid.impact(file.content_hash).dataset_versions() == ["x v1"]


def sweep(root: Path) -> list[str]:
    after = [check_nothing_is_half_there, _again, check_complete]
    return killed_everywhere(root, _place, version, after)


def _again(folder: Path) -> None:
    version(folder, LocalStorageClient(folder / "store"))


def _session(folder: Path) -> AstridSession:
    return AstridSession(LocalStorageClient(folder / "store"), BUCKET, folder / "home")


def _place(folder: Path) -> Path:
    LocalStorageClient(folder / "store").create_bucket(BUCKET)
    (folder / "made").mkdir()
    for name, content in FILES.items():
        (folder / "made" / name).write_bytes(content)
    return folder


if __name__ == "__main__":
    seen.RACY_NS = 0  # so that what it has read counts in the next run
    print(json.dumps(sweep(Path(sys.argv[1]))))  # noqa: T201 - its answer

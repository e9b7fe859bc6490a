"""Kills an ingest at every operation on its store, before and after it, and looks what is left.

Run as a script, so that what is forked has one thread: ``ingest_sweep.py FOLDER`` prints a JSON
list of the places where it was killed.
"""

import itertools
import json
import sys
from pathlib import Path

import pandas as pd  # noqa: F401 - Arrow would import it in each fork
from kill.sweep import BUCKET, killed_everywhere
from skies import Shot

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.catalog.ingest.gathering import gather
from astrid_sdk.catalog.ingest.ingest import Ingest
from astrid_sdk.catalog.search.finding import Query, find
from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.storage import seen
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.records import RecordLog

NAMES = ["a.fits", "b.fits", "copy of a.fits"]


def ingest(folder: Path, store: ObjectStorage) -> None:
    cas, catalog = _parts(folder, store)
    report = Ingest(cas, catalog)(gather(folder / "night"), purpose="reference")
    assert sorted(file.name for file in report.files) == NAMES
    (folder / "told").touch()


def check_nothing_is_half_there(folder: Path) -> None:
    """No record lacks its blob; and what was reported is complete."""
    store = LocalStorageClient(folder / "store")
    cas, _ = _parts(folder, store)
    log = RecordLog(store, BUCKET)
    for record in itertools.chain.from_iterable(map(log.read, log.packs())):
        content = cas.retrieve_data(record.content_hash, tier=record.tier)
        assert sha256_hex(content) == record.content_hash
    if (folder / "told").exists():
        check_complete(folder)


def check_complete(folder: Path) -> None:
    """Each name is told once, for what it was ingested, and nothing else is there."""
    _, catalog = _parts(folder, LocalStorageClient(folder / "store"))
    rows = list(find(catalog, Query()))
    assert {row.purpose for row in rows} == {"reference"}
    assert len({row.content_hash for row in rows}) == len(rows) == 2
    told = [row for row in catalog.records().to_pylist() if row["kind"] == "ingest"]
    assert sorted(row["name"] for row in told) == NAMES


def sweep(root: Path) -> list[str]:
    after = [check_nothing_is_half_there, _again, check_complete]
    return killed_everywhere(root, _place, ingest, after)


def _again(folder: Path) -> None:
    ingest(folder, LocalStorageClient(folder / "store"))


def _parts(folder: Path, store: ObjectStorage) -> tuple[ContentAddressedStorage, Catalog]:
    records = RecordLog(store, BUCKET)
    known = seen.SeenContents(folder / "seen.sqlite")
    cas = ContentAddressedStorage(store, BUCKET, records=records, seen=known)
    return cas, Catalog(store, BUCKET, records, Derivations(store, BUCKET, cas, records))


def _place(folder: Path) -> Path:
    LocalStorageClient(folder / "store").create_bucket(BUCKET)
    for number, name in enumerate(NAMES[:2]):
        Shot(noise_seed=number, size_px=16).write(folder / "night" / name)
    (folder / "night" / NAMES[2]).write_bytes((folder / "night" / NAMES[0]).read_bytes())
    return folder


if __name__ == "__main__":
    seen.RACY_NS = 0  # so that what it has read counts in the next run
    print(json.dumps(sweep(Path(sys.argv[1]))))  # noqa: T201 - its answer

"""Kills a session that changes its store at every operation: what was done was intended.

Run as a script, so that what is forked has one thread; see `sweep`.
"""

import json
import sys
from pathlib import Path
from typing import Any

from kill.sweep import BUCKET, MEDIA, killed_everywhere

from astrid_sdk.storage.audit.audit import Audit
from astrid_sdk.storage.audit.trail import AuditTrail
from astrid_sdk.storage.audited import AuditedStorage
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.local_client import LocalStorageClient

OLD = ("artifacts/old", "artifacts/older")
INTERNAL = ("_audit/", "_catalog/")


def change(folder: Path, store: Any) -> None:
    """Store, copy and delete, one by one and many together."""
    audited = AuditedStorage(store, AuditTrail(store, BUCKET, folder / "audit"))
    cas = ContentAddressedStorage(audited, BUCKET)
    cas.store_data(b"a sky", MEDIA)
    cas.store_files([(name, folder / name) for name in ("one", "two")], MEDIA)
    audited.delete_file(BUCKET, OLD[0])
    audited.delete_files(BUCKET, OLD[1:])
    audited.close()


def check_what_was_done_was_intended(folder: Path) -> None:
    """Every object has its intent, here or in the store; every deletion has it in the store."""
    store = LocalStorageClient(folder / "store")
    shipped = {event.key for event in Audit(store, BUCKET, None).events() if event.verb == "delete"}
    there = set(store.list_files(BUCKET, ""))
    assert {key for key in OLD if key not in there} <= shipped
    AuditTrail(store, BUCKET, folder / "audit").recover()
    audit = Audit(store, BUCKET, None)
    intended = {event.key for event in audit.events() if event.verb == "put"}
    changed = {key for key in there if not key.startswith(INTERNAL) and key not in OLD}
    assert changed <= intended
    assert audit.verify().is_sound
    assert not list((folder / "audit").glob("*/*"))


def sweep(root: Path) -> list[str]:
    return killed_everywhere(root, _place, change, [check_what_was_done_was_intended, _again])


def _again(folder: Path) -> None:
    change(folder, LocalStorageClient(folder / "store"))
    check_what_was_done_was_intended(folder)


def _place(folder: Path) -> Path:
    store = LocalStorageClient(folder / "store")
    store.create_bucket(BUCKET)
    for key in OLD:
        store.upload_file(BUCKET, key, b"", MEDIA)
    for name in ("one", "two"):
        (folder / name).write_text(name)
    return folder


if __name__ == "__main__":
    print(json.dumps(sweep(Path(sys.argv[1]))))  # noqa: T201 - its answer

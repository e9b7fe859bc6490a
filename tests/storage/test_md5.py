"""The MD5 of a file comes out of the reading that its content hash comes out of."""

import hashlib
import os
from pathlib import Path

import pytest
from stores import Bench, WrappedStore, local_store

from astrid_sdk.storage import bulk_items
from astrid_sdk.storage.operations import Copy
from astrid_sdk.storage.seen import RACY_NS, SeenContents
from astrid_sdk.storage.storing import read_blob

MEDIA = "application/octet-stream"
CONTENTS = {"empty": b"", "small": b"small", "leaves": b"l" * (3 << 20), "parts": b"p" * (17 << 20)}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in CONTENTS]
    for path in paths:
        path.write_bytes(CONTENTS[path.name])
        past_ns = path.stat().st_mtime_ns - 2 * RACY_NS
        os.utime(path, ns=(past_ns, past_ns))
    return paths


def test_each_file_is_told_with_its_md5(tmp_path: Path, files: list[Path]) -> None:
    bench = Bench(local_store(tmp_path / "store"))
    stored = bench.cas.store_files(files, MEDIA, with_md5=True).stored
    assert {file.name: file.md5 for file in stored} == {
        name: hashlib.md5(content, usedforsecurity=False).hexdigest()
        for name, content in CONTENTS.items()
    }
    assert {file.md5 for file in bench.cas.store_files(files, MEDIA).stored} == {""}


def test_a_file_whose_hash_alone_is_known_is_read_once_more_and_then_no_more(
    tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astrid_sdk.storage.seen.RACY_NS", -(10**18))  # ctime cannot be set back
    read: list[Path] = []

    def counting(path: Path, *words: str, **options: bool) -> object:
        read.append(path)
        return read_blob(path, *words, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(bulk_items, "read_blob", counting)
    bench = Bench(local_store(tmp_path / "store"), seen=SeenContents(tmp_path / "seen"))
    bench.cas.store_files(files[:2], MEDIA)
    first = bench.cas.store_files(files[:2], MEDIA, with_md5=True).stored
    assert len(read) == 4
    assert bench.cas.store_files(files[:2], MEDIA, with_md5=True).stored == first
    assert len(read) == 4


def test_a_copy_may_leave_the_looking_to_its_caller(tmp_path: Path) -> None:
    store = WrappedStore(local_store(tmp_path / "store"))
    bench = Bench(store)
    store.upload_file("astrid-storage", "a/b", b"content", MEDIA)
    copy = Copy(bucket="astrid-storage", key="c/d", source_key="a/b", confirm=False)
    assert bench.storage.perform(copy).key == "c/d"
    assert store.download_file("astrid-storage", "c/d") == b"content"

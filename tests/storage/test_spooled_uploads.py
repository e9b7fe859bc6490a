"""Large uploads wait, too, and begin again in the outbox when they are cut off."""

import io
from collections.abc import Iterable
from pathlib import Path

import pytest
from clocks import Clock
from switched import BUCKET, Switched, blob

from astrid_sdk.errors import (
    StorageUnavailableError,
)
from astrid_sdk.storage.spooling import SpoolingStorage


@pytest.fixture
def store() -> Switched:
    return Switched()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def storage(store: Switched, clock: Clock, tmp_path: Path) -> SpoolingStorage:
    return SpoolingStorage(store, tmp_path / "spool", clock=clock)


class TestLargeUploads:
    def test_a_large_file_waits(
        self, storage: SpoolingStorage, store: Switched, tmp_path: Path
    ) -> None:
        data = bytes(range(256)) * (40 << 12)
        (tmp_path / "large").write_bytes(data)
        store.is_away = True
        written = storage.upload_source(BUCKET, "temp/large", tmp_path / "large", "a/b")
        assert written.is_spooled
        store.is_away = False
        assert storage.sync() == 1
        assert store.body("temp/large") == data

    @pytest.mark.parametrize("kind", ["path", "file"])
    def test_one_that_was_cut_off_begins_again_in_the_outbox(
        self, storage: SpoolingStorage, store: Switched, tmp_path: Path, kind: str
    ) -> None:
        data = bytes(range(256)) * (40 << 12)
        path = tmp_path / "large"
        path.write_bytes(data)
        store.cuts_after_parts = 1
        source = path if kind == "path" else io.BytesIO(b"skipped" + data)
        if isinstance(source, io.BytesIO):
            source.seek(7)
        assert storage.upload_source(BUCKET, blob(data), source, "a/b", create_only=True).is_spooled
        store.is_away, store.cuts_after_parts = False, None
        assert storage.sync() == 1
        assert store.body(blob(data)) == data

    def test_a_stream_that_was_cut_off_fails(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        store.cuts_after_parts = 1
        pieces: Iterable[bytes] = (bytes(1 << 20) for _ in range(40))
        with pytest.raises(StorageUnavailableError):
            storage.upload_source(BUCKET, "temp/large", pieces, "a/b")
        assert storage.pending == 0

    def test_a_condition_that_cannot_wait_fails_and_leaves_nothing(
        self, storage: SpoolingStorage, store: Switched, tmp_path: Path
    ) -> None:
        (tmp_path / "large").write_bytes(bytes(20 << 20))
        store.is_away = True
        with pytest.raises(StorageUnavailableError, match="cannot wait"):
            storage.upload_source(BUCKET, "temp/large", tmp_path / "large", "a/b", create_only=True)
        assert list((tmp_path / "spool/outbox/bodies").iterdir()) == []

"""While the store is away contents are read from this machine, and only sound ones."""

from pathlib import Path
from typing import Any

import pytest
from clocks import Clock
from switched import BUCKET, Switched, blob, pack, put

from astrid_sdk.errors import (
    NotFoundError,
    StorageUnavailableError,
)
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.operations import Get
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


class TestReads:
    def test_they_are_read_by_the_next_process_too(
        self, storage: SpoolingStorage, store: Switched, tmp_path: Path
    ) -> None:
        storage.perform(put(blob(b"bytes"), b"bytes"))
        storage.close()
        store.is_away = True
        later = SpoolingStorage(store, tmp_path / "spool")
        assert later.download_file(BUCKET, blob(b"bytes")) == b"bytes"

    @pytest.mark.parametrize("name", [blob, pack])
    @pytest.mark.parametrize("by", ["put", "get"])
    def test_contents_that_passed_are_read_while_it_is_away(
        self, storage: SpoolingStorage, store: Switched, name: Any, by: str
    ) -> None:
        key = name(b"bytes")
        (storage if by == "put" else store.memory).perform(put(key, b"bytes"))
        if by == "get":
            storage.download_file(BUCKET, key)
        store.is_away = True
        assert storage.download_file(BUCKET, key) == b"bytes"
        assert storage.download_range(BUCKET, key, 1, 3) == b"yt"

    def test_other_keys_are_not_read_from_the_cache(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        storage.perform(put("datasets/versions/a/1.json"))
        store.is_away = True
        with pytest.raises(StorageUnavailableError):
            storage.download_file(BUCKET, "datasets/versions/a/1.json")

    def test_a_damaged_cache_is_not_handed_out(
        self, storage: SpoolingStorage, store: Switched, tmp_path: Path
    ) -> None:
        storage.perform(put(blob(b"bytes"), b"bytes"))
        storage.close()  # what passed is then on the disk
        (cached,) = (tmp_path / "spool/cache").glob("??/*")
        cached.write_bytes(b"bytez")
        store.is_away = True
        with pytest.raises(StorageUnavailableError):
            storage.download_file(BUCKET, blob(b"bytes"))
        assert not cached.exists()

    def test_what_was_deleted_is_not_read_from_the_cache(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        for key in (blob(b"one"), blob(b"two")):
            storage.perform(put(key, b"one" if key == blob(b"one") else b"two"))
        storage.delete_file(BUCKET, blob(b"one"))
        store.memory.delete_file(BUCKET, blob(b"two"))
        with pytest.raises(NotFoundError):
            storage.download_file(BUCKET, blob(b"two"))
        store.is_away = True
        for key in (blob(b"one"), blob(b"two")):
            with pytest.raises(StorageUnavailableError):
                storage.download_file(BUCKET, key)

    def test_whether_something_is_there_is_not_answered_from_the_cache(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        storage.perform(put(blob(b"bytes"), b"bytes"))
        store.is_away = True
        with pytest.raises(StorageUnavailableError):
            storage.exists(BUCKET, blob(b"bytes"))

    def test_a_batch_reads_what_it_has_and_says_so_of_the_rest(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        storage.perform(put(blob(b"bytes"), b"bytes"))
        store.is_away = True
        keys = (blob(b"bytes"), blob(b"other"))
        outcomes = storage.perform_many([Get(bucket=BUCKET, key=key) for key in keys])
        assert {outcome.operation.where: outcome.error is None for outcome in outcomes} == {
            keys[0]: True,
            keys[1]: False,
        }

    def test_the_cache_keeps_to_its_bound_and_what_was_read_last(
        self, store: Switched, tmp_path: Path
    ) -> None:
        storage = SpoolingStorage(store, tmp_path, cache_bytes=10_000)
        bodies = [bytes([number]) * 1000 for number in range(40)]
        for body in bodies:
            storage.perform(put(blob(body), body))
        storage.close()  # what passed is then on the disk
        held = list((tmp_path / "cache").glob("??/*"))
        assert 5 <= len(held) <= 10
        store.is_away = True
        assert storage.download_file(BUCKET, blob(bodies[-1])) == bodies[-1]
        with pytest.raises(StorageUnavailableError):
            storage.download_file(BUCKET, blob(bodies[0]))

    def test_a_cache_that_cannot_be_written_is_no_error(
        self, store: Switched, tmp_path: Path
    ) -> None:
        (tmp_path / "cache").write_text("in the way")
        storage = SpoolingStorage(store, tmp_path)
        storage.perform(put(blob(b"bytes"), b"bytes"))
        storage.close()
        store.is_away = True
        with pytest.raises(StorageUnavailableError):
            storage.download_file(BUCKET, blob(b"bytes"))


class TestContents:
    def test_a_content_is_found_by_its_hash_alone_while_the_store_is_away(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        content_hash = ContentAddressedStorage(storage, BUCKET).store_data(b"sky", "text/plain")
        store.is_away = True
        afresh = ContentAddressedStorage(storage, BUCKET)  # it has seen nothing yet
        assert afresh.retrieve_data(content_hash) == b"sky"
        with pytest.raises(StorageUnavailableError):
            afresh.exists(content_hash)

    def test_a_content_stored_while_the_store_is_away_says_so_and_is_read_back(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        store.is_away = True
        cas = ContentAddressedStorage(storage, BUCKET)
        stored = cas.store_data(b"sky", "text/plain", tier="detections")
        assert stored.is_spooled
        assert ContentAddressedStorage(storage, BUCKET).retrieve_data(stored) == b"sky"
        store.is_away = False
        assert storage.sync() == 2  # the blob and its record
        assert ContentAddressedStorage(store, BUCKET).retrieve_data(stored) == b"sky"

    def test_during_an_outage_the_cache_is_asked_first(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        storage.perform(put(blob(b"bytes"), b"bytes"))
        store.is_away = True
        storage.download_file(BUCKET, blob(b"bytes"))
        store.is_away = False
        store.memory.delete_file(BUCKET, blob(b"bytes"))
        assert storage.download_file(BUCKET, blob(b"bytes")) == b"bytes"

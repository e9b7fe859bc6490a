"""Writes wait while the store is away, and reach it in order, each once."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from clocks import Clock
from switched import BUCKET, Switched, blob, pack, put

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.errors import (
    ConflictError,
    InvalidInputError,
    StorageUnavailableError,
)
from astrid_sdk.storage.operations import Put
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


class TestWrites:
    def test_a_write_waits_says_so_and_lands_once_on_sync(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        store.is_away = True
        written = storage.perform(put("temp/a", b"bytes", user_metadata={"night": "2026-01-01"}))
        assert (written.is_spooled, written.etag, storage.pending) == (True, None, 1)
        store.is_away = False
        assert storage.sync() == 1
        assert (storage.pending, storage.sync()) == (0, 0)
        assert store.body("temp/a") == b"bytes"
        found = store.memory.head(BUCKET, "temp/a")
        assert found is not None
        assert found.media_type == "text/plain"
        assert found.user_metadata["night"] == "2026-01-01"
        assert store.recording.keys("put") == ["temp/a"]

    @pytest.mark.parametrize("name", [blob, pack])
    def test_creating_what_is_named_by_its_hash_waits(
        self, storage: SpoolingStorage, store: Switched, name: Any
    ) -> None:
        store.is_away = True
        assert storage.perform(put(name(b"bytes"), b"bytes", create_only=True)).is_spooled
        store.is_away = False
        assert storage.sync() == 1
        assert store.body(name(b"bytes")) == b"bytes"

    def test_bytes_that_the_key_does_not_name_do_not_wait(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        store.is_away = True
        with pytest.raises(InvalidInputError):
            storage.perform(put(blob(b"bytes"), b"other", create_only=True))
        with pytest.raises(InvalidInputError):
            storage.perform(put("temp/a", b"other", content_hash=sha256_hex(b"bytes")))
        assert storage.pending == 0

    @pytest.mark.parametrize("options", [{"create_only": True}, {"replace_etag": "a"}])
    def test_other_conditions_do_not_wait(
        self, storage: SpoolingStorage, store: Switched, options: dict[str, Any]
    ) -> None:
        store.is_away = True
        with pytest.raises(StorageUnavailableError, match="away"):
            storage.perform(put("temp/a", **options))
        assert storage.pending == 0

    def test_deleting_and_listing_do_not_wait(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        store.is_away = True
        with pytest.raises(StorageUnavailableError):
            storage.delete_file(BUCKET, "temp/a")
        with pytest.raises(StorageUnavailableError):
            storage.list_files(BUCKET, "")

    def test_what_waits_is_read_before_what_is_stored(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        storage.perform(put("temp/a", b"old"))
        store.is_away = True
        storage.perform(put("temp/a", b"newer"))
        storage.perform(put("temp/a", b"newest"))
        assert storage.download_file(BUCKET, "temp/a") == b"newest"
        assert storage.get_file_metadata(BUCKET, "temp/a")["size_bytes"] == 6
        assert storage.exists(BUCKET, "temp/a")

    def test_writes_queue_behind_what_waits_and_land_in_order(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        store.is_away = True
        storage.perform(put("temp/a", b"1"))
        for number in (2, 3):
            assert storage.perform(put("temp/a", b"%d" % number)).is_spooled
        store.is_away = False
        assert storage.sync() == 3
        written = [each for each in store.recording.operations if isinstance(each, Put)]
        assert [each.data for each in written] == [b"1", b"2", b"3"]

    def test_the_next_operation_brings_what_waits(
        self, storage: SpoolingStorage, store: Switched, clock: Clock
    ) -> None:
        store.is_away = True
        storage.perform(put("temp/a"))
        store.is_away = False
        clock.now += 60.0
        assert not storage.perform(put("temp/b")).is_spooled
        assert store.recording.keys("put") == ["temp/a", "temp/b"]

    def test_a_success_brings_what_waits_with_the_operation_after_it(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        store.is_away = True
        storage.perform(put("temp/a"))
        store.is_away = False
        storage.exists(BUCKET, "temp/other")
        storage.exists(BUCKET, "temp/other")
        assert storage.pending == 0

    def test_what_must_come_after_waits_for_it_or_fails(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        store.is_away = True
        storage.perform(put(blob(b"bytes"), b"bytes", create_only=True))
        with pytest.raises(StorageUnavailableError, match="1 writes wait"):
            storage.perform(put("_derivations/ab/abc.json", create_only=True))
        store.is_away = False
        storage.perform(put("_derivations/ab/abc.json", create_only=True))
        assert store.recording.keys("put") == [blob(b"bytes"), "_derivations/ab/abc.json"]

    def test_a_deletion_comes_after_the_write_that_waits(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        store.is_away = True
        storage.perform(put("temp/a"))
        store.is_away = False
        assert storage.delete_file(BUCKET, "temp/a")
        assert storage.sync() == 0
        assert store.memory.list_files(BUCKET, "") == []

    def test_a_listing_shows_what_waited(self, storage: SpoolingStorage, store: Switched) -> None:
        store.is_away = True
        storage.perform(put("temp/a"))
        store.is_away = False
        assert storage.list_files(BUCKET, "temp/") == ["temp/a"]

    def test_a_batch_waits_as_single_writes_do(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        store.is_away = True
        outcomes = list(storage.perform_many(put(f"temp/{number}") for number in range(50)))
        assert all(outcome.value().is_spooled for outcome in outcomes)
        assert storage.pending == 50
        store.is_away = False
        assert storage.sync() == 50
        assert len(store.memory.list_files(BUCKET, "temp/")) == 50

    def test_a_sync_that_fails_says_how_many_wait(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        store.is_away = True
        storage.perform(put("temp/a"))
        with pytest.raises(StorageUnavailableError, match="1 writes wait") as caught:
            storage.sync()
        assert (caught.value.kind, storage.pending) == ("unreachable", 1)

    def test_a_write_in_a_full_disk_is_an_error(self, store: Switched, tmp_path: Path) -> None:
        (tmp_path / "outbox").write_text("in the way")
        store.is_away = True
        with pytest.raises(StorageUnavailableError, match="cannot be used"):
            SpoolingStorage(store, tmp_path).perform(put("temp/a"))


class TestRefused:
    def test_what_the_store_refuses_is_put_aside_reported_and_blocks_nothing(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        store.is_away = True
        for key in ("temp/a", "temp/b", "temp/c"):
            storage.perform(put(key))
        store.is_away, store.refuses = False, {"temp/b"}
        with pytest.raises(ConflictError, match="temp/b is not yours") as caught:
            storage.sync()
        assert caught.value.kind == "refused"
        assert store.memory.list_files(BUCKET, "") == ["temp/a", "temp/c"]
        assert [entry.key for entry in storage.refused] == ["temp/b"]
        assert storage.pending == 0

    def test_it_stays_reported_and_can_be_tried_again(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        store.is_away = True
        storage.perform(put("temp/b", b"bytes"))
        store.is_away, store.refuses = False, {"temp/b"}
        for _ in range(2):
            with pytest.raises(ConflictError):
                storage.sync()
        store.refuses = set()
        assert storage.sync(retry_refused=True) == 1
        assert store.body("temp/b") == b"bytes"
        assert storage.sync() == 0

    def test_bytes_that_were_damaged_while_waiting_are_not_sent(
        self, storage: SpoolingStorage, store: Switched, tmp_path: Path
    ) -> None:
        store.is_away = True
        storage.perform(put("temp/a", b"bytes"))
        (body,) = (tmp_path / "spool/outbox/bodies").iterdir()
        body.write_bytes(b"bytez")
        store.is_away = False
        with pytest.raises(ConflictError, match="damaged"):
            storage.sync()
        assert store.memory.list_files(BUCKET, "") == []


class TestOnce:
    def test_a_write_whose_answer_was_lost_is_not_written_over_others(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        store.is_away = True
        storage.perform(put("temp/a", b"ours"))
        store.is_away, store.loses_answers_of = False, {"temp/a"}
        with pytest.raises(StorageUnavailableError):
            storage.sync()
        assert store.body("temp/a") == b"ours"
        store.memory.perform(put("temp/a", b"theirs, later"))
        assert storage.sync() == 1
        assert store.body("temp/a") == b"theirs, later"
        assert store.recording.keys("put") == ["temp/a"]

    def test_a_write_that_did_not_land_is_sent_again(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        store.memory.perform(put("temp/a", b"old"))
        store.is_away = True
        storage.perform(put("temp/a", b"new"))
        for _ in range(3):
            with pytest.raises(StorageUnavailableError):
                storage.sync()
        store.is_away = False
        storage.sync()
        assert store.body("temp/a") == b"new"

    def test_another_process_finds_what_waits(
        self, storage: SpoolingStorage, store: Switched, tmp_path: Path
    ) -> None:
        store.is_away = True
        storage.perform(put("temp/a", b"bytes"))
        store.is_away = False
        other = SpoolingStorage(store, tmp_path / "spool")
        assert other.download_file(BUCKET, "temp/a") == b"bytes"
        assert storage.pending == 0

    def test_threads_that_sync_together_bring_each_write_once(
        self, storage: SpoolingStorage, store: Switched, tmp_path: Path
    ) -> None:
        store.is_away = True
        for number in range(60):
            storage.perform(put(f"temp/{number:02d}"))
        store.is_away = False
        counts: list[int] = []
        others = [storage, *(SpoolingStorage(store, tmp_path / "spool") for _ in range(3))]
        threads = [
            threading.Thread(target=lambda each=each: counts.append(each.sync())) for each in others
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(counts) == 60
        assert store.recording.keys("put") == [f"temp/{number:02d}" for number in range(60)]

    def test_threads_that_write_together_lose_nothing(
        self, storage: SpoolingStorage, store: Switched
    ) -> None:
        store.is_away = True

        def write(name: str) -> None:
            for number in range(25):
                storage.perform(put(f"temp/{name}", b"%d" % number))

        threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        store.is_away = False
        assert storage.sync() == 100
        for name in "abcd":
            data = [
                bytes(each.data)
                for each in store.recording.operations
                if isinstance(each, Put) and each.key == f"temp/{name}"
            ]
            assert data == [b"%d" % number for number in range(25)]


def test_what_waits_is_plain_to_see(
    storage: SpoolingStorage, store: Switched, tmp_path: Path
) -> None:
    store.is_away = True
    storage.perform(put("temp/a", b"bytes"))
    (entry,) = (tmp_path / "spool/outbox/waiting").iterdir()
    said = json.loads(entry.read_text())
    assert (said["bucket"], said["key"], said["size_bytes"]) == (BUCKET, "temp/a", 5)
    assert (tmp_path / "spool/outbox").stat().st_mode & 0o077 == 0

"""Many small objects into a folder at once: the promises of each, with one order to the disk."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from astrid_sdk.errors import AccessDeniedError, ConflictError, InvalidInputError
from astrid_sdk.storage import local_sync
from astrid_sdk.storage.local_batch import LEAST
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.operations import Get, Head, Operation, Outcome, Put
from astrid_sdk.storage.results import Written

BUCKET = "astrid-storage"
MANY = 3 * LEAST


def put(key: str, data: bytes) -> Put:
    return Put(bucket=BUCKET, key=key, data=data, content_type="text/plain", create_only=True)


def puts(count: int = MANY) -> list[Put]:
    return [put(f"tier/sha256/{number % 4:02}/{number}", b"%d" % number) for number in range(count)]


def done(store: LocalStorageClient, operations: list[Put]) -> dict[str, Outcome[Written]]:
    outcomes = list(store.perform_many(operations))
    assert len(outcomes) == len(operations)
    return {outcome.operation.where: outcome for outcome in outcomes}


def left_behind(folder: Path) -> list[str]:
    return [path.name for path in (folder / ".tmp").iterdir() if path.name != "lock"]


@pytest.fixture(params=["together", "each"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to the disk, whatever this machine has."""
    monkeypatch.setattr(local_sync, "syncs_as_one", lambda _: request.param == "together")
    monkeypatch.setattr(local_sync, "sync_file_system", lambda _: None)
    return str(request.param)


@pytest.mark.usefixtures("way")
def test_many_bodies_are_there_as_they_were_acknowledged(
    store: LocalStorageClient, folder: Path
) -> None:
    outcomes = done(store, puts())
    assert all(outcome.value().is_new for outcome in outcomes.values())
    for each in puts():
        assert store.download_file(BUCKET, each.key) == each.data
        found = store.head(BUCKET, each.key)
        assert found is not None
        assert outcomes[each.key].value().etag == found.etag
    assert left_behind(folder) == []


@pytest.mark.usefixtures("way")
def test_what_stands_there_is_found_or_kept(store: LocalStorageClient) -> None:
    done(store, [put("tier/0", b"same"), put("tier/1", b"mine")])
    more = [put(f"tier/{number}", b"same") for number in range(MANY)]
    outcomes = done(store, more)
    assert not outcomes["tier/0"].value().is_new
    assert isinstance(outcomes["tier/1"].error, ConflictError)
    assert store.download_file(BUCKET, "tier/1") == b"mine"
    assert sum(each.error is None and each.value().is_new for each in outcomes.values()) == MANY - 2


@pytest.mark.usefixtures("way")
def test_of_one_key_twice_one_body_wins(store: LocalStorageClient) -> None:
    outcomes = list(store.perform_many([*puts(), put(puts()[0].key, b"other")]))
    refused = [each for each in outcomes if each.error is not None]
    assert [type(each.error) for each in refused] == [ConflictError]


@pytest.mark.usefixtures("way")
def test_a_name_no_store_can_hold_ends_no_other(store: LocalStorageClient) -> None:
    outcomes = done(store, [*puts(), put("tier/../x", b"x")])
    failed = {key: outcome.error for key, outcome in outcomes.items() if outcome.error is not None}
    assert list(failed) == ["tier/../x"]
    assert isinstance(failed["tier/../x"], InvalidInputError)


@pytest.mark.usefixtures("way")
def test_no_link_is_followed(store: LocalStorageClient, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / BUCKET / "tier").symlink_to(tmp_path / "elsewhere")
    outcomes = done(store, [put(f"tier/a/{number}", b"x") for number in range(MANY)])
    assert {type(outcome.error) for outcome in outcomes.values()} == {AccessDeniedError}
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_nothing_is_acknowledged_before_names_and_bytes_are_on_the_disk(
    store: LocalStorageClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[int] = []

    def watched(_: int) -> None:
        named.append(sum(path.is_file() for path in (folder / BUCKET).rglob("*")))

    monkeypatch.setattr(local_sync, "syncs_as_one", lambda _: True)
    monkeypatch.setattr(local_sync, "sync_file_system", watched)
    next(iter(store.perform_many(puts())))
    assert named == [0, MANY]


@pytest.mark.parametrize("fails_at", [1, 2])
def test_where_the_disk_refuses_each_is_tried_alone(
    store: LocalStorageClient, folder: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    calls: list[int] = []

    def refuse(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == fails_at:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(local_sync, "syncs_as_one", lambda _: True)
    monkeypatch.setattr(local_sync, "sync_file_system", refuse)
    assert all(outcome.error is None for outcome in done(store, puts()).values())
    assert left_behind(folder) == []


def test_a_disk_that_takes_nothing_acknowledges_nothing(
    store: LocalStorageClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(local_sync, "sync_file_system", refuse)
    monkeypatch.setattr(os, "fsync", refuse)
    kinds = {outcome.error and outcome.error.kind for outcome in done(store, puts()).values()}
    assert kinds == {"disk_full"}
    assert left_behind(folder) == []


def test_many_questions_are_answered(store: LocalStorageClient) -> None:
    done(store, puts())
    keys = [each.key for each in puts()]
    asked = store.exist(BUCKET, [*keys, "tier/none", "none/none", "none"])
    assert [key for key, is_there in asked.items() if is_there] == keys
    heads: list[Operation[object]] = [Head(bucket=BUCKET, key=key) for key in keys]
    assert all(outcome.result is not None for outcome in store.perform_many(heads))


def test_reads_are_not_drawn_ahead_without_bound(store: LocalStorageClient) -> None:
    done(store, puts(1_000))
    drawn = 0

    def gets() -> Iterator[Get]:
        nonlocal drawn
        for each in puts(1_000):
            drawn += 1
            yield Get(bucket=BUCKET, key=each.key)

    next(iter(store.perform_many(gets())))
    assert drawn <= 4 * store.most_at_once


def test_this_machine_forces_all_files_to_the_disk(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        if not local_sync.syncs_as_one(descriptor):
            pytest.skip("its file system is none of those that can")
        local_sync.sync_file_system(descriptor)
    finally:
        os.close(descriptor)


def test_an_order_that_fails_is_an_error() -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        local_sync.sync_file_system(-1)

"""What a store in a folder promises beyond `ObjectStorage`."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from astrid_sdk.config import child_environment
from astrid_sdk.errors import (
    AccessDeniedError,
    AstridError,
    InvalidInputError,
    StorageUnavailableError,
)
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.operations import Put

BUCKET = "astrid-storage"

RACER = """
import sys
from pathlib import Path
from astrid_sdk.errors import ConflictError
from astrid_sdk.storage.local_client import LocalStorageClient

store, me = LocalStorageClient(Path(sys.argv[1])), sys.argv[2]
won = 0
for number in range(200):
    try:
        store.upload_file("astrid-storage", f"race/{number}", me.encode(), "text/plain",
                          create_only=True)
        won += 1
    except ConflictError:
        pass
print(won)
"""

COUNTER = """
import sys
from pathlib import Path
from astrid_sdk.errors import ConflictError
from astrid_sdk.storage.local_client import LocalStorageClient
from astrid_sdk.storage.operations import Get, Put

store, steps = LocalStorageClient(Path(sys.argv[1])), 0
while steps < 50:
    found = store.perform(Get(bucket="astrid-storage", key="count"))
    more = Put(bucket="astrid-storage", key="count", data=b"%d" % (int(found.data) + 1),
               content_type="text/plain", replace_etag=found.stored.etag)
    try:
        steps += store.perform(more).is_new
    except ConflictError:
        pass
"""

DIES_HALFWAY = """
import os, signal, sys
from pathlib import Path
from astrid_sdk.storage.local_client import LocalStorageClient

os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
LocalStorageClient(Path(sys.argv[1])).upload_file(
    "astrid-storage", "a", b"second", "text/plain")
"""


def put(store: LocalStorageClient, key: str, data: bytes = b"x") -> str:
    return store.upload_file(BUCKET, key, data, "text/plain")


def left_behind(folder: Path) -> list[str]:
    """Return the temporary files below `folder` but for the lock."""
    files = [path for path in (folder / ".tmp").rglob("*") if path.is_file()]
    return sorted(path.name for path in files if path.name != "lock")


def test_an_object_is_a_plain_file(store: LocalStorageClient, folder: Path) -> None:
    put(store, "night/a.txt", b"plain")
    assert (folder / BUCKET / "night" / "a.txt").read_bytes() == b"plain"


def test_making_a_client_touches_nothing(folder: Path) -> None:
    assert str(folder) in LocalStorageClient(folder).describe()
    assert not folder.exists()


def test_no_temporary_file_is_left_or_listed(store: LocalStorageClient, folder: Path) -> None:
    put(store, "a")
    store.upload_file(BUCKET, "a", b"x", "text/plain", create_only=True)
    store.copy_file(BUCKET, "a", "b")
    assert left_behind(folder) == []
    with pytest.raises(InvalidInputError):
        store.list_files(".tmp", "")


@pytest.mark.parametrize(
    ("number", "error", "kind"),
    [
        (errno.ENOSPC, StorageUnavailableError, "disk_full"),
        (errno.EDQUOT, StorageUnavailableError, "disk_full"),
        (errno.EIO, StorageUnavailableError, "disk"),
        (errno.EACCES, AccessDeniedError, "access_denied"),
        (errno.EROFS, AccessDeniedError, "read_only"),
    ],
)
def test_a_write_the_disk_refuses_leaves_what_was_there(
    store: LocalStorageClient,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    error: type[AstridError],
    kind: str,
) -> None:
    def refuse(_descriptor: int) -> NoReturn:
        raise OSError(number, os.strerror(number))

    put(store, "a", b"first")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(error) as caught:
            put(store, "a", b"second")
    assert caught.value.kind == kind
    assert store.download_file(BUCKET, "a") == b"first"
    assert left_behind(folder) == []


def test_a_writer_killed_halfway_leaves_what_was_there(
    store: LocalStorageClient, folder: Path
) -> None:
    put(store, "a", b"first")
    command = [sys.executable, "-c", DIES_HALFWAY, str(folder)]
    died = subprocess.run(command, check=False, timeout=60, env=child_environment({}))
    assert died.returncode < 0
    assert store.download_file(BUCKET, "a") == b"first"
    assert store.list_files(BUCKET, "") == ["a"]


def test_of_two_processes_each_object_has_one_winner(
    store: LocalStorageClient, folder: Path
) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(folder), name],
            stdout=subprocess.PIPE,
            text=True,
            env=child_environment({}),
        )
        for name in ("one", "two")
    ]
    wins = [int(racer.communicate(timeout=60)[0]) for racer in racers]
    assert sum(wins) == len(store.list_files(BUCKET, "race/")) == 200


def test_of_two_processes_that_count_none_loses_a_step(
    store: LocalStorageClient, folder: Path
) -> None:
    put(store, "count", b"0")
    counters = [
        subprocess.Popen([sys.executable, "-c", COUNTER, str(folder)], env=child_environment({}))
        for _ in range(2)
    ]
    assert [counter.wait(timeout=60) for counter in counters] == [0, 0]
    assert store.download_file(BUCKET, "count") == b"100"


def test_a_file_changed_by_another_tool_has_another_mark(
    store: LocalStorageClient, folder: Path
) -> None:
    put(store, "a", b"first")
    before = store.head(BUCKET, "a")
    (folder / BUCKET / "a").write_bytes(b"other")
    after = store.head(BUCKET, "a")
    assert before is not None
    assert after is not None
    assert before.etag != after.etag


def test_versions_written_at_once_have_marks_of_their_own(store: LocalStorageClient) -> None:
    marks = [
        store.perform(
            Put(bucket=BUCKET, key="a", data=b"%d" % (number % 2), content_type="text/plain")
        ).etag
        for number in range(200)
    ]
    assert len(set(marks)) == 200


def test_a_copy_is_a_file_of_its_own(store: LocalStorageClient, folder: Path) -> None:
    put(store, "a", b"first")
    store.copy_file(BUCKET, "a", "b/c")
    with (folder / BUCKET / "a").open("r+b") as file:
        file.write(b"other")
    assert store.download_file(BUCKET, "b/c") == b"first"


@pytest.mark.parametrize("number", [errno.EXDEV, errno.ENOTSUP, errno.ENOSYS])
def test_a_copy_works_where_the_kernel_cannot_copy(
    store: LocalStorageClient, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    body = b"0123456789" * 300_000
    put(store, "a", body)
    monkeypatch.setattr(os, "copy_file_range", refuse)
    store.copy_file(BUCKET, "a", "b")
    assert store.download_file(BUCKET, "b") == body


def test_a_folder_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_bytes(b"")
    with pytest.raises(InvalidInputError, match="both a file and a folder"):
        LocalStorageClient(occupied / "store").create_bucket(BUCKET)


def test_a_key_may_not_continue_another(store: LocalStorageClient) -> None:
    put(store, "a/b")
    put(store, "c")
    for key in ("a", "c/d"):
        with pytest.raises(InvalidInputError) as caught:
            put(store, key)
        assert caught.value.kind == "file_and_folder"
    assert store.list_files(BUCKET, "") == ["a/b", "c"]


def test_a_name_longer_than_the_file_system_takes_is_refused(store: LocalStorageClient) -> None:
    with pytest.raises(InvalidInputError, match="no name that long"):
        put(store, "k" * 300)


class TestSymbolicLinks:
    @pytest.fixture(autouse=True)
    def links(self, store: LocalStorageClient, folder: Path, tmp_path: Path) -> None:
        put(store, "inside/real")
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "secret").write_bytes(b"not yours")
        (folder / BUCKET / "file").symlink_to(outside / "secret")
        (folder / BUCKET / "folder").symlink_to(outside)
        (folder / "linked-bucket").symlink_to(outside)

    @pytest.mark.parametrize("key", ["file", "folder/secret", "folder/new"])
    def test_none_leads_out_of_the_bucket(
        self, store: LocalStorageClient, tmp_path: Path, key: str
    ) -> None:
        for action in (store.download_file, store.head, store.delete_file):
            with pytest.raises(AccessDeniedError) as caught:
                action(BUCKET, key)
            assert caught.value.kind == "symlink"
        with pytest.raises(AccessDeniedError):
            put(store, key)
        assert [path.name for path in (tmp_path / "outside").iterdir()] == ["secret"]

    def test_none_is_listed(self, store: LocalStorageClient) -> None:
        assert store.list_files(BUCKET, "") == ["inside/real"]
        with pytest.raises(AccessDeniedError):
            store.list_files(BUCKET, "folder/")

    def test_a_linked_bucket_is_refused(self, store: LocalStorageClient) -> None:
        with pytest.raises(AccessDeniedError):
            store.list_files("linked-bucket", "")

    def test_the_root_itself_may_be_a_link(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(folder)
        linked = LocalStorageClient(tmp_path / "link")
        assert linked.download_file(BUCKET, "inside/real") == b"x"

"""What is written down of each change, and when."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from audit.trails import TEXT, Told, put
from servers import MotoServer
from stores import BUCKET, WrappedStore, at_once, local_store
from typing_extensions import override

import astrid_sdk
from astrid_sdk import observe
from astrid_sdk.errors import AccessDeniedError, AstridError, StorageUnavailableError
from astrid_sdk.storage.audit.trail import AuditTrail
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.logged import LoggedStorage
from astrid_sdk.storage.operations import Copy, Delete, Get, Operation, Put
from astrid_sdk.storage.stack import assemble, spooling_of
from astrid_sdk.testing.stores import Failure, FlakyStore

ResultT = TypeVar("ResultT")
AWAY = StorageUnavailableError("away", kind="unreachable", wrote=None)


def puts(*keys: str) -> Iterator[Put]:
    return (Put(bucket=BUCKET, key=key, data=key.encode(), content_type=TEXT) for key in keys)


def test_every_change_is_written_down_and_no_read(told: Told) -> None:
    store = told.writer()
    put(store, "artifacts/a")
    store.perform(Copy(bucket=BUCKET, key="artifacts/b", source_key="artifacts/a"))
    store.download_file(BUCKET, "artifacts/b")
    store.list_files(BUCKET, "")
    store.delete_file(BUCKET, "artifacts/a")
    store.create_bucket("another")
    store.close()
    assert told.outcomes() == [
        ("put", "artifacts/a", "done"),
        ("copy", "artifacts/b", "done"),
        ("delete", "artifacts/a", "done"),
        ("create-bucket", "", "done"),
    ]


def test_an_event_says_who_what_where_and_how_large(told: Told) -> None:
    store = told.writer()
    content = "ab" * 32
    key = f"artifacts/sha256/ab/{content}"
    began = datetime.now(UTC)
    tokens = (observe.caller.set("ada"), observe.face.set("rest"), observe.call_id.set("r-1"))
    store.upload_file(BUCKET, key, b"12345", TEXT)
    for variable, token in zip(
        (observe.caller, observe.face, observe.call_id), tokens, strict=True
    ):
        variable.reset(token)
    put(store, "temp/x")
    store.close()
    first, second = told.events()
    assert (first.who, first.face, first.call_id) == ("ada", "rest", "r-1")
    assert (first.tier, first.key, first.content_hash) == ("artifacts", key, content)
    assert (first.size_bytes, first.bucket) == (5, BUCKET)
    assert began <= first.at
    assert first.finished_at is not None
    assert first.finished_at >= first.at
    assert (second.face, second.call_id) == ("sdk", "")
    assert second.who not in ("", "ada")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(AWAY, "unknown"), (AccessDeniedError("no"), "access_denied")],
)
def test_a_change_that_failed_says_how(told: Told, error: AstridError, outcome: str) -> None:
    failure = Failure(error, verbs={"put"}, where="artifacts/a", times=2)
    store = told.writer(FlakyStore(told.store, [failure]))
    with pytest.raises(type(error)):
        put(store, "artifacts/a")
    found = list(store.perform_many(puts("artifacts/a", "artifacts/b")))
    assert sorted(each.error is None for each in found) == [False, True]
    store.trail.ship()
    assert told.outcomes() == [
        ("put", "artifacts/a", outcome),
        ("put", "artifacts/a", outcome),
        ("put", "artifacts/b", "done"),
    ]


def test_many_are_intended_together_and_each_has_its_outcome(told: Told) -> None:
    store = told.writer()
    keys = [f"artifacts/{number:03d}" for number in range(300)]
    operations: list[Operation[Any]] = [*puts(*keys)]
    operations.insert(150, Get(bucket=BUCKET, key=keys[0]))
    assert len(list(store.perform_many(operations))) == 301
    store.close()
    assert sorted(told.outcomes()) == [("put", key, "done") for key in keys]
    (writer,) = told.verified().writers
    assert writer.lines == 5  # begin, and two intents with their outcomes


def test_a_batch_that_is_left_leaves_the_rest_unknown(told: Told) -> None:
    store = told.writer()
    outcomes = store.perform_many(puts("artifacts/a", "artifacts/b", "artifacts/c"))
    next(iter(outcomes))
    outcomes.close()  # type: ignore[attr-defined]  # a generator
    store.close()
    assert {outcome for _, _, outcome in told.outcomes()} <= {"done", "unknown"}
    assert [key for _, key, _ in told.outcomes()] == ["artifacts/a", "artifacts/b", "artifacts/c"]


class _Watching(WrappedStore):
    """Notes which keys the audit in the store names when something is deleted."""

    def __init__(self, told: Told) -> None:
        super().__init__(told.store)
        self.told = told
        self.seen: list[tuple[str, list[str]]] = []

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        if isinstance(operation, Delete):
            known = [key for verb, key, _ in self.told.outcomes() if verb == "delete"]
            self.seen.append((operation.key, known))
        return super().perform(operation)


def test_nothing_is_deleted_before_its_intent_is_in_the_store(told: Told) -> None:
    keys = [f"artifacts/{number}" for number in range(5)]
    put(told.store, *keys, "temp/x")
    watching = _Watching(told)
    store = told.writer(watching)
    store.delete_file(BUCKET, "artifacts/0")
    store.delete_files(BUCKET, keys[1:])
    store.delete_file(BUCKET, "temp/x")
    known = dict(watching.seen)
    assert all(key in known[key] for key in keys)
    assert "temp/x" not in known["temp/x"]  # it can be made again


@pytest.mark.parametrize(
    "delete",
    [
        lambda store: store.delete_file(BUCKET, "artifacts/a"),
        lambda store: store.delete_files(BUCKET, ["artifacts/a"]),
    ],
)
def test_nothing_is_deleted_while_its_intent_cannot_be_stored(
    told: Told, delete: Callable[[ObjectStorage], object]
) -> None:
    put(told.store, "artifacts/a")
    away = FlakyStore(told.store, [Failure(AWAY, where="_audit/", times=None)])
    store = assemble(told.store, trail=AuditTrail(away, BUCKET, told.home))
    with pytest.raises(StorageUnavailableError):
        delete(store)
    assert told.store.exists(BUCKET, "artifacts/a")


def test_nothing_is_done_that_cannot_be_written_down(told: Told) -> None:
    told.home.mkdir()
    (told.home / "audit").write_text("in the way")
    with pytest.raises(StorageUnavailableError, match="must be written down first") as caught:
        put(told.writer(), "artifacts/a")
    assert caught.value.kind == "audit"
    assert told.store.list_files(BUCKET, "") == []


def test_what_waits_is_written_down_again_when_it_is_brought(told: Told, tmp_path: Path) -> None:
    away = FlakyStore(told.store, [Failure(AWAY, verbs={"put"}, where="artifacts/")])
    trail = AuditTrail(told.store, BUCKET, told.home)
    store = assemble(away, spool_folder=tmp_path / "spool", trail=trail)
    put(store, "artifacts/a")
    spooling = spooling_of(store)
    assert spooling is not None
    assert spooling.sync() == 1
    store.close()
    assert told.outcomes("artifacts/a") == [
        ("put", "artifacts/a", "spooled"),
        ("put", "artifacts/a", "done"),
    ]


def test_a_secret_in_a_key_or_reason_is_masked(told: Told) -> None:
    store = told.writer()
    put(store, "artifacts/x?X-Amz-Signature=abcdef0123456789")
    with store.intending("delete-content", "", "", "password=hunter2hunter2"):
        pass
    store.close()
    written = b"".join(told.store.download_file(BUCKET, key) for key in told.segments())
    assert b"abcdef0123456789" not in written
    assert b"hunter2" not in written


def test_what_is_done_to_the_audit_itself_is_written_down(told: Told) -> None:
    first = told.writer()
    put(first, "artifacts/a")
    first.close()
    (segment,) = told.segments()
    second = told.writer()
    second.delete_file(BUCKET, segment)
    second.close()
    assert ("delete", segment, "done") in told.outcomes()


def test_many_threads_write_one_chain(told: Told) -> None:
    store = told.writer()

    def work(name: str) -> None:
        put(store, *(f"artifacts/{name}{number}" for number in range(20)))

    at_once([lambda name=name: work(name) for name in "abcd"])  # type: ignore[misc]
    store.close()
    assert len(told.outcomes()) == 80
    assert told.verified().is_sound


def test_a_session_writes_down_what_its_parts_do(tmp_path: Path) -> None:
    astrid = astrid_sdk.connect(tmp_path / "store")
    content = astrid.cas.store_data(b"sky", TEXT, name="sky")
    astrid.delete(content, reason="not ours")
    events = astrid.audit.events(content_hash=content[:10])
    assert [(each.verb, each.detail) for each in events] == [
        ("put", ""),
        ("delete-content", "not ours"),
    ]
    assert astrid.audit.verify().is_sound
    reading = astrid_sdk.connect(tmp_path / "store")
    reading.find()
    reading.close()
    assert len(astrid.audit.verify().writers) == 1  # reading writes nothing


def test_a_deletion_is_acknowledged_with_its_intent_in_the_bucket(tmp_path: Path) -> None:
    astrid = astrid_sdk.connect(tmp_path / "store")
    content = astrid.cas.store_data(b"sky", TEXT, name="sky")
    astrid.delete(content, reason="not ours")
    plain: ObjectStorage = local_store(tmp_path / "store")
    told = Told(plain, tmp_path)
    assert [each.verb for each in told.events(content_hash=content)][-1] == "delete-content"


def test_a_session_on_r2_writes_down_what_it_did(moto_server: MotoServer, tmp_path: Path) -> None:
    config = moto_server.config("audited")
    with astrid_sdk.connect(config=config) as astrid:
        astrid.prepare()
        content = astrid.cas.store_data(b"sky", TEXT, name="sky")
        astrid.delete(content, reason="not ours")
        assert not list(astrid.find())
    with astrid_sdk.connect(config=config) as astrid:
        assert astrid.cas.store_data(b"sky", TEXT, name="sky") == content
        assert [row.name for row in astrid.find()] == ["sky"]
        (put, delete) = astrid.audit.events(content_hash=content)[:2]
        assert (put.verb, put.outcome, delete.verb) == ("put", "done", "delete-content")
        assert astrid.audit.verify().is_sound
    assert not list(tmp_path.rglob("audit/*/*.ndjson"))


class _Named(WrappedStore):
    """Calls each request by its key, as a server would."""

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        observe.last_request_id.set(f"request {operation.where}")
        return super().perform(operation)


def test_an_event_says_what_the_server_called_the_request(told: Told) -> None:
    store = told.writer(LoggedStorage(_Named(told.store)))
    put(store, "artifacts/a")
    put(store, "artifacts/b")
    store.close()
    assert [each.request_id for each in told.events()] == [
        "request artifacts/a",
        "request artifacts/b",
    ]

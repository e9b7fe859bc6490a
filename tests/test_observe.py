"""Who listens hears of every operation, and never a secret."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from typing_extensions import override

from astrid_sdk import observe
from astrid_sdk.config import Secret
from astrid_sdk.errors import (
    AccessDeniedError,
    NotFoundError,
    StorageUnavailableError,
)
from astrid_sdk.observe import Event, redact
from astrid_sdk.storage.logged import LoggedStorage, tier_of
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import Get, Head, Operation, Put
from astrid_sdk.storage.retrying import RetryingStorage, RetryPolicy
from astrid_sdk.testing.stores import Failure, FlakyStore

BUCKET = "astrid-storage"
HIDDEN = "AKIAhidden/value+3141=="
DENIED = AccessDeniedError(f"refused with secret_access_key={HIDDEN}", wrote=False)
BUSY = StorageUnavailableError("busy", kind="server_error", wrote=False, transient=True)


@pytest.fixture
def heard() -> Iterator[list[Event]]:
    events: list[Event] = []
    with observe.subscribe(events.append):
        yield events


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = observe.log_to(stream)
    yield stream
    logger = logging.getLogger("astrid_sdk")
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def store(*failures: Failure) -> LoggedStorage:
    memory = MemoryStorageClient()
    memory.create_bucket(BUCKET)
    return LoggedStorage(FlakyStore(memory, list(failures)))


def put(key: str = "temp/a", data: bytes = b"12345") -> Put:
    return Put(bucket=BUCKET, key=key, data=data, content_type="text/plain")


def test_an_operation_is_one_event_that_says_all(heard: list[Event]) -> None:
    store().perform(put())
    (event,) = heard
    assert (event.verb, event.tier, event.bucket, event.key) == ("put", "temp", BUCKET, "temp/a")
    assert (event.size_bytes, event.attempts, event.outcome) == (5, 1, "ok")
    assert event.duration_s >= 0
    assert event.at.utcoffset() is not None


def test_reads_say_how_much_was_read(heard: list[Event]) -> None:
    storage = store()
    storage.perform(put())
    storage.download_range(BUCKET, "temp/a", 1, 3)
    assert [event.size_bytes for event in heard] == [5, 2]


def test_bytes_read_into_a_buffer_count(heard: list[Event]) -> None:
    storage = store()
    storage.perform(put())
    buffer = memoryview(bytearray(5))
    storage.perform(Get(bucket=BUCKET, key="temp/a", stop=5, into=buffer))
    assert heard[-1].size_bytes == 5


def test_a_failure_is_an_event_with_its_kind(heard: list[Event]) -> None:
    with pytest.raises(AccessDeniedError):
        store(Failure(DENIED)).perform(put())
    assert [event.outcome for event in heard] == ["access_denied"]


def test_each_try_is_an_event_with_its_number(heard: list[Event]) -> None:
    storage = RetryingStorage(store(Failure(BUSY, times=2)), RetryPolicy(base_s=0.0))
    storage.perform(put())
    assert [(event.attempts, event.outcome) for event in heard] == [
        (1, "server_error"),
        (2, "server_error"),
        (3, "ok"),
    ]


def test_each_try_within_a_batch_is_an_event_with_its_number(heard: list[Event]) -> None:
    storage = RetryingStorage(
        store(Failure(BUSY, where="temp/1", times=2)), RetryPolicy(base_s=0.0)
    )
    list(storage.perform_many([put("temp/1"), put("temp/2")]))
    seen = sorted((event.key, event.attempts, event.outcome) for event in heard)
    assert seen == [
        ("temp/1", 1, "server_error"),
        ("temp/1", 2, "server_error"),
        ("temp/1", 3, "ok"),
        ("temp/2", 1, "ok"),
    ]


def test_the_request_id_of_the_client_is_passed_on(heard: list[Event]) -> None:
    class Named(MemoryStorageClient):
        @override
        def perform(self, operation: Operation[Any]) -> Any:
            observe.last_request_id.set(f"request-{operation.verb}")
            return super().perform(operation)

    storage = LoggedStorage(Named())
    storage.create_bucket(BUCKET)
    storage.exists(BUCKET, "a")
    assert [event.request_id for event in heard] == ["request-create-bucket", "request-head"]
    assert observe.last_request_id.get() == ""


def test_nobody_hears_after_the_end() -> None:
    events: list[Event] = []
    with observe.subscribe(events.append) as subscription:
        store().exists(BUCKET, "a")
    store().exists(BUCKET, "a")
    subscription.close()
    assert len(events) == 1


def test_two_who_listen_both_hear() -> None:
    first: list[Event] = []
    second: list[Event] = []
    with observe.subscribe(first.append), observe.subscribe(second.append):
        store().exists(BUCKET, "a")
    assert len(first) == len(second) == 1


def test_no_event_is_made_where_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an event was made")

    logging.getLogger("astrid_sdk").setLevel(logging.WARNING)
    monkeypatch.setattr(observe, "Event", refuse)
    storage = store()
    storage.perform(put())
    list(storage.perform_many([Head(bucket=BUCKET, key=str(number)) for number in range(5)]))
    logging.getLogger("astrid_sdk").setLevel(logging.NOTSET)


def test_the_level_says_how_it_went(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "astrid_sdk.storage")
    storage = store(Failure(BUSY, verbs={"put"}))
    storage.exists(BUCKET, "temp/a")
    with pytest.raises(NotFoundError):
        storage.download_file(BUCKET, "temp/a")
    with pytest.raises(StorageUnavailableError):
        storage.perform(put())
    levels = [(record.levelname, record.__dict__["outcome"]) for record in caplog.records]
    assert levels == [("DEBUG", "ok"), ("INFO", "not_found"), ("WARNING", "server_error")]


def test_a_record_carries_the_event(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "astrid_sdk.storage")
    store().perform(put())
    (record,) = caplog.records
    assert record.name == "astrid_sdk.storage"
    assert record.__dict__["verb"] == "put"
    assert record.__dict__["tier"] == "temp"
    assert isinstance(record.__dict__["event"], Event)


def test_a_library_is_silent_until_somebody_asks(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AccessDeniedError):
        store(Failure(DENIED)).perform(put())
    assert capfd.readouterr().err == ""


class TestLogTo:
    def test_each_event_is_a_line_of_json(self, lines: io.StringIO) -> None:
        storage = store()
        storage.perform(put())
        storage.exists(BUCKET, "temp/a")
        said = [json.loads(line) for line in lines.getvalue().splitlines()]
        assert [line["verb"] for line in said] == ["put", "head"]
        assert {"time", "level", "tier", "key", "size_bytes", "duration_s"} <= set(said[0])
        assert {"attempts", "outcome", "request_id"} <= set(said[0])

    def test_lines_for_people_are_plain(self) -> None:
        stream = io.StringIO()
        handler = observe.log_to(stream, json=False, level=logging.DEBUG)
        store().perform(put())
        logging.getLogger("astrid_sdk").removeHandler(handler)
        logging.getLogger("astrid_sdk").setLevel(logging.NOTSET)
        assert "put astrid-storage/temp/a: ok, 5 bytes" in stream.getvalue()

    def test_the_level_leaves_out_what_went_well(self) -> None:
        stream = io.StringIO()
        handler = observe.log_to(stream, level=logging.WARNING)
        store().perform(put())
        logging.getLogger("astrid_sdk").removeHandler(handler)
        logging.getLogger("astrid_sdk").setLevel(logging.NOTSET)
        assert stream.getvalue() == ""

    def test_a_traceback_is_part_of_the_line_and_masked(self, lines: io.StringIO) -> None:
        error = ConnectionError(f"https://host/a?X-Amz-Signature={HIDDEN}&x=1")
        logging.getLogger("astrid_sdk.storage").error("failed", exc_info=error)
        (line,) = lines.getvalue().splitlines()
        assert "ConnectionError" in json.loads(line)["exception"]
        assert "x=1" in line
        assert HIDDEN not in line


@pytest.mark.parametrize(
    "text",
    [
        f"https://host/key?X-Amz-Signature={HIDDEN}&X-Amz-Date=20260101",
        f"https://host/key?X-Amz-Credential={HIDDEN}/auto/s3",
        f"https://host/key?x-amz-security-token={HIDDEN}",
        f"https://host/key?AWSAccessKeyId=x&Signature={HIDDEN}",
        f"Authorization: AWS4-HMAC-SHA256 Credential=a/b, Signature={HIDDEN}",
        f"authorization: Bearer {HIDDEN}",
        f"'r2_secret_access_key': '{HIDDEN}'",
        f"ASTRID_R2_SECRET_ACCESS_KEY={HIDDEN}",
        f"aws_session_token = {HIDDEN}",
        f"password={HIDDEN}",
        f"https://user:{HIDDEN.replace('/', '')}@host/path",
    ],
)
def test_what_looks_like_a_credential_is_masked(text: str) -> None:
    masked = redact(text)
    assert HIDDEN not in masked
    assert HIDDEN.replace("/", "") not in masked
    assert "•••" in masked


@pytest.mark.parametrize(
    "text",
    [
        "put astrid-storage/raw-observations/sha256/ab/abcd: ok, 5 bytes in 0.001 s, try 1",
        "a key such as temp/token-ring.fits stays as it is",
        "https://host/key?partNumber=3&uploadId=x",
    ],
)
def test_everything_else_is_left_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_no_secret_reaches_a_record(
    lines: io.StringIO, caplog: pytest.LogCaptureFixture, heard: list[Event]
) -> None:
    caplog.set_level(logging.DEBUG, "astrid_sdk")
    secret = Secret(HIDDEN)
    storage = store(Failure(DENIED, verbs={"put"}))
    with pytest.raises(AccessDeniedError):
        storage.perform(put(f"temp/{secret}?X-Amz-Signature={HIDDEN}"))
    storage.exists(BUCKET, f"temp/a?X-Amz-Credential={HIDDEN}")
    logged = "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert HIDDEN not in lines.getvalue()
    assert HIDDEN not in logged
    assert HIDDEN not in repr(heard)


def test_the_tier_is_the_first_part_of_the_key() -> None:
    assert tier_of("models/sha256/ab") == "models"
    assert tier_of("_records/ab") == ""
    assert tier_of("models-of-others/a") == ""

"""Any order of operations, with any faults between them, against a dictionary.

What an error leaves open stays open in the model, until the store is read: then it must be one of
the possible values, and is known again.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from typing import ClassVar

import pytest
from faults.bench import Bench
from faults.truth import Truth
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from astrid_sdk.errors import AstridError, ConflictError, NotFoundError
from astrid_sdk.storage.operations import BeginUpload, CompleteUpload, UploadPart
from astrid_sdk.storage.r2_client import R2StorageClient
from astrid_sdk.testing.faults import Fault

MEDIA_TYPE = "application/fits"
KEYS = st.sampled_from(["a", "a/b", "a b", "é/ü", "nights/1.fits", "nights/2.fits"])
BODIES = st.binary(max_size=64)
PART = bytes(5 << 20)
PLAYS = (
    *("ServiceUnavailable", "TooManyRequests", "InternalError", "page-520", "page-404"),
    *("reset-before", "lost-answer", "half-head", "garbage", "twice", "done-but-InternalError"),
    *("phantom", "phantom-right-etag", "wire-flipped", "wire-cut", "answer-cut", "answer-bare"),
    *("answer-page", "chunked", "close-after-unsaid", "extra-bytes", "AccessDenied"),
)
OPERATIONS = ("put", "get", "head", "delete", "list", "copy", "begin", "part", "complete")


class StoreThroughFaults(RuleBasedStateMachine):
    """One bucket; `self.model` holds for each key the bodies that may stand there (or None)."""

    bench: ClassVar[Bench]
    client: ClassVar[R2StorageClient]

    @initialize()
    def begin(self) -> None:
        self.bench.proxy.disarm()
        self.bucket = self.bench.new_bucket()
        self.truth = Truth(self.bench.server_url, self.bucket)
        self.model: dict[str, set[bytes | None]] = {}

    @rule(
        play=st.sampled_from(PLAYS),
        on=st.sampled_from(OPERATIONS),
        times=st.sampled_from([1, 1, 2, 4, 100]),
    )
    def arm(self, play: str, on: str, times: int) -> None:
        self.bench.proxy.arm(Fault(play, frozenset({on}), times=times))

    @rule()
    def disarm(self) -> None:
        self.bench.proxy.disarm()

    @rule(key=KEYS, body=BODIES)
    def put(self, key: str, body: bytes) -> None:
        with self.writing(key, body):
            self.client.upload_file(self.bucket, key, body, MEDIA_TYPE)

    @rule(key=KEYS, body=BODIES)
    def create(self, key: str, body: bytes) -> None:
        before = self.possible(key)
        with self.writing(key, body):
            try:
                self.client.upload_file(self.bucket, key, body, MEDIA_TYPE, create_only=True)
            except ConflictError:
                assert before - {None, body}, "a conflict with nothing, or with the same bytes"
                raise
            assert before & {None, body}, "created over other bytes"

    @rule(key=KEYS, body=BODIES)
    def replace(self, key: str, body: bytes) -> None:
        etag = hashlib.md5(b"another body").hexdigest()  # noqa: S324
        before = self.possible(key)
        if before != {None} and len(before) == 1:
            etag = self.truth.etag(key)
        with self.writing(key, body):
            self.client.upload_file(self.bucket, key, body, MEDIA_TYPE, replace_etag=etag)
            assert before != {None}, "replaced what was not there"

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        try:
            body = self.client.download_file(self.bucket, key)
        except NotFoundError:
            self.learn(key, None)
        except AstridError:
            return
        else:
            self.learn(key, body)

    @rule(key=KEYS, start=st.integers(0, 70), length=st.integers(0, 70))
    def range(self, key: str, start: int, length: int) -> None:
        try:
            got = self.client.download_range(self.bucket, key, start, start + length)
        except NotFoundError:
            self.learn(key, None)
        except AstridError:
            return
        else:
            bodies = (body for body in self.possible(key) if body is not None)
            assert got in [body[start : start + length] for body in bodies]

    @rule(key=KEYS)
    def head(self, key: str) -> None:
        try:
            found = self.client.head(self.bucket, key)
        except AstridError:
            return
        sizes = {None if body is None else len(body) for body in self.possible(key)}
        assert (None if found is None else found.size_bytes) in sizes

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        before = self.possible(key)
        with self.writing(key, None):
            was_there = self.client.delete_file(self.bucket, key)
            assert not was_there or before != {None}, "deleted what was not there"
            assert was_there or None in before, "said that nothing was there"

    @rule(source=KEYS, key=KEYS)
    def copy(self, source: str, key: str) -> None:
        if source == key:
            return
        bodies = self.possible(source)
        with self.writing(key, *bodies - {None}):
            try:
                self.client.copy_file(self.bucket, source, key)
            except NotFoundError:
                assert None in bodies, "the source is there"
                raise

    @rule(key=KEYS, tail=BODIES.filter(bool), create_only=st.booleans())
    def multipart(self, key: str, tail: bytes, create_only: bool) -> None:  # noqa: FBT001 - drawn
        with self.writing(key, PART + tail):
            upload = self.client.perform(
                BeginUpload(
                    bucket=self.bucket, key=key, content_type=MEDIA_TYPE, part_bytes=len(PART)
                )
            )
            parts = tuple(
                self.client.perform(
                    UploadPart(bucket=self.bucket, upload=upload, number=number, data=data)
                )
                for number, data in enumerate((PART, tail), 1)
            )
            before = self.possible(key)
            self.client.perform(
                CompleteUpload(
                    bucket=self.bucket, upload=upload, parts=parts, create_only=create_only
                )
            )
            assert not create_only or before & {None, PART + tail}, "created over other bytes"

    @rule(prefix=st.sampled_from(["", "a", "nights/", "é"]))
    def list(self, prefix: str) -> None:
        try:
            keys = self.client.list_files(self.bucket, prefix)
        except AstridError:
            return
        assert keys == sorted(keys, key=str.encode)
        assert set(keys) <= {key for key in self.model if key.startswith(prefix)}
        for key, bodies in self.model.items():
            if key.startswith(prefix):
                assert bodies - {None} if key in keys else None in bodies, key

    @invariant()
    def nothing_stands_there_that_cannot(self) -> None:
        for key in self.model:
            self.learn(key, self.truth.get(key))

    @override
    def teardown(self) -> None:
        self.bench.proxy.disarm()

    def possible(self, key: str) -> set[bytes | None]:
        return self.model.get(key, {None})

    def learn(self, key: str, body: bytes | None) -> None:
        assert body in self.possible(key), f"{key!r} holds {body!r:.40}"
        self.model[key] = {body}

    @contextlib.contextmanager
    def writing(self, key: str, *bodies: bytes | None) -> Iterator[None]:
        """Let the model follow a write of one of `bodies`, and believe what an error says of it."""
        before = self.possible(key)
        try:
            yield
        except AstridError as error:
            self.model[key] = before if error.wrote is False else before | set(bodies)
        else:
            self.model[key] = set(bodies)


def test_any_order_of_operations_and_faults_keeps_to_the_model(
    bench: Bench, client: R2StorageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoreThroughFaults, "bench", bench, raising=False)
    monkeypatch.setattr(StoreThroughFaults, "client", client, raising=False)
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        StoreThroughFaults,
        settings=settings(
            max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=slow
        ),
    )

"""A client with a known fault of its own does not pass: the tables would notice."""

import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.bench import Bench
from faults.cases import CASES
from faults.judging import Judged, Verdict, judge
from faults.players import Ours
from faults.stored_cases import STORED_CASES
from faults.stored_works import STORED_WORKS, Keeper
from faults.truth import Truth
from faults.works import WORKS, Scene
from stores import BUCKET, CrashingStore, WrappedStore
from typing_extensions import override

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.errors import AstridError, CorruptionError, StorageUnavailableError
from astrid_sdk.storage import refusals, retrieving, s3_answers, s3_plans
from astrid_sdk.storage.blobs import Blob, ContentHash, blob_key
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.http_limits import Timeouts
from astrid_sdk.storage.http_message import HttpAnswer
from astrid_sdk.storage.leaves import Leaves
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import (
    CompleteUpload,
    Delete,
    Fetched,
    Get,
    Page,
    Put,
    StoredObject,
    Written,
)
from astrid_sdk.storage.retrying import RetryingStorage, RetryPolicy
from astrid_sdk.storage.s3_parts import PartsPlans
from astrid_sdk.storage.s3_reading import NOT_FOUND, OK, ReadingPlans
from astrid_sdk.storage.s3_sameness import EtagKind
from astrid_sdk.storage.s3_writing import WritingPlans
from astrid_sdk.storage.soundness import Soundness
from astrid_sdk.storage.storing import BlobWriter
from astrid_sdk.storage.verdicts import Attempt
from astrid_sdk.tiers import Tier

Switch = Callable[[pytest.MonkeyPatch], None]
DEADLINE_S = 4.0


def answering(*, value: bool | None) -> Callable[..., Iterator[Any]]:
    """Return a plan that asks nothing and returns `value`."""

    def plan(*_: Any) -> Any:
        yield from ()
        return value

    return plan


def _takes_any_listing(patch: pytest.MonkeyPatch) -> None:
    strict = s3_answers.page_of

    def lenient(*given: Any) -> Page:
        try:
            return strict(*given)
        except s3_answers.UnreadableError:
            return Page([], None)

    patch.setattr(s3_answers, "page_of", lenient)


def _takes_an_outage_for_absence(patch: pytest.MonkeyPatch) -> None:
    strict = ReadingPlans.look

    def lenient(self: ReadingPlans, bucket: str, key: str) -> Any:
        answer = yield self.requests.make("HEAD", bucket, key)
        if answer.status >= 500:
            return None
        return (yield from strict(self, bucket, key))

    patch.setattr(ReadingPlans, "look", lenient)


def _trusts_parts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(EtagKind, "contradicts", lambda *_: False)
    patch.setattr(PartsPlans, "_is_whole", answering(value=True))


def _checks_no_hash(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(refusals, "check_whole", lambda *_: None)
    patch.setattr(retrieving, "_checked", lambda fetched, _: fetched)


def _takes_a_page_for_not_found(patch: pytest.MonkeyPatch) -> None:
    strict = ReadingPlans._not_read

    def lenient(self: ReadingPlans, get: Get, attempt: Attempt, answer: HttpAnswer) -> AstridError:
        if answer.status == NOT_FOUND:
            return refusals.not_found(self.store, get.bucket, get.key)
        return strict(self, get, attempt, answer)

    patch.setattr(ReadingPlans, "_not_read", lenient)


def _believes_a_range(patch: pytest.MonkeyPatch) -> None:
    def lenient(self: ReadingPlans, get: Get, answer: HttpAnswer) -> Fetched:  # noqa: ARG001
        return Fetched(answer.body, s3_answers.object_of(get.key, answer))

    patch.setattr(ReadingPlans, "_partial", lenient)


def _believes_the_status(of: type[Put | CompleteUpload]) -> Switch:
    """Return the switch that acknowledges what was answered with 200, whatever else was said."""

    def switch(patch: pytest.MonkeyPatch) -> None:
        strict = s3_plans._PLANS[of]

        def lenient(self: ReadingPlans, operation: Put | CompleteUpload, attempt: Attempt) -> Any:
            answer = yield next(strict(self, operation, attempt))
            if answer.status != OK:
                raise self.refused(attempt, answer)
            return Written(operation.where, s3_answers.etag_of(answer))

        patch.setitem(s3_plans._PLANS, of, lenient)

    return switch


def _heals_by_creating(self: BlobWriter, _: StoredObject | None, blob: Blob) -> Put:
    return self.put_of(blob, create_only=True)


def _heals_whatever_stands(self: BlobWriter, stored: StoredObject | None, blob: Blob) -> Put:
    return self.put_of(blob, create_only=stored is None)


def _believes_it_came_first(_self: WritingPlans, put: Put, *given: Any) -> Any:
    yield from ()
    etag = given[2]
    return Written(put.key, etag)


def _tries_for_ever(_self: RetryingStorage, _effort: Any, error: AstridError) -> float | None:
    return 0.01 if error.transient else None


def _records_first(self: ContentAddressedStorage, data: bytes, content_type: str) -> ContentHash:
    named = ContentHash(sha256_hex(data), is_new=True)
    self._keeper.keep_ingest(named, len(data), content_type, Tier.ARTIFACTS, "early")
    return self._writer.put_data(data, content_type, Tier.ARTIFACTS)[0]


LIES = Verdict.SILENT
DENIES = Verdict.FALSE_FAILURE
YIELDS = Verdict.GAVE_UP
HANGS = Verdict.HANG
BAD: dict[str, tuple[Switch, str, Verdict]] = {
    "acknowledges a write without looking": (
        _believes_the_status(Put),
        "put:phantom-right-etag",
        LIES,
    ),
    "takes any object of another writer for a later one": (
        lambda patch: patch.setattr(WritingPlans, "_write_over", _believes_it_came_first),
        "overwrite:phantom-right-etag-for-ever",
        LIES,
    ),
    "passes over marks of other bytes in parts": (_trusts_parts, "multipart:stored-flipped", LIES),
    "believes the status of a completed upload": (
        _believes_the_status(CompleteUpload),
        "multipart:complete-complete-error",
        LIES,
    ),
    "does not look whether a deleted object is gone": (
        lambda patch: patch.setattr(WritingPlans, "look_back", answering(value=None)),
        "delete:phantom",
        LIES,
    ),
    "takes every 412 for somebody else's object": (
        lambda patch: patch.setattr(WritingPlans, "_holds", answering(value=False)),
        "create:lost-answer",
        DENIES,
    ),
    "takes every 412 for its own object": (
        lambda patch: patch.setattr(WritingPlans, "_holds", answering(value=True)),
        "heal_flipped:twice",
        LIES,
    ),
    "calls a write undone that it could not look at": (
        lambda patch: patch.setattr(WritingPlans, "look_back", ReadingPlans.look),
        "put:head-AccessDenied-for-ever",
        DENIES,
    ),
    "believes any listing": (_takes_any_listing, "list:list-untruncated", LIES),
    "believes a page for a listing": (_takes_any_listing, "list:answer-page", LIES),
    "does not check the order of a listing": (
        lambda patch: patch.setattr(s3_answers, "_check_order", lambda *_: None),
        "list:list-reordered",
        LIES,
    ),
    "takes an outage for absence": (
        _takes_an_outage_for_absence,
        "exists:ServiceUnavailable-x4",
        LIES,
    ),
    "takes a page for people for absence when looking": (
        lambda patch: patch.setattr(ReadingPlans, "_check_missing", answering(value=None)),
        "delete:head-page-404",
        LIES,
    ),
    "takes a page for people for absence when reading": (
        _takes_a_page_for_not_found,
        "get:page-404-for-ever",
        DENIES,
    ),
    "does not check the recorded hash": (
        lambda patch: patch.setattr(refusals, "check_whole", lambda *_: None),
        "get:answer-flipped",
        LIES,
    ),
    "does not check the content hash": (_checks_no_hash, "retrieve_data:answer-flipped", LIES),
    "does not check which range came": (_believes_a_range, "range:answer-cut-matching", LIES),
    "does not try again": (
        lambda patch: patch.setattr(RetryPolicy, "most_tries", lambda *_: 1),
        "get:ServiceUnavailable-x4",
        YIELDS,
    ),
    "tries for ever": (
        lambda patch: patch.setattr(RetryingStorage, "_wait_s", _tries_for_ever),
        "get:ServiceUnavailable-for-ever",
        HANGS,
    ),
    "forgets what it deleted": (
        lambda patch: patch.setattr(Delete, "again", lambda self, _: self),
        "delete:lost-answer",
        LIES,
    ),
    "waits for ever while bytes come": (
        lambda patch: patch.setattr(Timeouts, "allowed_s", lambda *_: math.inf),
        "range:answer-trickles-for-ever",
        HANGS,
    ),
    "deduplicates by bare existence": (
        lambda patch: patch.setattr(Soundness, "is_sound", lambda *_: True),
        "heal_flipped:twice",
        LIES,
    ),
    "mends by creating only": (
        lambda patch: patch.setattr(BlobWriter, "_put_over", _heals_by_creating),
        "heal_flipped:twice",
        YIELDS,
    ),
}


@pytest.mark.parametrize("variant", BAD)
def test_a_client_that_is_known_to_be_bad_fails_a_case(
    variant: str,
    place: tuple[Bench, Path],
    ours: Ours,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    switch, case, verdict = BAD[variant]
    assert is_good(judged(case, place, ours))
    with monkeypatch.context() as patch:
        switch(patch)
        bad = judged(case, place, ours)
    assert bad.verdict == verdict, bad


def is_good(found: Judged) -> bool:
    return found.verdict in {Verdict.SURVIVED, Verdict.TOLD}


def judged(name: str, place: tuple[Bench, Path], ours: Ours) -> Judged:
    bench, folder = place
    bench.proxy.disarm()
    if name in CASES:
        case = CASES[name]
        scene = Scene(bench.truth, bench.prefix(), folder)
        return judge(ours, WORKS[case.work], case, scene, bench.proxy, deadline_s=DEADLINE_S)
    case = STORED_CASES[name]
    truth = Truth(bench.server_url, bench.new_bucket())
    scene = Scene(truth, "", folder, ContentAddressedStorage(ours.client, truth.bucket))
    keeper = Keeper(ContentAddressedStorage(ours.client, truth.bucket))
    work = STORED_WORKS[case.work]
    return judge(keeper, work, case, scene, bench.proxy, deadline_s=DEADLINE_S)


def test_a_reader_that_does_not_check_leaves_hands_out_other_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStorageClient()
    store.create_bucket("astrid-storage")
    content = bytes(2 << 20)
    content_hash = ContentAddressedStorage(store, "astrid-storage").store_data(content, "a/b")
    damaged = bytearray(content)
    damaged[300_000] ^= 1
    store.upload_file("astrid-storage", blob_key(content_hash, Tier.ARTIFACTS), damaged, "a/b")
    reader = ContentAddressedStorage(store, "astrid-storage")
    with pytest.raises(CorruptionError):
        reader.read_range(content_hash, 300_000, 300_001)
    monkeypatch.setattr(Leaves, "holds", lambda *_: True)
    assert reader.read_range(content_hash, 300_000, 300_001) == b"\x01"


def test_a_writer_of_records_before_blobs_leaves_one_without_its_blob(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not has_a_record_alone()
    monkeypatch.setattr(ContentAddressedStorage, "store_data", _records_first)
    assert has_a_record_alone()


def has_a_record_alone() -> bool:
    """Return whether a process that ends between two writes ever leaves a record alone."""
    content = b"a small sky"
    for writes in itertools.count():
        store = MemoryStorageClient()
        store.create_bucket(BUCKET)
        try:
            ContentAddressedStorage(CrashingStore(store, writes), BUCKET).store_data(content, "a/b")
        except StorageUnavailableError:
            records = store.list_files(BUCKET, "_records/")
            blob = blob_key(sha256_hex(content), Tier.ARTIFACTS)
            if records and not store.exists(BUCKET, blob):
                return True
        else:
            break
    return False


class OvertakenStore(WrappedStore):
    """Lets somebody else mend the blob after it was found damaged, before it is mended."""

    def __init__(self, inner: MemoryStorageClient, content: bytes) -> None:
        super().__init__(inner)
        self._content = content

    @override
    def before_write(self, key: str) -> None:
        if key in self.written:  # creating it was refused: this is the mending
            self.inner.upload_file(BUCKET, key, self._content, "a/b")


def test_a_mender_that_writes_over_whatever_stands_replaces_a_sound_blob(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not writes_again_what_was_mended()
    monkeypatch.setattr(BlobWriter, "_put_over", _heals_whatever_stands)
    assert writes_again_what_was_mended()


def writes_again_what_was_mended() -> bool:
    """Return whether a blob that somebody else mended meanwhile is written once more."""
    content = b"a small sky"
    store = MemoryStorageClient()
    store.create_bucket(BUCKET)
    key = blob_key(sha256_hex(content), Tier.ARTIFACTS)
    store.upload_file(BUCKET, key, content[::-1], "a/b")
    stored = ContentAddressedStorage(OvertakenStore(store, content), BUCKET).store_data(
        content, "a/b"
    )
    assert store.download_file(BUCKET, key) == content
    return stored.is_new

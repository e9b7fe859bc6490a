"""A client with a known fault of its own does not pass: the fault table would notice."""

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

from astrid_sdk.errors import CorruptionError
from astrid_sdk.storage import refusals, retrieving, s3_answers
from astrid_sdk.storage.blobs import blob_key
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.http_limits import Timeouts
from astrid_sdk.storage.leaves import Leaves
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import Delete, Page
from astrid_sdk.storage.retrying import RetryPolicy
from astrid_sdk.storage.s3_parts import PartsPlans
from astrid_sdk.storage.s3_reading import ReadingPlans
from astrid_sdk.storage.s3_sameness import EtagKind
from astrid_sdk.storage.s3_writing import WritingPlans
from astrid_sdk.storage.soundness import Soundness
from astrid_sdk.tiers import Tier

Switch = Callable[[pytest.MonkeyPatch], None]
DEADLINE_S = 4.0


def answering(*, value: bool) -> Callable[..., Iterator[Any]]:
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


BAD: dict[str, tuple[Switch, str]] = {
    "acknowledges a write without looking": (
        lambda patch: patch.setattr(WritingPlans, "_is_kept", answering(value=True)),
        "put:phantom-right-etag",
    ),
    "passes over marks of other bytes in parts": (_trusts_parts, "multipart:stored-flipped"),
    "takes every 412 for somebody else's object": (
        lambda patch: patch.setattr(WritingPlans, "_holds", answering(value=False)),
        "create:lost-answer",
    ),
    "takes every 412 for its own object": (
        lambda patch: patch.setattr(WritingPlans, "_holds", answering(value=True)),
        "heal_flipped:twice",
    ),
    "believes any listing": (_takes_any_listing, "list:list-untruncated"),
    "believes a page for a listing": (_takes_any_listing, "list:answer-page"),
    "takes an outage for absence": (_takes_an_outage_for_absence, "exists:ServiceUnavailable-x4"),
    "does not check the recorded hash": (_checks_no_hash, "get:answer-flipped"),
    "does not check the content hash": (_checks_no_hash, "retrieve_data:answer-flipped"),
    "does not try again": (
        lambda patch: patch.setattr(RetryPolicy, "most_tries", lambda *_: 1),
        "get:ServiceUnavailable-x4",
    ),
    "forgets what it deleted": (
        lambda patch: patch.setattr(Delete, "again", lambda self, _: self),
        "delete:lost-answer",
    ),
    "waits for ever while bytes come": (
        lambda patch: patch.setattr(Timeouts, "allowed_s", lambda *_: math.inf),
        "range:answer-trickles-for-ever",
    ),
    "deduplicates by bare existence": (
        lambda patch: patch.setattr(Soundness, "is_sound", lambda *_: True),
        "heal_flipped:twice",
    ),
}


@pytest.mark.parametrize("variant", BAD)
def test_a_client_that_is_known_to_be_bad_fails_a_case(
    variant: str,
    place: tuple[Bench, Path],
    ours: Ours,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    switch, case = BAD[variant]
    assert is_good(judged(case, place, ours))
    with monkeypatch.context() as patch:
        switch(patch)
        assert not is_good(judged(case, place, ours))


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

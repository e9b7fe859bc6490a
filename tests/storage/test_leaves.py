"""What leaf digests and verified ranges promise."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stores import BUCKET

from astrid_sdk.errors import CorruptionError, NotFoundError
from astrid_sdk.storage.hashing import LEAF_BYTES, hash_data
from astrid_sdk.storage.leaves import LeafStore, Leaves, leaves_key, leaves_of_ranges, spans
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import Get
from astrid_sdk.storage.ranges import VerifiedRanges
from astrid_sdk.testing.stores import CorruptingStore, Damage, RecordingStore, flip_bit

SIZE = 40 * LEAF_BYTES + 1234
DATA = hashlib.shake_256(b"a wide sky").digest(SIZE)
DIGESTS = hash_data(DATA)
LEAVES = Leaves.of(DIGESTS)
KEY = "temp/sha256/blob"


def filled() -> MemoryStorageClient:
    memory = MemoryStorageClient()
    memory.create_bucket(BUCKET)
    memory.upload_file(BUCKET, KEY, DATA, "application/octet-stream")
    return memory


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore(filled())


def test_leaf_digests_come_back_as_they_were() -> None:
    assert Leaves.from_bytes(LEAVES.to_bytes(), DIGESTS.content_hash) == LEAVES


def test_the_object_is_laid_out_as_described() -> None:
    content = LEAVES.to_bytes()
    assert content[:8] == b"ASTRIDLF"
    assert int.from_bytes(content[8:12]) == 1
    assert int.from_bytes(content[12:16]) == LEAF_BYTES
    assert int.from_bytes(content[16:24]) == SIZE
    assert content[24:56].hex() == DIGESTS.content_hash
    assert content[56:-32] == DIGESTS.leaves
    assert content[-32:] == hashlib.sha256(content[:-32]).digest()


@given(st.integers(min_value=0, max_value=len(LEAVES.to_bytes()) - 1), st.integers(1, 255))
def test_any_changed_byte_of_the_object_is_noticed(place: int, change: int) -> None:
    damaged = bytearray(LEAVES.to_bytes())
    damaged[place] ^= change
    with pytest.raises(CorruptionError):
        Leaves.from_bytes(bytes(damaged), DIGESTS.content_hash)


@pytest.mark.parametrize("content", [b"", b"x" * 20, LEAVES.to_bytes()[:-1]])
def test_a_cut_object_is_noticed(content: bytes) -> None:
    with pytest.raises(CorruptionError):
        Leaves.from_bytes(content, DIGESTS.content_hash)


def test_the_digests_of_another_blob_are_not_taken() -> None:
    with pytest.raises(CorruptionError):
        Leaves.from_bytes(LEAVES.to_bytes(), "ab" * 32)


@given(st.sets(st.integers(min_value=0, max_value=300)))
def test_spans_hold_every_leaf_once_and_little_else(numbers: set[int]) -> None:
    found = spans(sorted(numbers))
    covered = [leaf for span in found for leaf in span]
    assert numbers <= set(covered)
    assert len(covered) == len(set(covered))
    assert all(len(span) <= 16 for span in found)
    extra = set(covered) - numbers
    assert all({leaf - 1, leaf + 1} <= numbers for leaf in extra)


def test_an_empty_range_needs_no_leaf() -> None:
    assert leaves_of_ranges([(5, 5), (LEAF_BYTES, LEAF_BYTES)]) == []
    assert leaves_of_ranges([(LEAF_BYTES - 1, LEAF_BYTES + 1)]) == [0, 1]


@given(st.lists(st.tuples(st.integers(0, SIZE + 10), st.integers(0, SIZE // 4)), max_size=4))
def test_ranges_are_those_of_a_slice(wanted: list[tuple[int, int]]) -> None:
    ranges = [(start, start + length) for start, length in wanted]
    found = VerifiedRanges(filled(), BUCKET, KEY, LEAVES).read(ranges)
    assert found == [DATA[start:stop] for start, stop in ranges]


def test_ranges_close_to_each_other_share_a_request(store: RecordingStore) -> None:
    ranges = [(leaf * LEAF_BYTES, leaf * LEAF_BYTES + 10) for leaf in (0, 1, 3, 20)]
    VerifiedRanges(store, BUCKET, KEY, LEAVES).read(ranges)
    asked = sorted((get.start, get.stop) for get in store.operations if isinstance(get, Get))
    assert asked == [(0, 4 * LEAF_BYTES), (20 * LEAF_BYTES, 21 * LEAF_BYTES)]


def test_a_leaf_that_was_damaged_on_the_way_is_read_again(store: RecordingStore) -> None:
    damaged = CorruptingStore(store, [Damage(flip_bit, times=1)])
    ranges = [(0, 3 * LEAF_BYTES)]
    assert VerifiedRanges(damaged, BUCKET, KEY, LEAVES).read(ranges) == [DATA[: 3 * LEAF_BYTES]]
    assert len(store.operations) == 2
    again = store.operations[1]
    assert isinstance(again, Get)
    assert (again.start, again.stop) == (LEAF_BYTES, 2 * LEAF_BYTES)


def test_a_leaf_that_stays_damaged_is_never_handed_out(store: RecordingStore) -> None:
    damaged = CorruptingStore(store, [Damage(flip_bit, times=None)])
    with pytest.raises(CorruptionError, match=f"leaf 2 of {DIGESTS.content_hash}.* in temp of"):
        VerifiedRanges(damaged, BUCKET, KEY, LEAVES).read([(2 * LEAF_BYTES, 2 * LEAF_BYTES + 1)])


def test_a_blob_that_was_cut_is_not_taken_for_a_short_one(store: RecordingStore) -> None:
    store.upload_file(BUCKET, KEY, DATA[:-5], "application/octet-stream")
    with pytest.raises(CorruptionError, match="leaf 40 "):
        VerifiedRanges(store, BUCKET, KEY, LEAVES).read([(SIZE - 100, SIZE)])


def test_a_blob_that_is_not_there_is_not_found(store: RecordingStore) -> None:
    with pytest.raises(NotFoundError):
        VerifiedRanges(store, BUCKET, "temp/sha256/absent", LEAVES).read([(0, 1)])


def test_leaf_digests_are_fetched_once(store: RecordingStore) -> None:
    LeafStore(store, BUCKET).write(DIGESTS)
    fresh = LeafStore(store, BUCKET)
    store.operations.clear()
    assert fresh.load(DIGESTS.content_hash) == LEAVES
    assert fresh.load(DIGESTS.content_hash) == LEAVES
    assert store.keys() == [leaves_key(DIGESTS.content_hash)]


def test_damaged_leaf_digests_count_as_none(store: RecordingStore) -> None:
    key = leaves_key(DIGESTS.content_hash)
    store.upload_file(BUCKET, key, flip_bit(LEAVES.to_bytes()), "application/octet-stream")
    assert LeafStore(store, BUCKET).load(DIGESTS.content_hash) is None


def test_short_contents_have_no_leaf_digests(store: RecordingStore) -> None:
    assert LeafStore(store, BUCKET).write(hash_data(b"short")) is None
    assert store.operations == []

"""What hashing promises."""

import hashlib
import os
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage import hashing
from astrid_sdk.storage.hashing import (
    LEAF_BYTES,
    LEAVES_FROM_BYTES,
    SMALL_BYTES,
    Digests,
    hash_data,
    hash_file,
    read_small_file,
)
from astrid_sdk.storage.source_files import mark_of
from astrid_sdk.storage.transfers import PART_BYTES

SIZES = [
    0,
    1,
    LEAVES_FROM_BYTES - 1,
    LEAVES_FROM_BYTES,
    LEAVES_FROM_BYTES + 1,
    SMALL_BYTES + 1,
    PART_BYTES,
    PART_BYTES + 1,
    2 * PART_BYTES + LEAF_BYTES + 5,
]


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def expected(data: bytes) -> Digests:
    leaves = pieces(data, LEAF_BYTES) if len(data) >= LEAVES_FROM_BYTES else []
    return Digests(
        hashlib.sha256(data).hexdigest(),
        len(data),
        b"".join(blake3(leaf).digest() for leaf in leaves),
        tuple(hashlib.sha256(part).hexdigest() for part in pieces(data, PART_BYTES)),
    )


@pytest.mark.parametrize("size", SIZES)
def test_a_file_and_its_bytes_have_the_digests_of_whole_leaves_and_parts(
    tmp_path: Path, size: int
) -> None:
    data = os.urandom(size)
    path = tmp_path / "data"
    path.write_bytes(data)
    of_file, mark = hash_file(path)
    of_data = hash_data(data)
    wanted = expected(data)
    assert mark == mark_of(path)
    assert (of_file.content_hash, of_file.size_bytes) == (wanted.content_hash, size)
    assert of_file.leaves == of_data.leaves == wanted.leaves
    assert of_data.content_hash == wanted.content_hash
    if size > SMALL_BYTES:
        assert of_file.parts == of_data.parts == wanted.parts


@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(min_value=1, max_value=70))
def test_chunks_do_not_depend_on_how_the_bytes_arrive(blocks: list[bytes], size: int) -> None:
    chunks = hashing._Chunks(size, hashlib.sha256)
    for block in blocks:
        chunks.update(memoryview(block))
    found = [chunk.digest() for chunk in chunks.done]  # type: ignore[attr-defined]  # as made
    assert found == [hashlib.sha256(each).digest() for each in pieces(b"".join(blocks), size)]


def test_a_small_file_is_read_and_a_large_one_is_not(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"sky")
    with large.open("wb") as file:
        file.truncate(SMALL_BYTES + 1)
    assert read_small_file(small) == (b"sky", mark_of(small))
    assert read_small_file(large) == (None, mark_of(large))


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    for read in (hash_file, read_small_file, mark_of):
        with pytest.raises(InvalidInputError, match="No such file") as refused:
            read(tmp_path / "absent")
        assert refused.value.kind == "unreadable"


def test_a_file_that_grows_while_it_is_hashed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"a" * LEAVES_FROM_BYTES)
    real = hashing._hash_side_by_side

    def grow(*of: object) -> int:
        with path.open("ab") as file:
            file.write(b"more")
        return real(*of)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(hashing, "_hash_side_by_side", grow)
    with pytest.raises(InvalidInputError) as refused:
        hash_file(path)
    assert refused.value.kind == "changed_file"

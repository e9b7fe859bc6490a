"""Promises about bodies of any length: files and streams up and down."""

import hashlib
import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from astrid_sdk.errors import ConflictError, CorruptionError, InvalidInputError, NotFoundError
from astrid_sdk.storage.operations import ListUploads
from astrid_sdk.storage.transfers import PART_BYTES
from astrid_sdk.testing.places import FITS, Place

LONG = (b"0123456789abcdefghijklmnopqrstu" * (PART_BYTES // 31 + 1))[:PART_BYTES] + b"the end"


class StreamPromises:
    """A stream is stored or fetched whole and verified, at constant memory, or not at all."""

    @pytest.mark.parametrize("data", [b"", b"short", LONG], ids=["empty", "short", "long"])
    def test_a_file_goes_up_and_comes_down(self, place: Place, tmp_path: Path, data: bytes) -> None:
        (tmp_path / "up").write_bytes(data)
        written = place.store.upload_source(place.bucket, "a/b", tmp_path / "up", FITS)
        assert (written.key, written.is_new) == ("a/b", True)
        assert place.head("a/b").size_bytes == len(data)
        assert place.store.download_to(place.bucket, "a/b", tmp_path / "down") == tmp_path / "down"
        assert (tmp_path / "down").read_bytes() == data
        assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["down", "up"]

    @pytest.mark.parametrize("data", [b"", b"short", LONG], ids=["empty", "short", "long"])
    def test_a_stream_goes_up_and_comes_down(self, place: Place, data: bytes) -> None:
        place.store.upload_source(place.bucket, "a", _pieces(data), FITS)
        assert b"".join(place.store.download_stream(place.bucket, "a")) == data

    def test_a_file_object_is_read_from_where_it_stands(self, place: Place) -> None:
        file = io.BytesIO(b"skipped" + LONG)
        file.seek(len(b"skipped"))
        place.store.upload_source(place.bucket, "a", file, FITS)
        assert place.get("a") == LONG

    @pytest.mark.parametrize("data", [b"short", LONG], ids=["short", "long"])
    def test_progress_grows_to_the_whole_length(
        self, place: Place, tmp_path: Path, data: bytes
    ) -> None:
        up: list[int] = []
        down: list[int] = []
        place.store.upload_source(place.bucket, "a", [data], FITS, progress=up.append)
        place.store.download_to(place.bucket, "a", tmp_path / "a", progress=down.append)
        for seen in (up, down):
            assert seen == sorted(seen)
            assert seen[-1] == len(data)

    @pytest.mark.parametrize("data", [b"short", LONG], ids=["short", "long"])
    def test_a_source_of_another_hash_is_not_stored(self, place: Place, data: bytes) -> None:
        wrong = hashlib.sha256(b"other").hexdigest()
        with pytest.raises(InvalidInputError) as caught:
            place.store.upload_source(place.bucket, "a", [data], FITS, content_hash=wrong)
        assert caught.value.kind == "content_hash"
        assert place.listed() == []
        assert _under_way(place) == []

    @pytest.mark.parametrize("data", [b"short", LONG], ids=["short", "long"])
    def test_a_stream_honours_the_conditions(self, place: Place, data: bytes) -> None:
        place.put("a", b"first")
        with pytest.raises(ConflictError) as caught:
            place.store.upload_source(place.bucket, "a", [data], FITS, create_only=True)
        assert caught.value.kind == "already_exists"
        assert place.get("a") == b"first"
        mark = place.mark("a")
        place.store.upload_source(place.bucket, "a", [data], FITS, replace_etag=mark)
        with pytest.raises(ConflictError) as caught:
            place.store.upload_source(place.bucket, "a", [data, b"!"], FITS, replace_etag=mark)
        assert caught.value.kind == "changed"
        assert place.head("a").size_bytes == len(data)
        assert _under_way(place) == []

    @pytest.mark.parametrize("data", [b"short", LONG], ids=["short", "long"])
    def test_the_same_stream_there_is_success(self, place: Place, data: bytes) -> None:
        content_hash = hashlib.sha256(data).hexdigest()
        first, second = (
            place.store.upload_source(
                place.bucket, "a", [data], FITS, create_only=True, content_hash=content_hash
            )
            for _ in range(2)
        )
        assert (first.is_new, second.is_new) == (True, False)

    def test_a_stream_that_breaks_off_stores_nothing(self, place: Place) -> None:
        def broken() -> Iterator[bytes]:
            yield LONG
            raise RuntimeError("the camera went away")

        with pytest.raises(RuntimeError, match="camera"):
            place.store.upload_source(place.bucket, "a", broken(), FITS)
        assert place.listed() == []
        assert _under_way(place) == []

    def test_a_source_that_cannot_be_read_is_refused(self, place: Place, tmp_path: Path) -> None:
        with pytest.raises(InvalidInputError):
            place.store.upload_source(place.bucket, "a", tmp_path / "missing", FITS)
        assert place.listed() == []

    def test_what_is_missing_leaves_no_file(self, place: Place, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError):
            place.store.download_to(place.bucket, "missing", tmp_path / "file")
        assert not (tmp_path / "file").exists()
        with pytest.raises(NotFoundError):
            list(place.store.download_stream(place.bucket, "missing"))

    @pytest.mark.parametrize("data", [b"short", LONG], ids=["short", "long"])
    def test_a_file_is_replaced_only_by_the_bytes_asked_for(
        self, place: Place, tmp_path: Path, data: bytes
    ) -> None:
        folder = tmp_path / "files"
        folder.mkdir()
        (folder / "file").write_bytes(b"before")
        place.store.upload_source(place.bucket, "a", [data], FITS)
        right, wrong = (hashlib.sha256(body).hexdigest() for body in (data, b"other"))
        with pytest.raises(CorruptionError):
            place.store.download_to(place.bucket, "a", folder / "file", content_hash=wrong)
        assert (folder / "file").read_bytes() == b"before"
        place.store.download_to(place.bucket, "a", folder / "file", content_hash=right)
        assert (folder / "file").read_bytes() == data
        assert [path.name for path in folder.iterdir()] == ["file"]

    def test_a_file_that_cannot_be_written_is_refused(self, place: Place, tmp_path: Path) -> None:
        place.put("a")
        with pytest.raises(InvalidInputError):
            place.store.download_to(place.bucket, "a", tmp_path / "no-folder" / "file")


def _pieces(data: bytes) -> Iterator[bytes]:
    """Yield `data` in pieces of many lengths, some of them empty."""
    lengths = itertools.cycle([1, 0, 1000, 70_000, 3_000_000])
    start = 0
    while start < len(data):
        stop = start + next(lengths)
        yield data[start:stop]
        start = stop


def _under_way(place: Place) -> list[str]:
    if not place.store.capabilities.lists_uploads:
        return []
    return [upload.key for upload in place.store.perform(ListUploads(bucket=place.bucket))]

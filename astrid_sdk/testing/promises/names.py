"""Promises about names: keys, buckets, media types, metadata."""

from collections.abc import Callable

import pytest

from astrid_sdk.errors import InvalidInputError, NotFoundError
from astrid_sdk.testing.places import FITS, Place

MISSING_BUCKET = "no-such-bucket"
ODD_KEYS = [
    "a/with spaces and (brackets)/x.fits",
    "a/plus+percent%2F100%.txt",
    "a/ünïcödé-日本-🌌.fits",
    "a/&<>'\"?#=;:@,!*~$[]{}|^`\\",
    "a/.hidden",
    "a/" + "k" * 200,
]
BAD_KEYS = ["", "/a", "a/", "a//b", "a/../b", "./a", "a\x00b", "a\nb", "é" * 513, "\ud800"]
BAD_BUCKETS = ["", "ab", "Upper", "a..b", "-ab", "1.2.3.4", "../other"]
BAD_MEDIA_TYPES = ["", "fits", "text/plain\r\nX-Evil: 1", "tëxt/plain"]
BAD_METADATA = [{"": "x"}, {"Upper": "x"}, {"a_b": "x"}, {"a": "x\ny"}, {"a": "x" * 50_000}]


class NamePromises:
    """What may be a name, and what becomes of it."""

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_odd_names_are_kept_as_they_are(self, place: Place, key: str) -> None:
        place.put(key, b"odd")
        assert place.listed("a/") == [key]
        assert place.get(key) == b"odd"
        assert place.store.download_range(place.bucket, key, 1, 3) == b"dd"
        assert place.head(key).key == key
        assert place.store.delete_file(place.bucket, key)
        assert place.listed() == []

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_a_key_that_some_store_cannot_hold_is_refused(self, place: Place, key: str) -> None:
        place.put("there")
        actions: list[Callable[[], object]] = [
            lambda: place.put(key),
            lambda: place.get(key),
            lambda: place.store.head(place.bucket, key),
            lambda: place.store.delete_file(place.bucket, key),
            lambda: place.store.copy_file(place.bucket, "there", key),
            lambda: place.store.copy_file(place.bucket, key, "copy"),
            lambda: place.store.exist(place.bucket, ["there", key]),
            lambda: place.store.upload_source(place.bucket, key, [b"x"], FITS),
        ]
        for action in actions:
            with pytest.raises(InvalidInputError):
                action()
        assert place.listed() == ["there"]

    @pytest.mark.parametrize("bucket", BAD_BUCKETS)
    def test_a_bad_bucket_name_is_refused(self, place: Place, bucket: str) -> None:
        with pytest.raises(InvalidInputError):
            place.store.create_bucket(bucket)
        with pytest.raises(InvalidInputError):
            place.store.list_files(bucket, "")

    @pytest.mark.parametrize("content_type", BAD_MEDIA_TYPES)
    def test_a_bad_media_type_is_refused(self, place: Place, content_type: str) -> None:
        with pytest.raises(InvalidInputError):
            place.store.upload_file(place.bucket, "a", b"", content_type)

    def test_a_content_hash_that_is_none_is_refused(self, place: Place) -> None:
        with pytest.raises(InvalidInputError):
            place.store.upload_file(place.bucket, "a", b"", FITS, content_hash="ABC")
        assert place.listed() == []

    @pytest.mark.parametrize("metadata", BAD_METADATA)
    def test_metadata_that_some_store_cannot_hold_are_refused(
        self, place: Place, metadata: dict[str, str]
    ) -> None:
        with pytest.raises(InvalidInputError):
            place.store.upload_file(place.bucket, "a", b"", FITS, user_metadata=metadata)
        assert place.listed() == []

    def test_a_missing_bucket_is_named_as_such(self, place: Place) -> None:
        store, bucket = place.store, MISSING_BUCKET
        actions: list[Callable[[], object]] = [
            lambda: store.upload_file(bucket, "a", b"", FITS),
            lambda: store.upload_source(bucket, "a", [b""], FITS),
            lambda: store.download_file(bucket, "a"),
            lambda: store.download_range(bucket, "a", 0, 1),
            lambda: store.list_files(bucket, ""),
        ]
        for action in actions:
            with pytest.raises(NotFoundError) as caught:
                action()
            assert caught.value.kind == "no_such_bucket"

    def test_what_is_in_a_missing_bucket_is_surely_not_there(self, place: Place) -> None:
        assert place.store.head(MISSING_BUCKET, "a") is None
        assert place.store.exists(MISSING_BUCKET, "a") is False
        assert place.store.delete_file(MISSING_BUCKET, "a") is False

    def test_making_a_bucket_again_keeps_what_is_in_it(self, place: Place) -> None:
        place.put("a")
        place.store.create_bucket(place.bucket)
        assert place.listed() == ["a"]

"""Promises about capabilities: a store can do what it says, and refuses the rest by one kind."""

import hashlib
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.operations import CONTENT_HASH_METADATA, ListUploads, StoredObject
from astrid_sdk.testing.places import FITS, Place

NOTE = 'séance n° 3 — 日本 🌌 =?utf-8?q?x?= %41 "quoted" back\\slash'
WEEK_S = 7 * 24 * 3600


class CapabilityPromises:
    """What the capabilities say is so."""

    def test_the_capability_to_keep_the_media_type_is_true(self, place: Place) -> None:
        keeps = place.store.capabilities.keeps_media_type
        assert place.described("a").media_type == (FITS if keeps else None)

    def test_the_capability_to_keep_metadata_is_true(self, place: Place) -> None:
        keeps = place.store.capabilities.keeps_user_metadata
        given = {"observer": "E. Hubble", "note-2": NOTE, "empty": ""}
        assert _notes(place.described("a", **given)) == (given if keeps else {})

    def test_a_copy_keeps_what_the_store_keeps(self, place: Place) -> None:
        source = place.described("a", note=NOTE)
        place.store.copy_file(place.bucket, "a", "b")
        copied = place.head("b")
        assert copied.media_type == source.media_type
        assert _notes(copied) == _notes(source)

    def test_a_stream_keeps_what_the_store_keeps(self, place: Place) -> None:
        source = place.described("a", note=NOTE)
        place.store.upload_source(
            place.bucket, "b", [b"x" * (9 << 20)], FITS, user_metadata={"note": NOTE}
        )
        sent = place.head("b")
        assert sent.media_type == source.media_type
        assert _notes(sent) == _notes(source)

    def test_a_given_content_hash_is_recorded_where_metadata_are_kept(self, place: Place) -> None:
        content_hash = hashlib.sha256(b"x").hexdigest()
        place.store.upload_file(place.bucket, "a", b"x", FITS, content_hash=content_hash)
        keeps = place.store.capabilities.keeps_user_metadata
        recorded = place.head("a").user_metadata.get(CONTENT_HASH_METADATA)
        assert recorded == (content_hash if keeps else None)
        assert place.get("a") == b"x"

    def test_the_capability_of_keys_that_continue_others_is_true(self, place: Place) -> None:
        place.put("a", b"shorter")
        if place.store.capabilities.keys_may_continue:
            place.put("a/b", b"longer")
            assert (place.get("a"), place.get("a/b")) == (b"shorter", b"longer")
            return
        with pytest.raises(InvalidInputError):
            place.put("a/b", b"longer")
        assert place.listed() == ["a"]

    def test_the_capability_to_list_uploads_is_true(self, place: Place) -> None:
        _is_so(
            place.store.capabilities.lists_uploads,
            lambda: place.store.perform(ListUploads(bucket=place.bucket)),
        )

    def test_the_capability_of_lifecycle_rules_is_true(self, place: Place) -> None:
        _is_so(
            place.store.capabilities.has_lifecycle,
            lambda: place.store.set_lifecycle(place.bucket, expire_days={"temp/": 30}),
        )

    def test_the_capability_of_web_origins_is_true(self, place: Place) -> None:
        _is_so(
            place.store.capabilities.has_cors,
            lambda: place.store.set_cors(place.bucket, ["https://example.org"]),
        )

    def test_the_capability_to_presign_is_true(self, place: Place) -> None:
        _is_so(
            place.store.capabilities.presigns,
            lambda: place.store.presign_get(place.bucket, "a"),
        )
        _is_so(
            place.store.capabilities.presigns,
            lambda: place.store.presign_put(place.bucket, "a", content_type=FITS),
        )

    def test_whoever_holds_a_url_reads_and_writes_with_it(self, place: Place) -> None:
        if not place.store.capabilities.presigns:
            pytest.skip("the store makes no URLs")
        key = "a/ünïcödé +%.fits"
        url = place.store.presign_put(place.bucket, key, content_type=FITS)
        headers = {"Content-Type": FITS}
        _request(urllib.request.Request(url, b"by url", headers, method="PUT"))  # noqa: S310
        assert place.get(key) == b"by url"
        url = place.store.presign_get(place.bucket, key)
        assert _request(urllib.request.Request(url)) == b"by url"  # noqa: S310

    @pytest.mark.parametrize("expires_s", [0, -1, WEEK_S + 1])
    def test_a_url_holds_for_a_second_to_a_week(self, place: Place, expires_s: int) -> None:
        if not place.store.capabilities.presigns:
            pytest.skip("the store makes no URLs")
        with pytest.raises(InvalidInputError):
            place.store.presign_get(place.bucket, "a", expires_s=expires_s)

    def test_a_store_that_was_closed_may_be_used_again(self, place: Place) -> None:
        place.put("a")
        place.store.close()
        assert place.get("a") == b"x"

    def test_it_says_where_it_is(self, place: Place) -> None:
        assert place.store.describe()
        assert "\n" not in repr(place.store)


def _notes(stored: StoredObject) -> dict[str, str]:
    """Return the caller's metadata: a store may add the hash that it sent."""
    noted = dict(stored.user_metadata)
    noted.pop(CONTENT_HASH_METADATA, None)
    return noted


def _is_so(capability: bool, action: Callable[[], Any]) -> None:  # noqa: FBT001 - what is asked
    """Check that `action` works or is refused as `capability` says."""
    if capability:
        action()
        return
    with pytest.raises(InvalidInputError) as caught:
        action()
    assert caught.value.kind == "unsupported"


def _request(request: urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the store's own URL
        body: bytes = answer.read()
    return body

"""Promises about listings."""

import datetime as dt
from typing import ClassVar

import pytest

from astrid_sdk.errors import NotFoundError
from astrid_sdk.storage.operations import ListPage, Put
from astrid_sdk.testing.places import FITS, Place
from astrid_sdk.testing.promises.names import MISSING_BUCKET

KEYS = ["b", "a/b", "a-b", "a.b", "a0", "Z", "é", "zz", "\uffee", "🌌", "a/c/d", "a/c.d", "a/c0/e"]


class ListingPromises:
    """Every key is listed once, in the order of its bytes, however many there are."""

    keys_in_pages: ClassVar[int]

    def test_an_empty_bucket_lists_nothing(self, place: Place) -> None:
        assert place.listed() == []

    def test_keys_come_in_the_order_of_their_bytes(self, place: Place) -> None:
        for key in KEYS:
            place.put(key)
        assert place.listed() == sorted(KEYS, key=str.encode)

    def test_a_prefix_may_end_within_a_name(self, place: Place) -> None:
        for key in ["night/a1", "night/a2", "night/b", "nightly", "other"]:
            place.put(key)
        assert place.listed("night/a") == ["night/a1", "night/a2"]
        assert place.listed("night") == ["night/a1", "night/a2", "night/b", "nightly"]
        assert place.listed("night/") == ["night/a1", "night/a2", "night/b"]
        assert place.listed("nothing/here") == []
        assert place.listed("night/b/c") == []

    def test_objects_are_listed_with_their_sizes(self, place: Place) -> None:
        place.put("a", b"1")
        place.put("b/c", b"333")
        found = list(place.store.list_objects(place.bucket, ""))
        assert [(item.key, item.size_bytes) for item in found] == [("a", 1), ("b/c", 3)]
        assert all(item.last_modified and item.last_modified.tzinfo is dt.UTC for item in found)

    @pytest.mark.parametrize("limit", [1, 2, 5, 100])
    def test_pages_follow_each_other_without_gap_or_double(self, place: Place, limit: int) -> None:
        for key in KEYS:
            place.put(key)
        seen: list[str] = []
        token: str | None = None
        for _ in KEYS:
            page = place.store.perform(ListPage(bucket=place.bucket, token=token, limit=limit))
            assert 0 < len(page.objects) <= limit
            seen += [item.key for item in page.objects]
            token = page.next_token
            if token is None:
                break
        assert seen == sorted(KEYS, key=str.encode)
        assert token is None

    @pytest.mark.parametrize("start_after", ["", "a", "a/b", "a/c", "a/c/", "a/zz", "b", "🌌"])
    def test_a_listing_starts_behind_a_key(self, place: Place, start_after: str) -> None:
        for key in KEYS:
            place.put(key)
        for prefix in ("", "a", "a/c"):
            found = place.store.list_objects(place.bucket, prefix, start_after=start_after)
            wanted = [key for key in KEYS if key.startswith(prefix) and key > start_after]
            assert [item.key for item in found] == sorted(wanted, key=str.encode)

    def test_more_keys_than_a_page_holds_are_all_listed(self, place: Place) -> None:
        keys = [f"p/{number:04}" for number in range(self.keys_in_pages)]
        puts = (Put(bucket=place.bucket, key=key, data=b"x", content_type=FITS) for key in keys)
        for outcome in place.store.perform_many(puts):
            outcome.value()
        assert place.listed("p/") == keys

    def test_a_listing_of_a_missing_bucket_is_never_empty(self, place: Place) -> None:
        with pytest.raises(NotFoundError) as caught:
            list(place.store.list_objects(MISSING_BUCKET, "a"))
        assert caught.value.kind == "no_such_bucket"

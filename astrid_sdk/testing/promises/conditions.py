"""Promises about writes under a condition."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from astrid_sdk.errors import ConflictError
from astrid_sdk.storage.operations import Put
from astrid_sdk.testing.places import FITS, Place


class ConditionPromises:
    """Of several writers one wins, and the others hear of it."""

    def test_other_bytes_there_are_left_and_reported(self, place: Place) -> None:
        place.put("a", b"first", create_only=True)
        with pytest.raises(ConflictError) as caught:
            place.put("a", b"other", create_only=True)
        assert caught.value.kind == "already_exists"
        assert caught.value.wrote is False
        assert place.get("a") == b"first"

    def test_the_same_bytes_there_are_success(self, place: Place) -> None:
        place.put("a", b"nonce", create_only=True)
        assert place.put("a", b"nonce", create_only=True) == "a"

    def test_a_writer_hears_whether_the_object_is_new(self, place: Place) -> None:
        put = Put(bucket=place.bucket, key="a", data=b"x", content_type=FITS, create_only=True)
        first, second = place.store.perform(put), place.store.perform(put)
        assert (first.key, first.is_new, second.is_new) == ("a", True, False)
        assert first.etag == second.etag == place.mark("a")

    def test_of_racing_creators_exactly_one_wins(self, place: Place) -> None:
        bodies = [b"%d" % number for number in range(16)]
        winners = _winners(lambda body: place.put("race", body, create_only=True), bodies)
        assert winners == [place.get("race")]

    def test_the_named_version_is_replaced(self, place: Place) -> None:
        place.put("a", b"first")
        mark = place.mark("a")
        assert _replace(place, b"second", mark) == "a"
        assert place.get("a") == b"second"
        assert place.mark("a") != mark

    def test_another_version_than_the_named_is_left(self, place: Place) -> None:
        place.put("a", b"first")
        mark = place.mark("a")
        place.put("a", b"theirs")
        with pytest.raises(ConflictError) as caught:
            _replace(place, b"mine", mark)
        assert caught.value.kind == "changed"
        assert caught.value.wrote is False
        assert place.get("a") == b"theirs"

    def test_a_replacement_whose_bytes_are_there_is_success(self, place: Place) -> None:
        place.put("a", b"first")
        mark = place.mark("a")
        place.put("a", b"mine")
        assert _replace(place, b"mine", mark) == "a"
        assert place.get("a") == b"mine"

    def test_nothing_is_made_where_a_version_was_to_be_replaced(self, place: Place) -> None:
        place.put("a", b"first")
        mark = place.mark("a")
        place.store.delete_file(place.bucket, "a")
        with pytest.raises(ConflictError) as caught:
            _replace(place, b"mine", mark)
        assert caught.value.kind == "changed"
        assert place.listed() == []

    def test_of_racing_replacers_exactly_one_wins(self, place: Place) -> None:
        place.put("a", b"first")
        mark = place.mark("a")
        bodies = [b"%d" % number for number in range(16)]
        winners = _winners(lambda body: _replace(place, body, mark), bodies)
        assert winners == [place.get("a")]


def _replace(place: Place, data: bytes, mark: str) -> str:
    return place.store.upload_file(place.bucket, "a", data, FITS, replace_etag=mark)


def _winners(write: Callable[[bytes], object], bodies: Sequence[bytes]) -> list[bytes]:
    """Return the bodies of the writers that heard no conflict, all writing at the same time."""

    def won(body: bytes) -> bool:
        try:
            write(body)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        return [
            body for body, has_won in zip(bodies, pool.map(won, bodies), strict=True) if has_won
        ]

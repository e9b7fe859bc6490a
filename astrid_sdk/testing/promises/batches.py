"""Promises about many operations at a time."""

from collections.abc import Iterator

import pytest

from astrid_sdk.errors import NotFoundError
from astrid_sdk.storage.operations import Delete, Get, Head, Operation, Outcome, Put
from astrid_sdk.testing.places import FITS, Place
from astrid_sdk.testing.promises.names import MISSING_BUCKET


class BatchPromises:
    """Each operation of a batch has its own outcome."""

    def test_each_operation_has_one_outcome(self, place: Place) -> None:
        bodies = {f"a/{number}": b"%d" % number for number in range(40)}
        puts = [_put(place, key, data) for key, data in bodies.items()]
        outcomes = list(place.store.perform_many(puts))
        assert sorted(outcome.value().key for outcome in outcomes) == sorted(bodies)
        assert {outcome.operation.where for outcome in outcomes} == set(bodies)
        gets = [Get(bucket=place.bucket, key=key) for key in bodies]
        found = {each.operation.where: each.value() for each in place.store.perform_many(gets)}
        assert {key: fetched.data for key, fetched in found.items()} == bodies

    def test_one_that_fails_ends_no_other(self, place: Place) -> None:
        for number in range(10):
            place.put(f"there/{number}")
        keys = [f"{kind}/{number}" for number in range(10) for kind in ("there", "missing")]
        gets = [Get(bucket=place.bucket, key=key) for key in keys]
        outcomes = {each.operation.where: each for each in place.store.perform_many(gets)}
        assert set(outcomes) == set(keys)
        for key, outcome in outcomes.items():
            assert isinstance(outcome.error, NotFoundError) == key.startswith("missing/")
        with pytest.raises(NotFoundError):
            outcomes["missing/0"].value()

    def test_operations_of_any_kind_may_be_mixed(self, place: Place) -> None:
        place.put("old")
        mixed: list[Operation[object]] = [
            _put(place, "new", b"x"),
            Delete(bucket=place.bucket, key="old"),
            Head(bucket=place.bucket, key="missing"),
            Get(bucket=MISSING_BUCKET, key="a"),
        ]
        outcomes = {each.operation.verb: each for each in place.store.perform_many(mixed)}
        assert outcomes["delete"].value() is True
        assert outcomes["head"].value() is None
        assert outcomes["get"].error is not None
        assert outcomes["get"].error.kind == "no_such_bucket"
        assert place.listed() == ["new"]

    def test_a_batch_of_nothing_is_nothing(self, place: Place) -> None:
        nothing: list[Operation[object]] = []
        assert list(place.store.perform_many(nothing)) == []

    def test_a_batch_may_be_left_early(self, place: Place) -> None:
        drawn: list[int] = []

        def puts() -> Iterator[Put]:
            for number in range(10_000):
                drawn.append(number)
                yield _put(place, f"a/{number}", b"x")

        outcomes: Iterator[Outcome[object]] = iter(place.store.perform_many(puts()))
        assert next(outcomes).error is None
        del outcomes
        assert len(drawn) < 10_000
        assert place.listed("b/") == []

    def test_existence_is_yes_or_no_for_each_key(self, place: Place) -> None:
        place.put("a")
        place.put("b/c")
        asked = ["a", "b", "b/c", "missing", "a"]
        assert place.store.exist(place.bucket, asked) == {
            "a": True,
            "b": False,
            "b/c": True,
            "missing": False,
        }
        assert place.store.exists(place.bucket, "a") is True
        assert place.store.exists(place.bucket, "missing") is False

    def test_many_are_deleted_and_each_is_said(self, place: Place) -> None:
        for key in ("a", "b", "c"):
            place.put(key)
        said = place.store.delete_files(place.bucket, ["a", "missing", "c"])
        assert said == {"a": True, "missing": False, "c": True}
        assert place.listed() == ["b"]


def _put(place: Place, key: str, data: bytes) -> Put:
    return Put(bucket=place.bucket, key=key, data=data, content_type=FITS)
